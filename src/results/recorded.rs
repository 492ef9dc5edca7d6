//! One line read back: from fields to what they say.
//!
//! Nothing here reads a file.

use std::time::Duration;

use csv::ByteRecord;

use super::{COLUMNS, original};
use crate::{
    identity::Identity,
    model::{LockFlags, MethodSet, OutcomeKind, UserRef},
};

/// One record, as it stands in a file. Texts are without the `'` that keeps a spreadsheet from
/// running them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// The row's number in its source.
    pub row: u64,
    /// The user ID; empty where it was not known, as the next two.
    pub user_id: &'a str,
    /// The e-mail address.
    pub email: &'a str,
    /// The login name.
    pub username: &'a str,
    /// What was to be unlocked.
    pub methods: MethodSet,
    /// What became of it.
    pub kind: OutcomeKind,
    /// Of the last answer; `None` where none came.
    pub http_status: Option<u16>,
    /// What the service said of the locks.
    pub flags: LockFlags,
    /// PATCHes tried.
    pub attempts: u32,
    /// In whole milliseconds.
    pub duration: Duration,
    /// Why it did not end well; empty when all is well.
    pub error: &'a str,
    /// RFC 3339, 24 characters.
    pub finished_at: &'a str,
}

impl<'a> Recorded<'a> {
    /// The user, with what is known.
    #[must_use]
    pub fn user(&self) -> UserRef {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UserRef {
            id: known(self.user_id),
            email: known(self.email),
            username: known(self.username),
        }
    }

    /// Every name that is known of the user.
    pub fn identities(&self) -> impl Iterator<Item = Identity<'a>> {
        let known = |text: &'a str| (!text.is_empty()).then_some(text);
        let id = known(self.user_id).map(Identity::Id);
        let email = known(self.email).map(Identity::Email);
        let username = known(self.username).map(Identity::Username);
        [id, email, username].into_iter().flatten()
    }

    /// What a line says; or what is wrong with it.
    pub(super) fn parse(record: &'a ByteRecord) -> Result<Self, String> {
        if record.len() != COLUMNS.len() {
            return Err(too_many_or_few(record.len()));
        }
        let mut fields = [""; COLUMNS.len()];
        for ((field, bytes), column) in fields.iter_mut().zip(record).zip(COLUMNS) {
            *field = str::from_utf8(bytes).map_err(|_| format!("its {column} is not UTF-8"))?;
        }
        let [
            row,
            user_id,
            email,
            username,
            methods,
            outcome,
            status,
            token,
            sms,
            voice,
            attempts,
            duration,
            error,
            finished_at,
        ] = fields;
        let status = (!status.is_empty()).then_some(status);
        Ok(Self {
            row: number("row", row)?,
            user_id: original(user_id),
            email: original(email),
            username: original(username),
            methods: methods.parse().map_err(|_| not("methods", methods))?,
            kind: kind(outcome)?,
            http_status: status
                .map(|status| number("http_status", status))
                .transpose()?,
            flags: LockFlags {
                token: flag("is_token_locked", token)?,
                sms: flag("is_sms_locked", sms)?,
                voice: flag("is_voice_locked", voice)?,
            },
            attempts: number("attempts", attempts)?,
            duration: Duration::from_millis(number("duration_ms", duration)?),
            error: original(error),
            finished_at: finished_at.strip_suffix('\r').unwrap_or(finished_at),
        })
    }
}

pub(super) fn too_many_or_few(columns: usize) -> String {
    format!("it has {columns} columns instead of {}", COLUMNS.len())
}

fn not(column: &str, text: &str) -> String {
    let text: String = text.escape_debug().take(40).collect();
    format!("its {column} cannot be `{text}`")
}

fn number<T: std::str::FromStr>(column: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| not(column, text))
}

fn kind(text: &str) -> Result<OutcomeKind, String> {
    let mut kinds = OutcomeKind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.as_str() == text);
    kind.ok_or_else(|| not("outcome", text))
}

fn flag(column: &str, text: &str) -> Result<Option<bool>, String> {
    match text {
        "" => Ok(None),
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(not(column, text)),
    }
}

/// A line end of another system's is as good.
pub(super) fn without_return(field: &[u8]) -> &[u8] {
    field.strip_suffix(b"\r").unwrap_or(field)
}
