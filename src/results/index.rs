//! Records by the names of their users: a sorted list, 16 bytes a name.
//!
//! A list is half the size of a hash table, as nothing is added once it is asked. Nothing here
//! knows what a record is for.

use std::collections::HashMap;

use crate::{
    identity::Identity,
    model::{MethodSet, Row},
};

/// What is kept of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    methods: MethodSet,
    names: Kinds,
    /// Whether it accounts for a row already.
    pub(super) used: bool,
}

impl Mark {
    /// A record that accounts for no row yet.
    pub(super) fn new<'a>(methods: MethodSet, names: impl Iterator<Item = Identity<'a>>) -> Self {
        Self {
            methods,
            names: Kinds::of(names),
            used: false,
        }
    }
}

/// By what kinds of names a user is known: a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    fn of<'a>(names: impl Iterator<Item = Identity<'a>>) -> Self {
        Self(names.fold(0, |kinds, name| {
            kinds
                | match name {
                    Identity::Id(_) => 1,
                    Identity::Email(_) => 2,
                    Identity::Username(_) => 4,
                }
        }))
    }
}

/// What a record should be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Fingerprints of names of which it has one.
    names: &'a [u128],
    /// What it has to cover.
    methods: MethodSet,
    /// By what it should be known.
    kinds: Kinds,
}

impl<'a> Wanted<'a> {
    /// The row's, with one of these names.
    pub(super) fn of(row: &Row, names: &'a [u128]) -> Self {
        Self {
            names,
            methods: row.methods,
            kinds: Kinds::of(row.user.identities()),
        }
    }
}

/// A record that accounts for no row yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unused {
    pub(super) record: usize,
    /// How many methods it has beside those asked for, and whether it knows the user by other
    /// names: the record of the very row has neither.
    pub(super) misfit: (usize, bool),
}

/// As many used records at the begin of a name's are passed over each time.
const FEW: usize = 16;

/// Records by the names of their users.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// A name's fingerprint, in its lowest 32 bits the number of a record; sorted.
    entries: Vec<u128>,
    /// Names with many records: how many of the first ones are used.
    used: HashMap<u128, usize>,
}

impl Index {
    pub(super) fn add(&mut self, name: u128, record: u32) {
        self.entries.push(name | u128::from(record));
    }

    pub(super) fn seal(&mut self) {
        self.entries.sort_unstable();
        self.entries.shrink_to_fit();
    }

    /// The name's records in the order of the file, without the first ones.
    fn records(&self, name: u128, without: usize) -> impl Iterator<Item = usize> {
        let start = self.entries.partition_point(|entry| *entry < name) + without;
        let entries = self.entries[start..].iter();
        let entries = entries.take_while(move |entry| **entry >> 32 == name >> 32);
        entries.map(|entry| (entry & u128::from(u32::MAX)) as usize)
    }

    /// Whether such records, used or not, cover the methods together.
    pub(super) fn cover(&self, wanted: Wanted<'_>, records: &[Mark]) -> bool {
        let names = wanted.names.iter();
        let found = names.flat_map(|name| self.records(*name, 0));
        let mut covered = found.scan(MethodSet::NONE, |covered, record| {
            *covered = covered.union(records[record].methods);
            Some(*covered)
        });
        covered.any(|covered| covered.covers(wanted.methods))
    }

    /// The unused one of such records that fits best.
    pub(super) fn best(&mut self, wanted: Wanted<'_>, records: &[Mark]) -> Option<Unused> {
        let mut best: Option<Unused> = None;
        for name in wanted.names {
            let found = self.best_of(*name, wanted, records);
            let better = |found: &Unused| best.is_none_or(|best| found.misfit < best.misfit);
            best = found.filter(better).or(best);
        }
        best
    }

    fn best_of(&mut self, name: u128, wanted: Wanted<'_>, records: &[Mark]) -> Option<Unused> {
        let passed = self.pass(name, records);
        let mut best: Option<Unused> = None;
        for record in self.records(name, passed) {
            let mark = records[record];
            if mark.used || !mark.methods.covers(wanted.methods) {
                continue;
            }
            let excess = mark.methods.iter().count() - wanted.methods.iter().count();
            let misfit = (excess, mark.names != wanted.kinds);
            if best.is_none_or(|best| misfit < best.misfit) {
                best = Some(Unused { record, misfit });
            }
            if misfit == (0, false) {
                break;
            }
        }
        best
    }

    /// How many of the name's first records are used.
    fn pass(&mut self, name: u128, records: &[Mark]) -> usize {
        let known = self.used.get(&name).copied().unwrap_or_default();
        let more = self.records(name, known);
        let more = more.take_while(|record| records[*record].used).count();
        if more > FEW {
            self.used.insert(name, known + more);
        }
        known + more
    }

    /// How much memory the entries take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<u128>()
    }
}
