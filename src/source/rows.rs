//! Rows from a table: a CSV or a workbook, packed or not, in any encoding.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::model::{MethodSet, Row, UserRef};

use super::{
    Input, SourceError,
    columns::{Columns, name_of},
    damage::{Zeros, defect, unwrap},
    flaw::TableFlaw,
    format::TableFormat,
    packing::{Unpacked, unpack},
    peek::Bytes,
    records::{Record, Records, TextRecords},
    sheet::{Oddity, SheetRecords},
    taken::{ColumnsTaken, Use},
    text::{decode, trim},
};

/// The rows of a table, read as they are asked for. After an error there are no more.
pub struct FileRows {
    records: Records,
    record: Record,
    /// Whether `record` is a row that was read already: the first one, without a header.
    pending: bool,
    ended: bool,
    columns: Columns,
    found: ColumnsTaken,
    input: Input,
    methods: MethodSet,
    row: u64,
    zeros: [Zeros; 2],
}

impl std::fmt::Debug for FileRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileRows")
            .field("input", &self.input)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

impl FileRows {
    /// Opens a file or standard input and reads up to the first row. A row that names no methods
    /// gets these.
    ///
    /// # Errors
    /// [`SourceError`], with the position.
    pub fn open(
        input: &Input,
        format: &TableFormat,
        methods: MethodSet,
    ) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Open {
            input: input.clone(),
            source,
        };
        let (bytes, file): (Bytes, _) = match input {
            Input::Stdin => (Box::new(io::stdin()), None),
            Input::Spooled(file, _) => {
                let (file, again) = twice(file).map_err(failed)?;
                (Box::new(file), Some(again))
            }
            Input::File(path) => {
                let (file, regular) = open_file(path).map_err(failed)?;
                let again = regular.then(|| file.try_clone()).transpose();
                (Box::new(file), again.map_err(failed)?)
            }
        };
        Self::from_parts(input, bytes, file, format, methods)
    }

    /// The same of bytes that were opened already; `input` is what messages call them.
    ///
    /// # Errors
    /// [`SourceError`], with the position.
    pub fn from_reader(
        input: &Input,
        bytes: Box<dyn Read + Send>,
        format: &TableFormat,
        methods: MethodSet,
    ) -> Result<Self, SourceError> {
        Self::from_parts(input, bytes, None, format, methods)
    }

    fn from_parts(
        input: &Input,
        bytes: Bytes,
        file: Option<File>,
        format: &TableFormat,
        methods: MethodSet,
    ) -> Result<Self, SourceError> {
        let located = |flaw| SourceError::table(input, flaw);
        let (records, found) = open_records(bytes, file, format).map_err(located)?;
        let mut rows = Self {
            records,
            record: Record::default(),
            pending: false,
            ended: false,
            columns: Columns::default(),
            found,
            input: input.clone(),
            methods,
            row: 0,
            zeros: Default::default(),
        };
        rows.begin(format).map_err(located)?;
        Ok(rows)
    }

    /// What was found out about the table: its form, and which column is what.
    #[must_use]
    pub const fn columns(&self) -> &ColumnsTaken {
        &self.found
    }

    /// Reads the header, or the first row where there is none.
    fn begin(&mut self, format: &TableFormat) -> Result<(), TableFlaw> {
        if !self.records.advance(&mut self.record)? {
            self.ended = true;
            return Ok(());
        }
        let fields = &self.record.fields;
        let (columns, taken) = if format.header {
            Columns::by_name(fields, &format.columns)?
        } else {
            Columns::by_number(fields, &format.columns)?
        };
        if format.header {
            let used = |n: usize| taken.iter().any(|column| column.position == n + 1);
            let ignored = fields.iter().enumerate().filter(|(n, _)| !used(*n));
            self.found.ignored = ignored.map(|(_, name)| name_of(name)).collect();
        }
        self.pending = !format.header;
        self.columns = columns;
        self.found.taken = taken;
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, TableFlaw> {
        if self.ended {
            return Ok(false);
        }
        let more = std::mem::take(&mut self.pending) || self.records.advance(&mut self.record)?;
        self.row += u64::from(more);
        Ok(more)
    }

    fn read_row(&mut self) -> Result<Option<Row>, TableFlaw> {
        if !self.advance()? {
            return Ok(None);
        }
        let mut user = UserRef {
            id: self.text(self.columns.id, Use::Id)?,
            email: self.text(self.columns.email, Use::Email)?,
            username: self.text(self.columns.username, Use::Username)?,
        };
        if self.columns.mixed && user.id.as_ref().is_some_and(|id| id.contains('@')) {
            user.email = user.id.take().or(user.email);
        }
        let methods = self.text(self.columns.methods, Use::Methods)?;
        let methods = methods.map(|text| text.parse::<MethodSet>()).transpose();
        let unknown = methods.as_ref().err().map(ToString::to_string);
        let defect = self.defect(&mut user).or(unknown);
        if defect.is_some() {
            shorten(&mut user);
        }
        Ok(Some(Row {
            number: self.row,
            line: Some(self.record.line),
            user,
            methods: methods.ok().flatten().unwrap_or(self.methods),
            defect,
        }))
    }

    /// Why the row cannot be a user. The ID decides where there is one: an address or a name
    /// beside it that cannot be right is left out, as no use is made of it.
    fn defect(&mut self, user: &mut UserRef) -> Option<String> {
        let odd = |column: Option<usize>| self.oddity(column);
        let [id_odd, email_odd, name_odd] =
            [self.columns.id, self.columns.email, self.columns.username].map(odd);
        let [id_zeros, name_zeros] = &mut self.zeros;
        let judge = |value: &Option<String>, usage, oddity| {
            value
                .as_deref()
                .and_then(|value| defect(usage, value, oddity))
        };
        let id = judge(&user.id, Use::Id, id_odd)
            .or_else(|| id_zeros.lost(Use::Id, user.id.as_deref()?));
        let email = judge(&user.email, Use::Email, email_odd);
        let username = judge(&user.username, Use::Username, name_odd)
            .or_else(|| name_zeros.lost(Use::Username, user.username.as_deref()?));
        if user.id.is_some() {
            user.email = user.email.take().filter(|_| email.is_none());
            user.username = user.username.take().filter(|_| username.is_none());
            return id;
        }
        if user.email.is_none() && user.username.is_none() {
            return Some("no user in this row".to_owned());
        }
        email.or(username)
    }

    fn oddity(&self, column: Option<usize>) -> Option<Oddity> {
        let odd = self.record.odd.iter();
        let mut odd = odd.filter(|(position, _)| Some(*position) == column);
        odd.next().map(|(_, oddity)| *oddity)
    }

    /// A field's text; `None` where it is empty or there is no such column.
    fn text(&self, column: Option<usize>, usage: Use) -> Result<Option<String>, TableFlaw> {
        let field = column.and_then(|column| self.record.fields.get(column));
        let Some(field) = field.filter(|field| !field.is_empty()) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(field).ok();
        let Some(text) = text.filter(|text| !self.is_decoded() || !text.contains('\u{fffd}'))
        else {
            return Err(TableFlaw::Encoding {
                encoding: self.found.encoding.unwrap_or("text"),
                line: self.record.line,
                row: self.row,
                what: usage.plural(),
            });
        };
        let text = trim(unwrap(trim(text)));
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Whether a U+FFFD stands for bytes that were not in the encoding.
    fn is_decoded(&self) -> bool {
        self.found.encoding.is_some_and(|name| name != "UTF-8")
    }
}

impl Iterator for FileRows {
    type Item = Result<Row, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.read_row();
        self.ended |= !matches!(row, Ok(Some(_)));
        row.map_err(|flaw| SourceError::table(&self.input, flaw))
            .transpose()
    }
}

