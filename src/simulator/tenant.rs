//! The tenant: its users and their locks, its keys, its limit, its ledger.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    keys::{Credentials, EC_CLIENT, Keys, RSA_CLIENT, write_private},
    ledger::{Call, Ledger},
    limit::Window,
    scenario::Scenario,
    sign_in::Tokens,
    user::SimUser,
};

/// A user and what has been asked about it.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: SimUser,
    pub(super) calls: u64,
    pub(super) faults: u32,
}

/// Where users are found by name. Names never change, so this needs no lock. Of two users with one
/// name the first counts.
#[derive(Debug)]
pub(super) struct Directory {
    emails: HashMap<String, String>,
    usernames: HashMap<String, String>,
    /// (e-mail address, user ID), both in lower case, ascending.
    by_email: Vec<(String, String)>,
}

impl Directory {
    fn new(users: &[SimUser]) -> Self {
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

/// Everything that calls read or change.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) origin: String,
    pub(super) scenario: Scenario,
    pub(super) keys: Keys,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) window: Mutex<Window>,
    pub(super) accounts: Mutex<HashMap<String, Account>>,
    pub(super) directory: Directory,
    pub(super) unlock_calls: Mutex<u64>,
    started: Instant,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tenant {
    pub(super) fn new(origin: &str, scenario: Scenario, users: Vec<SimUser>) -> io::Result<Self> {
        let account = |user: SimUser| {
            let account = Account {
                user,
                calls: 0,
                faults: 0,
            };
            (account.user.id.to_lowercase(), account)
        };
        let directory = Directory::new(&users);
        Ok(Self {
            directory,
            origin: origin.to_owned(),
            keys: Keys::generate()?,
            tokens: Mutex::default(),
            ledger: Mutex::default(),
            window: Mutex::default(),
            accounts: Mutex::new(users.into_iter().map(account).collect()),
            unlock_calls: Mutex::default(),
            started: Instant::now(),
            scenario,
        })
    }

    pub(super) fn locked(&self, user_id: &str) -> Option<[bool; 3]> {
        let accounts = locked(&self.accounts);
        accounts
            .get(&user_id.to_lowercase())
            .map(|account| account.user.locked)
    }

    /// What a legacy token is meant for: the URL in the key file, to the letter.
    pub(super) fn audience(&self) -> String {
        format!("{}/AdminInterface/restapi/v1", self.origin)
    }

    pub(super) fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.origin)
    }

    /// Enters a call that has just arrived. Returns its place, for [`Self::settle`].
    pub(super) fn arrive(&self, endpoint: &'static str, path: &str) -> usize {
        let mut ledger = locked(&self.ledger);
        ledger.calls.push(Call {
            at: self.started.elapsed(),
            endpoint,
            path: path.to_owned(),
            user: None,
            methods: Vec::new(),
            token: None,
            status: None,
            fault: None,
            applied: false,
            locked: None,
        });
        ledger.calls.len() - 1
    }

    /// Enters what became of a call.
    pub(super) fn settle(&self, place: usize, enter: impl FnOnce(&mut Call)) {
        enter(&mut locked(&self.ledger).calls[place]);
    }

    pub(super) fn write_credentials(&self, folder: &Path) -> io::Result<Credentials> {
        let base_url = format!("{}/AdminInterface/restapi", self.origin);
        let credentials = Credentials {
            api_key_file: folder.join("administration-api.key"),
            rsa_key_file: folder.join("oauth-rsa.jwk"),
            ec_key_file: folder.join("oauth-ec.jwk"),
            token_file: folder.join("bearer.token"),
            rsa_client_id: RSA_CLIENT.to_owned(),
            ec_client_id: EC_CLIENT.to_owned(),
        };
        write_private(
            &credentials.api_key_file,
            &self.keys.legacy_key_file(&base_url)?,
        )?;
        write_private(&credentials.rsa_key_file, &self.keys.rsa_jwk()?)?;
        write_private(&credentials.ec_key_file, &self.keys.ec_jwk()?)?;
        let day = Duration::from_secs(86_400);
        write_private(&credentials.token_file, &locked(&self.tokens).ready(day))?;
        Ok(credentials)
    }
}
