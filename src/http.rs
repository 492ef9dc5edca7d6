//! One HTTP exchange: TLS, proxy, time limits, capped bodies.
//!
//! The only user of `reqwest`. No retry, no pacing, no sign-in: what was sent once is answered
//! once. Redirects are never followed, since a token must not travel to where an answer points.

mod greeting;
#[cfg(test)]
mod modelled;

use std::{
    borrow::Cow,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    Certificate, Client, ClientBuilder, Method, Request, RequestBuilder, Response,
    header::{self, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

pub use greeting::{Certificate as ServerCertificate, Greeting, greet};
#[cfg(test)]
pub(crate) use modelled::Sent;
pub use reqwest::Url;

use crate::model::Answer;

/// An answer's body is read up to here; a longer one cannot be an answer of this service.
const BODY_CAP: usize = 1024 * 1024;
/// Room for the headers of a request, those that the client adds among them.
const HEADERS: usize = 6;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

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

/// What is sent.
#[derive(Debug)]
pub enum Body {
    /// A JSON document, already written.
    Json(Cow<'static, str>),
    /// Form fields, some of them secret.
    Form(Vec<(&'static str, SecretString)>),
    /// Nothing.
    None,
}

/// What stands before a token in its header.
const SCHEME: &str = "Bearer ";
/// A shorter token is no secret, and stands in ordinary words.
const SHORTEST_SECRET: usize = 8;

/// A bearer token as a header, made once for all requests that carry it.
#[derive(Debug, Clone)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// The header for this token; `None` where it is no word that a header can carry.
    #[must_use]
    pub fn new(token: &SecretString) -> Option<Self> {
        let text = format!("{SCHEME}{}", token.expose_secret());
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// The text with this token taken out of it.
    #[must_use]
    pub(crate) fn taken_out_of(&self, text: String) -> String {
        let token = self.0.to_str().unwrap_or_default();
        let token = token.strip_prefix(SCHEME).unwrap_or_default();
        match token.len() >= SHORTEST_SECRET && text.contains(token) {
            true => text.replace(token, "[token]"),
            false => text,
        }
    }
}

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// PATCH.
    Patch,
    /// POST.
    Post,
    /// GET.
    Get,
}

/// An answer: what the classifying code needs of it, and no more.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header as it stands.
    pub retry_after: Option<String>,
    /// The `Date` header as it stands.
    pub date: Option<String>,
    /// The `Location` header's host, of a redirect that was not followed.
    pub redirect_host: Option<String>,
    /// The body, at most 1 MiB; `None` where it was longer.
    pub body: Option<Vec<u8>>,
    /// The token that the request carried: the answer may repeat it, and what is said of the
    /// answer must not.
    pub carried: Option<Bearer>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoReply {
    /// The kind, as it is counted.
    pub answer: Answer,
    /// One line, without the URL.
    pub text: String,
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The client. Clones share one pool of connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
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
        Self::made(settings, |builder| builder)
    }

    fn made(
        settings: &HttpSettings,
        further: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, HttpSetupError> {
        let mut builder = Client::builder()
            .user_agent(concat!("bulk-unlock/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(settings.pool_size)
            .tcp_nodelay(true)
            .redirect(redirect::Policy::none())
            .referer(false)
            // Said twice: a request that may be sent again is copied whole first.
            .retry(reqwest::retry::never().max_retries_per_request(0));
        if settings.plain {
            builder = builder.no_proxy().tls_certs_only([]);
        } else if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_ca_file(path)?);
        }
        let client = further(builder)
            .build()
            .map_err(|error| HttpSetupError::Tls(innermost(&error)))?;
        Ok(Self {
            client,
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
        url: Url,
        bearer: Option<&Bearer>,
        body: &Body,
    ) -> Result<Reply, NoReply> {
        #[cfg(test)]
        if let Some(model) = &self.model {
            return model.answer(url, bearer).await;
        }
        let method = match verb {
            Verb::Patch => Method::PATCH,
            Verb::Post => Method::POST,
            Verb::Get => Method::GET,
        };
        let mut request = Request::new(method, url);
        let headers = request.headers_mut();
        headers.reserve(HEADERS);
        headers.insert(header::ACCEPT, JSON);
        if let Some(Bearer(token)) = bearer {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let answered = match self.with_body(request, body) {
            Ok(request) => self.client.execute(request).await,
            Err(error) => Err(error),
        };
        let reply = match answered {
            Ok(response) => read(response).await,
            Err(error) => Err(error),
        };
        let carried = bearer.cloned();
        reply
            .map(|reply| Reply { carried, ..reply })
            .map_err(|error| self.no_reply(error))
    }

    fn with_body(&self, mut request: Request, body: &Body) -> Result<Request, reqwest::Error> {
        match body {
            Body::Json(text) => {
                request.headers_mut().insert(header::CONTENT_TYPE, JSON);
                *request.body_mut() = Some(match text {
                    Cow::Borrowed(text) => (*text).into(),
                    Cow::Owned(text) => text.clone().into(),
                });
                Ok(request)
            }
            Body::Form(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (*name, value.expose_secret()))
                    .collect();
                let request = RequestBuilder::from_parts(self.client.clone(), request);
                request.form(&fields).build()
            }
            Body::None => Ok(request),
        }
    }

    fn no_reply(&self, error: reqwest::Error) -> NoReply {
        let error = error.without_url();
        let (answer, text) = if error.is_connect() {
            (Answer::ConnectError, not_connected(&innermost(&error)))
        } else if error.is_timeout() {
            (
                Answer::Timeout,
                format!("no answer within {:?}", self.timeout),
            )
        } else {
            (
                Answer::Cut,
                format!("the connection was cut: {}", innermost(&error)),
            )
        };
        NoReply { answer, text }
    }
}

/// What is said where there is no connection. A proxy's refusal has no name in the library's words.
fn not_connected(why: &str) -> String {
    match why.contains("tunnel error") {
        true => format!(
            "the proxy that HTTPS_PROXY names did not let us through ({why}): check its address, name and password"
        ),
        false => format!("failed to connect: {why}"),
    }
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

async fn read(mut response: Response) -> Result<Reply, reqwest::Error> {
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let status = response.status();
    let location = text(header::LOCATION).filter(|_| status.is_redirection());
    let mut reply = Reply {
        status: status.as_u16(),
        retry_after: text(header::RETRY_AFTER),
        date: text(header::DATE),
        redirect_host: location.map(|location| target_host(response.url(), &location)),
        body: None,
        carried: None,
    };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_CAP {
            return Ok(reply);
        }
        body.extend_from_slice(&chunk);
    }
    reply.body = Some(body);
    Ok(reply)
}

fn target_host(from: &Url, location: &str) -> String {
    let target = from.join(location).ok();
    let host = target.as_ref().and_then(Url::host_str);
    host.unwrap_or("an unreadable address").to_owned()
}

fn read_ca_file(path: &Path) -> Result<Vec<Certificate>, HttpSetupError> {
    let pem = std::fs::read(path).map_err(|source| HttpSetupError::CaFile {
        path: path.to_owned(),
        source,
    })?;
    let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(HttpSetupError::CaFormat {
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

/// The cause that says most: the last in the chain.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_this_machine_only() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/x", true),
            ("http://localhost/x", true),
            ("http://[::1]:1/x", true),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&url.parse().expect(url)), expected, "{url}");
        }
    }
}
