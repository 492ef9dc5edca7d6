//! Why a command ends without having done its work: one variant a way to fail, each with its exit
//! code and what to do.

use std::{io, path::PathBuf};

use crate::{
    auth::AuthError,
    config::ConfigError,
    http::HttpSetupError,
    rate_store::RateStoreError,
    report::JoinError,
    results::{LockError, PathError, ResultsError},
    simulator::{ScenarioError, UserFileError},
    source::SourceError,
};

/// A failure, to the user.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Options, environment or key files.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An output's name.
    #[error(transparent)]
    Path(#[from] PathError),
    /// TLS.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// Signing in.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The results.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// Shards that cannot be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The store of a rate for several processes.
    #[error(transparent)]
    RateStore(#[from] RateStoreError),
    /// The lock that was asked for.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The summary, or what goes to standard output.
    #[error("failed to write {path}: {source}")]
    Output {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The log file.
    #[error("failed to open the log file {path}: {source}")]
    LogFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A scenario of the simulator.
    #[error("failed to read the scenario {path}: {source}")]
    Scenario {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ScenarioError,
    },
    /// Users of the simulator.
    #[error(transparent)]
    SimulatedUsers(#[from] UserFileError),
    /// There is no folder for the simulator's key files.
    #[error("failed to make a temporary folder: {0}")]
    TemporaryFolder(io::Error),
    /// The operating system does not let us: a port, a signal handler, a folder.
    #[error("failed to {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A stop came before there was anything to report.
    #[error("{why}")]
    Stopped {
        /// Why.
        why: String,
        /// The exit code that goes with it.
        exit_code: u8,
    },
    /// A panic.
    #[error("a fault of this program ended it")]
    Fault,
    /// The user said no.
    #[error("nothing was sent")]
    Declined,
}

impl AppError {
    /// The process's exit code, as the documentation has it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::RateStore(_)
            | Self::Path(_)
            | Self::Http(_)
            | Self::LogFile { .. }
            | Self::Scenario { .. } => 2,
            Self::SimulatedUsers(_) | Self::TemporaryFolder(_) | Self::System { .. } => 2,
            Self::Auth(error) if error.is_local() => 2,
            Self::Auth(_) => 3,
            Self::Stopped { exit_code, .. } => *exit_code,
            Self::Declined => 4,
            Self::Join(error) => error.exit_code(),
            Self::Lock(error) | Self::Results(ResultsError::Lock(error)) if error.is_held() => 6,
            Self::Source(_)
            | Self::Results(_)
            | Self::Lock(_)
            | Self::Output { .. }
            | Self::Fault => 5,
        }
    }

    /// What to do about it; empty where the message says it all.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Config(error) => error.hint(),
            Self::Auth(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Results(error) => error.hint().to_owned(),
            Self::Join(error) => error.hint(),
            Self::RateStore(error) => error.hint(),
            Self::Lock(error) => error.hint().to_owned(),
            Self::Output { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room; what was recorded in the results stays there".to_owned()
            }
            Self::Output { .. } => {
                "name a file in a folder that exists and that you may write to".to_owned()
            }
            Self::LogFile { .. } => "name another file with --log-file".to_owned(),
            Self::TemporaryFolder(_) => {
                "set TMPDIR to a folder that exists and that you may write to".to_owned()
            }
            Self::Fault => "go on with --resume, and report what was printed above".to_owned(),
            Self::Declined => "say --yes not to be asked".to_owned(),
            Self::Path(_)
            | Self::Http(_)
            | Self::Scenario { .. }
            | Self::SimulatedUsers(_)
            | Self::Stopped { .. }
            | Self::System { .. } => String::new(),
        }
    }

    pub(crate) const fn system(what: &'static str, source: io::Error) -> Self {
        Self::System { what, source }
    }
}
