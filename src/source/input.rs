//! Where a table's bytes are.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::SourceError;

/// Where a table is.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input, which can be read once.
    Stdin,
    /// What a pipe held, read to its end into a file without a name; and the pipe's name.
    Spooled(Arc<File>, String),
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

    /// Whether it can be read once only: standard input, a pipe.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        match self {
            Self::File(path) => path
                .metadata()
                .is_ok_and(|found| !found.is_file() && !found.is_dir()),
            Self::Stdin => true,
            Self::Spooled(..) => false,
        }
    }

    /// The same, so that it can be read twice.
    ///
    /// # Errors
    /// [`SourceError::Open`], [`SourceError::Spool`].
    pub fn spooled(self) -> Result<Self, SourceError> {
        if !self.is_stream() {
            return Ok(self);
        }
        let pipe: Box<dyn Read> = match &self {
            Self::File(path) => match File::open(path) {
                Ok(pipe) => Box::new(pipe),
                Err(source) => {
                    return Err(SourceError::Open {
                        input: self,
                        source,
                    });
                }
            },
            Self::Stdin | Self::Spooled(..) => Box::new(io::stdin().lock()),
        };
        match kept(pipe) {
            Ok(file) => Ok(Self::Spooled(Arc::new(file), self.to_string())),
            Err(source) => Err(SourceError::Spool {
                input: self,
                source,
            }),
        }
    }
}

/// What comes out of a pipe, in a file without a name.
fn kept(mut pipe: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut pipe, &mut file)?;
    Ok(file)
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
            Self::Spooled(_, name) => f.write_str(name),
        }
    }
}
