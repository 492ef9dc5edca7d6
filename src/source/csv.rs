//! Rows from CSV: a file or standard input.

use std::{
    fs::File,
    io::{self, Read},
};

use ::csv::{ByteRecord, Reader, ReaderBuilder, Trim};

use crate::model::{MethodSet, Row, UserRef};

use super::{Input, SourceError, TableFormat, columns::Columns};

/// A user ID longer than this is none.
const LONGEST_ID: usize = 256;

/// The rows of a CSV, read as they are asked for.
pub(super) struct CsvRows {
    reader: Reader<Box<dyn Read>>,
    record: ByteRecord,
    columns: Columns,
    input: Input,
    methods: MethodSet,
    row: u64,
}

impl CsvRows {
    /// Opens the source and reads its header.
    pub(super) fn open(
        input: &Input,
        format: &TableFormat,
        methods: MethodSet,
    ) -> Result<Self, SourceError> {
        let bytes: Box<dyn Read> = match input {
            Input::Stdin => Box::new(io::stdin()),
            Input::Spooled(file, _) => {
                Box::new(rewound(file).map_err(|source| SourceError::Open {
                    input: input.clone(),
                    source,
                })?)
            }
            Input::File(path) => Box::new(open_file(path).map_err(|source| SourceError::Open {
                input: input.clone(),
                source,
            })?),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(bytes);
        let mut rows = Self {
            reader,
            record: ByteRecord::new(),
            columns: Columns::FIRST_IS_ID,
            input: input.clone(),
            methods,
            row: 0,
        };
        if format.header && rows.advance()? {
            rows.columns = rows.header()?;
        }
        Ok(rows)
    }

    fn header(&self) -> Result<Columns, SourceError> {
        let columns = Columns::by_name(&self.record).map_err(|twice| SourceError::Ambiguous {
            input: self.input.clone(),
            what: twice.what,
            first: twice.first,
            second: twice.second,
        })?;
        if columns.id.or(columns.email).or(columns.username).is_some() {
            return Ok(columns);
        }
        let found: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
        Err(SourceError::NoIdColumn {
            input: self.input.clone(),
            found: found.join(",").escape_debug().take(120).collect(),
        })
    }

    /// The next record that is not blank; false at the end.
    fn advance(&mut self) -> Result<bool, SourceError> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(false) => return Ok(false),
                Ok(true) if self.record.iter().all(<[u8]>::is_empty) => {}
                Ok(true) => return Ok(true),
                Err(error) => return Err(self.read_error(error)),
            }
        }
    }

    fn read_error(&self, error: ::csv::Error) -> SourceError {
        let line = self.reader.position().line();
        let source = match error.into_kind() {
            ::csv::ErrorKind::Io(source) => source,
            other => io::Error::other(format!("{other:?}")),
        };
        SourceError::Read {
            input: self.input.clone(),
            line,
            source,
        }
    }

    fn row(&self) -> Result<Row, SourceError> {
        let user = UserRef {
            id: self.text(self.columns.id)?,
            email: self.text(self.columns.email)?,
            username: self.text(self.columns.username)?,
        };
        let methods = self.text(self.columns.methods)?;
        let methods = methods.map(|text| text.parse::<MethodSet>()).transpose();
        let defect = match &methods {
            Err(unknown) => Some(unknown.to_string()),
            Ok(_) => defect_of(&user),
        };
        Ok(Row {
            number: self.row,
            line: self.record.position().map(::csv::Position::line),
            user,
            methods: methods.ok().flatten().unwrap_or(self.methods),
            defect,
        })
    }

    /// A field's text; `None` where it is empty or there is no such column.
    fn text(&self, column: Option<usize>) -> Result<Option<String>, SourceError> {
        let bytes = column
            .and_then(|column| self.record.get(column))
            .unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| SourceError::Encoding {
            input: self.input.clone(),
            line: self.record.position().map_or(0, ::csv::Position::line),
            row: self.row,
        })?;
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }
}

impl Iterator for CsvRows {
    type Item = Result<Row, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(false) => None,
            Ok(true) => {
                self.row += 1;
                Some(self.row())
            }
            Err(error) => Some(Err(error)),
        }
    }
}

fn rewound(file: &File) -> io::Result<File> {
    let mut file = file.try_clone()?;
    io::Seek::rewind(&mut file)?;
    Ok(file)
}

fn open_file(path: &std::path::Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(file)
}

/// Why this cannot be a user's ID. `.` and `..` would vanish from the URL's path, even encoded.
pub(super) fn defect_of(user: &UserRef) -> Option<String> {
    let why = match user.id.as_deref() {
        None if user.email.is_none() && user.username.is_none() => "no user in this row",
        None => return None,
        Some("." | "..") => "a user ID cannot be `.` or `..`",
        Some(id) if id.chars().any(char::is_control) => "a user ID cannot hold control characters",
        Some(id) if id.len() > LONGEST_ID => "a user ID cannot be longer than 256 bytes",
        Some(_) => return None,
    };
    Some(why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{CsvRows, TableFormat};
    use crate::{
        model::{MethodSet, Row},
        source::{Input, SourceError},
    };

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("written");
        file
    }

    fn read(bytes: &[u8], header: bool) -> Result<Vec<Row>, SourceError> {
        let file = file(bytes);
        let format = TableFormat {
            header,
            ..TableFormat::default()
        };
        let rows: Vec<Row> = CsvRows::open(&Input::new(file.path()), &format, MethodSet::ALL)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn ids(rows: &[Row]) -> Vec<&str> {
        rows.iter()
            .map(|row| row.user.id.as_deref().unwrap_or("-"))
            .collect()
    }

    #[test]
    fn headers_blank_lines_padding_and_line_ends() {
        let bytes = b"\xef\xbb\xbfEmail, User Id ,x\r\n\r\na@x, 1 ,y\r\n , ,\n\"b@x\",\"2\",\"line\nbreak\"\r\n3only\n";
        let rows = read(bytes, true).expect("readable");
        assert_eq!(ids(&rows), ["1", "2", "-"]);
        assert_eq!(rows[1].user.email.as_deref(), Some("b@x"));
        assert_eq!(rows[2].number, 3);
        assert_eq!(rows[2].user.email.as_deref(), Some("3only"));
    }

    #[test]
    fn without_a_header_column_one_is_the_id() {
        assert_eq!(
            ids(&read(b"1,x\n2\n", false).expect("readable")),
            ["1", "2"]
        );
        assert!(read(b"", false).expect("readable").is_empty());
        assert!(read(b"id\n", true).expect("readable").is_empty());
    }

    #[test]
    fn rows_that_cannot_be_users_say_why() {
        let rows = read(
            b"id,methods\n..,\n.,\na\x07b,\nok,PUSH\nok,sms|token\n",
            true,
        )
        .expect("readable");
        let defects: Vec<_> = rows.iter().map(|row| row.defect.is_some()).collect();
        assert_eq!(defects, [true, true, true, true, false]);
        assert_eq!(rows[4].methods.to_string(), "TOKEN|SMS");
    }

    #[test]
    fn a_source_that_cannot_be_understood_is_refused_with_its_position() {
        assert!(matches!(
            read(b"name,phone\nx,y\n", true),
            Err(SourceError::NoIdColumn { found, .. }) if found == "name,phone"
        ));
        assert!(matches!(
            read(b"id\na\n\xff\xfe\n", true),
            Err(SourceError::Encoding {
                line: 3,
                row: 2,
                ..
            })
        ));
        assert!(matches!(
            read(b"id,userId\n", true),
            Err(SourceError::Ambiguous { .. })
        ));
    }
}
