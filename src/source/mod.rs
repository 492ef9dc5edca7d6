//! Where rows come from: every source ends in one channel of [`Row`]s.
//!
//! Nothing here knows what becomes of a row, but for one that repeats a user. A list that the
//! service keeps is read through `api`, paced like all else; looking one user up is the worker's.

mod columns;
mod damage;
mod earlier;
mod every;
mod flaw;
mod format;
mod input;
mod locked;
mod packing;
mod peek;
mod records;
mod rows;
mod search;
mod seen;
mod select;
mod sheet;
mod sniff;
mod stream;
mod survey;
mod taken;
mod text;
mod tidy;
mod workbook;

#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, time::SystemTime};

use crate::{
    api::ListError,
    model::{MethodSet, Row},
    results::{ResultsError, timestamp},
    shard::Shard,
};

pub use self::{
    flaw::TableFlaw,
    format::{
        ColumnNames, TableFormat, UnknownDelimiter, UnknownEncoding, parse_delimiter,
        parse_encoding,
    },
    input::Input,
    packing::Packing,
    rows::FileRows,
    select::{Choice, Select},
    stream::{Need, Prepared, Sink},
    survey::{Defect, Survey},
    taken::{ColumnsTaken, TakenColumn, Use, Why},
};

/// Where the users are.
#[derive(Debug, Clone)]
pub enum Source {
    /// A table.
    Table(Input, TableFormat),
    /// User IDs and e-mail addresses, as they were typed.
    Named(Vec<String>),
    /// The results of an earlier run: its rows that did not end well.
    Earlier(PathBuf),
    /// Every user whose e-mail address contains this.
    Search(String),
    /// Whom the event log reports as locked after one time and up to another.
    Locked {
        /// After this time.
        after: SystemTime,
        /// Up to this time.
        until: SystemTime,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(input, _) => input.fmt(f),
            Self::Named(names) if names.len() <= 3 => write!(f, "{}", names.join(", ")),
            Self::Named(names) => write!(f, "{} users, named one by one", names.len()),
            Self::Earlier(path) => write!(f, "failures of {}", path.display()),
            Self::Search(text) => write!(f, "search for `{text}`"),
            Self::Locked { after, until } => write!(
                f,
                "event log, locked from {} to {}",
                timestamp(*after),
                timestamp(*until)
            ),
        }
    }
}

/// What to read and how.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Where the users are.
    pub source: Source,
    /// The methods of a row that names none.
    pub methods: MethodSet,
    /// At most this many rows, counted before the shard's are picked: the shards together do what
    /// one run would.
    pub limit: Option<u64>,
    /// Which part of these rows; `None` for all.
    pub shard: Option<Shard>,
}

/// The rows of a source that is at hand; of one that the service keeps, none.
///
/// # Errors
/// [`SourceError`], where it cannot be opened.
pub fn read(
    settings: &SourceSettings,
) -> Result<impl Iterator<Item = Result<Row, SourceError>> + use<>, SourceError> {
    let rows = every::Rows::open(settings)?;
    Ok(settings.limited(rows.into_iter().flatten()))
}

impl SourceSettings {
    /// The rows that `limit` and `shard` leave. What cannot be read is every shard's.
    fn limited<R>(&self, rows: R) -> impl Iterator<Item = R::Item> + use<R>
    where
        R: Iterator<Item = Result<Row, SourceError>>,
    {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        let shard = self.shard;
        rows.take(limit.unwrap_or(usize::MAX)).filter(move |row| {
            let own = |shard: Shard| row.as_ref().map_or(true, |row| shard.holds(row));
            shard.is_none_or(own)
        })
    }

    /// What these rows are.
    fn survey(
        &self,
        rows: impl Iterator<Item = Result<Row, SourceError>>,
    ) -> Result<Survey, SourceError> {
        let mut survey = Survey::default();
        let mut select = Select::default();
        for row in self.limited(rows) {
            survey.take(&row?, &mut select);
        }
        Ok(survey)
    }
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
    /// A pipe cannot be kept, to be read twice.
    #[error("failed to copy {input} to a temporary file: {source}")]
    Spool {
        /// The source.
        input: Input,
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
    /// A file that should be the results of an earlier run.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A list that the service keeps.
    #[error(transparent)]
    List(#[from] ListError),
    /// A list of which the service gives the same page for every number.
    #[error("the service gives the same page of users again and again")]
    Endless,
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
            Self::Spool { .. } => {
                "free some space, or name a folder that has it in TMPDIR, or name a file".to_owned()
            }
            Self::Read { .. } => "nothing after that line was read".to_owned(),
            Self::Table { flaw, .. } => flaw.hint(),
            Self::Results(error) => error.hint().to_owned(),
            Self::List(_) => {
                "see that the credentials may read that list, or name the users in a file"
                    .to_owned()
            }
            Self::Endless => "name the users in a file".to_owned(),
        }
    }
}
