//! The current token: renewed ahead of its end, or when the service refuses it, once for all.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::Instant};

use crate::http::Bearer;

use super::{
    AuthError, BoxFuture, Credentials, LegacyKey, TokenReply, TokenRequest, is_one_word,
    key_file::read_secret, oauth::read_answer,
};

/// A token is renewed when less than this, or a tenth of its life, is left.
const MARGIN: Duration = Duration::from_secs(60);
/// A token younger than this, or than a third of its life, cannot have expired.
const YOUTH: Duration = Duration::from_secs(60);
/// How long it is remembered that a renewal did not help against a 403.
const USELESS_FOR: Duration = Duration::from_secs(60);

/// A bearer token. Its life is measured on a clock that nobody can set.
#[derive(Debug)]
pub struct AccessToken {
    secret: SecretString,
    bearer: Option<Bearer>,
    generation: u64,
    issued: Instant,
    lifetime: Option<Duration>,
    scope: Option<String>,
}

impl AccessToken {
    /// How long it lives, from when it was issued; `None` where nobody said.
    #[must_use]
    pub const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// What it is good for, separated by spaces, where the token endpoint said so.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// The token itself.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The header that carries it; `None` where none can, which a token that was read never is.
    pub(crate) const fn bearer(&self) -> Option<&Bearer> {
        self.bearer.as_ref()
    }

    /// The how-manieth token this is, from 1.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

/// A token that somebody else made: from a file, which may be replaced meanwhile, or given.
#[derive(Debug)]
pub enum ReadyToken {
    /// In a file.
    File(PathBuf),
    /// Given.
    Given(SecretString),
}

impl ReadyToken {
    /// The token, as it stands now.
    pub(crate) fn read(&self) -> Result<SecretString, AuthError> {
        let (text, path) = match self {
            Self::Given(token) => (token.clone(), PathBuf::from("the given token")),
            Self::File(path) => (read_secret(path)?, path.clone()),
        };
        let token = text.expose_secret().trim();
        if !is_one_word(token) {
            let why = "it should hold one word and nothing else".to_owned();
            let expected = "a bearer token";
            return Err(AuthError::Format {
                path,
                expected,
                why,
            });
        }
        Ok(SecretString::from(token))
    }
}

/// What became of the wish for a newer token.
#[derive(Debug)]
pub enum Renewal {
    /// There is one.
    Renewed(Arc<AccessToken>),
    /// There is none: a ready token that has not been replaced.
    Unchanged,
}

type Sender = Box<dyn Fn(TokenRequest) -> BoxFuture<Result<TokenReply, AuthError>> + Send + Sync>;

/// Where tokens come from. One renewal is under way at a time, for all who wait.
pub struct TokenSource {
    credentials: Credentials,
    send: Sender,
    latest: StdMutex<Option<Arc<AccessToken>>>,
    /// Held by the one renewal that is under way.
    renewing: Mutex<()>,
    useless_until: StdMutex<Option<Instant>>,
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSource")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl TokenSource {
    /// A source that has no token yet. `send` takes a request to the token endpoint and brings
    /// back the answer; it paces and retries.
    pub fn new(
        credentials: Credentials,
        send: impl Fn(TokenRequest) -> BoxFuture<Result<TokenReply, AuthError>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            credentials,
            send: Box::new(send),
            latest: StdMutex::new(None),
            renewing: Mutex::new(()),
            useless_until: StdMutex::new(None),
        }
    }

    /// A token that is good for a while yet; where it cannot be renewed ahead of its end, the old
    /// one until then.
    ///
    /// # Errors
    /// [`AuthError`] where there was none, or it had to be renewed and could not be.
    pub async fn current(&self) -> Result<Arc<AccessToken>, AuthError> {
        if let Some(token) = self.latest().filter(|token| !self.is_due(token)) {
            return Ok(token);
        }
        let _renewing = self.renewing.lock().await;
        if let Some(token) = self.latest().filter(|token| !self.is_due(token)) {
            return Ok(token);
        }
        match (self.renew().await, self.usable()) {
            (Err(AuthError::Unreachable(why)), Some(token)) => {
                tracing::warn!("failed to renew the token ahead of its end: {why}");
                Ok(token)
            }
            (renewed, _) => renewed,
        }
    }

    /// The newest token, where it has not ended.
    #[must_use]
    pub fn usable(&self) -> Option<Arc<AccessToken>> {
        self.latest().filter(|token| {
            let lifetime = token.lifetime;
            lifetime.is_none_or(|lifetime| token.issued.elapsed() < lifetime)
        })
    }

    fn latest(&self) -> Option<Arc<AccessToken>> {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A token newer than the one that was refused. Whoever comes second finds it renewed.
    ///
    /// # Errors
    /// [`AuthError`] where the renewal failed.
    pub async fn renew_if(&self, refused: u64) -> Result<Renewal, AuthError> {
        let _renewing = self.renewing.lock().await;
        let latest = self.latest();
        if let Some(token) = latest.as_ref().filter(|token| token.generation > refused) {
            return Ok(Renewal::Renewed(Arc::clone(token)));
        }
        if let (Credentials::Ready(ready), Some(token)) = (&self.credentials, latest.as_ref())
            && ready.read()?.expose_secret() == token.secret.expose_secret()
        {
            return Ok(Renewal::Unchanged);
        }
        self.renew().await.map(Renewal::Renewed)
    }

    /// Whether it is time to renew this token.
    #[must_use]
    pub fn is_due(&self, token: &AccessToken) -> bool {
        token.lifetime.is_some_and(|lifetime| {
            let margin = MARGIN.min(lifetime / 10);
            token.issued.elapsed() >= lifetime.saturating_sub(margin)
        })
    }

    /// Whether this token is so new that its age cannot be why it is refused.
    #[must_use]
    pub fn is_young(&self, token: &AccessToken) -> bool {
        let youth = token
            .lifetime
            .map_or(YOUTH, |lifetime| YOUTH.min(lifetime / 3));
        token.issued.elapsed() < youth
    }

    /// A 403 came again on a token that was just renewed.
    pub fn renewal_was_useless(&self) {
        let until = Instant::now() + USELESS_FOR;
        *self
            .useless_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Whether it is a short while since a renewal did not help against a 403.
    #[must_use]
    pub fn renewals_seem_useless(&self) -> bool {
        let until = *self
            .useless_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Makes or fetches a token; whoever calls holds `renewing`.
    async fn renew(&self) -> Result<Arc<AccessToken>, AuthError> {
        let now = SystemTime::now();
        let mut scope = None;
        let (secret, lifetime, issued) = match &self.credentials {
            Credentials::Legacy(key) => (key.mint(now)?, Some(LegacyKey::LIFETIME), Instant::now()),
            Credentials::Ready(ready) => (ready.read()?, None, Instant::now()),
            Credentials::OAuth(client) => {
                let reply = (self.send)(client.request(now)?).await?;
                let fetched = read_answer(&reply)?;
                scope = fetched.scope;
                (fetched.secret, Some(fetched.lifetime), reply.sent)
            }
        };
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = latest.as_ref().map_or(0, |token| token.generation) + 1;
        tracing::debug!(
            generation,
            lifetime_s = lifetime.map(|lifetime| lifetime.as_secs()),
            "signed in"
        );
        let token = Arc::new(AccessToken {
            bearer: Bearer::new(&secret),
            secret,
            generation,
            issued,
            lifetime,
            scope,
        });
        *latest = Some(Arc::clone(&token));
        Ok(token)
    }
}

#[cfg(test)]
mod tests;
