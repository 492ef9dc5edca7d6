//! The service's own field names, and nothing else of ours.
//!
//! Answers are read tolerantly: unknown members are ignored, flags may be text, any may be absent.

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

use crate::model::{Found, LockFlags, MethodSet, UserRef};

/// The body of `PATCH users/{id}/methods`: this one member, since the service counts them.
#[derive(Debug, Serialize)]
pub(super) struct UnlockRequest {
    #[serde(rename = "unlockMethods")]
    pub(super) unlock_methods: MethodSet,
}

/// The body of `POST users/lookup`: one of the two, since both at once are not documented.
#[derive(Debug, Serialize)]
pub(super) struct LookupRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<&'a str>,
    /// Left out where false, which is the service's default: older versions do not know it.
    #[serde(rename = "searchUnsynched", skip_serializing_if = "std::ops::Not::not")]
    pub(super) search_unsynched: bool,
}

/// User Details: the members that are used. All but the ID may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserDetails {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "emailAddress", deserialize_with = "text")]
    pub(super) email: Option<String>,
    #[serde(rename = "principalUsername", deserialize_with = "text")]
    pub(super) principal_username: Option<String>,
    #[serde(rename = "alternateUsername", deserialize_with = "text")]
    pub(super) alternate_username: Option<String>,
    #[serde(rename = "isTokenLocked", deserialize_with = "flag")]
    is_token_locked: Option<bool>,
    #[serde(rename = "isSmsLocked", deserialize_with = "flag")]
    is_sms_locked: Option<bool>,
    #[serde(rename = "isVoiceLocked", deserialize_with = "flag")]
    is_voice_locked: Option<bool>,
}

impl UserDetails {
    /// The user, where the ID is there.
    pub(super) fn found(self) -> Option<Found> {
        let flags = LockFlags {
            token: self.is_token_locked,
            sms: self.is_sms_locked,
            voice: self.is_voice_locked,
        };
        let user = self.user();
        Some(Found {
            id: user.id?,
            email: user.email,
            username: user.username,
            flags,
        })
    }

    /// What is said of the user.
    pub(super) fn user(self) -> UserRef {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let principal = filled(self.principal_username);
        UserRef {
            id: filled(self.id),
            email: filled(self.email),
            username: principal.or_else(|| filled(self.alternate_username)),
        }
    }
}

/// The body of `POST users/search`.
#[derive(Debug, Serialize)]
pub(super) struct SearchRequest<'a> {
    #[serde(rename = "emailLike")]
    pub(super) email_like: &'a str,
}

/// A page of User Search: version 2 wraps it, version 1 does not.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SearchAnswer {
    Bare(Vec<UserDetails>),
    Wrapped {
        elements: Vec<UserDetails>,
        #[serde(rename = "totalPages", default)]
        total_pages: Option<u64>,
        #[serde(rename = "totalElements", default)]
        total_elements: Option<u64>,
    },
}

/// A page of the User Event Log.
#[derive(Debug, Deserialize)]
pub(super) struct EventsAnswer {
    #[serde(rename = "userEventLogExportEntries")]
    pub(super) entries: Vec<LogEntry>,
    #[serde(rename = "totalPages", default)]
    pub(super) total_pages: Option<u64>,
    #[serde(rename = "totalElements", default)]
    pub(super) total_elements: Option<u64>,
}

/// One entry of the User Event Log: the members that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LogEntry {
    #[serde(rename = "eventCode", deserialize_with = "scalar")]
    pub(super) code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) method: Option<String>,
    #[serde(rename = "userId", deserialize_with = "text")]
    pub(super) user: Option<String>,
    #[serde(rename = "eventLogDate", deserialize_with = "text")]
    pub(super) at: Option<String>,
}

/// The status object of a 200, and by the documentation of a 500.
#[derive(Debug, Deserialize)]
pub(super) struct UnlockStatus {
    #[serde(rename = "userId", default, deserialize_with = "text")]
    pub(super) user_id: Option<String>,
    #[serde(rename = "isTokenLocked", default, deserialize_with = "flag")]
    is_token_locked: Option<bool>,
    #[serde(rename = "isSmsLocked", default, deserialize_with = "flag")]
    is_sms_locked: Option<bool>,
    #[serde(rename = "isVoiceLocked", default, deserialize_with = "flag")]
    is_voice_locked: Option<bool>,
}

impl UnlockStatus {
    pub(super) fn flags(&self) -> LockFlags {
        LockFlags {
            token: self.is_token_locked,
            sms: self.is_sms_locked,
            voice: self.is_voice_locked,
        }
    }
}

/// Either shape in which the service tells of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    /// Application error: number, blank, reason in capitals.
    #[serde(deserialize_with = "text")]
    pub(super) code: Option<String>,
    /// Application error: a sentence.
    #[serde(deserialize_with = "text")]
    pub(super) description: Option<String>,
    /// Framework error: the reason phrase.
    #[serde(deserialize_with = "text")]
    pub(super) error: Option<String>,
    /// Framework error: a sentence.
    #[serde(deserialize_with = "text")]
    pub(super) message: Option<String>,
    /// Framework error: the request's path. Its presence tells the two shapes apart.
    #[serde(deserialize_with = "text")]
    pub(super) path: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Text(String),
    Other(IgnoredAny),
}

/// A text or a number, as text.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Number(i64),
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Code::deserialize(deserializer)? {
        Code::Number(number) => Some(number.to_string()),
        Code::Text(text) => Some(text.trim().to_owned()),
        Code::Other(IgnoredAny) => None,
    })
}

/// `true`, `"true"` and the like; anything else is not known.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Bool(value) => Some(value),
        Scalar::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Scalar::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Scalar::Text(_) | Scalar::Other(IgnoredAny) => None,
    })
}

/// A text; anything else is taken as absent.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(text) => Some(text),
        Scalar::Bool(_) | Scalar::Other(IgnoredAny) => None,
    })
}
