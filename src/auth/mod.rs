//! Signing in: the three kinds of credentials, and the token that they give.
//!
//! Nothing here sends a request: the way to the token endpoint is passed in. No secret is ever
//! part of an error, a `Debug` output or a log line.

mod jws;
mod key_file;
mod legacy_key;
mod oauth;
mod source;
#[cfg(test)]
pub(crate) mod test_keys;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, pin::Pin};

use secrecy::SecretString;
use tokio::time::Instant;

pub use key_file::{locate, read_secret, refuse_exposed};
pub use legacy_key::LegacyKey;
pub(crate) use oauth::told;
pub use oauth::{OAuthClient, OAuthKey};
pub use source::{AccessToken, ReadyToken, Renewal, TokenSource};

/// How to sign in.
#[derive(Debug)]
pub enum Credentials {
    /// A legacy Administration API key: tokens are made here, no request is needed.
    Legacy(LegacyKey),
    /// An OAuth client with a private key: tokens come from the token endpoint.
    OAuth(OAuthClient),
    /// A token that somebody else made.
    Ready(ReadyToken),
}

/// A request to the token endpoint: a POST of form fields.
#[derive(Debug)]
pub struct TokenRequest {
    /// The token endpoint.
    pub url: String,
    /// The fields; the assertion among them is secret.
    pub form: Vec<(&'static str, SecretString)>,
}

/// The token endpoint's answer.
pub struct TokenReply {
    /// The HTTP status.
    pub status: u16,
    /// The body; it may hold a token.
    pub body: Vec<u8>,
    /// When the request was sent, from which the token's life is counted: a slow answer does not
    /// lengthen it, and a wait before the request does not shorten it.
    pub sent: Instant,
}

impl fmt::Debug for TokenReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenReply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Whether a text can stand as a token in a header: one word of ASCII.
fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// A future that can be kept and sent.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A key or token file cannot be read.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A key or token file that others can read.
    #[error("{path} can be read by others than its owner (mode {mode:04o})")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file that is not what it should be.
    #[error("{path} is not {expected}: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The library cannot sign with this key.
    #[error("failed to sign with the key")]
    Signing,
    /// The token endpoint said no.
    #[error("the service refused the sign-in: {0}")]
    Refused(String),
    /// The token endpoint did not answer, or not with a token.
    #[error("failed to sign in: {0}")]
    Unreachable(String),
    /// A stop came first.
    #[error("stopped before there was a token")]
    Stopped,
}

impl AuthError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "check the path and that you may read it".to_owned(),
            Self::Exposed { path, .. } => format!("run: chmod 600 {}", path.display()),
            Self::Format { .. } => "download the key again, or name the file with the option for its kind".to_owned(),
            Self::Signing => "use an RSA key of 2048 to 8192 bits, or an EC key on P-256".to_owned(),
            Self::Refused(_) => {
                "check client ID, issuer, key and the clock, and that the client's scopes are enabled".to_owned()
            }
            Self::Unreachable(_) => "check the address, the network and the proxy".to_owned(),
            Self::Stopped => "run it again".to_owned(),
        }
    }

    /// Whether a file of ours is the cause, rather than the service.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Read { .. } | Self::Exposed { .. } | Self::Format { .. } | Self::Signing
        )
    }
}
