//! Where rows come from: every source ends in one channel of [`Row`]s.
//!
//! Nothing here sends a request or knows what becomes of a row, but for one that repeats a user.

mod columns;
mod damage;
mod flaw;
mod format;
mod packing;
mod peek;
mod records;
mod rows;
mod select;
mod sheet;
mod sniff;
mod taken;
mod text;
mod tidy;
mod workbook;

#[cfg(test)]
mod tests;

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

pub use self::{
    flaw::TableFlaw,
    format::{
        ColumnNames, TableFormat, UnknownDelimiter, UnknownEncoding, parse_delimiter,
        parse_encoding,
    },
    packing::Packing,
    rows::FileRows,
    taken::{ColumnsTaken, TakenColumn, Use, Why},
};

use self::select::Select;

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file: a CSV or a workbook, packed or not.
    File(PathBuf),
    /// The same on standard input.
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
    /// What was read is not a table of users.
    #[error("{input} {flaw}")]
    Table {
        /// The source.
        input: Input,
        /// What is wrong with it, and where.
        flaw: TableFlaw,
    },
}

impl SourceError {
    fn table(input: &Input, flaw: TableFlaw) -> Self {
        let input = input.clone();
        match flaw {
            TableFlaw::Read { line, source } => Self::Read {
                input,
                line,
                source,
            },
            flaw => Self::Table { input, flaw },
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Open { .. } => {
                "name a file that exists and that you may read, or - for standard input".to_owned()
            }
            Self::Read { .. } => "nothing after that line was read".to_owned(),
            Self::Table { flaw, .. } => flaw.hint(),
        }
    }
}

/// Reads the whole source once, before anything is sent: whether it can be read to its end, and
/// how many rows it holds. `None` where it can be read only once (a pipe).
///
/// # Errors
/// [`SourceError`], with the position.
pub fn survey(settings: &SourceSettings) -> Result<Option<u64>, SourceError> {
    let once = match &settings.input {
        Input::Stdin => true,
        Input::File(path) => path.exists() && !path.is_dir() && !path.is_file(),
    };
    if once {
        return Ok(None);
    }
    let mut count = 0;
    for row in open(settings)? {
        row?;
        count += 1;
    }
    Ok(Some(count))
}

fn open(
    settings: &SourceSettings,
) -> Result<impl Iterator<Item = Result<Row, SourceError>>, SourceError> {
    let format = TableFormat {
        header: settings.header,
        ..TableFormat::default()
    };
    let rows = FileRows::open(&settings.input, &format, settings.methods)?;
    let limit = settings.limit.and_then(|limit| usize::try_from(limit).ok());
    Ok(rows.take(limit.unwrap_or(usize::MAX)))
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
    for row in open(settings)? {
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
