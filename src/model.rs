//! The nouns of the program: what a row, a user, a method and an outcome are.
//!
//! Nothing here waits, sends, reads or writes, and nothing knows the service's field names.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// One row of the source: its position and what it says of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's number in the source, counted from 1, header aside.
    pub number: u64,
    /// The line of the source that the row begins in, counted from 1; `None` where the source has
    /// no lines.
    pub line: Option<u64>,
    /// What the row says of its user, as it was read.
    pub user: UserRef,
    /// The methods to unlock for this user.
    pub methods: MethodSet,
    /// Why the row cannot be a user; `None` where it can.
    pub defect: Option<String>,
}

impl Row {
    /// A sound row of a source without lines.
    #[must_use]
    pub const fn new(number: u64, user: UserRef, methods: MethodSet) -> Self {
        Self {
            number,
            line: None,
            user,
            methods,
            defect: None,
        }
    }
}

/// What is known of a user. At least one field is present, unless the row is defective.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct UserRef {
    /// The service's user ID (a GUID as User Details returns it).
    pub id: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The login name.
    pub username: Option<String>,
}

impl UserRef {
    /// A user known by its ID only.
    #[must_use]
    pub fn by_id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// A user known by one name, of which only the form tells what it is: with `@` an e-mail
    /// address, in the form of a GUID a user ID, else a login.
    #[must_use]
    pub fn by_form(name: &str) -> Self {
        let mut user = Self::default();
        let field = match name {
            "" => return user,
            name if name.contains('@') => &mut user.email,
            name if has_guid_form(name) => &mut user.id,
            _ => &mut user.username,
        };
        *field = Some(name.to_owned());
        user
    }
}

/// Whether this has the form of the IDs that the service gives out: 8-4-4-4-12 hexadecimal digits.
#[must_use]
pub fn has_guid_form(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = [&self.id, &self.email, &self.username];
        f.write_str(
            known
                .into_iter()
                .flatten()
                .next()
                .map_or("no user", String::as_str),
        )
    }
}

/// A user to unlock and the methods to unlock: what one PATCH is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The service's user ID.
    pub user_id: String,
    /// The methods to unlock; never empty.
    pub methods: MethodSet,
}

/// A user as the service knows it: what a look-up or a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The service's user ID.
    pub id: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The login name.
    pub username: Option<String>,
    /// The locks that can be opened.
    pub flags: LockFlags,
}

/// A tokencode method that the service can unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Authenticate OTP, the app's code.
    Token,
    /// SMS tokencode.
    Sms,
    /// Voice tokencode.
    Voice,
}

impl Method {
    /// Every method, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Token, Self::Sms, Self::Voice];

    /// The method's name as people type it and the service spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "TOKEN",
            Self::Sms => "SMS",
            Self::Voice => "VOICE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a method; the methods are TOKEN, SMS and VOICE")]
pub struct UnknownMethod(pub String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownMethod(text.trim().to_owned()))
    }
}

/// A set of methods. Displayed joined by `|`, parsed from words between `,`, `|`, `;` or blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MethodSet(u8);

impl MethodSet {
    /// All three methods.
    pub const ALL: Self = Self(0b111);
    /// No method.
    pub const NONE: Self = Self(0);

    /// The methods of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The methods of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every method of the other set is in this one.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The set as a number from 0 to 7, for where every byte counts.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The methods' names, joined by `|`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        const NAMES: [&str; 8] = [
            "",
            "TOKEN",
            "SMS",
            "TOKEN|SMS",
            "VOICE",
            "TOKEN|VOICE",
            "SMS|VOICE",
            "TOKEN|SMS|VOICE",
        ];
        NAMES[self.0 as usize]
    }

    /// The methods of the set, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL
            .into_iter()
            .filter(move |method| self.contains(*method))
    }

    /// Whether the set holds this method.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & (1 << method as u8) != 0
    }
}

impl FromIterator<Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        Self(
            methods
                .into_iter()
                .fold(0, |set, method| set | 1 << method as u8),
        )
    }
}

impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MethodSet {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text
            .split([',', '|', ';', ' '])
            .filter(|word| !word.is_empty());
        let set: Self = words.map(Method::from_str).collect::<Result<_, _>>()?;
        if set.0 == 0 {
            return Err(UnknownMethod(text.trim().to_owned()));
        }
        Ok(set)
    }
}

impl Serialize for MethodSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Whether each method is locked, as the service last said. `None`: it has not said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LockFlags {
    /// Authenticate OTP.
    pub token: Option<bool>,
    /// SMS tokencode.
    pub sms: Option<bool>,
    /// Voice tokencode.
    pub voice: Option<bool>,
}

impl LockFlags {
    /// Whether this method is locked.
    #[must_use]
    pub const fn get(self, method: Method) -> Option<bool> {
        match method {
            Method::Token => self.token,
            Method::Sms => self.sms,
            Method::Voice => self.voice,
        }
    }

    /// Whether the service has said anything at all.
    #[must_use]
    pub fn any_known(self) -> bool {
        self != Self::default()
    }

    /// What the flags say of the methods asked for: `Some(true)` where one is locked,
    /// `Some(false)` where all are unlocked, `None` where one is unknown and none is locked.
    #[must_use]
    pub fn any_locked(self, methods: MethodSet) -> Option<bool> {
        let mut answer = Some(false);
        for method in methods.iter() {
            match self.get(method) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => answer = None,
            }
        }
        answer
    }
}

/// Which of the service's calls a request is. Displayed as it stands in summary and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `PATCH users/{id}/methods`.
    Unlock,
    /// `POST users/lookup`.
    Lookup,
    /// `POST users/search`, version 2.
    Search,
    /// `GET usereventlog/exportlogs`.
    Events,
    /// The OAuth token endpoint.
    Token,
}

