//! The connections to one server that stand: of HTTP/1 those that nobody uses, of HTTP/2 the one that all use.
//!
//! A connection is lent for one exchange. It comes back only where its answer was read to the end: one that
//! is given up midway is closed with it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http_body_util::Full;
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    client::conn::{TrySendError, http1, http2},
    header::{HOST, HeaderValue},
    http::uri::{Authority, PathAndQuery, Scheme},
    rt::{Read, Write},
};
use hyper_util::{
    client::legacy::connect::Connection,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{sync::Notify, time::Instant};

use super::IDLE;

/// A server, as a URL names it.
#[derive(Debug)]
pub(super) struct Server {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    /// What HTTP/1 says of it in a header.
    host: HeaderValue,
    most_idle: usize,
    standing: Mutex<Standing>,
    /// One of HTTP/1 has come back.
    returned: Notify,
}

/// What a new request may use.
#[derive(Debug, Default)]
struct Standing {
    /// HTTP/1, the one that was used last at the end.
    idle: VecDeque<(Own, Instant)>,
    /// HTTP/2.
    shared: Option<(Shared, Instant)>,
}

impl Standing {
    /// Closes what was not used for too long; what the server has closed and all would use is forgotten.
    fn forget_unused(&mut self, now: Instant) {
        let too_long = |used: Instant| now.duration_since(used) >= IDLE;
        while self
            .idle
            .pop_front_if(|(_, used)| too_long(*used))
            .is_some()
        {}
        self.shared
            .take_if(|(shared, used)| shared.is_closed() || too_long(*used));
    }
}

type Own = http1::SendRequest<Full<Bytes>>;
type Shared = http2::SendRequest<Full<Bytes>>;

/// A connection, for one exchange.
#[derive(Debug)]
pub(super) enum Lent {
    /// HTTP/1: nobody else's meanwhile.
    Own(Own),
    /// HTTP/2: with others.
    Shared(Shared),
}

impl Lent {
    fn own(self) -> Option<Own> {
        match self {
            Self::Own(own) => Some(own),
            Self::Shared(_) => None,
        }
    }
}

impl Server {
    pub(super) fn new(uri: &Uri, most_idle: usize) -> Self {
        let host = uri.host().unwrap_or_default();
        let host = match uri.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Self {
            scheme: uri.scheme().cloned(),
            authority: uri.authority().cloned(),
            host: HeaderValue::try_from(host).unwrap_or(HeaderValue::from_static("")),
            most_idle,
            standing: Mutex::default(),
            returned: Notify::new(),
        }
    }

    /// Whether this URL is the server's.
    pub(super) fn has(&self, uri: &Uri) -> bool {
        self.authority.as_ref() == uri.authority() && self.scheme.as_ref() == uri.scheme()
    }

    /// The connection that was used last, of those that stand.
    pub(super) fn standing(&self) -> Option<Lent> {
        let now = Instant::now();
        let mut standing = self.lock();
        standing.forget_unused(now);
        if let Some((shared, used)) = &mut standing.shared {
            *used = now;
            return Some(Lent::Shared(shared.clone()));
        }
        while let Some((own, _)) = standing.idle.pop_back() {
            if !own.is_closed() {
                return Some(Lent::Own(own));
            }
        }
        None
    }

    /// The next connection that comes back and that nobody else takes.
    pub(super) async fn returned(&self) -> Lent {
        loop {
            self.returned.notified().await;
            if let Some(lent) = self.standing() {
                return lent;
            }
        }
    }

    /// Speaks to the server over a new stream, as was agreed on with it. Where another connection that all
    /// use stands meanwhile, it is that one.
    pub(super) async fn greet<S>(&self, stream: S) -> hyper::Result<Lent>
    where
        S: Connection + Read + Write + Send + Unpin + 'static,
    {
        if !stream.connected().is_negotiated_h2() {
            let (own, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            return Ok(Lent::Own(own));
        }
        let (shared, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        let now = Instant::now();
        let mut standing = self.lock();
        standing.forget_unused(now);
        let (shared, _) = standing.shared.get_or_insert((shared, now));
        Ok(Lent::Shared(shared.clone()))
    }

    /// Takes back a connection whose answer was read to its end. One that is not ready for another request, since the
    /// last one's body is still being sent, is closed.
    pub(super) fn keep(&self, lent: Lent) {
        let Some(own) = lent.own().filter(Own::is_ready) else {
            return;
        };
        let now = Instant::now();
        let mut standing = self.lock();
        standing.forget_unused(now);
        if standing.idle.len() < self.most_idle {
            standing.idle.push_back((own, now));
            self.returned.notify_one();
        }
    }

    /// Sends a request and returns with the head of its answer.
    ///
    /// # Errors
    /// Why none came; with the request, where none of it was sent.
    pub(super) async fn send(
        &self,
        lent: &mut Lent,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        match lent {
            Lent::Own(own) => {
                let path = request.uri().path_and_query().cloned();
                *request.uri_mut() = path.unwrap_or(PathAndQuery::from_static("/")).into();
                request.headers_mut().insert(HOST, self.host.clone());
                // A new one may not have begun yet. Where it is closed, sending says so.
                let _ = own.ready().await;
                own.try_send_request(request).await
            }
            Lent::Shared(shared) => shared.try_send_request(request).await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
