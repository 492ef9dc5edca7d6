//! Who stands in more than one results file.
//!
//! Memory: 16 bytes a record. Nothing here reads a file.

use super::Recorded;
use crate::{identity::Fingerprints, model::OutcomeKind};

/// The users of some files. Each is known by the first of ID, address and login that its record
/// has: that is the ID, where a look-up found one.
#[derive(Debug, Default)]
pub struct Users {
    prints: Fingerprints,
    /// A fingerprint, in its lowest 32 bits the number of a file.
    entries: Vec<u128>,
}

/// Users who stand in several files.
#[derive(Debug, Default)]
pub struct InSeveral {
    prints: Fingerprints,
    /// Sorted.
    users: Vec<u128>,
}

/// A fingerprint without the bits that hold the number of a file.
const fn user(entry: u128) -> u128 {
    entry & !(u32::MAX as u128)
}

/// The record's user; `None` where it has none, or is about the row and not about a user.
fn print(prints: &Fingerprints, record: &Recorded<'_>) -> Option<u128> {
    let about_the_row = record.kind == OutcomeKind::Invalid && record.http_status.is_none();
    let name = record.identities().next().filter(|_| !about_the_row)?;
    Some(user(prints.of(name)))
}

impl Users {
    /// Takes in a record of this file.
    pub fn add(&mut self, file: u32, record: &Recorded<'_>) {
        let print = print(&self.prints, record);
        self.entries
            .extend(print.map(|print| print | u128::from(file)));
    }

    /// Those who stand in several files.
    #[must_use]
    pub fn in_several(mut self) -> InSeveral {
        self.entries.sort_unstable();
        let pairs = self.entries.windows(2);
        let twice = pairs.filter(|pair| user(pair[0]) == user(pair[1]) && pair[0] != pair[1]);
        let mut users: Vec<_> = twice.map(|pair| user(pair[0])).collect();
        users.dedup();
        InSeveral {
            prints: self.prints,
            users,
        }
    }
}

impl InSeveral {
    /// How many they are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.users.len()
    }

    /// Which of them this record is about; `None` where it is about nobody of them.
    #[must_use]
    pub fn find(&self, record: &Recorded<'_>) -> Option<usize> {
        let print = print(&self.prints, record)?;
        self.users.binary_search(&print).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Users;
    use crate::results::{COLUMNS, Records};

    /// Records of `user_id,email,outcome,http_status`.
    fn records(lines: &[&str]) -> Records<std::io::Cursor<String>> {
        let mut text = COLUMNS.join(",") + "\n";
        for (n, line) in lines.iter().enumerate() {
            let [id, email, outcome, status] = line.split(',').collect::<Vec<_>>()[..] else {
                panic!("four fields");
            };
            text += &format!(
                "{n},{id},{email},,SMS,{outcome},{status},,,,1,5,,2026-11-24T02:03:04.567Z\n"
            );
        }
        Records::new(std::io::Cursor::new(text), Path::new("x.csv")).expect("a header")
    }

    #[test]
    fn a_user_of_two_files_is_found_by_what_is_known_last() {
        let files = [
            records(&[
                "a,,unlocked,200",
                "b,b@x,unlocked,200",
                "b,,duplicate,",
                "bad,,invalid,",
                ",c@x,failed,",
            ]),
            records(&[
                "B,,unlocked,200",
                "bad,,invalid,",
                "z,c@x,unlocked,200",
                ",C@x,not_found,404",
                ",,invalid,",
            ]),
        ];
        let mut users = Users::default();
        for (n, mut file) in (0..).zip(files) {
            while let Some(record) = file.read().expect("sound") {
                users.add(n, &record);
            }
        }
        let several = users.in_several();
        assert_eq!(several.count(), 2, "b, by its ID in both, and c@x");
        let mut again = records(&[
            "b,,unlocked,200",
            "a,,unlocked,200",
            ",c@x,failed,",
            "bad,,invalid,",
        ]);
        let mut found = Vec::new();
        while let Some(record) = again.read().expect("sound") {
            found.push(several.find(&record).is_some());
        }
        assert_eq!(found, [true, false, true, false]);
    }
}
