//! What was found out about a table: its form, and which column is used for what, and why.

use std::fmt;

use super::packing::Packing;

/// What a column is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It holds user IDs.
    Id,
    /// It holds user IDs and e-mail addresses, told apart by the `@`.
    IdOrEmail,
    /// It holds e-mail addresses.
    Email,
    /// It holds usernames.
    Username,
    /// It holds the methods to unlock.
    Methods,
}

impl Use {
    /// The uses that a column of its own can have.
    pub(super) const COLUMNS: [Self; 4] = [Self::Id, Self::Email, Self::Username, Self::Methods];

    /// One of what the column holds.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Id => "user ID",
            Self::IdOrEmail => "user ID or e-mail address",
            Self::Email => "e-mail address",
            Self::Username => "username",
            Self::Methods => "methods",
        }
    }

    /// What the column holds.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Id => "user IDs",
            Self::IdOrEmail => "user IDs or e-mail addresses",
            Self::Email => "e-mail addresses",
            Self::Username => "usernames",
            Self::Methods => "methods",
        }
    }

    /// The option that names the column.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Id | Self::IdOrEmail => "--id-column",
            Self::Email => "--email-column",
            Self::Username => "--username-column",
            Self::Methods => "--methods-column",
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.singular())
    }
}

/// Why a column was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its name in the header says so.
    Name,
    /// This option names it.
    Option(&'static str),
    /// It is the first one, and there is no header.
    First,
}

/// A column in use. Displayed as a line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenColumn {
    /// What it is used for.
    pub usage: Use,
    /// Its number, from 1.
    pub position: usize,
    /// Its name as it is written; `None` without a header.
    pub name: Option<String>,
    /// Why it was taken.
    pub why: Why,
}

impl ColumnsTaken {
    /// What the table looks like, as people say it.
    #[must_use]
    pub fn form(&self) -> String {
        let packing = self.packing.iter().map(ToString::to_string);
        let sheet = self.sheet.iter().map(|name| format!("sheet `{name}`"));
        let encoding = self.encoding.iter().map(|name| (*name).to_owned());
        let delimiter = self.delimiter.iter().map(|byte| match byte {
            b'\t' => "tabs between fields".to_owned(),
            byte => format!("`{}` between fields", char::from(*byte)),
        });
        let parts = packing.chain(sheet).chain(encoding).chain(delimiter);
        format!("read as: {}", parts.collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for TakenColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: column {}", self.usage, self.position)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        match self.why {
            Why::Name => f.write_str(" (by its name)"),
            Why::Option(option) => write!(f, " (named by {option})"),
            Why::First => f.write_str(" (the first, as there is no header)"),
        }
    }
}

/// What was found out about a table before its first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnsTaken {
    /// The columns in use. None of a source without a record.
    pub taken: Vec<TakenColumn>,
    /// The names of the others, as they are written. Empty without a header.
    pub ignored: Vec<String>,
    /// What stands between fields; `None` in a sheet.
    pub delimiter: Option<u8>,
    /// The encoding's name; `None` of a workbook.
    pub encoding: Option<&'static str>,
    /// How it is packed, from the outside in. Empty where it is not.
    pub packing: Vec<Packing>,
    /// The name of the sheet that is read; `None` of text.
    pub sheet: Option<String>,
}
