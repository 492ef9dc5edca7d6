//! The store of one rate for several processes: where it is, and why it cannot be used.
//!
//! `client` speaks to it, and is the only user of `redis`; it is left out of a build without the
//! feature `shared-limit`. Nothing here waits for a permit, or knows what one is for.

#[cfg(feature = "shared-limit")]
mod client;

use std::path::PathBuf;

use secrecy::SecretString;

#[cfg(feature = "shared-limit")]
pub use client::RateStore;

/// Where the store is, and how to sign in there.
#[derive(Debug, Clone)]
pub struct RateStoreSettings {
    /// `redis://` or `rediss://`, with user and database, and perhaps with the password.
    pub url: SecretString,
    /// The password, where it does not stand in the URL.
    pub password: Option<SecretString>,
    /// A CA that may have signed the store's certificate.
    pub ca_file: Option<PathBuf>,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RateStoreError {
    /// The URL.
    #[error("the rate store's URL cannot be used: {0}")]
    Url(String),
    /// The CA file.
    #[error("failed to read {path}: {source}")]
    Ca {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It refuses us.
    #[error("the rate store {place} refuses this: {why}")]
    Refused {
        /// Host and port.
        place: String,
        /// What it says.
        why: String,
    },
    /// It was left out.
    #[error("this build knows no rate store")]
    NotBuilt,
    /// It is not there.
    #[error("the rate store {place} does not answer: {why}")]
    Away {
        /// Host and port.
        place: String,
        /// Why.
        why: String,
    },
}

impl RateStoreError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Url(_) => "write redis://[USER@]HOST[:PORT][/DATABASE], or rediss:// for TLS".to_owned(),
            Self::Ca { .. } => "name a PEM file that you may read, with --ca-file".to_owned(),
            Self::Refused { .. } => {
                "see --rate-store, --rate-store-password-file, --ca-file, and that the user may run scripts on keys \
                 bulk-unlock:*"
                    .to_owned()
            }
            Self::Away { .. } => {
                "start it, or run with --shard I/N: each process then knows its part of the rate without it"
                    .to_owned()
            }
            Self::NotBuilt => "build it with the feature shared-limit, or leave --rate-store out".to_owned(),
        }
    }
}
