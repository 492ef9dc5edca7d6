//! Writing: one whole record a write, so that a cut run leaves whole lines.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use csv::{Terminator, WriterBuilder};

use super::{COLUMNS, Record};

/// What to do where the file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Refuse.
    CreateNew,
    /// Replace its content.
    Overwrite,
}

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// There is such a file.
    #[error("{0} exists")]
    Exists(PathBuf),
    /// It cannot be made or opened.
    #[error("failed to create {path}: {source}")]
    Create {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A record could not be written, or not be brought to the disk.
    #[error("failed to write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl ResultsError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Exists(_) => "say --overwrite to replace it, or name another file with --results",
            Self::Create { .. } => {
                "name a file in a folder that exists and that you may write to, with --results"
            }
            Self::Write { .. } => {
                "make room, or name a file elsewhere with --results; what was recorded stays readable"
            }
        }
    }
}

/// The results file. It holds its header from the start.
#[derive(Debug)]
pub struct ResultsFile {
    file: File,
    path: PathBuf,
    line: Vec<u8>,
    dirty: bool,
}

impl ResultsFile {
    /// Makes the file and writes the header.
    ///
    /// # Errors
    /// [`ResultsError`], before anything was sent.
    pub fn create(path: &Path, mode: WriteMode) -> Result<Self, ResultsError> {
        let file = open(path, mode).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => ResultsError::Exists(path.to_owned()),
            _ => ResultsError::Create {
                path: path.to_owned(),
                source,
            },
        })?;
        let mut results = Self {
            file,
            path: path.to_owned(),
            line: Vec::new(),
            dirty: false,
        };
        results.write_line(&COLUMNS)?;
        results.sync()?;
        sync_folder(path);
        Ok(results)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands one whole record to the operating system.
    ///
    /// # Errors
    /// [`ResultsError::Write`]: the record may not be there.
    pub fn append(&mut self, record: &Record) -> Result<(), ResultsError> {
        self.write_line(record.fields())
    }

    /// Brings what was written to the disk, where there is anything new.
    ///
    /// # Errors
    /// [`ResultsError::Write`].
    pub fn sync(&mut self) -> Result<(), ResultsError> {
        if !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        match self.file.sync_data() {
            // A pipe or a terminal has no disk behind it.
            Err(source)
                if !matches!(
                    source.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                ) =>
            {
                Err(self.failed(source))
            }
            _ => Ok(()),
        }
    }

    /// From now on nothing fits.
    #[cfg(test)]
    pub(crate) fn break_for_test(&mut self) {
        self.file = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux");
    }

    fn write_line<T: AsRef<[u8]>>(&mut self, fields: &[T]) -> Result<(), ResultsError> {
        self.line.clear();
        encode(&mut self.line, fields).map_err(|source| self.failed(source))?;
        self.file
            .write_all(&self.line)
            .map_err(|source| self.failed(source))?;
        self.dirty = true;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> ResultsError {
        ResultsError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

fn encode<T: AsRef<[u8]>>(line: &mut Vec<u8>, fields: &[T]) -> io::Result<()> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .from_writer(line);
    writer.write_record(fields)?;
    writer.flush()
}

/// What holds nothing, such as a pipe or `/dev/stdout`, is written to in either mode.
fn open(path: &Path, mode: WriteMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    let kind = path.metadata().map(|found| found.file_type());
    match (mode, kind) {
        (_, Ok(kind)) if kind.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        (_, Ok(kind)) if !kind.is_file() => &mut options,
        (WriteMode::CreateNew, _) => options.create_new(true),
        (WriteMode::Overwrite, _) => options.create(true).truncate(true),
    };
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The name too must survive a crash. Where a folder cannot be synced, nothing else can be done.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::{any, proptest};

    use super::{ErrorKind, Record, ResultsError, ResultsFile, WriteMode};
    use crate::model::{MethodSet, Outcome, OutcomeKind, Row, UserRef};

    fn record(id: &str) -> Record {
        let row = Row::new(1, UserRef::by_id(id), MethodSet::ALL);
        let outcome = Outcome::without_request(OutcomeKind::Invalid, "why");
        Record::new(&row, &outcome, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_file_that_exists_is_kept_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.csv");
        ResultsFile::create(&path, WriteMode::CreateNew).expect("new");
        let again = ResultsFile::create(&path, WriteMode::CreateNew);
        assert!(matches!(again, Err(ResultsError::Exists(_))));
        let mut file = ResultsFile::create(&path, WriteMode::Overwrite).expect("replaced");
        file.append(&record("a")).expect("written");
        file.sync().expect("synced");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("row,user_id,email,username,methods,outcome,http_status,"));
    }

    #[test]
    fn a_folder_is_no_results_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for mode in [WriteMode::CreateNew, WriteMode::Overwrite] {
            let made = ResultsFile::create(folder.path(), mode);
            assert!(matches!(made, Err(ResultsError::Create { .. })), "{made:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        for mode in [WriteMode::CreateNew, WriteMode::Overwrite] {
            let full = ResultsFile::create("/dev/full".as_ref(), mode);
            let Err(ResultsError::Write { source, .. }) = full else {
                panic!("nothing fits");
            };
            assert_eq!(source.kind(), ErrorKind::StorageFull);
        }
    }

    #[test]
    fn fields_are_quoted_as_rfc_4180_says() {
        for (field, written) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("ünïcode", "ünïcode"),
        ] {
            let mut line = Vec::new();
            super::encode(&mut line, &["1", field, "z"]).expect("memory");
            assert_eq!(
                String::from_utf8(line).expect("UTF-8"),
                format!("1,{written},z\n")
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_one_record(id in any::<String>()) {
            let mut line = Vec::new();
            super::encode(&mut line, record(&id).fields()).expect("memory");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_slice());
            let records: Vec<_> = reader.records().collect::<Result<_, _>>().expect("CSV");
            assert_eq!(records.len(), 1);
            assert_eq!(records[0].iter().collect::<Vec<_>>(), record(&id).fields().each_ref());
            let unquoted = line.split(|byte| *byte == b'"').step_by(2).flatten();
            assert_eq!(unquoted.filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(line.last(), Some(&b'\n'));
        }
    }
}
