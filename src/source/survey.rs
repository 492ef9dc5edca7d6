//! A source looked at before anything is sent: what it holds, and what is wrong with it.

use crate::model::{Method, Row};

use super::select::{Choice, Select};

/// Rows that are no users are named up to this many.
const NAMED: usize = 20;

/// A row that cannot be a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The row's number, from 1, header aside.
    pub row: u64,
    /// The line it begins in, from 1; `None` where the source has no lines.
    pub line: Option<u64>,
    /// What it says of its user; empty where it says nothing.
    pub user: String,
    /// What is wrong.
    pub why: String,
}

/// What a source holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Rows, up to `--limit`; of a shard its own.
    pub rows: u64,
    /// Rows that repeat a user. (That two names mean one user shows only when they are looked up.)
    pub duplicates: u64,
    /// Rows that cannot be users.
    pub invalid: u64,
    /// Users who are known by an e-mail address or login only.
    pub without_id: u64,
    /// Users who are known by their ID only, and so cannot be looked up.
    pub only_id: u64,
    /// Users by method to unlock, in the order of [`Method::ALL`].
    pub by_method: [u64; 3],
    /// The first rows that cannot be users.
    pub defects: Vec<Defect>,
}

impl Survey {
    /// Users to unlock.
    #[must_use]
    pub const fn users(&self) -> u64 {
        self.rows - self.duplicates - self.invalid
    }

    /// Counts a row.
    pub(super) fn take(&mut self, row: &Row, select: &mut Select) {
        self.rows += 1;
        if let Some(why) = &row.defect {
            self.invalid += 1;
            if self.defects.len() < NAMED {
                self.defects.push(Defect {
                    row: row.number,
                    line: row.line,
                    user: row
                        .user
                        .identities()
                        .next()
                        .map_or_else(String::new, |_| row.user.to_string()),
                    why: why.clone(),
                });
            }
        } else if select.choose(row) == Choice::Repeats {
            self.duplicates += 1;
        } else {
            let user = &row.user;
            for (count, method) in self.by_method.iter_mut().zip(Method::ALL) {
                *count += u64::from(row.methods.contains(method));
            }
            self.without_id += u64::from(user.id.is_none());
            self.only_id += u64::from(user.email.is_none() && user.username.is_none());
        }
    }
}
