//! What comes back, or why nothing did.

use std::{error::Error, fmt, io, iter};

use http_body_util::BodyExt;
use hyper::{
    Response,
    body::{Body, Bytes},
    header,
};
use rustls::AlertDescription;

use crate::model::Answer;

use super::{Bearer, Url};

/// An answer's body is read up to here; a longer one cannot be an answer of this service.
pub(super) const BODY_CAP: usize = 1024 * 1024;

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
    /// Whether the server is there and not to be trusted: its certificate, or the TLS that it speaks.
    pub untrusted: bool,
}

impl NoReply {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        let error = self.text.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
        if says(&["expired", "notvalidyet", "not valid yet"]) {
            "check this machine's clock; if it is right, the server's certificate has to be renewed"
        } else if says(&[
            "unknownissuer",
            "unknown issuer",
            "self-signed",
            "self signed",
        ]) {
            "where a proxy inspects TLS, or the server has a CA of its own, name that CA with --ca-file"
        } else if says(&["notvalidforname", "not valid for name"]) {
            "check the host's name: the certificate is for another one"
        } else if says(&["peer certificate"]) {
            "check the address; the certificate has to be one that a CA signed for this server, and --ca-file may name the CA"
        } else if says(&["proxy"]) {
            "set HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT, or NO_PROXY for this host"
        } else if says(&["protocol", "handshake", "incompatible"]) {
            "the server has to speak TLS 1.2 or 1.3"
        } else {
            "check the network, the firewall, and HTTPS_PROXY"
        }
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads an answer to the end, or to the most that is read of one.
pub(super) async fn read<B>(url: &Url, response: Response<B>) -> Result<Reply, NoReply>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    let (head, mut body) = response.into_parts();
    let text = |name| {
        let value = head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let location = text(header::LOCATION).filter(|_| head.status.is_redirection());
    let mut reply = Reply {
        status: head.status.as_u16(),
        retry_after: text(header::RETRY_AFTER),
        date: text(header::DATE),
        redirect_host: location.map(|location| target_host(url, &location)),
        body: None,
        carried: None,
    };
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| lost(&error, false))?;
        let Some(chunk) = frame.data_ref() else {
            continue;
        };
        if read.len() + chunk.len() > BODY_CAP {
            return Ok(reply);
        }
        read.extend_from_slice(chunk);
    }
    reply.body = Some(read);
    Ok(reply)
}

fn target_host(from: &Url, location: &str) -> String {
    let target = from.join(location).ok();
    let host = target.as_ref().and_then(Url::host_str);
    host.unwrap_or("an unreadable address").to_owned()
}

/// What is said of an exchange that failed before its time limit.
pub(super) fn lost(error: &(dyn Error + 'static), connecting: bool) -> NoReply {
    let why = innermost(error);
    let (answer, text) = if connecting {
        (Answer::ConnectError, not_connected(&why.to_string()))
    } else if is_silence(why) {
        (Answer::Timeout, format!("no answer: {why}"))
    } else {
        (Answer::Cut, format!("the connection was cut: {why}"))
    };
    NoReply {
        answer,
        text,
        untrusted: connecting && is_distrust(error),
    }
}

/// Whether the connection was not made because of who the server says that it is, or of how it would be encrypted.
fn is_distrust(error: &(dyn Error + 'static)) -> bool {
    let mut causes = iter::successors(Some(error), |cause| cause_of(*cause));
    causes.any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(
                rustls::Error::InvalidCertificate(_)
                    | rustls::Error::PeerIncompatible(_)
                    | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
            )
        )
    })
}

/// The next cause, of which an I/O error names what lies behind its own.
fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// Whether the system gave the connection up, as nothing came any more.
fn is_silence(why: &(dyn Error + 'static)) -> bool {
    let why = why.downcast_ref::<io::Error>();
    why.is_some_and(|why| why.kind() == io::ErrorKind::TimedOut)
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

/// The cause that says most: the last in the chain.
pub(super) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
