//! Going on with a file: what it holds, and where its last whole record ends.
//!
//! Nothing here changes the file; the writer cuts what is torn.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{COLUMNS, Done, Records, ResultsError, Torn, recorded::without_return};
use crate::stats::{Failure, Tally};

/// What a results file held when it was opened; nothing for a new one.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Which rows its records account for.
    pub done: Done,
    /// Its records, counted.
    pub tally: Tally,
    /// What was cut off its end; `None` where it was whole.
    pub torn: Option<Torn>,
}

/// Reads what an open file holds. Returns it, and the length of what is whole.
///
/// # Errors
/// [`ResultsError`] where no run wrote the file as it is.
pub(super) fn recover(file: &File, path: &Path) -> Result<(Recovered, u64), ResultsError> {
    let failed = |source| ResultsError::read(path, source);
    let length = file.metadata().map_err(failed)?.len();
    if let Some(torn) = torn_header(file, length).map_err(failed)? {
        let torn = (torn.bytes > 0).then_some(torn);
        let recovered = Recovered {
            torn,
            ..Recovered::default()
        };
        return Ok((recovered, 0));
    }
    let mut recovered = Recovered::default();
    let mut records = Records::new(file, path)?;
    while let Some(record) = records.read()? {
        recovered.done.add(&record);
        recovered.tally.add(record.kind, || Failure {
            row: record.row,
            user: record.user().to_string(),
            kind: record.kind,
            error: record.error.to_owned(),
        });
    }
    recovered.done.seal();
    recovered.torn = records.torn();
    let whole = recovered.torn.map_or(length, |torn| torn.offset);
    Ok((recovered, whole))
}

/// What is torn of a file that has no whole header: a part of it, perhaps with the zeros that a
/// crash of the machine leaves, or nothing at all. `None` where there is more.
fn torn_header(file: &File, length: u64) -> io::Result<Option<Torn>> {
    let header = COLUMNS.join(",");
    let mut found = vec![0; header.len() + 1];
    let Some(found) = usize::try_from(length)
        .ok()
        .and_then(|length| found.get_mut(..length))
    else {
        return Ok(None);
    };
    file.read_exact_at(found, 0)?;
    let zeros = found.iter().rev().take_while(|byte| **byte == 0).count();
    let part = without_return(&found[..found.len() - zeros]);
    Ok(header.as_bytes().starts_with(part).then_some(Torn {
        line: 1,
        offset: 0,
        bytes: length,
    }))
}

#[cfg(test)]
mod tests;
