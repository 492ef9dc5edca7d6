//! Writing: one whole record a write, so that a cut run leaves whole lines.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write},
    num::NonZeroUsize,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::private;

use super::{
    COLUMNS, Record, Recovered, ResultsError, lock::lock, reserve::Reserve, resume::recover,
};

/// What to do where the file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Refuse.
    CreateNew,
    /// Replace its content.
    Overwrite,
    /// Go on with it. Where there is none, one is begun.
    Resume,
}

/// The results file, locked for as long as it is open. It holds its header from the start.
#[derive(Debug)]
pub struct ResultsFile {
    file: Arc<File>,
    path: PathBuf,
    line: Vec<u8>,
    dirty: bool,
    /// Its length in bytes, as it was written; `None` for what is no regular file.
    length: Option<u64>,
    reserve: Reserve,
}

impl ResultsFile {
    /// Opens the file, locks it, and only then replaces or reads what it holds. A new one gets its
    /// header, one that is gone on with loses what is torn. Returns what it held, too.
    ///
    /// # Errors
    /// [`ResultsError`], before anything was sent. A file that no run wrote is left as it is.
    pub fn open(path: &Path, mode: WriteMode) -> Result<(Self, Recovered), ResultsError> {
        let file = open(path, mode).map_err(|source| ResultsError::open(path, source))?;
        let found = file.metadata();
        let found = found.map_err(|source| ResultsError::open(path, source))?;
        let mut results = Self {
            file: Arc::new(file),
            path: path.to_owned(),
            line: Vec::new(),
            dirty: true,
            length: found.is_file().then_some(found.len()),
            reserve: Reserve::NONE,
        };
        let recovered = results.take_over(mode)?;
        if results.length.is_none_or(|length| length == 0) {
            results.write_line(&COLUMNS)?;
        }
        results.sync()?;
        sync_folder(path);
        Ok((results, recovered))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on keeps room on the disk for the records of this many requests under way.
    ///
    /// # Errors
    /// [`ResultsError::Reserve`]: there is not enough.
    pub fn reserve(&mut self, concurrency: NonZeroUsize) -> Result<(), ResultsError> {
        if self.length.is_some() {
            self.reserve = Reserve::for_requests(concurrency);
        }
        self.top_up()
    }

    /// Reserves more room where less than half of the reserve is left. A failure is told once, and
    /// leaves room for what is under way.
    ///
    /// # Errors
    /// [`ResultsError::Reserve`].
    pub fn top_up(&mut self) -> Result<(), ResultsError> {
        let length = self.length.unwrap_or_default();
        let reserved = self.reserve.top_up(&self.file, length);
        reserved.map_err(|source| ResultsError::Reserve {
            path: self.path.clone(),
            source,
        })
    }

    /// Whether the file holds what was written: behind a cut, a record would spoil it. To be asked
    /// before the first of the records that are at hand.
    ///
    /// # Errors
    /// [`ResultsError::Vanished`], [`ResultsError::Truncated`].
    pub fn check_length(&self) -> Result<(), ResultsError> {
        self.as_written().map(drop)
    }

    /// Hands one whole record to the operating system.
    ///
    /// # Errors
    /// [`ResultsError::Write`]: the record is not there, nor a part of it, as far as the
    /// operating system lets us take a part away.
    pub fn append(&mut self, record: &Record) -> Result<(), ResultsError> {
        self.write_line(record.fields())
    }

    /// What brings to the disk all that was written; `None` where nothing is new. It takes as long
    /// as the disk does, and may be called on another thread, while more is written.
    pub fn syncing(&mut self) -> Option<impl FnOnce() -> Result<(), ResultsError> + Send + use<>> {
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        std::mem::take(&mut self.dirty).then_some(move || match file.sync_data() {
            // A pipe or a terminal has no disk behind it.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                ) =>
            {
                Ok(())
            }
            synced => synced.map_err(|source| ResultsError::write(&path, source)),
        })
    }

    /// Brings what was written to the disk, where there is anything new, and makes sure that it is
    /// in the file of this name.
    ///
    /// # Errors
    /// [`ResultsError::Write`], [`ResultsError::Vanished`], [`ResultsError::Truncated`].
    pub fn sync(&mut self) -> Result<(), ResultsError> {
        self.syncing().map_or(Ok(()), |sync| sync())?;
        self.check()
    }

    /// Brings the rest to the disk and gives back the room that was reserved.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub fn close(mut self) -> Result<(), ResultsError> {
        self.sync()?;
        match self.length {
            Some(length) if self.reserve.holds_any(length) => self.cut(length),
            _ => Ok(()),
        }
    }

    /// From now on no more room can be reserved.
    #[cfg(test)]
    pub(crate) fn use_up_for_test(&mut self) {
        self.reserve = Reserve::TOO_MUCH;
    }

