//! Why a table cannot be read, with what to do about it.
//!
//! Each text continues the source's name. Lines and rows are counted from 1, rows without the
//! header; in a sheet a line is a row of the sheet.

use std::io;

use super::packing::Packing;

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableFlaw {
    /// The operating system stopped the reading.
    #[error("cannot be read at line {line}: {source}")]
    Read {
        /// The line that was not read.
        line: u64,
        /// What it says.
        source: io::Error,
    },
    /// Packed bytes that cannot be unpacked to their end.
    #[error("is {packing}, and damaged or cut off after line {line}: {source}")]
    Packed {
        /// How it is packed.
        packing: Packing,
        /// The last line that was unpacked in full.
        line: u64,
        /// What the unpacking says.
        source: io::Error,
    },
    /// Packed again and again.
    #[error("is packed more than {0} times over")]
    PackedTooOften(usize),
    /// Something that is no table.
    #[error("is {what}, not a table")]
    Foreign {
        /// What it is.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A workbook behind a password.
    #[error("is a workbook that is protected by a password")]
    Protected,
    /// A workbook that is damaged or uses what the library does not know.
    #[error("is a workbook that cannot be read after row {line} of the sheet: {reason}")]
    Workbook {
        /// The last row that was read, 0 for none.
        line: u64,
        /// What the library says.
        reason: String,
    },
    /// Two bytes a letter, and nothing that says in which order.
    #[error("is UTF-16 without a byte order mark")]
    Utf16 {
        /// The encoding to name.
        label: &'static str,
    },
    /// Bytes of a field in use that are not text.
    #[error("is not {encoding} at line {line} (row {row}), in the column of {what}")]
    Encoding {
        /// The encoding that was assumed, found or named.
        encoding: &'static str,
        /// The record's first line.
        line: u64,
        /// The row.
        row: u64,
        /// What the column holds.
        what: &'static str,
    },
    /// The file ends inside a quoted field.
    #[error("has a quote that is opened at line {line} and never closed")]
    UnclosedQuote {
        /// The line of the opening quote.
        line: u64,
    },
    /// A quoted field over several lines, with text right behind its closing quote.
    #[error("has a quote that is opened at line {line} and closed in mid-text at line {closed}")]
    StrayQuote {
        /// The line of the opening quote.
        line: u64,
        /// The line of the closing quote.
        closed: u64,
    },
    /// A record that is longer than any list of users needs.
    #[error("has a record of more than {limit} bytes, which begins at line {line}")]
    LongRecord {
        /// The record's first line.
        line: u64,
        /// The longest that is read, in bytes.
        limit: usize,
    },
    /// A header without a column that names users.
    #[error(
        "has no column of user IDs, e-mail addresses or usernames; its first line reads `{found}`"
    )]
    NoUsers {
        /// The names found, shortened.
        found: String,
        /// Whether the first line looks like a user already.
        data: bool,
        /// A column that may be meant: the option and the name.
        near: Option<(&'static str, String)>,
    },
    /// Two columns for one use.
    #[error("has two columns of {what}: `{first}` and `{second}`")]
    Ambiguous {
        /// What both could be.
        what: &'static str,
        /// The first column's name.
        first: String,
        /// The second column's name.
        second: String,
        /// The option that settles it.
        option: &'static str,
    },
    /// A column that was named and is not there.
    #[error("has no column `{name}`, which {option} names; its columns are `{found}`")]
    NoSuchColumn {
        /// The option.
        option: &'static str,
        /// What it names.
        name: String,
        /// The names found, shortened.
        found: String,
        /// A name that is nearly the same.
        near: Option<String>,
    },
    /// A column that was named by name, of a table without a header.
    #[error("has no header to find `{name}` in, which {option} names")]
    NotANumber {
        /// The option.
        option: &'static str,
        /// What it names.
        name: String,
        /// Columns of the first record.
        columns: usize,
    },
}

impl TableFlaw {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "nothing after that line was read".to_owned(),
            Self::Packed { .. } => "fetch or pack the file again".to_owned(),
            Self::PackedTooOften(_) => "unpack it first".to_owned(),
            Self::Foreign { remedy, .. } => (*remedy).to_owned(),
            Self::Protected => "open it in Excel and save it without a password".to_owned(),
            Self::Workbook { .. } => {
                "open it in Excel or LibreOffice and save it again as .xlsx, or as CSV".to_owned()
            }
            Self::Utf16 { label } => format!("say --encoding {label}"),
            Self::Encoding { encoding, .. } => encoding_hint(encoding),
            Self::UnclosedQuote { .. } | Self::StrayQuote { .. } => {
                "close the quote where its field ends, or remove it".to_owned()
            }
            Self::LongRecord { .. } => {
                "if a quote is opened there, close it; otherwise split the record".to_owned()
            }
            Self::NoUsers { data, near, .. } => no_users_hint(*data, near.as_ref()),
            Self::Ambiguous { option, .. } => {
                format!("say which with {option} NAME, or with its number from 1")
            }
            Self::NoSuchColumn { option, near, .. } => {
                near.as_ref().filter(|name| can_be_typed(name)).map_or_else(
                    || format!("name one of these, or give its number: {option} 1 is the first"),
                    |near| format!("is `{near}` meant? then say {option} '{near}'"),
                )
            }
            Self::NotANumber {
                option, columns, ..
            } => format!(
                "with --no-header say the column's number, {option} 1 to {option} {columns}"
            ),
        }
    }
}

fn encoding_hint(encoding: &str) -> String {
    if encoding == "UTF-8" {
        "save it as UTF-8, or, if it comes from Excel or Windows, say --encoding windows-1252"
            .to_owned()
    } else {
        "name the encoding that it was saved in with --encoding, or save it as UTF-8".to_owned()
    }
}

/// Whether a column's name is worth repeating: no line of a file that is none.
fn can_be_typed(name: &str) -> bool {
    name.chars().count() <= 60 && !name.chars().any(|c| c.is_control() || c == '\'')
}

fn no_users_hint(data: bool, near: Option<&(&'static str, String)>) -> String {
    let header = "say --no-header if the first line is a user already";
    let near = near.filter(|(_, name)| can_be_typed(name));
    let name = near.map_or_else(
        || {
            "say which column it is with --id-column, --email-column or --username-column"
                .to_owned()
        },
        |(option, name)| format!("if `{name}` is such a column, say {option} '{name}'"),
    );
    if data {
        format!("{header}; otherwise {name}")
    } else {
        format!("{name}; {header}")
    }
}
