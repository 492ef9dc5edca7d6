//! One HTTP exchange: TLS, proxy, time limits, capped bodies.
//!
//! No retry, no pacing, no sign-in: what was sent once is answered once. Redirects are never
//! followed, since a token must not travel to where an answer points.
//!
//! A request goes out in one of two ways, which read an answer alike: `direct` where nothing
//! stands between, `proxied` where the environment names a proxy for its URL.

mod connections;
mod direct;
mod greeting;
#[cfg(test)]
mod modelled;
mod proxied;
mod reply;
mod request;
mod tls;

use std::{net::IpAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use hyper_util::client::proxy::matcher::Matcher;
use tokio::time::{Instant, timeout};

pub use greeting::{Certificate as ServerCertificate, Greeting, greet};
#[cfg(test)]
pub(crate) use modelled::Sent;
pub use reply::{NoReply, Reply};
pub use request::{Bearer, Body, Verb};
pub use reqwest::Url;

use crate::model::Answer;

use {direct::Direct, reply::read, request::request};

/// A connection that was not used for this long is not used again.
const IDLE: Duration = Duration::from_secs(60);
/// There is a connection within this time, or none.
const CONNECTED: Duration = Duration::from_secs(10);

/// What the client is made with.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The time limit of one request, its answer included.
    pub timeout: Duration,
    /// A file with one or more trusted CAs (PEM) beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether every URL of this job is plain `http://`. Such a client needs no CA store, and
    /// takes no proxy, since plain HTTP is for loopback only.
    pub plain: bool,
    /// Connections kept open while idle.
    pub pool_size: usize,
}

impl HttpSettings {
    fn connect_timeout(&self) -> Duration {
        self.timeout.min(CONNECTED)
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// The CA file cannot be read.
    #[error("failed to read the CA file {path}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The CA file holds no usable certificate.
    #[error("the CA file {path} holds no PEM certificate that can be used")]
    CaFormat {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library cannot start, mostly for want of a CA store.
    #[error("failed to set up TLS: {0}; is the package ca-certificates installed?")]
    Tls(String),
}

/// The client. Clones share their pools of connections.
#[derive(Debug, Clone)]
pub struct Http {
    direct: Direct,
    /// For requests that a proxy stands before.
    proxied: reqwest::Client,
    /// Which those are.
    proxies: Arc<Matcher>,
    timeout: Duration,
    /// Who answers in the network's place.
    #[cfg(test)]
    model: Option<modelled::Model>,
}

impl Http {
    /// A client with no connection yet.
    ///
    /// # Errors
    /// [`HttpSetupError`]: the CA file, or TLS itself.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpSetupError> {
        let tls = tls::config(settings)?;
        let proxies = match settings.plain {
            true => Matcher::builder().build(),
            false => Matcher::from_system(),
        };
        Ok(Self {
            direct: Direct::new(settings, tls.clone()),
            proxied: proxied::built(proxied::builder(settings, tls))?,
            proxies: Arc::new(proxies),
            timeout: settings.timeout,
            #[cfg(test)]
            model: None,
        })
    }

    /// Sends one request and reads its answer to the end.
    ///
    /// # Errors
    /// [`NoReply`] where the answer did not come, or not whole.
    pub async fn send(
        &self,
        verb: Verb,
        url: &Url,
        bearer: Option<&Bearer>,
        body: &Body,
    ) -> Result<Reply, NoReply> {
        #[cfg(test)]
        if let Some(model) = &self.model {
            return model.answer(url.clone(), bearer).await;
        }
        let request = request(verb, url, bearer, body)?;
        let exchange = async {
            if self.proxies.intercept(request.uri()).is_none() {
                return self.direct.exchange(url, request).await;
            }
            // In a box, since it is seldom, and large.
            let sending = Box::pin(proxied::send(&self.proxied, request));
            read(url, sending.await?).await
        };
        let reply = within(self.timeout, pin!(exchange)).await?;
        let carried = bearer.cloned();
        Ok(Reply { carried, ..reply })
    }
}

/// What comes of an exchange within its time limit.
async fn within<T>(
    limit: Duration,
    exchange: impl Future<Output = Result<T, NoReply>>,
) -> Result<T, NoReply> {
    let late = |_| NoReply {
        answer: Answer::Timeout,
        text: format!("no answer within {limit:?}"),
        untrusted: false,
    };
    timeout(limit, exchange).await.map_err(late)?
}

/// When the first byte may go is not ours to know, so latency is measured around the whole send.
pub async fn timed<T>(exchange: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let value = exchange.await;
    (value, start.elapsed())
}

/// Whether a URL's host is this machine: the only place to which plain HTTP may go.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
