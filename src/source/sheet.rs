//! Records of a workbook's first visible sheet.
//!
//! The library's reader borrows the workbook, so both live on a thread of their own, which sends
//! one row after the other and is at most a few ahead.

use std::{
    fs::File,
    io::BufReader,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use calamine::{DataRef, XlsxCellReader, XlsxError};

use super::{
    flaw::TableFlaw,
    records::Record,
    tidy::LONGEST_RECORD,
    workbook::{self, Workbook, unreadable},
};

/// What a cell holds that is neither text nor a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// A number of which a sheet keeps 15 digits only.
    LongNumber,
    /// A number with a fraction.
    Fraction,
    /// A date or a time.
    Date,
    /// TRUE or FALSE.
    Truth,
}

/// Rows that may have been read and not yet taken.
const CAPACITY: usize = 256;

/// No sheet has more columns.
const COLUMNS: usize = 1 << 14;

/// A row; `None` after the last one.
type Message = Result<Option<Record>, TableFlaw>;

/// The rows of a sheet.
pub(super) struct SheetRecords {
    rows: Receiver<Message>,
}

impl SheetRecords {
    /// Opens the workbook. Returns the sheet's name too.
    pub(super) fn open(file: File) -> Result<(Self, String), TableFlaw> {
        let (sender, rows) = sync_channel(CAPACITY);
        let (opened, name) = sync_channel(1);
        thread::spawn(move || match workbook::open(file) {
            Ok((workbook, sheet)) => {
                // Nobody waits any more where the opener has gone.
                if opened.send(Ok(sheet.clone())).is_ok() {
                    send_rows(workbook, &sheet, &sender);
                }
            }
            Err(flaw) => drop(opened.send(Err(flaw))),
        });
        let name = name.recv().map_err(|_| gave_up(0))??;
        Ok((Self { rows }, name))
    }

    /// The next row; false at the end.
    pub(super) fn advance(&mut self, record: &mut Record) -> Result<bool, TableFlaw> {
        let message = self.rows.recv().map_err(|_| gave_up(record.line))?;
        let Some(row) = message? else {
            return Ok(false);
        };
        *record = row;
        Ok(true)
    }
}

/// The thread has ended without a word: the library met what it did not expect.
fn gave_up(line: u64) -> TableFlaw {
    unreadable(line, "it is not built as a workbook should be")
}

fn send_rows(mut workbook: Workbook, sheet: &str, sender: &SyncSender<Message>) {
    let mut row = Record::default();
    let end = match workbook.worksheet_cells_reader(sheet) {
        Ok(cells) => read_rows(cells, &mut row, sender),
        Err(error) => Err(unreadable(0, error)),
    };
    let last = end.map(|()| (!row.fields.is_empty()).then_some(row));
    let is_row = matches!(last, Ok(Some(_)));
    // Whoever took the rows may have gone; then nobody misses the last ones.
    let _ = sender.send(last);
    if is_row {
        let _ = sender.send(Ok(None));
    }
}

/// Sends every row but the last, which stays in `row`.
fn read_rows(
    mut cells: XlsxCellReader<'_, BufReader<File>>,
    row: &mut Record,
    sender: &SyncSender<Message>,
) -> Result<(), TableFlaw> {
    loop {
        let cell = cells.next_cell_with_style_id();
        let Some((cell, style)) = cell.map_err(|error| failed(row.line, error))? else {
            return Ok(());
        };
        let (line, column) = cell.get_position();
        let line = u64::from(line) + 1;
        if line != row.line {
            let complete = std::mem::take(row);
            if !complete.fields.is_empty() && sender.send(Ok(Some(complete))).is_err() {
                return Ok(());
            }
            row.line = line;
        }
        let column = column as usize;
        if !(row.fields.len()..COLUMNS).contains(&column) {
            return Err(unreadable(line - 1, "its cells are not in order"));
        }
        while row.fields.len() < column {
            row.fields.push_field(b"");
        }
        let (text, oddity) = text_of(cell.get_value(), || zeros(&cells, style));
        row.odd
            .extend(oddity.map(|oddity| (row.fields.len(), oddity)));
        row.fields.push_field(text.as_bytes());
        if row.fields.as_slice().len() + row.fields.len() > LONGEST_RECORD {
            let limit = LONGEST_RECORD;
            return Err(TableFlaw::LongRecord { line, limit });
        }
    }
}

fn failed(line: u64, error: XlsxError) -> TableFlaw {
    match error {
        XlsxError::XmlEof(_) => unreadable(line, "it is cut off there"),
        other => unreadable(line, other),
    }
}

/// The number of digits that a cell's format fills up with zeros, as `00000` does; 0 for none.
fn zeros(cells: &XlsxCellReader<'_, BufReader<File>>, style: usize) -> usize {
    let style = cells.styles().get(style);
    let format = style.and_then(|style| style.number_format.as_ref());
    let code = format.map_or("", |format| &format.format_code);
    if code.bytes().all(|byte| byte == b'0') {
        code.len()
    } else {
        0
    }
}

/// A cell's text, as the sheet shows it where that matters.
fn text_of(value: &DataRef<'_>, zeros: impl Fn() -> usize) -> (String, Option<Oddity>) {
    match value {
        DataRef::Empty => (String::new(), None),
        DataRef::String(text) => (text.clone(), None),
        DataRef::SharedString(text) => ((*text).to_owned(), None),
        DataRef::Int(number) => (number.to_string(), None),
        DataRef::Float(number) if number.fract() != 0.0 => {
            (number.to_string(), Some(Oddity::Fraction))
        }
        DataRef::Float(number) if number.abs() >= 1e15 => {
            (number.to_string(), Some(Oddity::LongNumber))
        }
        DataRef::Float(number) => {
            let width = zeros();
            (format!("{number:0width$}"), None)
        }
        DataRef::Bool(truth) => (truth.to_string().to_uppercase(), Some(Oddity::Truth)),
        DataRef::DateTime(date) => (date.as_f64().to_string(), Some(Oddity::Date)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            (text.clone(), Some(Oddity::Date))
        }
        DataRef::Error(error) => (error.to_string(), None),
    }
}
