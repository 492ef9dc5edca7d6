//! What is sent.

use std::borrow::Cow;

use form_urlencoded::Serializer;
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    header::{self, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use super::{NoReply, Url, reply::lost};

/// Room for the headers of a request, those that the client adds among them.
const HEADERS: usize = 6;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("bulk-unlock/", env!("CARGO_PKG_VERSION")));
/// What stands before a token in its header.
const SCHEME: &str = "Bearer ";
/// A shorter token is no secret, and stands in ordinary words.
const SHORTEST_SECRET: usize = 8;

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

impl Body {
    /// What it is, and its bytes.
    fn written(&self) -> (Option<HeaderValue>, Bytes) {
        match self {
            Self::Json(Cow::Borrowed(text)) => (Some(JSON), Bytes::from_static(text.as_bytes())),
            Self::Json(Cow::Owned(text)) => (Some(JSON), Bytes::from(text.clone())),
            Self::Form(fields) => {
                let mut form = Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, value.expose_secret());
                }
                (Some(FORM), form.finish().into())
            }
            Self::None => (None, Bytes::new()),
        }
    }
}

/// A bearer token as a header, made once for all requests that carry it.
#[derive(Debug, Clone)]
pub struct Bearer(pub(super) HeaderValue);

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

/// The request, all of whose headers but those of the connection are here.
pub(super) fn request(
    verb: Verb,
    url: &Url,
    bearer: Option<&Bearer>,
    body: &Body,
) -> Result<Request<Bytes>, NoReply> {
    let (content_type, body) = body.written();
    let mut request = Request::new(body);
    *request.method_mut() = match verb {
        Verb::Patch => Method::PATCH,
        Verb::Post => Method::POST,
        Verb::Get => Method::GET,
    };
    *request.uri_mut() = Uri::try_from(url.as_str()).map_err(|error| lost(&error, false))?;
    let headers = request.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::ACCEPT, JSON);
    headers.insert(header::USER_AGENT, USER_AGENT);
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(Bearer(token)) = bearer {
        headers.insert(header::AUTHORIZATION, token.clone());
    }
    Ok(request)
}
