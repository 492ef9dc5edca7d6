//! The one way to call the service: paced, signed in, its refusals settled.
//!
//! A refused token is renewed once for all and the request replayed, which costs no try. What is
//! returned is an answer to the call itself. Whether to try again is the caller's to decide.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::{
    auth::{AccessToken, AuthError, Credentials, Renewal, TokenSource},
    event::Events,
    http::{Body, Http, Reply, Url, Verb},
    model::{Answer, Endpoint, LockFlags, OutcomeKind, Target},
    retry::RetryPolicy,
    shutdown::{CancelReason, Shutdown},
    throttle::Throttle,
};

use super::{
    classify::{self, Refusal, Verdict},
    sign_in,
    standing::Standing,
    transport::{Exchange, Request, Transport},
    wire::UnlockRequest,
};

/// How often one request may be replayed on a new token, for tokens that die within a request.
const MOST_REPLAYS: u32 = 5;

/// Where the service is and how to sign in.
#[derive(Debug)]
pub struct ApiSettings {
    /// The base URL up to and without `/v1`.
    pub base: Url,
    /// The credentials.
    pub credentials: Credentials,
    /// How often and how far apart a sign-in is tried.
    pub retry: RetryPolicy,
}

/// A stop came before there was an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halt;

/// What one PATCH came to.
#[derive(Debug)]
pub struct UnlockTry {
    /// The status, or why no answer came.
    pub answer: Answer,
    /// What it means for the user.
    pub verdict: Verdict,
    /// The service asked that nothing be sent before this instant.
    pub not_before: Option<Instant>,
}

/// The service, to its callers.
#[derive(Debug)]
pub struct Api {
    base: Url,
    tokens: TokenSource,
    transport: Transport,
    standing: Standing,
}

impl Api {
    /// A client that has not called yet.
    #[must_use]
    pub fn new(
        settings: ApiSettings,
        http: Http,
        throttle: Arc<Throttle>,
        events: Events,
        shutdown: Shutdown,
    ) -> Self {
        let transport = Transport {
            http,
            throttle,
            events,
            shutdown,
        };
        let sender = sign_in::sender(transport.clone(), settings.retry);
        Self {
            base: settings.base,
            tokens: TokenSource::new(settings.credentials, sender),
            transport,
            standing: Standing::default(),
        }
    }

    /// Signs in, where that has not happened yet, and returns the token.
    ///
    /// # Errors
    /// [`AuthError`]: the key, the service's refusal, or that it cannot be reached.
    pub async fn sign_in(&self) -> Result<Arc<AccessToken>, AuthError> {
        self.tokens.current().await
    }

    /// Sends one PATCH for this user.
    ///
    /// # Errors
    /// [`Halt`] where a stop came first, or this call's refusal is the reason to stop.
    pub async fn unlock(&self, target: &Target) -> Result<UnlockTry, Halt> {
        let body = UnlockRequest {
            unlock_methods: target.methods,
        };
        let body = serde_json::to_string(&body).expect("a list of words is JSON");
        let request = Request {
            endpoint: Endpoint::Unlock,
            verb: Verb::Patch,
            url: self.url(&["v1", "users", &target.user_id, "methods"]),
            body: Body::Json(body),
        };
        let (exchange, token) = self.call(&request).await?;
        let (answer, mut verdict) = match &exchange.reply {
            Ok(reply) => (
                Answer::Status(reply.status),
                classify::unlock(reply, target),
            ),
            Err(error) => (
                error.answer,
                Verdict {
                    kind: OutcomeKind::Failed,
                    flags: LockFlags::default(),
                    again: true,
                    error: error.text.clone(),
                },
            ),
        };
        redact(&mut verdict.error, &token);
        Ok(UnlockTry {
            answer,
            verdict,
            not_before: exchange.not_before,
        })
    }

