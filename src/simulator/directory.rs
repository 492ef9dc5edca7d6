//! Where users are found by name.

use std::collections::HashMap;

use super::user::SimUser;

/// An index of the names. Names never change, so this needs no lock. Of two users with one
/// name the first counts.
#[derive(Debug)]
pub(super) struct Directory {
    emails: HashMap<String, String>,
    usernames: HashMap<String, String>,
    /// (e-mail address, user ID), both in lower case, ascending.
    by_email: Vec<(String, String)>,
}

impl Directory {
    pub(super) fn new(users: &[SimUser]) -> Self {
        let mut emails = HashMap::new();
        let mut usernames = HashMap::new();
        let mut by_email = Vec::with_capacity(users.len());
        for user in users {
            let (id, email) = (user.id.to_lowercase(), user.email.to_lowercase());
            emails.entry(email.clone()).or_insert_with(|| id.clone());
            usernames
                .entry(user.username.to_lowercase())
                .or_insert_with(|| id.clone());
            by_email.push((email, id));
        }
        by_email.sort();
        by_email.dedup_by(|one, other| one.1 == other.1);
        Self {
            emails,
            usernames,
            by_email,
        }
    }

    /// The key of the user with this e-mail address.
    pub(super) fn with_email(&self, email: &str) -> Option<&String> {
        self.emails.get(&email.to_lowercase())
    }

    /// The key of the user with this login name.
    pub(super) fn with_username(&self, username: &str) -> Option<&String> {
        self.usernames.get(&username.to_lowercase())
    }

    /// The keys of the users whose e-mail address contains this, ascending by it.
    pub(super) fn like(&self, part: &str) -> Vec<&String> {
        let part = part.to_lowercase();
        let hits = self
            .by_email
            .iter()
            .filter(|(email, _)| email.contains(&part));
        hits.map(|(_, id)| id).collect()
    }
}
