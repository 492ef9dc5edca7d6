//! Requests to a server that no proxy stands before: what a job sends thousands of times a second.
//!
//! The pool of connections is `hyper-util`'s, on which `reqwest` stands as well. Without what `reqwest`
//! adds for redirects, which are never followed here, a row costs a quarter fewer instructions.

use std::time::Duration;

use http_body_util::Full;
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::{
    BoxError, ServiceExt,
    timeout::{Timeout, error::Elapsed},
    util::BoxCloneSyncService,
};

use super::{HttpSettings, NoReply, reply::lost};

/// A connection without traffic is asked after this time whether it lives, then as often again, and given up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_TRIES: u32 = 3;
/// What was sent and not taken note of for this long was sent into the void.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

type Connect = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// A pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Direct(Client<Connect, Full<Bytes>>);

impl Direct {
    /// A pool with no connection yet.
    pub(super) fn new(settings: &HttpSettings, tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        tcp.set_keepalive_retries(Some(KEEP_ALIVE_TRIES));
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let limit = settings.connect_timeout();
        let late = move |error: BoxError| match error.is::<Elapsed>() {
            true => format!("no answer within {limit:?}").into(),
            false => error,
        };
        let connector = Timeout::new(HttpsConnector::from((tcp, tls)), limit).map_err(late);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(super::IDLE)
            .pool_max_idle_per_host(settings.pool_size)
            .build(BoxCloneSyncService::new(connector));
        Self(client)
    }

    /// Sends a request and returns with the head of its answer.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, NoReply> {
        let sent = self.0.request(request.map(Full::new)).await;
        sent.map_err(|error: Error| lost(&error, error.is_connect()))
    }
}
