//! Which users have been met: a set of fingerprints, for millions of them.
//!
//! Memory: 16 bytes a user and some slack. One large table would stand twice while it grows; of
//! many small ones only one grows at a time.

use std::collections::HashSet;

/// Tables: one for each value of a fingerprint's first byte.
const TABLES: usize = 1 << 8;

/// Fingerprints that have been entered.
#[derive(Debug)]
pub(super) struct Seen(Vec<HashSet<u128>>);

impl Default for Seen {
    fn default() -> Self {
        Self((0..TABLES).map(|_| HashSet::new()).collect())
    }
}

impl Seen {
    /// Whether it has been entered.
    pub(super) fn contains(&self, print: u128) -> bool {
        self.0[table_of(print)].contains(&print)
    }

    /// Enters it.
    pub(super) fn insert(&mut self, print: u128) {
        self.0[table_of(print)].insert(print);
    }
}

const fn table_of(print: u128) -> usize {
    (print >> 120) as usize
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn what_was_entered_is_found_whatever_its_table() {
        let mut seen = Seen::default();
        let prints: Vec<u128> = (0..1_000).map(|n| (n << 118) | (n * 7)).collect();
        for (n, print) in prints.iter().enumerate() {
            assert!(!seen.contains(*print), "{n} before");
            seen.insert(*print);
            assert!(seen.contains(*print), "{n} after");
        }
        assert!(prints.iter().all(|print| seen.contains(*print)));
    }
}
