//! Rows of an earlier run that did not end well.

use std::{fs::File, path::Path};

use ::csv::{Reader, StringRecord};

use crate::{
    model::{OutcomeKind, Row, UserRef},
    results::{COLUMNS, original},
};

use super::{Input, SourceError};

/// Reads a results file.
pub(super) struct EarlierRows {
    input: Input,
    reader: Reader<File>,
    record: StringRecord,
    number: u64,
}

impl EarlierRows {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let input = Input::File(path.to_owned());
        let file = File::open(path).map_err(|source| SourceError::Open {
            input: input.clone(),
            source,
        })?;
        let mut rows = Self {
            input,
            reader: ::csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(file),
            record: StringRecord::new(),
            number: 0,
        };
        if !rows.advance()? || !rows.record.iter().eq(COLUMNS) {
            return Err(SourceError::NoResults { input: rows.input });
        }
        Ok(rows)
    }

    fn advance(&mut self) -> Result<bool, SourceError> {
        let line = self.reader.position().line();
        self.reader
            .read_record(&mut self.record)
            .map_err(|error| SourceError::Read {
                input: self.input.clone(),
                line,
                source: std::io::Error::other(error),
            })
    }

    /// The record's row, where it did not end well.
    fn row(&mut self) -> Result<Option<Row>, SourceError> {
        let field = |n: usize| self.record.get(n).unwrap_or_default();
        let line = self.record.position().map(::csv::Position::line);
        let kind = OutcomeKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == field(5));
        let methods = field(4).parse();
        let (Some(kind), Ok(methods)) = (kind, methods) else {
            return Err(SourceError::BadRecord {
                input: self.input.clone(),
                line: line.unwrap_or_default(),
            });
        };
        if kind.ends_well() {
            return Ok(None);
        }
        let text = |n| Some(original(field(n)).to_owned()).filter(|text| !text.is_empty());
        let user = UserRef {
            id: text(1),
            email: text(2),
            username: text(3),
        };
        self.number += 1;
        Ok(Some(Row {
            line,
            defect: super::csv::defect_of(&user),
            ..Row::new(self.number, user, methods)
        }))
    }
}

impl Iterator for EarlierRows {
    type Item = Result<Row, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self
                .advance()
                .and_then(|more| Ok((more, if more { self.row()? } else { None })))
            {
                Ok((false, _)) => return None,
                Ok((true, None)) => {}
                Ok((true, Some(row))) => return Some(Ok(row)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
