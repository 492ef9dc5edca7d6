//! How many calls the service takes, and how it says that these were too many.

use std::time::Duration;

use serde::Deserialize;

use super::span;

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
    pub kind: LimitKind,
    /// Of a bucket or GCRA; `None` takes the kind's own.
    #[serde(default)]
    pub burst: Option<u32>,
    #[serde(default)]
    pub refused_count: bool,
    #[serde(default)]
    pub retry_after: RetryAfter,
    #[serde(default)]
    pub body: LimitBody,
    /// Whether the token endpoint counts too.
    #[serde(default)]
    pub tokens: bool,
    #[serde(default)]
    pub phase: Vec<Phase>,
}

/// From a moment after the first call of the API on, another number of calls.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Phase {
    pub after_s: f64,
    pub requests: usize,
}

/// How calls are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// In any window of the length.
    #[default]
    Sliding,
    /// In windows that follow one another, from the first call on: twice as many may come around a
    /// border.
    Fixed,
    /// A bucket that is full at first and fills up evenly.
    Bucket,
    /// The generic cell rate algorithm: evenly, or with a small burst. The same as a bucket, but
    /// for the burst that it has unless told otherwise.
    Gcra,
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

impl Limit {
    /// The number of calls that holds so long after the first one.
    pub(in crate::simulator) fn requests_at(&self, since: Duration) -> usize {
        let begun = self
            .phase
            .iter()
            .filter(|phase| span(phase.after_s) <= since);
        begun
            .max_by(|one, other| one.after_s.total_cmp(&other.after_s))
            .map_or(self.requests, |phase| phase.requests)
    }

    /// How many calls may come at once.
    pub(in crate::simulator) fn burst(&self) -> u32 {
        let own = match self.kind {
            LimitKind::Bucket => u32::try_from(self.requests).unwrap_or(u32::MAX),
            _ => 1,
        };
        self.burst.unwrap_or(own).max(1)
    }
}
