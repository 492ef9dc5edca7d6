//! What goes wrong with calls, and with which.

use serde::{Deserialize, Serialize};

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Unlocks a user's methods.
    Unlock,
    /// Finds a user by address or login name.
    Lookup,
    /// Lists users by a part of their address.
    Search,
    /// Lists what happened to users.
    Events,
    /// Gives out tokens.
    Token,
}

impl Endpoint {
    /// Its name in the ledger.
    pub(in crate::simulator) const fn word(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::Lookup => "lookup",
            Self::Search => "search",
            Self::Events => "events",
            Self::Token => "token",
        }
    }

    /// The scope that a token needs for it.
    pub(in crate::simulator) const fn scope(self) -> &'static str {
        match self {
            Self::Unlock => "rsa.user.factor.manage",
            Self::Lookup | Self::Search => "rsa.user.read",
            Self::Events => "rsa.audit.user",
            Self::Token => "",
        }
    }
}

/// Something that goes wrong with some calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Fault {
    pub kind: FaultKind,
    #[serde(default = "unlock")]
    pub calls: Vec<Endpoint>,
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
    #[serde(default = "super::second")]
    pub slow_ms: u64,
}

const fn three() -> u32 {
    3
}

fn unlock() -> Vec<Endpoint> {
    vec![Endpoint::Unlock]
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
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

impl FaultKind {
    /// Whether this can happen to such a call: what an unlock alone has cannot go wrong elsewhere.
    pub(in crate::simulator) const fn strikes(self, endpoint: Endpoint) -> bool {
        match self {
            Self::Mixed500 | Self::Done500 | Self::AppliedButLost => {
                matches!(endpoint, Endpoint::Unlock)
            }
            Self::OtherUser | Self::NoFlags => {
                matches!(endpoint, Endpoint::Unlock | Endpoint::Lookup)
            }
            Self::TokenRevoked => !matches!(endpoint, Endpoint::Token),
            _ => true,
        }
    }
}

/// A time in which nothing works.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Outage {
    #[serde(default)]
    pub after_s: f64,
    /// Begins with the call after so many, instead of `after_s`.
    #[serde(default)]
    pub after_calls: Option<u64>,
    pub for_s: f64,
    pub kind: OutageKind,
    #[serde(default = "yes")]
    pub tokens: bool,
}

const fn yes() -> bool {
    true
}

/// What callers see of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OutageKind {
    /// The connection ends without an answer.
    #[serde(rename = "cut")]
    Cut,
    /// New connections are closed at once; on others, calls are cut.
    #[serde(rename = "refuse")]
    Refuse,
    /// 429 with an application error.
    #[serde(rename = "429")]
    TooMany,
    /// 500 with a page.
    #[serde(rename = "500")]
    Internal,
    /// 502 with a page.
    #[serde(rename = "502")]
    BadGateway,
    /// 503 with a page.
    #[serde(rename = "503")]
    Unavailable,
    /// 504 with a page.
    #[serde(rename = "504")]
    GatewayTimeout,
}
