//! Why the settings cannot be used.

use std::path::PathBuf;

use super::origin::Origin;

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
    /// The same, of one that was not typed.
    #[error("{origin}: {why}")]
    Placed {
        /// Where it stands.
        origin: Origin,
        /// What is wrong.
        why: String,
    },
    /// The configuration file cannot be read.
    #[error("failed to read the configuration file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The configuration file is so large that it must be another file.
    #[error("{path} is larger than 1 MiB, which no configuration file is")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The configuration file is no TOML.
    #[error("{path}, line {line}: {why}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The configuration file holds a key that is no option.
    #[error("{path}, line {line}: `{key}` is no option; did you mean `{nearest}`?")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The option that is most like it.
        nearest: String,
    },
    /// There is no such profile.
    #[error("there is no profile `{name}` in {path}")]
    NoProfile {
        /// The profile.
        name: String,
        /// The file.
        path: PathBuf,
        /// Those that there are.
        others: Vec<String>,
    },
    /// A profile was named, and there is no file that could hold it.
    #[error("there is no configuration file that could hold the profile `{name}`")]
    NoFile {
        /// The profile.
        name: String,
        /// Where a file was looked for.
        looked_for: Vec<PathBuf>,
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
            Self::Value { .. } | Self::Placed { .. } => "see bulk-unlock run --help".to_owned(),
            Self::File { .. } => {
                "check the path and that you may read it, or name another file with --config"
                    .to_owned()
            }
            Self::TooLarge { .. } => {
                "name the TOML file with the options, with --config or BULK_UNLOCK_CONFIG; users go into a list of their own"
                    .to_owned()
            }
            Self::Syntax { .. } => "see samples/config.toml for how it is written".to_owned(),
            Self::UnknownKey { .. } => {
                "keys are the long options of run without their --; profiles stand as [profiles.NAME]"
                    .to_owned()
            }
            Self::NoProfile { others, .. } if others.is_empty() => {
                "the file has no [profiles.NAME] at all".to_owned()
            }
            Self::NoProfile { others, .. } => format!("there are: {}", others.join(", ")),
            Self::NoFile { looked_for, .. } => {
                let paths: Vec<_> = looked_for.iter().map(|path| path.display().to_string()).collect();
                format!("name it with --config, or write one of {}", paths.join(", "))
            }
            Self::NoSource => "name a CSV file, - for standard input, or say --user, --search, --locked-since or \
                 --failed-from"
                .to_owned(),
            Self::NoCredentials => "name a key with --api-key-file, or an OAuth client with --oauth-issuer, \
                 --oauth-client-id and --oauth-key-file, or a token with --token-file; to try the program without an \
                 account, say --simulate"
                .to_owned(),
            Self::Incomplete { missing, .. } => format!("add --{missing}"),
            Self::TwoSources { .. } | Self::TwoCredentials { .. } => {
                "keep one of them; bulk-unlock check shows where each comes from".to_owned()
            }
            Self::Array(_) => "set what is missing, or say --shard I/N (--shard 0/1: all rows)".to_owned(),
            Self::Key(error) => error.hint(),
        }
    }
}
