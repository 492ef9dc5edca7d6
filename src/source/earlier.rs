//! Rows of an earlier run that did not end well.

use std::{fs::File, path::Path};

use crate::{model::Row, results::Records};

use super::{SourceError, every::defect_of};

/// The rows of a results file that did not end well.
pub(super) struct EarlierRows {
    records: Records<File>,
    number: u64,
}

impl EarlierRows {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        Ok(Self {
            records: Records::open(path)?,
            number: 0,
        })
    }

    fn advance(&mut self) -> Result<Option<Row>, SourceError> {
        while let Some(record) = self.records.read()? {
            if record.kind.ends_well() {
                continue;
            }
            self.number += 1;
            let user = record.user();
            return Ok(Some(Row {
                defect: defect_of(&user),
                ..Row::new(self.number, user, record.methods)
            }));
        }
        Ok(None)
    }
}

impl Iterator for EarlierRows {
    type Item = Result<Row, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
