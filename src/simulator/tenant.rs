//! The tenant: its users and their locks, its keys, its limit, its ledger.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::http::HeaderValue;

use super::{
    answer::Answer,
    directory::Directory,
    event_log::{self, SimEvent},
    faults::Luck,
    keys::{Credentials, EC_CLIENT, Keys, RSA_CLIENT, write_private},
    ledger::{Call, Ledger},
    limit::Counter,
    outage::Outages,
    scenario::{Churn, Scenario},
    sign_in::{TokenForm, Tokens},
    user::SimUser,
};

/// A user as it is now.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: SimUser,
    /// Whether the identity source has the user.
    pub(super) there: bool,
    /// Whether the service has been told.
    pub(super) synched: bool,
}

impl Account {
    /// Whether calls find the user.
    pub(super) const fn is_present(&self) -> bool {
        self.there && self.synched
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
    pub(super) counter: Mutex<Counter>,
    pub(super) outages: Mutex<Outages>,
    pub(super) accounts: Mutex<HashMap<String, Account>>,
    pub(super) directory: Directory,
    /// What happened before the start, oldest first.
    pub(super) events: Vec<SimEvent>,
    /// The pages of searches that were answered.
    pages: Mutex<u64>,
    pub(super) luck: Mutex<Luck>,
    started: Instant,
    first_call: OnceLock<Instant>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tenant {
    pub(super) fn new(origin: &str, scenario: Scenario, users: Vec<SimUser>) -> io::Result<Self> {
        let account = |user: SimUser| {
            let later = |churn: &Churn| churn.add.iter().any(|name| user.is_called(name));
            let unsynched = scenario.rule(&user).is_some_and(|rule| rule.unsynched);
            let account = Account {
                there: !scenario.search.churn.iter().any(later),
                synched: !unsynched,
                user,
            };
            (account.user.id.to_lowercase(), account)
        };
        let accounts = users.iter().cloned().map(account).collect();
        let directory = Directory::new(&users);
        let now = scenario.timestamp();
        Ok(Self {
            events: event_log::log(&scenario, &users, now),
            directory,
            origin: origin.to_owned(),
            keys: Keys::generate()?,
            tokens: Mutex::default(),
            ledger: Mutex::default(),
            counter: Mutex::default(),
            outages: Mutex::default(),
            accounts: Mutex::new(accounts),
            pages: Mutex::default(),
            luck: Mutex::default(),
            started: Instant::now(),
            first_call: OnceLock::new(),
            scenario,
        })
    }

    pub(super) fn locked(&self, user_id: &str) -> Option<[bool; 3]> {
        let accounts = locked(&self.accounts);
        accounts
            .get(&user_id.to_lowercase())
            .map(|account| account.user.locked)
    }

    /// Everybody, by address.
    pub(super) fn users(&self) -> Vec<SimUser> {
        let accounts = locked(&self.accounts);
        let everybody = self.directory.like("").into_iter();
        let accounts = everybody.filter_map(|key| accounts.get(key));
        accounts.map(|account| account.user.clone()).collect()
    }

    /// The user of this key, if calls find it.
    pub(super) fn present(&self, key: &str) -> Option<SimUser> {
        let accounts = locked(&self.accounts);
        let account = accounts.get(key).filter(|account| account.is_present());
        account.map(|account| account.user.clone())
    }

    /// The user of this key, if the identity source has it. From now on calls find it.
    pub(super) fn synchronise(&self, key: &str) -> Option<SimUser> {
        let mut accounts = locked(&self.accounts);
        let account = accounts.get_mut(key).filter(|account| account.there)?;
        account.synched = true;
        Some(account.user.clone())
    }

    /// Enters that a page of hits was answered, after which users may come and go.
    pub(super) fn turn_page(&self) {
        let mut pages = locked(&self.pages);
        *pages += 1;
        let mut accounts = locked(&self.accounts);
        let due = |churn: &&Churn| churn.after_pages == *pages;
        for churn in self.scenario.search.churn.iter().filter(due) {
            for (names, there) in [(&churn.remove, false), (&churn.add, true)] {
                for account in accounts.values_mut() {
                    if names.iter().any(|name| account.user.is_called(name)) {
                        account.there = there;
                    }
                }
            }
        }
    }

    /// What a legacy token is meant for: the URL in the key file, to the letter.
    pub(super) fn audience(&self) -> String {
        format!("{}/AdminInterface/restapi/v1", self.origin)
    }

    pub(super) fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.origin)
    }

    /// The answer of the token endpoint.
    pub(super) fn give_token(&self, form: &TokenForm) -> Answer {
        let endpoint = self.token_endpoint();
        locked(&self.tokens).give(&self.keys, &endpoint, &self.scenario, form)
    }

    /// A user who is not this one: of this tenant, where there are more than one.
    pub(super) fn somebody_else(&self, user: &SimUser) -> SimUser {
        let made_up = || SimUser::with_id("00000000-0000-4000-8000-00000000ffff", 0);
        let accounts = locked(&self.accounts);
        let everybody = self.directory.like("");
        let others = everybody
            .into_iter()
            .filter_map(|key| accounts.get(key))
            .filter(|account| account.is_present());
        others
            .map(|account| &account.user)
            .find(|other| !other.id.eq_ignore_ascii_case(&user.id))
            .map_or_else(made_up, Clone::clone)
    }

    /// How long ago the first call of the API arrived; `None` where there was none yet.
    pub(super) fn since_first_call(&self) -> Option<Duration> {
        self.first_call.get().map(Instant::elapsed)
    }

    /// From the first call of the API on, scenarios count their time.
    pub(super) fn calls_have_begun(&self) {
        self.first_call.get_or_init(Instant::now);
    }

    /// Whether new connections are to be closed now.
    pub(super) fn refuses(&self) -> bool {
        locked(&self.outages).refuse(&self.scenario.outage, self.since_first_call())
    }

    /// What the service's clock shows, as a header.
    pub(super) fn date(&self) -> HeaderValue {
        let date = httpdate::fmt_http_date(self.scenario.now());
        HeaderValue::from_str(&date).expect("a date is ASCII")
    }

    /// How long the simulator has been running.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Enters a call that has just arrived. Returns its place, for [`Self::settle`].
    pub(super) fn arrive(&self, endpoint: &'static str, path: &str) -> usize {
        let mut ledger = locked(&self.ledger);
        ledger.calls.push(Call {
            at: self.started.elapsed(),
            endpoint,
            path: path.to_owned(),
            user: None,
            page: None,
            admitted: None,
            refused: false,
            outage: false,
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
