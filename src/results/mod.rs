//! The results CSV: one record a row, written whole when the row is final.
//!
//! Nothing here sends, or judges an answer. The file is the account of the job: what it does not
//! hold was not done.

mod done;
mod error;
mod holder;
mod index;
mod lock;
mod overlap;
mod path;
mod reader;
mod recorded;
mod reserve;
mod resume;
mod writer;

use std::{borrow::Cow, time::SystemTime};

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};

use crate::model::{Outcome, Row};

pub use done::{Done, Standing};
pub use error::ResultsError;
pub use holder::Holder;
pub use lock::{Lock, LockError};
pub use overlap::{InSeveral, Users};
pub use path::{PathError, Placeholders, default_path, expand};
pub use reader::{Records, Torn};
pub use recorded::Recorded;
pub use resume::Recovered;
pub use writer::{ResultsFile, WriteMode};

/// The columns, in their order.
pub const COLUMNS: [&str; 14] = [
    "row",
    "user_id",
    "email",
    "username",
    "methods",
    "outcome",
    "http_status",
    "is_token_locked",
    "is_sms_locked",
    "is_voice_locked",
    "attempts",
    "duration_ms",
    "error",
    "finished_at",
];

/// No `error` is longer, in characters.
const LONGEST_ERROR: usize = 300;

/// One line of the results.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    fields: [Cow<'static, str>; 14],
}

impl Record {
    /// The line for a row that became final at this time.
    #[must_use]
    pub fn new(row: &Row, outcome: &Outcome, finished_at: SystemTime) -> Self {
        let flag = |flag| match flag {
            Some(true) => "true".into(),
            Some(false) => "false".into(),
            None => "".into(),
        };
        let text = |text: &Option<String>| neutral(text.clone().unwrap_or_default()).into();
        let status = outcome.http_status.map(|status| status.to_string());
        Self {
            fields: [
                row.number.to_string().into(),
                text(&row.user.id),
                text(&row.user.email),
                text(&row.user.username),
                row.methods.as_str().into(),
                outcome.kind.as_str().into(),
                status.unwrap_or_default().into(),
                flag(outcome.flags.token),
                flag(outcome.flags.sms),
                flag(outcome.flags.voice),
                outcome.attempts.to_string().into(),
                outcome.duration.as_millis().to_string().into(),
                neutral(one_line(&outcome.error)).into(),
                timestamp(finished_at).into(),
            ],
        }
    }

    /// The same line again.
    #[must_use]
    pub fn again(recorded: &Recorded<'_>) -> Self {
        let row = Row::new(recorded.row, recorded.user(), recorded.methods);
        let outcome = Outcome {
            kind: recorded.kind,
            http_status: recorded.http_status,
            flags: recorded.flags,
            attempts: recorded.attempts,
            duration: recorded.duration,
            error: recorded.error.to_owned(),
        };
        let mut record = Self::new(&row, &outcome, SystemTime::UNIX_EPOCH);
        record.fields[13] = recorded.finished_at.to_owned().into();
        record
    }

    /// The fields, in the order of [`COLUMNS`].
    #[must_use]
    pub const fn fields(&self) -> &[Cow<'static, str>; 14] {
        &self.fields
    }
}

/// RFC 3339 in UTC with milliseconds: always 24 characters.
#[must_use]
pub fn timestamp(time: SystemTime) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    PRINTER.timestamp_to_string(&time)
}

/// Whether this is what [`timestamp`] writes.
fn is_timestamp(text: &[u8]) -> bool {
    let shape = b"0000-00-00T00:00:00.000Z";
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
}

/// How a field begins that a spreadsheet runs.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The text, so that no spreadsheet takes it for a formula.
fn neutral(mut text: String) -> String {
    if text.starts_with(FORMULA) {
        text.insert(0, '\'');
    }
    text
}

/// The text as it was before it was made harmless for spreadsheets.
#[must_use]
pub fn original(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(text) if text.starts_with(FORMULA) => text,
        _ => field,
    }
}

fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let printable = text.chars().map(|c| if breaks(c) { ' ' } else { c });
    printable.take(LONGEST_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Record, timestamp};
    use crate::model::{LockFlags, MethodSet, Outcome, OutcomeKind, Row, UserRef};

    fn record(id: &str, error: &str) -> Record {
        let row = Row::new(7, UserRef::by_id(id), MethodSet::ALL);
        let outcome = Outcome {
            kind: OutcomeKind::StillLocked,
            http_status: Some(200),
            flags: LockFlags {
                token: Some(false),
                sms: Some(true),
                voice: None,
            },
            attempts: 2,
            duration: Duration::from_micros(1_500_900),
            error: error.to_owned(),
        };
        Record::new(
            &row,
            &outcome,
            SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_045),
        )
    }

    #[test]
    fn a_record_says_what_the_service_said() {
        let fields = record("u-1", "still locked: SMS").fields().join(",");
        let expected = "7,u-1,,,TOKEN|SMS|VOICE,still_locked,200,false,true,,2,1500,still locked: SMS,2023-11-14T22:13:20.045Z";
        assert_eq!(fields, expected);
    }

    #[test]
    fn formulas_and_line_breaks_are_made_harmless() {
        for (id, written) in [
            ("=cmd()", "'=cmd()"),
            ("@x", "'@x"),
            ("-1", "'-1"),
            ("+1", "'+1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(record(id, "").fields()[1], written);
            assert_eq!(super::original(written), id);
        }
        assert_eq!(record("x", "=a\r\nb").fields()[12], "'=a  b");
        assert_eq!(
            record("x", "a\u{2028}b\u{85}c\u{1b}[2J").fields()[12],
            "a b c [2J"
        );
        assert_eq!(
            record("x", &"ü".repeat(1_000)).fields()[12].chars().count(),
            300
        );
    }

    #[test]
    fn times_have_a_fixed_shape() {
        for seconds in [0, 1, 4_000_000_000] {
            let text = timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert!(super::is_timestamp(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "2026-11-24T02:03:04.56Z",
            "2026-11-24T02:03:04.5678Z",
            "2026-11-24 02:03:04.567Z",
            "2026-11-24T02:03:04.567z",
            "2026-11-24T02:03:04.x67Z",
        ] {
            assert!(!super::is_timestamp(text.as_bytes()), "{text}");
        }
    }
}
