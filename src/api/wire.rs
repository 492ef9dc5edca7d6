//! The service's own field names, and nothing else of ours.
//!
//! Answers are read tolerantly: unknown members are ignored, flags may be text, any may be absent.

use std::{fmt, sync::LazyLock};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::model::{Found, LockFlags, Method, MethodSet, UserRef};

/// The body of `PATCH users/{id}/methods`: this one member, since the service counts them.
#[derive(Debug, Serialize)]
pub(super) struct UnlockRequest {
    #[serde(rename = "unlockMethods")]
    unlock_methods: MethodSet,
}

impl UnlockRequest {
    /// The body for these methods. There are no more than eight, so each is written once.
    pub(super) fn of(methods: MethodSet) -> &'static str {
        static BODIES: LazyLock<[String; 8]> = LazyLock::new(|| {
            std::array::from_fn(|bits| {
                let named = |method: &Method| bits & (1 << *method as usize) != 0;
                let unlock_methods = Method::ALL.into_iter().filter(named).collect();
                let body = UnlockRequest { unlock_methods };
                serde_json::to_string(&body).expect("words are JSON")
            })
        });
        &BODIES[usize::from(methods.bits())]
    }
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

/// A member's value, as far as one is used. Any value can be read as one.
enum Scalar {
    Bool(bool),
    Number(i64),
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// Reads each value once: an untagged enum keeps a copy and tries one variant after the other.
struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or(Scalar::Other, Scalar::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Scalar, A::Error> {
        IgnoredAny.visit_seq(seq).map(|IgnoredAny| Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
        IgnoredAny.visit_map(map).map(|IgnoredAny| Scalar::Other)
    }
}

/// A text or a number, as text.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Number(number) => Some(number.to_string()),
        Scalar::Text(text) => Some(text.trim().to_owned()),
        Scalar::Bool(_) | Scalar::Other => None,
    })
}

/// `true`, `"true"` and the like; anything else is not known.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Bool(value) => Some(value),
        Scalar::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Scalar::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Scalar::Text(_) | Scalar::Number(_) | Scalar::Other => None,
    })
}

/// A text; anything else is taken as absent.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(text) => Some(text),
        Scalar::Bool(_) | Scalar::Number(_) | Scalar::Other => None,
    })
}
