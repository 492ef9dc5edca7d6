//! Where rows come from: every source ends in one channel of [`Row`]s.
//!
//! Nothing here sends a request or knows what becomes of a row, but for one that repeats a user.

mod columns;
mod csv;
mod select;

use std::{
    path::{Path, PathBuf},
    thread,
    time::SystemTime,
};

use tokio::sync::mpsc;

use crate::{
    event::{Event, Events, WeakEvents},
    model::{MethodSet, Outcome, OutcomeKind, Row},
    shutdown::{CancelReason, Shutdown},
};

use self::{csv::CsvRows, select::Select};

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A CSV file.
    File(PathBuf),
    /// CSV on standard input.
    Stdin,
}

impl Input {
    /// `-` is standard input, anything else a file's path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") {
            Self::Stdin
        } else {
            Self::File(path.to_owned())
        }
    }

    /// Whether it can be read twice: a regular file, not a pipe.
    fn is_regular_file(&self) -> bool {
        matches!(self, Self::File(path) if path.is_file())
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// What to read and how.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Where the rows are.
    pub input: Input,
    /// Whether the first record names the columns; without, column 1 is the user ID.
    pub header: bool,
    /// The methods of a row that names none.
    pub methods: MethodSet,
    /// At most this many rows.
    pub limit: Option<u64>,
}

/// Why a source cannot be read. Rows and lines are counted from 1, rows without the header.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened.
    #[error("failed to open {input}: {source}")]
    Open {
        /// The source.
        input: Input,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Reading stopped in the middle.
    #[error("failed to read {input} at line {line}: {source}")]
    Read {
        /// The source.
        input: Input,
        /// The line that was not read.
        line: u64,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Bytes that are not UTF-8.
    #[error("{input} is not UTF-8 at line {line} (row {row})")]
    Encoding {
        /// The source.
        input: Input,
        /// The record's first line.
        line: u64,
        /// The row, 0 for the header.
        row: u64,
    },
    /// No column of user IDs.
    #[error("{input} has no column of user IDs; its first line reads `{found}`")]
    NoIdColumn {
        /// The source.
        input: Input,
        /// The column names found, shortened.
        found: String,
    },
    /// Two columns that could both be the user ID.
    #[error("{input} has two columns of {what}: `{first}` and `{second}`")]
    Ambiguous {
        /// The source.
        input: Input,
        /// What both could be.
        what: &'static str,
        /// The first column's name.
        first: String,
        /// The second column's name.
        second: String,
    },
}

impl SourceError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Open { .. } => {
                "name a CSV file that exists and that you may read, or - for standard input"
            }
            Self::Read { .. } => "nothing after that line was read",
            Self::Encoding { .. } => "save it as UTF-8",
            Self::NoIdColumn { .. } => {
                "name the column user_id or id in the first line, or say --no-header if the first line is a user already"
            }
            Self::Ambiguous { .. } => "keep one of them",
        }
    }
}

/// Reads the whole source once, before anything is sent: whether it can be read to its end, and
/// how many rows it holds. `None` where it can be read only once (a pipe).
///
/// # Errors
/// [`SourceError`], with the position.
pub fn survey(settings: &SourceSettings) -> Result<Option<u64>, SourceError> {
    if matches!(&settings.input, Input::File(_)) && settings.input.is_regular_file() {
        let rows = CsvRows::open(settings)?;
        return rows.count_rows().map(Some);
    }
    match &settings.input {
        Input::File(path) if !path.exists() || path.is_dir() => {
            CsvRows::open(settings).map(|_| None)
        }
        _ => Ok(None),
    }
}

/// Rows that may have been read and not yet taken.
const CAPACITY: usize = 64;

/// Reads the source on a thread of its own. A user who stands in an earlier row goes to the
/// report as a duplicate, every other row into the channel. A source that fails in the middle
/// stops the job.
#[must_use]
pub fn stream(
    settings: SourceSettings,
    events: &Events,
    shutdown: Shutdown,
) -> mpsc::Receiver<Row> {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let events = events.weak();
    thread::spawn(move || {
        if let Err(error) = read_all(&settings, &sender, &events) {
            shutdown.cancel(CancelReason::SourceFailed(format!(
                "{error}; {}",
                error.hint()
            )));
        }
    });
    receiver
}

fn read_all(
    settings: &SourceSettings,
    rows: &mpsc::Sender<Row>,
    events: &WeakEvents,
) -> Result<(), SourceError> {
    let mut select = Select::default();
    let mut count = 0;
    for row in CsvRows::open(settings)? {
        let row = row?;
        count += 1;
        if let Some(earlier) = select.repeats(&row) {
            let outcome = Outcome::without_request(OutcomeKind::Duplicate, earlier);
            let at = SystemTime::now();
            events.send_blocking(Event::Finished { row, outcome, at });
        } else if rows.blocking_send(row).is_err() {
            // The pool has stopped; the rows that follow were not started.
            return Ok(());
        }
    }
    events.send_blocking(Event::SourceEnded { rows: count });
    Ok(())
}
