//! How the simulated service behaves: data, from TOML.

mod calls;
mod limit;
mod trouble;

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, de::Error};
use serde_json::json;

use super::user::SimUser;

pub(super) use calls::{
    Churn, CodeForm, Event, Events, FlagForm, Lookup, MethodWords, Search, SearchShape, UserForm,
};
pub(super) use limit::{Limit, LimitBody, LimitKind, RetryAfter};
pub(super) use trouble::{Endpoint, Fault, FaultKind, Outage, OutageKind};

/// A scenario. Every member has a default: a service that is quick, takes everything and never
/// fails. `samples/scenarios/reference.toml` names all of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Scenario {
    pub seed: u64,
    pub latency_ms: u64,
    pub jitter_ms: u64,
    pub clock_skew_s: i32,
    pub limit: Option<Limit>,
    pub token: Token,
    pub lookup: Lookup,
    pub search: Search,
    pub events: Events,
    pub event: Vec<Event>,
    pub fault: Vec<Fault>,
    pub outage: Vec<Outage>,
    pub user: Vec<UserRule>,
}

/// A scenario that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(#[from] toml::de::Error);

/// How sign-in and permissions behave.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Token {
    pub lifetime_s: f64,
    pub expires_in: ExpiresIn,
    pub refusal: u16,
    pub lenient_audience: bool,
    pub bad_assertion_status: u16,
    pub scope_enabled: bool,
    pub scopes: Vec<String>,
    pub tells_scope: bool,
    pub bad_scope_status: u16,
    pub permitted: bool,
    pub forbidden_dialect: Dialect,
}

/// What the token endpoint says of a token's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiresIn {
    /// The truth, as a number.
    #[default]
    Number,
    /// The truth, as text.
    Text,
    /// Nothing.
    Absent,
    /// An hour, whatever the truth.
    Longer,
}

/// The two shapes of an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `code` and `description`.
    #[default]
    Application,
    /// `timestamp`, `status`, `error`, `message` and `path`.
    Framework,
}

/// What is special about one user, on every call. Without anything set: nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct UserRule {
    pub id: String,
    pub status: Option<u16>,
    pub always: Option<FaultKind>,
    pub always_locked: Vec<String>,
    pub missing_flags: Vec<String>,
    pub lookup_status: Option<u16>,
    pub lookup_always: Option<FaultKind>,
    pub unsynched: bool,
    pub disabled: bool,
    pub mark_deleted: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            seed: 1,
            latency_ms: 0,
            jitter_ms: 0,
            clock_skew_s: 0,
            limit: None,
            token: Token::default(),
            lookup: Lookup::default(),
            search: Search::default(),
            events: Events::default(),
            event: Vec::new(),
            fault: Vec::new(),
            outage: Vec::new(),
            user: Vec::new(),
        }
    }
}

impl Default for Token {
    fn default() -> Self {
        Self {
            lifetime_s: 3600.0,
            expires_in: ExpiresIn::Number,
            refusal: 403,
            lenient_audience: false,
            bad_assertion_status: 401,
            scope_enabled: true,
            tells_scope: true,
            scopes: ["rsa.user.read", "rsa.user.factor.manage", "rsa.audit.user"]
                .map(str::to_owned)
                .to_vec(),
            bad_scope_status: 403,
            permitted: true,
            forbidden_dialect: Dialect::Application,
        }
    }
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`], with the line and what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        let faults = scenario
            .fault
            .iter()
            .map(|fault| (fault.kind, &fault.calls[..]));
        let always = scenario.user.iter().flat_map(|rule| {
            [
                (rule.always, &[Endpoint::Unlock][..]),
                (rule.lookup_always, &[Endpoint::Lookup][..]),
            ]
        });
        let always = always.filter_map(|(kind, calls)| Some((kind?, calls)));
        for (kind, calls) in faults.chain(always) {
            if let Some(call) = calls.iter().find(|call| !kind.strikes(**call)) {
                let why = format!("{} cannot happen to {}\n", json!(kind), json!(call.word()));
                return Err(toml::de::Error::custom(why).into());
            }
        }
        Ok(scenario)
    }

    /// The scenario of `run --simulate`: a service that throttles and stumbles, and gets there.
    ///
    /// # Panics
    /// Never: a test reads the file.
    #[must_use]
    pub fn demo() -> Self {
        let text = include_str!("../../samples/scenarios/demo.toml");
        Self::from_toml(text).expect("the demo scenario is sound")
    }

    /// What is special about this user.
    pub(super) fn rule(&self, user: &SimUser) -> Option<&UserRule> {
        self.user.iter().find(|rule| user.is_called(&rule.id))
    }

    /// What the service's clock shows.
    pub(super) fn now(&self) -> SystemTime {
        let now = SystemTime::now();
        let skew = Duration::from_secs(self.clock_skew_s.unsigned_abs().into());
        let shifted = if self.clock_skew_s < 0 {
            now.checked_sub(skew)
        } else {
            now.checked_add(skew)
        };
        // A date before 1970 could not be written as a header.
        shifted.unwrap_or(now).max(SystemTime::UNIX_EPOCH)
    }

    /// The same, to compute with.
    pub(super) fn timestamp(&self) -> Timestamp {
        Timestamp::try_from(self.now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub(super) const fn token_lifetime(&self) -> Duration {
        Duration::from_millis((self.token.lifetime_s * 1000.0) as u64)
    }
}

/// So many seconds; none where the number is negative, for ever where it is too large.
pub(super) fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

const fn second() -> u64 {
    1_000
}
