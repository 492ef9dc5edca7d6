//! How the simulated service behaves: data, from TOML.

use std::time::Duration;

use serde::Deserialize;

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
    pub limit: Option<Limit>,
    pub token: Token,
    pub fault: Vec<Fault>,
    pub user: Vec<UserRule>,
}

/// A scenario that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(#[from] toml::de::Error);

/// At most so many calls in any window of this length.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Limit {
    pub requests: usize,
    #[serde(default = "second")]
    pub window_ms: u64,
    #[serde(default)]
    pub retry_after: RetryAfter,
    #[serde(default)]
    pub body: LimitBody,
    /// Whether the token endpoint counts too.
    #[serde(default)]
    pub tokens: bool,
}

const fn second() -> u64 {
    1_000
}

/// Whether a 429 says when to come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// It does not.
    #[default]
    None,
    /// In whole seconds.
    Seconds,
    /// As a date.
    Date,
}

/// What a 429's body looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitBody {
    /// An application error.
    #[default]
    Json,
    /// A gateway's page.
    Html,
    /// Nothing.
    Empty,
}

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

/// Something that goes wrong with unlock calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Fault {
    pub kind: FaultKind,
    #[serde(default)]
    pub probability: f64,
    #[serde(default)]
    pub nth: Vec<u64>,
    #[serde(default)]
    pub every: Option<u64>,
    #[serde(default = "three")]
    pub most_per_user: u32,
    #[serde(default)]
    pub retry_after_s: Option<u64>,
    #[serde(default = "second")]
    pub slow_ms: u64,
}

const fn three() -> u32 {
    3
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum FaultKind {
    /// 500 with the status object; only some of what was asked for is unlocked.
    #[serde(rename = "500_mixed")]
    Mixed500,
    /// 500 with the status object, though all that was asked for is unlocked.
    #[serde(rename = "500_done")]
    Done500,
    /// 500 with an application error.
    #[serde(rename = "500_json")]
    Json500,
    /// 500 with a page.
    #[serde(rename = "500_html")]
    Html500,
    /// 429, with `Retry-After` where `retry_after_s` is given.
    #[serde(rename = "429")]
    TooMany,
    /// 502 with a page.
    #[serde(rename = "502")]
    BadGateway,
    /// 503 with a page, with `Retry-After` where `retry_after_s` is given.
    #[serde(rename = "503")]
    Unavailable,
    /// 504 with a page.
    #[serde(rename = "504")]
    GatewayTimeout,
    /// The connection ends without an answer; nothing was done.
    #[serde(rename = "cut")]
    Cut,
    /// The connection ends in the middle of the answer; it was done.
    #[serde(rename = "truncated")]
    Truncated,
    /// The connection ends without an answer; it was done.
    #[serde(rename = "applied_but_lost")]
    AppliedButLost,
    /// 200 with something that is no JSON; it was done.
    #[serde(rename = "garbage")]
    Garbage,
    /// 200 about another user; nothing was done.
    #[serde(rename = "other_user")]
    OtherUser,
    /// 200 without flags; it was done.
    #[serde(rename = "no_flags")]
    NoFlags,
    /// A late answer.
    #[serde(rename = "slow")]
    Slow,
    /// 302 to another path of the simulator: whoever follows stands in the ledger.
    #[serde(rename = "redirect")]
    Redirect,
    /// The token is revoked before it is looked at.
    #[serde(rename = "token_revoked")]
    TokenRevoked,
}

/// What is special about one user, on every call.
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
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            seed: 1,
            latency_ms: 0,
            jitter_ms: 0,
            limit: None,
            token: Token::default(),
            fault: Vec::new(),
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
            scopes: ["rsa.user.read", "rsa.user.factor.manage"]
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
        Ok(toml::from_str(text)?)
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

    pub(super) fn rule(&self, user_id: &str) -> Option<&UserRule> {
        self.user
            .iter()
            .find(|rule| rule.id.eq_ignore_ascii_case(user_id))
    }

    pub(super) const fn token_lifetime(&self) -> Duration {
        Duration::from_millis((self.token.lifetime_s * 1000.0) as u64)
    }
}
