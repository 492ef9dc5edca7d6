//! Records, one after the other, of a text or of a sheet, and the line of each.

use ::csv::{ByteRecord, Reader, ReaderBuilder};

use super::{
    flaw::TableFlaw,
    format::TableFormat,
    packing::{Packing, unreadable},
    peek::{Bytes, peek},
    sheet::{Oddity, SheetRecords},
    sniff::opening,
    text::{Text, trim},
    tidy::Tidy,
};

/// One record. Reused, so that a file is read without an allocation a record.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) fields: ByteRecord,
    /// The line that the record begins in, from 1; in a sheet its row.
    pub(super) line: u64,
    /// Cells of a sheet that hold something else than text or a whole number, by position.
    pub(super) odd: Vec<(usize, Oddity)>,
}

impl Record {
    fn is_blank(&self) -> bool {
        let blank = |field: &[u8]| match field.trim_ascii_start().first() {
            None => true,
            Some(first) if first.is_ascii_graphic() => false,
            Some(_) => std::str::from_utf8(field).is_ok_and(|text| trim(text).is_empty()),
        };
        self.fields.iter().all(blank)
    }
}

/// Where records come from.
pub(super) enum Records {
    Text(Box<TextRecords>),
    Sheet(SheetRecords),
}

impl Records {
    /// The next record that is not blank; false at the end.
    pub(super) fn advance(&mut self, record: &mut Record) -> Result<bool, TableFlaw> {
        loop {
            let more = match self {
                Self::Text(records) => records.advance(record)?,
                Self::Sheet(records) => records.advance(record)?,
            };
            if !more || !record.is_blank() {
                return Ok(more);
            }
        }
    }
}

const BUFFER: usize = 1 << 16;

/// Records of a text.
pub(super) struct TextRecords {
    reader: Reader<Tidy<Bytes>>,
    /// Lines before the first record.
    lines_before: u64,
    packing: Option<Packing>,
}

impl TextRecords {
    /// Looks at the beginning. `packing` is the layer that the text was in last, if any.
    pub(super) fn open(
        mut text: Text,
        packing: Option<Packing>,
        format: &TableFormat,
    ) -> Result<(Self, u8), TableFlaw> {
        let peeked = peek(&mut text.bytes);
        let mut peeked = peeked.map_err(|error| unreadable(0, packing.as_ref(), error))?;
        let opening = opening(&peeked.sample, peeked.complete, format);
        peeked.sample.drain(..opening.skip);
        let tidy = Tidy::new(peeked.rejoin(text.bytes), opening.delimiter, opening.line);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(opening.delimiter)
            .buffer_capacity(BUFFER)
            .from_reader(tidy);
        let records = Self {
            reader,
            lines_before: opening.line - 1,
            packing,
        };
        Ok((records, opening.delimiter))
    }

    fn advance(&mut self, record: &mut Record) -> Result<bool, TableFlaw> {
        let more = self.reader.read_byte_record(&mut record.fields);
        let next_line = self.lines_before + self.reader.position().line();
        match more {
            // The reader takes the record to begin where blank lines before it begin.
            Ok(true) => {
                let bytes = record.fields.as_slice().iter();
                let inside = bytes.filter(|byte| **byte == b'\n').count() as u64;
                record.line = next_line - 1 - inside;
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => Err(self.flaw(error, next_line - 1)),
        }
    }

    fn flaw(&self, error: ::csv::Error, line: u64) -> TableFlaw {
        let error = match error.into_kind() {
            ::csv::ErrorKind::Io(error) => error,
            other => std::io::Error::other(format!("{other:?}")),
        };
        error
            .downcast::<TableFlaw>()
            .unwrap_or_else(|error| unreadable(line, self.packing.as_ref(), error))
    }
}
