//! Which part of a source is this process's: shard I of N, by a stable hash of the user.
//!
//! Every process reads the whole source and keeps its own rows, so nobody has to cut a file or to
//! tell anybody what was cut. Nothing here reads a source or the environment.
//!
//! **The split is frozen.** Shards that run different versions of the program, or a shard that is
//! taken up again by a later one, must agree on whose a user is: else a user would be left out.
//! The test vectors below must never change.

mod array;

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};

use crate::{identity::Identity, model::Row};

pub use array::{ArrayError, from_array_job};

/// Shard `index` of `count`, counted from 0. Displayed and parsed as `I/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// A text that names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a shard; write I/N, with I from 0 to N-1: 0/8 is the first of eight")]
pub struct ShardError(String);

impl Shard {
    /// This shard, where there is one like that.
    #[must_use]
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count {
            Some(Self { index, count })
        } else {
            None
        }
    }

    /// Which one it is, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether the row is this shard's. Each row is exactly one's of the N.
    #[must_use]
    pub fn holds(self, row: &Row) -> bool {
        self.count == 1 || place(row) % u64::from(self.count) == u64::from(self.index)
    }
}

/// The first eight bytes of a SHA-256 over the user's first name in small letters, as a number:
/// `id:…`, else `email:…`, else `username:…`; of a row without any user over `row:NUMBER`.
fn place(row: &Row) -> u64 {
    let name = match row.user.identities().next() {
        Some(Identity::Id(id)) => format!("id:{}", id.to_lowercase()),
        Some(Identity::Email(email)) => format!("email:{}", email.to_lowercase()),
        Some(Identity::Username(username)) => format!("username:{}", username.to_lowercase()),
        None => format!("row:{}", row.number),
    };
    let hash = digest(&SHA256, name.as_bytes());
    let first = hash.as_ref().first_chunk().expect("it has 32 bytes");
    u64::from_be_bytes(*first)
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/');
        let number = |text: &str| text.trim().parse().ok();
        let shard = parts.and_then(|(index, count)| Self::new(number(index)?, number(count)?));
        shard.ok_or_else(|| ShardError(text.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{Shard, place};
    use crate::model::{MethodSet, Row, UserRef};

    fn user(id: &str, email: &str, username: &str) -> UserRef {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UserRef {
            id: known(id),
            email: known(email),
            username: known(username),
        }
    }

    /// Never change these: a user who moves to another shard between two versions is left out.
    /// They can be had from anywhere: `printf id:u-1 | sha256sum | cut -c1-16`.
    #[test]
    fn the_split_is_frozen() {
        let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        for (id, email, username, hash, of_8) in [
            (id, "", "", 0x0e97_86ea_7a8c_79a9, 1),
            (&id.to_uppercase(), "a@b.c", "x", 0x0e97_86ea_7a8c_79a9, 1),
            ("", "Jane.Doe@Example.com", "jd", 0x9a39_82ba_356a_2b16, 6),
            ("", "jane.doe@example.com", "", 0x9a39_82ba_356a_2b16, 6),
            ("", "ÜMIT@example.com", "", 0x0a3d_0d29_b1e2_ea7e, 6),
            ("", "", "JDoe", 0x49e2_3449_34af_41a4, 4),
            ("", "", "", 0x76bd_560a_ff07_71fa, 2),
        ] {
            let row = Row::new(7, user(id, email, username), MethodSet::ALL);
            assert_eq!(
                place(&row),
                hash,
                "{id} {email} {username}: {:#x}",
                place(&row)
            );
            let shard = Shard::new(of_8, 8).expect("one of 8");
            assert!(shard.holds(&row), "{id} {email} {username}");
        }
    }

    #[test]
    fn shards_are_written_as_a_fraction_from_zero() {
        for text in ["0/1", "0/8", "7/8", " 3 / 8 "] {
            let shard: Shard = text.parse().expect(text);
            assert_eq!(shard.to_string(), text.replace(' ', ""));
        }
        for text in ["", "8/8", "-1/8", "1", "1/0", "a/b", "1/8/2", "0.5/8"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let name = || "[a-zA-ZäÄσΣß0-9.@-]{0,6}";
        let row = (name(), name(), name(), 1..60_u64).prop_map(|(id, email, username, number)| {
            Row::new(number, user(&id, &email, &username), MethodSet::ALL)
        });
        prop::collection::vec(row, 0..60)
    }

    proptest! {
        #[test]
        fn every_row_is_one_shards_and_one_shard_holds_all(rows in rows(), count in 1..40_u32) {
            for row in &rows {
                let holders = (0..count).filter(|index| Shard::new(*index, count).is_some_and(|shard| shard.holds(row)));
                prop_assert_eq!(holders.count(), 1);
                prop_assert!(Shard::new(0, 1).is_some_and(|whole| whole.holds(row)));
            }
        }

        #[test]
        fn where_a_user_belongs_depends_on_nothing_else(rows in rows(), number in any::<u64>(), count in 1..40_u32) {
            for row in rows.iter().filter(|row| row.user.identities().next().is_some()) {
                let upper = |text: &Option<String>| text.as_ref().map(|text| text.to_uppercase().to_lowercase());
                let mut other = row.clone();
                other.number = number;
                other.user.id = other.user.id.map(|id| id.to_ascii_uppercase());
                if row.user.id.is_some() {
                    other.user.email = upper(&other.user.username);
                }
                for shard in (0..count).filter_map(|index| Shard::new(index, count)) {
                    prop_assert_eq!(shard.holds(row), shard.holds(&other));
                }
            }
        }
    }

    #[test]
    fn shards_are_of_like_size() {
        let mut sizes = [0_u32; 8];
        for number in 0..80_000 {
            let row = Row::new(
                1,
                user("", &format!("user{number}@example.com"), ""),
                MethodSet::ALL,
            );
            let shard =
                (0..8).find(|index| Shard::new(*index, 8).is_some_and(|shard| shard.holds(&row)));
            sizes[shard.expect("one of 8") as usize] += 1;
        }
        assert!(
            sizes.iter().all(|size| (9_500..10_500).contains(size)),
            "{sizes:?}"
        );
    }
}
