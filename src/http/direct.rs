//! Requests to a server that no proxy stands before: what a job sends thousands of times a second.
//!
//! Whoever asks waits here for the end of the answer, so that its connection is known to be free without a task that
//! watches it, as the pools of `reqwest` and `hyper-util` start one for each answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::Full;
use hyper::{Request, Uri, body::Bytes};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::{
    BoxError, ServiceExt,
    timeout::{Timeout, error::Elapsed},
    util::BoxCloneSyncService,
};

use super::{
    HttpSettings, NoReply, Reply, Url,
    connections::{Lent, Server},
    reply::{lost, read},
};

/// A connection without traffic is asked after this time whether it lives, then as often again, and given up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_TRIES: u32 = 3;
/// What was sent and not taken note of for this long was sent into the void.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

type Connect = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// The servers of a job. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Direct {
    connect: Connect,
    most_idle: usize,
    servers: Arc<Mutex<Vec<Arc<Server>>>>,
}

impl Direct {
    /// Without a connection yet.
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
        Self {
            connect: BoxCloneSyncService::new(connector),
            most_idle: settings.pool_size,
            servers: Arc::default(),
        }
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn exchange(
        &self,
        url: &Url,
        request: Request<Bytes>,
    ) -> Result<Reply, NoReply> {
        let uri = request.uri().clone();
        let server = self.server(&uri);
        let mut request = request.map(Full::new);
        loop {
            let (mut lent, stood) = match server.standing() {
                Some(lent) => (lent, true),
                None => (self.open(&server, &uri).await?, false),
            };
            let mut error = match server.send(&mut lent, request).await {
                Ok(response) => {
                    let reply = read(url, response).await?;
                    if reply.body.is_some() {
                        server.keep(lent);
                    }
                    return Ok(reply);
                }
                Err(error) => error,
            };
            // A connection that stood may have been closed by the server before anything was sent.
            match error.take_message() {
                Some(unsent) if stood => request = unsent,
                _ => return Err(lost(&error.into_error(), false)),
            }
            *request.uri_mut() = uri.clone();
        }
    }

    /// In a box, since it is seldom, and large.
    async fn open(&self, server: &Server, uri: &Uri) -> Result<Lent, NoReply> {
        let opening = async {
            let stream = self.connect.clone().oneshot(uri.clone()).await?;
            Ok(server.greet(stream).await?)
        };
        Box::pin(opening)
            .await
            .map_err(|error: BoxError| lost(&*error, true))
    }

    /// The server that a URL names. A job has two or three.
    fn server(&self, uri: &Uri) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.iter().find(|server| server.has(uri)) {
            return Arc::clone(server);
        }
        let server = Arc::new(Server::new(uri, self.most_idle));
        servers.push(Arc::clone(&server));
        server
    }
}
