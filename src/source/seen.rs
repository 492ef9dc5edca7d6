//! Which users have been met, and with which methods: 12 bytes for each, and 1 of slack.
//!
//! A hash table is up to half empty and stands twice while it grows; many small blocks leave holes
//! that are too small for what grows. So the entries stand in one sorted list without gaps, in room
//! that is reserved ahead, and the newest in a small tree beside it, which is merged into the list
//! when it has grown to a part of it. Nothing here knows what a user is.

use std::{collections::BTreeSet, mem};

/// A fingerprint's first 93 bits and three for the methods. That two of a million users meet in
/// them has a chance of one in 20,000,000,000,000,000 (their square by 2^94), with keys that nobody
/// knows; of a billion, one in 20,000,000,000.
type Entry = [u32; 3];

/// At least so many are merged into the list together.
const FEWEST: usize = 1024;
/// The tree holds up to one for so many in the list: more would take memory, fewer time.
const PORTION: usize = 32;
/// Entries that room is reserved for at once, 36 MiB. It is taken from the system only as it is
/// filled. An allocator asks the system for each block of more than 32 MiB, and gives it back when
/// the list is dropped.
const ROOM: usize = 3 << 20;

/// Users who have been entered, with methods.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Sorted.
    settled: Vec<Entry>,
    recent: BTreeSet<Entry>,
}

impl Seen {
    /// Whether the user has been entered with just these methods (three bits).
    pub(super) fn contains(&self, print: u128, methods: u8) -> bool {
        let entry = entry(print, methods);
        self.settled.binary_search(&entry).is_ok() || self.recent.contains(&entry)
    }

    /// Enters a user whom it does not contain.
    pub(super) fn insert(&mut self, print: u128, methods: u8) {
        self.recent.insert(entry(print, methods));
        if self.recent.len() >= FEWEST.max(self.settled.len() / PORTION) {
            self.settle();
        }
    }

    /// Merges what is recent into the list, from the end, so that nothing has to be kept aside.
    fn settle(&mut self) {
        let recent = mem::take(&mut self.recent);
        let (mut unread, mut written) = (self.settled.len(), self.settled.len() + recent.len());
        if self.settled.is_empty() {
            self.settled.reserve_exact(ROOM);
        }
        self.settled.resize(written, Entry::default());
        for entry in recent.into_iter().rev() {
            while unread > 0 && self.settled[unread - 1] > entry {
                (unread, written) = (unread - 1, written - 1);
                self.settled[written] = self.settled[unread];
            }
            written -= 1;
            self.settled[written] = entry;
        }
    }
}

const fn entry(print: u128, methods: u8) -> Entry {
    let last = (print >> 32) as u32 & !0b111 | methods as u32;
    [(print >> 96) as u32, (print >> 64) as u32, last]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::{
        prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest},
        strategy::Strategy,
    };

    use super::{Entry, FEWEST, Seen};

    /// Fingerprints that differ where `number` does.
    fn print(number: u64) -> u128 {
        u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64
    }

    /// Of a leaf in the library's tree of eleven entries at least five are filled, and its inner
    /// nodes add a tenth.
    const BYTES_IN_TREE: usize = 35;

    fn bytes(seen: &Seen) -> usize {
        seen.settled.len() * size_of::<Entry>() + seen.recent.len() * BYTES_IN_TREE
    }

    #[test]
    fn a_user_takes_less_than_14_bytes_however_many_there_are() {
        let mut seen = Seen::default();
        for number in 1..=400_000 {
            seen.insert(print(number), 0b111);
            let users = number as usize;
            assert_eq!(seen.settled.len() + seen.recent.len(), users);
            let most = 14 * users.max(100_000);
            let bytes = bytes(&seen);
            assert!(bytes <= most, "{users} users take {bytes} bytes");
        }
        assert!(seen.settled.is_sorted());
        assert!((1..=400_000).all(|number| seen.contains(print(number), 0b111)));
    }

    #[test]
    fn with_few_users_no_room_is_reserved() {
        let mut seen = Seen::default();
        for number in 1..FEWEST as u64 {
            seen.insert(print(number), 1);
        }
        assert_eq!(seen.settled.capacity(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Fingerprints that differ in few places, of which many meet.
        #[test]
        fn it_contains_what_was_entered_and_nothing_else(
            users in prop::collection::vec((any_print(), 1_u8..8), 0..6_000),
        ) {
            let (mut seen, mut known) = (Seen::default(), HashSet::new());
            for (print, methods) in users {
                let new = known.insert((print, methods));
                prop_assert_eq!(seen.contains(print, methods), !new);
                if new {
                    seen.insert(print, methods);
                }
            }
            for (print, methods) in &known {
                prop_assert_eq!(seen.contains(*print, *methods), true);
            }
        }
    }

    /// One of a few thousand, which differ in all the bits that are kept.
    fn any_print() -> impl Strategy<Value = u128> {
        any::<[u8; 3]>().prop_map(|[a, b, c]| {
            u128::from(a) << 120 | u128::from(b & 0b11) << 63 | u128::from(c & 0b11) << 35
        })
    }
}
