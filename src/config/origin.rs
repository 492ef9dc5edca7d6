//! Where a value comes from.

use std::{fmt, path::PathBuf};

/// Where an option's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was typed.
    Flag {
        /// The option's long name.
        option: String,
    },
    /// The environment.
    Variable {
        /// The variable.
        name: String,
    },
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The option's long name.
        option: String,
        /// The profile; `None` at the file's top level.
        profile: Option<String>,
    },
}

impl Origin {
    /// In a word or two: what wins over what.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Flag { .. } => "flag".to_owned(),
            Self::Variable { name } => format!("environment, {name}"),
            Self::File {
                path,
                line,
                profile: Some(profile),
                ..
            } => format!("profile {profile}, {} line {line}", path.display()),
            Self::File { path, line, .. } => format!("{} line {line}", path.display()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { option } => write!(f, "--{option}"),
            Self::Variable { name } => f.write_str(name),
            Self::File {
                path, line, option, ..
            } => write!(f, "{}, line {line}, {option}", path.display()),
        }
    }
}
