//! Reading results back, record by record, in memory that does not grow with them.
//!
//! Strict: what is not as a run writes it is refused with its line, and nothing is guessed. Only
//! the end may be torn. Nothing here changes a file.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Position, Reader, ReaderBuilder, Terminator};

use super::{
    COLUMNS, Recorded, ResultsError, is_timestamp,
    recorded::{too_many_or_few, without_return},
};

/// The end of a file that was cut while its last record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// The line that it begins in, counted from 1.
    pub line: u64,
    /// The offset at which it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// The records of a results file.
#[derive(Debug)]
pub struct Records<R> {
    reader: Reader<Tail<R>>,
    record: ByteRecord,
    path: PathBuf,
    torn: Option<Torn>,
}

impl Records<File> {
    /// Opens a results file and reads its header.
    ///
    /// # Errors
    /// [`ResultsError::Read`], [`ResultsError::NotResults`].
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        let file = File::open(path).map_err(|source| ResultsError::read(path, source))?;
        Self::new(file, path)
    }
}

impl<R: Read> Records<R> {
    /// What is read from here. The path is for what goes wrong.
    pub(crate) fn new(inner: R, path: &Path) -> Result<Self, ResultsError> {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(1 << 16)
            .from_reader(Tail::new(inner));
        let mut records = Self {
            reader,
            record: ByteRecord::new(),
            path: path.to_owned(),
            torn: None,
        };
        records.advance()?;
        records.check_header()?;
        Ok(records)
    }

    /// The next record; `None` after the last whole one.
    ///
    /// # Errors
    /// [`ResultsError::Read`], and [`ResultsError::Malformed`] for what no run wrote.
    pub fn read(&mut self) -> Result<Option<Recorded<'_>>, ResultsError> {
        if !self.advance()? {
            return Ok(None);
        }
        if !self.is_whole() {
            self.end_here()?;
            return Ok(None);
        }
        let line = self.start().line();
        let malformed = |what| ResultsError::Malformed {
            path: self.path.clone(),
            line,
            what,
        };
        Recorded::parse(&self.record).map(Some).map_err(malformed)
    }

    /// What follows the last whole record; known when all are read.
    #[must_use]
    pub const fn torn(&self) -> Option<Torn> {
        self.torn
    }

    fn advance(&mut self) -> Result<bool, ResultsError> {
        let read = self.reader.read_byte_record(&mut self.record);
        read.map_err(|error| ResultsError::read(&self.path, error.into()))
    }

    /// Where the record begins.
    fn start(&self) -> Position {
        self.record
            .position()
            .map_or_else(Position::new, Clone::clone)
    }

    /// The fields must be ours, in our order. A byte order mark, which the reader passes over, is
    /// not ours.
    fn check_header(&self) -> Result<(), ResultsError> {
        let marked = self.reader.get_ref().marked;
        let ours = self.record.iter().map(without_return);
        if !marked && ours.eq(COLUMNS.map(str::as_bytes)) {
            return Ok(());
        }
        let found: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
        let mark = if marked { "\u{feff}" } else { "" };
        let found = format!("{mark}{}", found.join(","));
        Err(ResultsError::NotResults {
            path: self.path.clone(),
            found: found.escape_debug().take(120).collect(),
        })
    }

    /// Whether the record has its line end, and before it the time that is its last column.
    fn is_whole(&self) -> bool {
        let tail = self.reader.get_ref();
        let ended = self.reader.position().byte() < tail.read || tail.last == b'\n';
        let last = self.record.iter().next_back().map(without_return);
        ended && last.is_some_and(is_timestamp)
    }

    /// What is not whole has to be the end. A quote that somebody left open would make one record
    /// of all that follows; whole lines in it give that away.
    fn end_here(&mut self) -> Result<(), ResultsError> {
        let (line, offset) = (self.start().line(), self.start().byte());
        let columns = self.record.len();
        let what = if holds_whole_lines(self.record.as_slice()) {
            "a quote in it is never closed".to_owned()
        } else if !self.advance()? {
            self.torn = Some(Torn {
                line,
                offset,
                bytes: self.reader.get_ref().read - offset,
            });
            return Ok(());
        } else if columns == COLUMNS.len() {
            "its finished_at is not a time of 24 characters".to_owned()
        } else {
            too_many_or_few(columns)
        };
        Err(ResultsError::Malformed {
            path: self.path.clone(),
            line,
            what,
        })
    }
}

/// Whether a line in this text ends as a record does.
fn holds_whole_lines(text: &[u8]) -> bool {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.any(|line| {
        let line = line.strip_suffix(b"\n").map(without_return);
        let last = line.and_then(|line| line.last_chunk::<24>());
        last.is_some_and(|last| is_timestamp(last))
    })
}

/// Remembers what the reader does not tell: how a file begins and ends.
#[derive(Debug)]
struct Tail<R> {
    inner: R,
    /// Bytes read so far.
    read: u64,
    /// The last of them.
    last: u8,
    /// Whether they begin with a byte order mark.
    marked: bool,
}

impl<R> Tail<R> {
    const fn new(inner: R) -> Self {
        Self {
            inner,
            read: 0,
            last: 0,
            marked: false,
        }
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let bytes = &buffer[..length];
        self.marked |= self.read == 0 && bytes.starts_with(b"\xef\xbb\xbf");
        self.last = bytes.last().copied().unwrap_or(self.last);
        self.read += length as u64;
        Ok(length)
    }
}
