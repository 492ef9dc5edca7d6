//! The calls: what is sent, and what the answer means. Whether to try again is the caller's to
//! decide.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::{
    auth::{AccessToken, AuthError, Credentials, TokenSource},
    health::About,
    http::{Body, Http, Url, Verb},
    model::{Answer, Endpoint, Found, LockFlags, OutcomeKind, Target},
    retry::{Next, Retry},
    throttle::Throttle,
};

use super::{
    classify::{self, Address, Verdict},
    session::Session,
    sign_in,
    transport::{Exchange, Request, Transport},
    wire::{LookupRequest, UnlockRequest},
};

/// Where the service is and how to sign in.
#[derive(Debug)]
pub struct ApiSettings {
    /// The base URL up to and without `/v1`.
    pub base: Url,
    /// The credentials.
    pub credentials: Credentials,
    /// Whether a look-up also searches the identity source for users who are not synchronised.
    pub search_unsynched: bool,
}

/// A stop came before there was an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halt;

/// What one request about a user came to.
#[derive(Debug)]
pub struct Try<T> {
    /// The status, or why no answer came.
    pub answer: Answer,
    /// What the answer means.
    pub meaning: T,
    /// What it says of the next try.
    pub next: Next,
}

/// The service, to its callers.
#[derive(Debug)]
pub struct Api {
    base: Url,
    /// The base with `v1/users`: what each user's URL begins with.
    users: Url,
    search_unsynched: bool,
    pub(super) retry: Retry,
    pub(super) session: Arc<Session>,
}

impl Api {
    /// A client that has not called yet.
    #[must_use]
    pub fn new(settings: ApiSettings, http: Http, throttle: Arc<Throttle>, retry: Retry) -> Self {
        let transport = Transport {
            http,
            throttle,
            events: retry.events.clone(),
            shutdown: retry.shutdown.clone(),
            health: retry.health.clone(),
        };
        let sender = sign_in::sender(transport.clone(), retry.clone());
        let tokens = TokenSource::new(settings.credentials, sender);
        let api = Self {
            users: below(&settings.base, &["v1", "users"]),
            base: settings.base,
            search_unsynched: settings.search_unsynched,
            session: Arc::new(Session::new(tokens, transport)),
            retry,
        };
        api.answer_for_health();
        api
    }

    /// Where no user's request will do to see whether the service answers, a GET of a path that
    /// takes none is sent, without a token: any answer will do, and nothing can be changed by it.
    fn answer_for_health(&self) {
        let session = Arc::downgrade(&self.session);
        let url = self.url(&["v1", "users", "lookup"]);
        self.retry.health.probe_with(move || {
            let session = session.upgrade();
            let request = Request {
                endpoint: Endpoint::Lookup,
                verb: Verb::Get,
                url: url.clone(),
                body: Body::None,
                about: About::Nobody,
            };
            Box::pin(async move {
                if let Some(session) = session {
                    session.probe(&request).await;
                }
            })
        });
    }

    /// Signs in, where that has not happened yet, and returns the token.
    ///
    /// # Errors
    /// [`AuthError`]: the key, the service's refusal, or that it cannot be reached.
    pub async fn sign_in(&self) -> Result<Arc<AccessToken>, AuthError> {
        self.session.tokens.current().await
    }

    /// Sends one PATCH for this user.
    ///
    /// # Errors
    /// [`Halt`] where a stop came first, or this call's refusal is the reason to stop.
    pub async fn unlock(&self, target: &Target) -> Result<Try<Verdict>, Halt> {
        let request = Request {
            endpoint: Endpoint::Unlock,
            verb: Verb::Patch,
            url: below(&self.users, &[&target.user_id, "methods"]),
            body: Body::Json(UnlockRequest::of(target.methods).into()),
            about: user(&target.user_id),
        };
        let exchange = self.session.call(&request).await?;
        let verdict = match &exchange.reply {
            Ok(reply) => classify::unlock(reply, target),
            Err(error) => unanswered(error.text.clone()),
        };
        Ok(tried(&exchange, verdict))
    }

    /// Sends one look-up of the user with this address.
    ///
    /// # Errors
    /// [`Halt`] where a stop came first, or this call's refusal is the reason to stop.
    pub async fn lookup(&self, address: Address<'_>) -> Result<Try<Result<Found, Verdict>>, Halt> {
        let (email, username) = match address {
            Address::Email(email) => (Some(email), None),
            Address::Username(username) => (None, Some(username)),
        };
        let body = LookupRequest {
            email,
            username,
            search_unsynched: self.search_unsynched,
        };
        let request = Request {
            endpoint: Endpoint::Lookup,
            verb: Verb::Post,
            url: self.url(&["v1", "users", "lookup"]),
            body: json(&body),
            about: user(email.or(username).unwrap_or_default()),
        };
        let exchange = self.session.call(&request).await?;
        let found = match &exchange.reply {
            Ok(reply) => classify::lookup(reply, &address),
            Err(error) => Err(unanswered(format!("look-up: {}", error.text))),
        };
        Ok(tried(&exchange, found))
    }

    /// The base and these segments, each encoded as one.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        below(&self.base, segments)
    }
}

/// The URL with these segments added, each encoded as one.
fn below(url: &Url, segments: &[&str]) -> Url {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The user of this name, as far as health must tell users apart.
fn user(name: &str) -> About {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    About::User(hasher.finish())
}

fn tried<T>(exchange: &Exchange, meaning: T) -> Try<T> {
    Try {
        answer: match &exchange.reply {
            Ok(reply) => Answer::Status(reply.status),
            Err(error) => error.answer,
        },
        meaning,
        next: exchange.next,
    }
}

/// What follows for the user where no answer came.
const fn unanswered(error: String) -> Verdict {
    Verdict {
        kind: OutcomeKind::Failed,
        flags: LockFlags {
            token: None,
            sms: None,
            voice: None,
        },
        again: true,
        error,
    }
}

/// A body of texts, words and switches, which is always JSON.
pub(super) fn json(body: &impl serde::Serialize) -> Body {
    let text = serde_json::to_string(body);
    Body::Json(text.expect("texts, words and switches are JSON").into())
}
