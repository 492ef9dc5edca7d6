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
                // A server may not take more connections than it has: one that comes back is as good.
                None => tokio::select! {
                    biased;
                    lent = server.returned() => (lent, true),
                    opened = self.open(&server, &uri) => (opened?, false),
                },
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

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicBool, Ordering},
    };

    use hyper::header::HOST;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::oneshot,
    };
    use tower::service_fn;

    use super::*;

    /// Answers two requests over one connection, the first when it is told to.
    async fn two_answers(listener: TcpListener, told: oneshot::Receiver<()>) -> usize {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let (mut told, mut answered) = (Some(told), 0);
        let mut request = vec![0; 4096];
        while answered < 2 && socket.read(&mut request).await.is_ok_and(|read| read > 0) {
            if let Some(told) = told.take() {
                told.await.expect("told");
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            socket.write_all(answer).await.expect("written");
            answered += 1;
        }
        answered
    }

    #[tokio::test]
    async fn who_waits_for_a_connection_that_does_not_come_takes_one_that_comes_back() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let first = AtomicBool::new(true);
        let first = Arc::new(first);
        let asked = Arc::clone(&first);
        let connect = service_fn(move |_: Uri| {
            let first = first.swap(false, Ordering::Relaxed);
            async move {
                let stream = match first {
                    true => TcpStream::connect(address).await?,
                    false => pending().await,
                };
                Ok::<_, BoxError>(MaybeHttpsStream::Http(TokioIo::new(stream)))
            }
        });
        let direct = Direct {
            connect: BoxCloneSyncService::new(connect),
            most_idle: 2,
            servers: Arc::default(),
        };
        let url: Url = format!("http://{address}/").parse().expect("a URL");
        let request = || {
            let mut request = Request::new(Bytes::new());
            *request.uri_mut() = url.as_str().parse().expect("a URI");
            assert!(!request.headers().contains_key(HOST));
            request
        };
        let (tell, told) = oneshot::channel();
        let server = tokio::spawn(two_answers(listener, told));
        let second = async {
            while asked.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            let exchange = direct.exchange(&url, request());
            tokio::pin!(exchange);
            let waits = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(exchange.as_mut().poll(cx).is_pending())
            });
            assert!(waits.await, "its own connection does not come");
            tell.send(()).expect("the server waits");
            exchange.await
        };
        let (first, second) = tokio::join!(direct.exchange(&url, request()), second);
        assert_eq!(first.expect("an answer").status, 200);
        assert_eq!(second.expect("an answer").status, 200);
        assert_eq!(server.await.expect("no panic"), 2);
    }
}