    /// From now on nothing fits.
    #[cfg(test)]
    pub(crate) fn break_for_test(&mut self) {
        let full = OpenOptions::new().write(true).open("/dev/full");
        self.file = Arc::new(full.expect("Linux"));
    }

    /// A file system without locks is no reason not to work.
    fn lock(&self) -> Result<(), ResultsError> {
        match lock(&self.file, &self.path) {
            Err(error) if error.is_unsupported() => {
                tracing::warn!("{error}; nothing keeps another run from writing to it");
                Ok(())
            }
            locked => Ok(locked?),
        }
    }

    /// Locks a regular file and cuts it to what is kept of it: nothing, or what is whole. Room that
    /// a killed run had reserved goes, too.
    fn take_over(&mut self, mode: WriteMode) -> Result<Recovered, ResultsError> {
        if self.length.is_none() {
            return Ok(Recovered::default());
        }
        self.lock()?;
        let (recovered, whole) = match mode {
            WriteMode::Resume => recover(&self.file, &self.path)?,
            WriteMode::CreateNew | WriteMode::Overwrite => Default::default(),
        };
        self.cut(whole)?;
        Ok(recovered)
    }

    /// Gives a regular file this length.
    fn cut(&mut self, length: u64) -> Result<(), ResultsError> {
        let cut = self.file.set_len(length);
        cut.map_err(|source| ResultsError::write(&self.path, source))?;
        self.length = Some(length);
        Ok(())
    }

    /// Whether the file is still the one of this name, and holds what was written.
    ///
    /// # Errors
    /// [`ResultsError::Vanished`], [`ResultsError::Truncated`].
    pub fn check(&self) -> Result<(), ResultsError> {
        let Some(here) = self.as_written()? else {
            return Ok(());
        };
        let same = match self.path.metadata() {
            Ok(there) => (there.dev(), there.ino()) == (here.dev(), here.ino()),
            Err(error) => error.kind() != ErrorKind::NotFound,
        };
        match same {
            true => Ok(()),
            false => Err(ResultsError::Vanished(self.path.clone())),
        }
    }

    /// What is known of the file, where it holds what was written; `None` for what is no regular
    /// file.
    fn as_written(&self) -> Result<Option<Metadata>, ResultsError> {
        let Some(written) = self.length else {
            return Ok(None);
        };
        let here = self.file.metadata();
        let here = here.map_err(|source| ResultsError::write(&self.path, source))?;
        if here.nlink() == 0 {
            return Err(ResultsError::Vanished(self.path.clone()));
        }
        if here.len() < written {
            return Err(ResultsError::Truncated {
                path: self.path.clone(),
                length: here.len(),
                written,
            });
        }
        Ok(Some(here))
    }

    fn write_line<T: AsRef<str>>(&mut self, fields: &[T]) -> Result<(), ResultsError> {
        self.line.clear();
        encode(&mut self.line, fields);
        let written = (&*self.file).write_all(&self.line);
        if let Err(source) = written {
            // Half a line would spoil the next one. Where it cannot be taken away, going on with
            // the file does that.
            if let Some(length) = self.length {
                let _ = self.file.set_len(length);
            }
            return Err(ResultsError::write(&self.path, source));
        }
        self.length = self.length.map(|length| length + self.line.len() as u64);
        self.dirty = true;
        Ok(())
    }
}

/// Adds one record to the line, quoted as RFC 4180 asks. A writer of the library's would have to be
/// made anew for each record, with a buffer of its own.
fn encode<T: AsRef<str>>(line: &mut Vec<u8>, fields: &[T]) {
    for (n, field) in fields.iter().map(AsRef::as_ref).enumerate() {
        if n > 0 {
            line.push(b',');
        }
        let special = |byte| matches!(byte, b',' | b'"' | b'\n' | b'\r');
        if field.bytes().any(special) {
            let quoted = field.replace('"', "\"\"");
            line.extend([b"\"", quoted.as_bytes(), b"\""].concat());
        } else {
            line.extend_from_slice(field.as_bytes());
        }
    }
    line.push(b'\n');
}

/// What holds nothing, such as a pipe or `/dev/stdout`, is written to in each mode. A file keeps
/// its content until it is locked.
fn open(path: &Path, mode: WriteMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let kind = path.metadata().map(|found| found.file_type());
    match (mode, kind) {
        (_, Ok(kind)) if kind.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        (_, Ok(kind)) if !kind.is_file() => options.write(true),
        (WriteMode::CreateNew, _) => options.append(true).create_new(true),
        (WriteMode::Overwrite, _) => options.append(true).create(true),
        (WriteMode::Resume, _) => options.read(true).append(true).create(true),
    };
    private::open(options.mode(0o600), path)
}

/// The name too must survive a crash. Where a folder cannot be synced, nothing else can be done.
fn sync_folder(path: &Path) {
    if let Ok(folder) = File::open(private::folder_of(path)) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests;
