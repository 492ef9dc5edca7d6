//! What lookups and searches answer.

use serde::Deserialize;

use super::Dialect;

/// What a lookup answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Lookup {
    pub only: Vec<String>,
    pub omit: Vec<String>,
    pub extra: bool,
    pub flags: FlagForm,
    pub not_found: Dialect,
    pub unsynched_delay_ms: u64,
}

/// How a lookup writes lock flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagForm {
    /// `true`.
    #[default]
    Boolean,
    /// `"true"`.
    Text,
    /// `null`, whatever the truth.
    Null,
}

/// What version 2 of the search answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Search {
    pub shape: SearchShape,
    pub flags: bool,
    pub totals: bool,
    pub extra: bool,
    pub churn: Vec<Churn>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            shape: SearchShape::Envelope,
            flags: true,
            totals: true,
            extra: false,
            churn: Vec::new(),
        }
    }
}

/// What a page of hits comes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchShape {
    /// An object with the hits and their number.
    #[default]
    Envelope,
    /// Nothing: a bare array.
    Array,
}

/// Users who come and go while somebody pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Churn {
    pub after_pages: u64,
    #[serde(default)]
    pub remove: Vec<String>,
    #[serde(default)]
    pub add: Vec<String>,
}
