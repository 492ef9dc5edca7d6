//! Why results cannot be written or read.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::lock::LockError;

/// Why results cannot be written or read. Lines are counted from 1, the header included.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// There is such a file.
    #[error("{0} exists")]
    Exists(PathBuf),
    /// It cannot be made or opened.
    #[error("failed to open {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another run has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A record could not be written, or not be brought to the disk.
    #[error("failed to write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The disk has no room for the records of requests that are still to be sent.
    #[error("failed to reserve room for {path}: {source}")]
    Reserve {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is no longer the one of this name.
    #[error("{0} was moved, removed or replaced")]
    Vanished(PathBuf),
    /// The file is shorter than what was written to it.
    #[error("{path} was cut: it has {length} bytes of the {written} that it should have")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// The length that it should have.
        written: u64,
    },
    /// It cannot be read back.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// What its run told of it cannot be read.
    #[error("failed to read the summary {path}: {source}")]
    Summary {
        /// The summary.
        path: PathBuf,
        /// What the operating system says, or what is wrong with it.
        source: io::Error,
    },
    /// It does not begin as results do.
    #[error("{path} is not a results file; it begins with `{found}`")]
    NotResults {
        /// The file.
        path: PathBuf,
        /// What its first line reads, shortened.
        found: String,
    },
    /// A line in its middle is not a record.
    #[error("{path} has no sound record at line {line}: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The record's first line.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

impl ResultsError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == ErrorKind::NotFound)
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Exists(_) => {
                "say --resume to go on with it, --overwrite to replace it, or name another file with --results"
            }
            Self::Open { .. } => {
                "name a file in a folder that exists and that you may write to, with --results"
            }
            Self::Lock(error) => error.hint(),
            Self::Write { .. } => {
                "what was recorded stays readable: make room and say --resume, or copy it to another disk and go on there with --results COPY --resume"
            }
            Self::Reserve { .. } => {
                "what was under way is recorded: make room and say --resume, or copy it to another disk and go on there with --results COPY --resume"
            }
            Self::Vanished(_) => {
                "put it back where it was and say --resume; what was recorded since is in the file that was moved, or lost"
            }
            Self::Truncated { .. } => {
                "keep others from writing to it, and say --resume; the rows whose records are lost are done again"
            }
            Self::Read { .. } => "name a results file that exists and that you may read",
            Self::Summary { .. } => {
                "only its run's summary says what the file should hold: name it with --summary; one that is lost or damaged cannot be made again"
            }
            Self::NotResults { .. } => {
                "name the CSV that a run wrote, as it wrote it: a spreadsheet that saves it may change it"
            }
            Self::Malformed { .. } => {
                "restore the file as the run wrote it, or take that line out: the row is then done again"
            }
        }
    }

    pub(super) fn open(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::AlreadyExists => Self::Exists(path.to_owned()),
            _ => Self::Open {
                path: path.to_owned(),
                source,
            },
        }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Write { path, source }
    }

    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Read { path, source }
    }
}
