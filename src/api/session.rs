//! Requests on behalf of whoever signed in: paced, with a good token, refusals settled.
//!
//! A refused token is renewed once for all and the request replayed, which costs no try. What is
//! returned is an answer to the call itself.

use std::sync::Arc;

use crate::{
    auth::{AccessToken, AuthError, Renewal, TokenSource},
    http::Reply,
    model::Endpoint,
    shutdown::CancelReason,
};

use super::{
    Halt,
    classify::{self, Refusal},
    standing::Standing,
    transport::{Exchange, Request, Transport},
};

/// How often one request may be replayed on a new token, for tokens that die within a request.
const MOST_REPLAYS: u32 = 5;

/// Who is signed in, and how the service has taken it so far.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) tokens: TokenSource,
    pub(super) transport: Transport,
    unlocking: Standing,
    reading: Standing,
}

impl Session {
    pub(super) fn new(tokens: TokenSource, transport: Transport) -> Self {
        Self {
            tokens,
            transport,
            unlocking: Standing::default(),
            reading: Standing::default(),
        }
    }

    /// Who may read need not be allowed to unlock.
    const fn standing(&self, request: &Request) -> &Standing {
        match request.endpoint {
            Endpoint::Unlock => &self.unlocking,
            Endpoint::Lookup | Endpoint::Search | Endpoint::Events | Endpoint::Token => {
                &self.reading
            }
        }
    }

    /// Sends a request until the answer is not about the token.
    pub(super) async fn call(&self, request: &Request) -> Result<Exchange, Halt> {
        let mut replays = 0;
        loop {
            let (exchange, token) = self.send(request).await?;
            let refused = exchange.reply.as_ref().ok();
            let refusal = refused.and_then(|reply| Some((reply, classify::refusal(reply)?)));
            let Some((reply, refusal)) = refusal else {
                if matches!(&exchange.reply, Ok(reply) if matches!(reply.status, 200..300 | 404)) {
                    self.standing(request).accept();
                }
                return Ok(exchange);
            };
            let replay = match refusal {
                Refusal::Unauthorized => self.after_unauthorized(reply, &token, replays).await?,
                Refusal::ForbiddenToken | Refusal::Forbidden => {
                    self.after_forbidden(refusal, &token, replays).await?
                }
            };
            if !replay {
                return match self.standing(request).is_about_the_user().await {
                    true => Ok(exchange),
                    false => Err(self.refuse(permission_missing(reply, request.endpoint))),
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
        let standing = self.standing(request);
        loop {
            shutdown
                .unless_stopped(standing.clear())
                .await
                .ok_or(Halt)?;
            self.token().await?;
            let _pass = self.transport.pass().await?;
            let permit = self.transport.pace().await?;
            // The wait may have been long: what counts is how things stand now. A permit that
            // cannot be used at once is given up, since a later request would come too close.
            let Some(token) = self.tokens.usable().filter(|_| !standing.doubted()) else {
                continue;
            };
            let _under_way = standing.under_way();
            let exchange = self.transport.send(permit, request, token.bearer()).await?;
            return Ok((exchange, token));
        }
    }

    /// Sends a request of which only that it is answered matters.
    pub(super) async fn probe(&self, request: &Request) {
        if let Ok(permit) = self.transport.pace_urgent().await {
            let _ = self.transport.send(permit, request, None).await;
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
        let said = classify::describe(reply);
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
    pub(super) fn refuse(&self, why: String) -> Halt {
        self.transport.shutdown.cancel(CancelReason::Refused(why));
        Halt
    }
}

fn permission_missing(reply: &Reply, endpoint: Endpoint) -> String {
    let said = classify::describe(reply);
    let scope = match endpoint {
        Endpoint::Unlock => "rsa.user.factor.manage",
        Endpoint::Lookup | Endpoint::Search => "rsa.user.read",
        Endpoint::Events => "rsa.audit.user",
        Endpoint::Token => "that was asked for",
    };
    format!(
        "the service forbids the call, and nothing has succeeded yet ({said}); \
         an OAuth client needs the scope {scope} for it, an API key a role that allows it"
    )
}
