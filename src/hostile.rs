//! What comes from outside, as whoever means harm would send it: an entry for each kind of bytes,
//! with what must hold of whatever is made of them. Fuzzers and tests alone have this.

use std::{io::Cursor, path::Path};

use crate::{
    api, config,
    model::MethodSet,
    results::Records,
    source::{FileRows, Input, TableFormat},
};

#[cfg(test)]
mod tests;

/// Rows that are read of one source: what is packed may hold any number.
const MOST_ROWS: usize = 10_000;

/// A list of users.
///
/// # Panics
/// Where rows are skipped or counted twice, or a row that is no user passes for one.
pub fn source(bytes: &[u8]) {
    for header in [true, false] {
        let format = TableFormat {
            header,
            ..TableFormat::default()
        };
        let bytes = Box::new(Cursor::new(bytes.to_vec()));
        let Ok(rows) = FileRows::from_reader(&Input::Stdin, bytes, &format, MethodSet::ALL) else {
            continue;
        };
        for (at, row) in (1..).zip(rows.take(MOST_ROWS)) {
            let Ok(row) = row else { break };
            assert_eq!(row.number, at, "rows are counted one by one");
            let user = [&row.user.id, &row.user.email, &row.user.username];
            let named = user.into_iter().flatten().any(|name| !name.is_empty());
            assert!(named || row.defect.is_some(), "{row:?} is no user");
            let id = row.user.id.as_deref().filter(|_| row.defect.is_none());
            assert!(!matches!(id, Some("." | "..")), "no URL can carry this ID");
        }
    }
}

/// An answer of the service to each call.
///
/// # Panics
/// Where it is believed about somebody whom it does not name, or would spoil a record.
pub fn answer(bytes: &[u8]) {
    api::hostile::answer(bytes);
}

/// What `Retry-After` says.
///
/// # Panics
/// Where the wait would overflow a clock.
pub fn retry_after(bytes: &[u8]) {
    api::hostile::retry_after(bytes);
}

/// The results of an earlier run.
///
/// # Panics
/// Where there are more records than lines.
pub fn results(bytes: &[u8]) {
    let Ok(mut records) = Records::new(bytes, Path::new("results.csv")) else {
        return;
    };
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    let mut read = 0;
    while let Ok(Some(_)) = records.read() {
        read += 1;
        assert!(
            read < ends,
            "a record more than there are lines below the header"
        );
    }
}

/// A configuration file.
///
/// # Panics
/// Where the complaint is longer than a message may be.
pub fn configuration(bytes: &[u8]) {
    config::hostile(&String::from_utf8_lossy(bytes));
}
