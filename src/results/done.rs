//! Who is done: which rows of a source are accounted for by the records of an earlier run.
//!
//! By user, not by position, since the source may have grown or been sorted. Memory: 16 bytes for
//! each name that a record holds, and 3 for the record. Nothing here reads a file.

use std::collections::HashMap;

use super::{
    Recorded,
    index::{Index, Mark, Unused, Wanted},
    original,
};
use crate::{
    identity::{Fingerprints, Identity},
    model::{OutcomeKind, Row, UserRef},
};

/// Where a row stands with regard to the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The records of its user do not cover its methods: it is to be worked on.
    Fresh,
    /// A record accounts for it. There is nothing to do.
    Recorded,
    /// Its user is done, and the records account for earlier rows: it needs a record of its own,
    /// as a duplicate.
    Repeats,
}

/// The records of an earlier run. Each accounts for one row.
#[derive(Debug, Default)]
pub struct Done {
    prints: Fingerprints,
    records: Vec<Mark>,
    /// Records of users who were worked on. Only these show that a user is done.
    worked: Index,
    /// Records of rows whose user stands in an earlier row. That one may not have been reached.
    duplicates: Index,
    /// Records of rows that cannot be a user, though they name one.
    defective: Index,
    /// How many records there are of rows without any name, by the number of the row.
    nobody: HashMap<u64, u64>,
    left: u64,
}

impl Done {
    /// Takes a record in. When all are, [`Self::seal`] has to follow.
    pub(super) fn add(&mut self, record: &Recorded<'_>) {
        self.left += 1;
        if record.identities().next().is_none() {
            *self.nobody.entry(record.row).or_default() += 1;
            return;
        }
        let number = u32::try_from(self.records.len());
        let number = number.expect("four billion records do not fit into memory");
        self.records
            .push(Mark::new(record.methods, record.identities()));
        let index = match record.kind {
            OutcomeKind::Duplicate => &mut self.duplicates,
            OutcomeKind::Invalid if record.http_status.is_none() => &mut self.defective,
            _ => &mut self.worked,
        };
        for identity in record.identities() {
            index.add(print(&self.prints, identity), number);
        }
    }

    /// Makes what was added ready to be asked for.
    pub(super) fn seal(&mut self) {
        for index in [&mut self.worked, &mut self.duplicates, &mut self.defective] {
            index.seal();
        }
        self.records.shrink_to_fit();
    }

    /// Where the row stands. A record that accounts for it is used up by that.
    ///
    /// A row with an ID is known by its ID only, as two users may share an address; one without is
    /// known by its address or its login.
    pub fn settle(&mut self, row: &Row) -> Standing {
        let names = self.names(&row.user);
        if names.is_empty() {
            return self.settle_nobody(row.number);
        }
        let by_any = Wanted::of(row, &names);
        let by_own = match row.user.id {
            Some(_) => Wanted::of(row, &names[..1]),
            None => by_any,
        };
        if row.defect.is_some() {
            let found = self.defective.best(by_own, &self.records);
            return self.use_up(found).unwrap_or(Standing::Fresh);
        }
        if !self.worked.cover(by_own, &self.records) {
            return Standing::Fresh;
        }
        let worked = self.worked.best(by_own, &self.records);
        let duplicate = self.duplicates.best(by_any, &self.records);
        // A record of work mostly names its user in more ways: where both fit as well, it is kept
        // for whom nothing else fits.
        let found = match (worked, duplicate) {
            (Some(worked), Some(duplicate)) if worked.misfit < duplicate.misfit => Some(worked),
            (worked, duplicate) => duplicate.or(worked),
        };
        self.use_up(found).unwrap_or(Standing::Repeats)
    }

    /// Where a row stands whose user's ID became known by a look-up.
    pub fn settle_found(&mut self, row: &Row, id: &str) -> Standing {
        let mut found = row.clone();
        found.user.id = Some(id.to_owned());
        self.settle(&found)
    }

    /// Whether there is a record already of a row that is fresh, but whose user stands in an
    /// earlier row of this run. It is used up by that; where there is none, the row needs one.
    pub fn takes_duplicate(&mut self, row: &Row) -> bool {
        let names = self.names(&row.user);
        let wanted = Wanted::of(row, &names);
        let found = self.duplicates.best(wanted, &self.records);
        self.use_up(found).is_some()
    }

    /// Records that account for no row so far: at the end, those of rows that are not in the
    /// source any more.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// How much memory the records take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let indexes = [&self.worked, &self.duplicates, &self.defective];
        let names: usize = indexes.into_iter().map(Index::bytes).sum();
        names + self.records.capacity() * size_of::<Mark>()
    }

    /// The names of a user, the ID first.
    fn names(&self, user: &UserRef) -> Vec<u128> {
        let names = user.identities();
        names
            .map(|identity| print(&self.prints, identity))
            .collect()
    }

    fn settle_nobody(&mut self, row: u64) -> Standing {
        match self.nobody.get_mut(&row) {
            Some(records) if *records > 0 => {
                *records -= 1;
                self.left -= 1;
                Standing::Recorded
            }
            _ => Standing::Fresh,
        }
    }

    fn use_up(&mut self, found: Option<Unused>) -> Option<Standing> {
        self.records[found?.record].used = true;
        self.left -= 1;
        Some(Standing::Recorded)
    }
}

/// The fingerprint of a name, whether or not it is written so that no spreadsheet runs it. The
/// lowest 32 of its bits are left for the number of a record.
fn print(prints: &Fingerprints, identity: Identity<'_>) -> u128 {
    let identity = match identity {
        Identity::Id(name) => Identity::Id(original(name)),
        Identity::Email(name) => Identity::Email(original(name)),
        Identity::Username(name) => Identity::Username(original(name)),
    };
    prints.of(identity) >> 32 << 32
}

#[cfg(test)]
mod runs;
#[cfg(test)]
mod tests;
