//! Answers, in the shapes that the service's have.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderName, HeaderValue, Response, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::IntoResponse,
};
use hyper::body::Frame;
use serde::Serialize;

/// Put on an answer that must not be sent: the connection ends instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut;

/// An answer, or none.
#[derive(Debug)]
pub(super) struct Answer {
    /// `None`: the connection ends without one.
    pub(super) status: Option<u16>,
    content_type: &'static str,
    body: String,
    headers: Vec<(&'static str, String)>,
    truncated: bool,
}

#[derive(Serialize)]
struct ApplicationError<'a> {
    code: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct FrameworkError<'a> {
    timestamp: u128,
    status: u16,
    error: &'a str,
    message: &'a str,
    path: &'a str,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        Self {
            status: Some(status),
            content_type,
            body,
            headers: Vec::new(),
            truncated: false,
        }
    }

    /// A JSON document.
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self::new(status, "application/json", body)
    }

    /// An application error.
    pub(super) fn error(status: u16, code: &str, description: &str) -> Self {
        Self::json(status, &ApplicationError { code, description })
    }

    /// What a scenario has in store for one user.
    pub(super) fn special(status: u16) -> Self {
        Self::error(status, &format!("{status} REFUSED"), "This user is special")
    }

    /// A framework error.
    pub(super) fn framework(status: u16, message: &str, path: &str) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        Self::json(
            status,
            &FrameworkError {
                timestamp: since.unwrap_or_default().as_millis(),
                status,
                error: code.canonical_reason().unwrap_or_default(),
                message,
                path,
            },
        )
    }

    /// A gateway's page.
    pub(super) fn page(status: u16) -> Self {
        let body = format!(
            "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
        );
        Self::new(status, "text/html", body)
    }

    /// Something that says it is JSON and is not.
    pub(super) fn garbage() -> Self {
        Self::new(
            200,
            "application/json",
            "{\"userId\": \"\u{fffd}".to_owned(),
        )
    }

    /// Only a status.
    pub(super) fn empty(status: u16) -> Self {
        Self::new(status, "text/plain", String::new())
    }

    /// No answer: the connection ends.
    pub(super) fn none() -> Self {
        Self {
            status: None,
            ..Self::empty(200)
        }
    }

    /// The same, but for its end.
    pub(super) fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let promised = self.body.len();
        let truncated = self.truncated;
        let body = if self.truncated {
            let half = self.body.len() / 2;
            Body::new(CutBody::Whole(Bytes::copy_from_slice(
                &self.body.as_bytes()[..half],
            )))
        } else {
            Body::from(self.body)
        };
        let mut response = Response::new(body);
        if self.status.is_none() {
            response.extensions_mut().insert(Cut);
        }
        let status = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        *response.status_mut() = status.unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        if truncated {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(promised));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A body that breaks off after its first piece.
enum CutBody {
    Whole(Bytes),
    /// The piece is handed over; a turn of the connection passes so that it is sent.
    Sending,
    Sent,
}

impl hyper::body::Body for CutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match std::mem::replace(&mut *self, Self::Sent) {
            Self::Whole(bytes) => {
                *self = Self::Sending;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Sending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Sent => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }
}
