//! From what was typed and what the environment says to settings that are complete and checked.
//!
//! The only reader of the environment. Flags come before the environment, the environment before
//! the defaults.

mod connection;
mod outputs;
mod pace;
mod settings;
mod source;
mod values;

use std::{collections::HashMap, path::PathBuf};

pub use connection::{Connection, resolve_connection};
pub use outputs::{OutputSettings, PingSettings};
pub use settings::{PaceSettings, PlanSettings, RunSettings, resolve_plan, resolve_run};
pub use source::ReadSettings;

/// Every long option of `run` can be given as this prefix and its name in capitals.
const PREFIX: &str = "BULK_UNLOCK_";

/// What the environment says, read once.
#[derive(Debug, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The process's environment.
    #[must_use]
    pub fn read() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(
            std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether output may be coloured, as far as the environment goes.
    #[must_use]
    pub fn allows_colour(&self) -> bool {
        self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    /// Who runs this, and where: `user@host`.
    #[must_use]
    pub fn operator(&self) -> String {
        let user = self
            .get("USER")
            .or_else(|| self.get("LOGNAME"))
            .unwrap_or("unknown");
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = self.get("HOSTNAME").unwrap_or(host.trim());
        format!("{user}@{}", if host.is_empty() { "unknown" } else { host })
    }

    /// Where systemd hands over credentials.
    fn credentials_directory(&self) -> Option<PathBuf> {
        self.get("CREDENTIALS_DIRECTORY").map(PathBuf::from)
    }

    /// The value of a long option: as it was typed, else from its variable.
    pub(crate) fn option(&self, typed: Option<&str>, name: &str) -> Option<String> {
        typed
            .or_else(|| self.get(&variable(name)))
            .map(str::to_owned)
    }

    /// The value of an option that is a file.
    pub(crate) fn path(&self, typed: Option<&PathBuf>, name: &str) -> Option<PathBuf> {
        typed
            .cloned()
            .or_else(|| self.get(&variable(name)).map(PathBuf::from))
    }

    /// The value of an option that is on or off.
    fn switch(&self, typed: bool, name: &'static str) -> Result<bool, ConfigError> {
        let Some(text) = self.get(&variable(name)).filter(|_| !typed) else {
            return Ok(typed);
        };
        match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(ConfigError::value(
                name,
                format!("`{text}` is neither true nor false"),
            )),
        }
    }
}

/// The variable of a long option.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An option's value makes no sense.
    #[error("--{option}: {why}")]
    Value {
        /// The option's long name.
        option: &'static str,
        /// What is wrong.
        why: String,
    },
    /// No source was named.
    #[error("no users were named")]
    NoSource,
    /// Two sources were named.
    #[error("{first} and {second} are two sources of users")]
    TwoSources {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// No way to sign in was named.
    #[error("no credentials were given")]
    NoCredentials,
    /// Part of a way to sign in is missing.
    #[error("--{given} needs --{missing}")]
    Incomplete {
        /// The option that was given.
        given: &'static str,
        /// The option that it needs.
        missing: &'static str,
    },
    /// Several ways to sign in.
    #[error("--{first} and --{second} are two ways to sign in")]
    TwoCredentials {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An array job's environment that does not say which shard this is.
    #[error(transparent)]
    Array(#[from] crate::shard::ArrayError),
    /// A key file, or the token.
    #[error(transparent)]
    Key(#[from] crate::auth::AuthError),
}

impl ConfigError {
    pub(crate) const fn value(option: &'static str, why: String) -> Self {
        Self::Value { option, why }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Value { .. } => "see bulk-unlock run --help".to_owned(),
            Self::NoSource => "name a CSV file, - for standard input, or say --user, --search, --locked-since or \
                 --failed-from"
                .to_owned(),
            Self::TwoSources { .. } => "keep one of them".to_owned(),
            Self::NoCredentials => "name a key with --api-key-file, or an OAuth client with --oauth-issuer, \
                 --oauth-client-id and --oauth-key-file, or a token with --token-file; to try the program without an \
                 account, say --simulate"
                .to_owned(),
            Self::Incomplete { missing, .. } => format!("add --{missing}"),
            Self::TwoCredentials { .. } => "keep one of them".to_owned(),
            Self::Array(_) => "set what is missing, or say --shard I/N (--shard 0/1: all rows)".to_owned(),
            Self::Key(error) => error.hint(),
        }
    }
}

#[cfg(test)]
impl Environment {
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(owned.collect())
    }
}