impl Endpoint {
    /// Every call.
    pub const ALL: [Self; 5] = [
        Self::Unlock,
        Self::Lookup,
        Self::Search,
        Self::Events,
        Self::Token,
    ];

    /// The call of this name in a summary.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.as_str() == name)
    }

    /// The name in summary, metrics and log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::Lookup => "lookup",
            Self::Search => "search",
            Self::Events => "events",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One HTTP exchange: a request that was sent, and its answer or why none came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The call.
    pub endpoint: Endpoint,
    /// What came of it.
    pub answer: Answer,
    /// From the request's start to the end of the answer.
    pub latency: Duration,
}

/// What came of one exchange. Displayed as the key under `requests` in the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// An HTTP status.
    Status(u16),
    /// The connection could not be made.
    ConnectError,
    /// No answer within the time limit.
    Timeout,
    /// The connection ended before the answer did.
    Cut,
}

impl Answer {
    /// What a summary has as this key.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let silent = [Self::ConnectError, Self::Timeout, Self::Cut];
        let silent = silent.into_iter().find(|answer| answer.to_string() == name);
        silent.or_else(|| name.parse().ok().map(Self::Status))
    }

    /// The HTTP status; `None` where no answer came.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::ConnectError => f.write_str("connect_error"),
            Self::Timeout => f.write_str("timeout"),
            Self::Cut => f.write_str("cut"),
        }
    }
}

/// What became of a row: the `outcome` column. The order is the summary's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The last answer reports every method asked for as unlocked.
    Unlocked,
    /// Nothing was locked; no PATCH was sent.
    AlreadyUnlocked,
    /// The same user stands in an earlier row; no PATCH was sent.
    Duplicate,
    /// The last answer reports a method asked for as still locked.
    StillLocked,
    /// A 200 that does not say of every method asked for whether it is locked.
    Unverified,
    /// The service does not know the user.
    NotFound,
    /// The service refused the request as malformed, or the row cannot be a user.
    Invalid,
    /// The service forbids it on a fresh token.
    Forbidden,
    /// Anything else.
    Failed,
}

impl OutcomeKind {
    /// Every kind, in the summary's order.
    pub const ALL: [Self; 9] = [
        Self::Unlocked,
        Self::AlreadyUnlocked,
        Self::Duplicate,
        Self::StillLocked,
        Self::Unverified,
        Self::NotFound,
        Self::Invalid,
        Self::Forbidden,
        Self::Failed,
    ];

    /// The word in the `outcome` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlocked => "unlocked",
            Self::AlreadyUnlocked => "already_unlocked",
            Self::Duplicate => "duplicate",
            Self::StillLocked => "still_locked",
            Self::Unverified => "unverified",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
            Self::Failed => "failed",
        }
    }

    /// Whether a row with this outcome ended well.
    #[must_use]
    pub const fn ends_well(self) -> bool {
        matches!(
            self,
            Self::Unlocked | Self::AlreadyUnlocked | Self::Duplicate
        )
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a target after its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The outcome's word.
    pub kind: OutcomeKind,
    /// Of the last answer to the PATCH; `None` where none came.
    pub http_status: Option<u16>,
    /// The last flags that the service reported for this user.
    pub flags: LockFlags,
    /// PATCHes tried.
    pub attempts: u32,
    /// From the first request for this user to its end, waits included; zero where none was sent.
    pub duration: Duration,
    /// One line; empty when all is well.
    pub error: String,
}

impl Outcome {
    /// An outcome for which no request was needed.
    #[must_use]
    pub fn without_request(kind: OutcomeKind, error: impl Into<String>) -> Self {
        Self {
            kind,
            http_status: None,
            flags: LockFlags::default(),
            attempts: 0,
            duration: Duration::ZERO,
            error: error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LockFlags, Method, MethodSet};

    #[test]
    fn method_sets_read_every_separator_and_write_one_order() {
        for text in [
            "VOICE,TOKEN",
            "voice|token",
            " Token ; VOICE",
            "TOKEN VOICE TOKEN",
        ] {
            let set: MethodSet = text.parse().expect(text);
            assert_eq!(set.to_string(), "TOKEN|VOICE", "{text}");
        }
        for bits in 0..8_u8 {
            let named = |method: &Method| bits & (1 << *method as u8) != 0;
            let set: MethodSet = Method::ALL.into_iter().filter(named).collect();
            let names: Vec<_> = set.iter().map(Method::as_str).collect();
            assert_eq!(set.as_str(), names.join("|"));
        }
        for text in ["", " ", "PUSH", "TOKEN,FOO"] {
            assert!(text.parse::<MethodSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_set_covers_its_parts() {
        let set = |text: &str| text.parse::<MethodSet>().expect(text);
        for (whole, part, covers) in [
            ("TOKEN|SMS", "SMS", true),
            ("TOKEN|SMS", "TOKEN|SMS", true),
            ("SMS", "TOKEN|SMS", false),
            ("SMS", "VOICE", false),
        ] {
            assert_eq!(set(whole).covers(set(part)), covers, "{whole} {part}");
        }
    }

    #[test]
    fn locked_wins_over_unknown_and_unknown_over_unlocked() {
        let flags = LockFlags {
            token: Some(false),
            sms: Some(true),
            voice: None,
        };
        let set = |methods: &[Method]| methods.iter().copied().collect();
        assert_eq!(flags.any_locked(set(&[Method::Token])), Some(false));
        assert_eq!(flags.any_locked(set(&[Method::Token, Method::Voice])), None);
        assert_eq!(flags.any_locked(MethodSet::ALL), Some(true));
    }
}
