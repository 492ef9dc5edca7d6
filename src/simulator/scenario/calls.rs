//! What lookups, searches and the event log answer.

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

/// What the event log answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Events {
    pub automatic: bool,
    pub user_id: UserForm,
    pub code: CodeForm,
    pub methods: bool,
    pub method_words: MethodWords,
    pub strict: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            automatic: true,
            user_id: UserForm::Id,
            code: CodeForm::Text,
            methods: true,
            method_words: MethodWords::Tokencode,
            strict: false,
        }
    }
}

/// What the log calls a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserForm {
    /// By the user ID.
    Id,
    /// By the e-mail address.
    Email,
    /// By the login name.
    Username,
    /// By any of these, from event to event.
    Mixed,
}

/// How the log writes an event code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeForm {
    /// `"2"`.
    Text,
    /// `2`.
    Number,
}

/// What the log calls the methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodWords {
    /// As unlock does: `TOKEN`, `SMS`, `VOICE`.
    Plain,
    /// As the vendor did of old: `Authenticate Tokencode`, `SMS Tokencode`, `Voice Tokencode`.
    Tokencode,
    /// As the vendor does of late: `Authenticate OTP`, `SMS OTP`, `Voice OTP`.
    Otp,
}

/// An event that is in the log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "each member is described in samples/scenarios/reference.toml"
)]
pub struct Event {
    pub user: String,
    #[serde(default = "now_locked")]
    pub code: u32,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub minutes_ago: f64,
}

const fn now_locked() -> u32 {
    2
}
