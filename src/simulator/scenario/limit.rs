//! How many calls the service takes, and how it says that these were too many.

use serde::Deserialize;

/// At most so many calls in a window of this length.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Limit {
    pub requests: usize,
    #[serde(default = "super::second")]
    pub window_ms: u64,
    #[serde(default)]
    pub retry_after: RetryAfter,
    #[serde(default)]
    pub body: LimitBody,
    /// Whether the token endpoint counts too.
    #[serde(default)]
    pub tokens: bool,
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