    /// Sends a request until the answer is not about the token.
    async fn call(&self, request: &Request) -> Result<(Exchange, Arc<AccessToken>), Halt> {
        let mut replays = 0;
        loop {
            let (exchange, token) = self.send(request).await?;
            let refused = exchange.reply.as_ref().ok();
            let refusal = refused.and_then(|reply| Some((reply, classify::refusal(reply)?)));
            let Some((reply, refusal)) = refusal else {
                if matches!(&exchange.reply, Ok(reply) if matches!(reply.status, 200..300 | 404)) {
                    self.standing.accept();
                }
                return Ok((exchange, token));
            };
            let replay = match refusal {
                Refusal::Unauthorized => self.after_unauthorized(reply, &token, replays).await?,
                Refusal::ForbiddenToken | Refusal::Forbidden => {
                    self.after_forbidden(refusal, &token, replays).await?
                }
            };
            if !replay {
                return match self.standing.is_about_the_user().await {
                    true => Ok((exchange, token)),
                    false => Err(self.refuse(permission_missing(reply, &token))),
                };
            }
            replays += 1;
            tracing::info!(
                status = reply.status,
                "the token was refused; renewed, sending again"
            );
        }
    }

    /// Sends a request once, on a token that is good as far as we know.
    async fn send(&self, request: &Request) -> Result<(Exchange, Arc<AccessToken>), Halt> {
        let shutdown = &self.transport.shutdown;
        loop {
            shutdown
                .unless_stopped(self.standing.clear())
                .await
                .ok_or(Halt)?;
            self.token().await?;
            self.transport.pace().await?;
            // The wait may have been long: what counts is how things stand now. A permit that
            // cannot be used at once is given up, since a later request would come too close.
            let Some(token) = self.tokens.usable().filter(|_| !self.standing.doubted()) else {
                continue;
            };
            let _under_way = self.standing.under_way();
            let exchange = self.transport.send(request, Some(token.secret())).await?;
            return Ok((exchange, token));
        }
    }

    async fn token(&self) -> Result<Arc<AccessToken>, Halt> {
        let current = self
            .transport
            .shutdown
            .unless_aborted(self.tokens.current());
        current
            .await
            .ok_or(Halt)?
            .map_err(|error| self.sign_in_failed(&error))
    }

    /// A 401: replay on a new token; on a token that was just renewed it ends the job.
    async fn after_unauthorized(
        &self,
        reply: &Reply,
        token: &AccessToken,
        replays: u32,
    ) -> Result<bool, Halt> {
        let persists = replays >= MOST_REPLAYS || (replays > 0 && self.tokens.is_young(token));
        if !persists && self.renewed(token).await? {
            return Ok(true);
        }
        let mut said = classify::describe(reply);
        redact(&mut said, token);
        Err(self.refuse(format!("the service refuses the token ({said})")))
    }

    /// A 403: replay where a new token may help.
    async fn after_forbidden(
        &self,
        refusal: Refusal,
        token: &AccessToken,
        replays: u32,
    ) -> Result<bool, Halt> {
        let young = self.tokens.is_young(token);
        if replays > 0 && young {
            self.tokens.renewal_was_useless();
            return Ok(false);
        }
        let hopeless = replays >= MOST_REPLAYS
            || self.tokens.renewals_seem_useless()
            || (young && refusal == Refusal::Forbidden);
        Ok(!hopeless && self.renewed(token).await?)
    }

    async fn renewed(&self, token: &AccessToken) -> Result<bool, Halt> {
        let renewal = self.tokens.renew_if(token.generation());
        let renewal = self
            .transport
            .shutdown
            .unless_aborted(renewal)
            .await
            .ok_or(Halt)?;
        match renewal {
            Ok(Renewal::Renewed(_)) => Ok(true),
            Ok(Renewal::Unchanged) => Ok(false),
            Err(error) => Err(self.sign_in_failed(&error)),
        }
    }

    fn sign_in_failed(&self, error: &AuthError) -> Halt {
        match error {
            AuthError::Stopped => Halt,
            error => self.refuse(error.to_string()),
        }
    }

    /// The service lets nothing through: the job ends.
    fn refuse(&self, why: String) -> Halt {
        self.transport.shutdown.cancel(CancelReason::Refused(why));
        Halt
    }

    /// The base and these segments, each encoded as one.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

fn permission_missing(reply: &Reply, token: &AccessToken) -> String {
    let mut said = classify::describe(reply);
    redact(&mut said, token);
    format!("the service forbids the call, and nothing has succeeded yet ({said})")
}

/// An answer that repeats the token must not carry it into results or log.
fn redact(text: &mut String, token: &AccessToken) {
    let secret = token.secret().expose_secret();
    if !secret.is_empty() && text.contains(secret) {
        *text = text.replace(secret, "[token]");
    }
}
