//! Where rows come from: every source ends in one channel of [`Row`]s.
//!
//! Nothing here knows what becomes of a row, but for one that repeats a user. A list that the
//! service keeps is read through `api`, paced like all else; looking one user up is the worker's.

mod columns;
mod csv;
mod earlier;
mod input;
mod locked;
mod rows;
mod search;
mod select;
mod stream;
mod survey;

use std::{fmt, path::PathBuf, time::SystemTime};

use crate::{
    api::ListError,
    model::{MethodSet, Row},
    results::timestamp,
};

pub use self::{
    input::Input,
    select::{Choice, Select},
    stream::{Prepared, Sink},
    survey::{Defect, Survey},
};

/// How a table is to be read.
#[derive(Debug, Clone, Default)]
pub struct TableFormat {
    /// Whether the first record names the columns; without, column 1 is the user.
    pub header: bool,
    /// What stands between fields; `None`: what the first records show.
    pub delimiter: Option<u8>,
    /// How text is encoded where no byte order mark says; `None`: UTF-8.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Columns that are named otherwise than usual.
    pub columns: ColumnNames,
}

/// Names of columns; `None`: the usual ones.
#[derive(Debug, Clone, Default)]
pub struct ColumnNames {
    /// Of user IDs.
    pub id: Option<String>,
    /// Of e-mail addresses.
    pub email: Option<String>,
    /// Of logins.
    pub username: Option<String>,
    /// Of methods.
    pub methods: Option<String>,
}

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
    /// At most this many rows.
    pub limit: Option<u64>,
}

/// The rows of a source that is at hand; of one that the service keeps, none.
///
/// # Errors
/// [`SourceError`], where it cannot be opened.
pub fn read(
    settings: &SourceSettings,
) -> Result<impl Iterator<Item = Result<Row, SourceError>> + use<>, SourceError> {
    let rows = rows::Rows::open(settings)?;
    Ok(settings.limited(rows.into_iter().flatten()))
}

impl SourceSettings {
    /// The rows that `limit` leaves.
    fn limited<R>(&self, rows: R) -> impl Iterator<Item = R::Item> + use<R>
    where
        R: Iterator<Item = Result<Row, SourceError>>,
    {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        rows.take(limit.unwrap_or(usize::MAX))
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
    /// A file that should be the results of an earlier run.
    #[error("{input} is not a results file")]
    NoResults {
        /// The file.
        input: Input,
    },
    /// A record that this program did not write.
    #[error("{input} has no record of ours at line {line}")]
    BadRecord {
        /// The file.
        input: Input,
        /// The record's first line.
        line: u64,
    },
    /// A list that the service keeps.
    #[error(transparent)]
    List(#[from] ListError),
    /// A list of which the service gives the same page for every number.
    #[error("the service gives the same page of users again and again")]
    Endless,
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
            Self::NoResults { .. } | Self::BadRecord { .. } => {
                "name a results CSV that bulk-unlock wrote, as it wrote it"
            }
            Self::List(_) => "see that the credentials may read users, or name them in a file",
            Self::Endless => "name the users in a file",
        }
    }
}