fn open_records(
    bytes: Bytes,
    file: Option<File>,
    format: &TableFormat,
) -> Result<(Records, ColumnsTaken), TableFlaw> {
    let (unpacked, packing) = unpack(bytes, file)?;
    let mut found = ColumnsTaken {
        taken: Vec::new(),
        ignored: Vec::new(),
        delimiter: None,
        encoding: None,
        packing,
        sheet: None,
    };
    let records = match unpacked {
        Unpacked::Workbook(file) => {
            let (records, sheet) = SheetRecords::open(file)?;
            found.sheet = Some(sheet);
            Records::Sheet(records)
        }
        Unpacked::Text(peeked, rest) => {
            let text = decode(peeked, rest, format.encoding)?;
            found.encoding = Some(text.encoding.name());
            let layer = found.packing.last().copied();
            let (records, delimiter) = TextRecords::open(text, layer, format)?;
            found.delimiter = Some(delimiter);
            Records::Text(Box::new(records))
        }
    };
    Ok((records, found))
}

/// The file, and whether it can be read from any place.
/// A file that was spooled, from its beginning.
fn twice(file: &File) -> io::Result<(File, File)> {
    let mut file = file.try_clone()?;
    io::Seek::rewind(&mut file)?;
    let again = file.try_clone()?;
    Ok((file, again))
}

fn open_file(path: &Path) -> io::Result<(File, bool)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok((file, metadata.is_file()))
}

/// Values that cannot be a user's may be of any length; the record needs their beginning only.
fn shorten(user: &mut UserRef) {
    const ENOUGH: usize = 1024;
    let values = [&mut user.id, &mut user.email, &mut user.username];
    for value in values.into_iter().flatten() {
        if value.len() > ENOUGH {
            value.truncate(value.floor_char_boundary(ENOUGH));
            value.push('…');
        }
    }
}
