//! What a results file comes to: a fold over its records in memory that does not grow with them.

use std::{
    collections::BTreeMap,
    fs::File,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;

use super::charts::Histogram;
use crate::{
    model::{Method, OutcomeKind},
    results::{Recorded, Records, ResultsError, Torn},
    stats::{Failure, Tally, Timeline},
};

/// So many rows that did not end well are kept whole.
pub(super) const KEPT: usize = 5_000;
/// So many different reasons are told apart, and no reason is longer, in characters.
const REASONS: usize = 1_000;
const LONGEST: usize = 200;

/// A row that did not end well, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs, reason = "the columns of the results")]
pub struct NotWell {
    pub row: u64,
    pub user_id: String,
    pub email: String,
    pub username: String,
    pub outcome: OutcomeKind,
    pub http_status: Option<u16>,
    pub locked: Vec<&'static str>,
    pub attempts: u32,
    pub error: String,
    pub finished_at: String,
}

/// How many records say what of one method's lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct After {
    /// Locked.
    pub locked: u64,
    /// Not locked.
    pub unlocked: u64,
    /// Not known.
    pub unknown: u64,
}

/// What the records come to.
#[derive(Debug, Default)]
pub struct Digest {
    /// How many ended how.
    pub tally: Tally,
    /// The locks that were asked for, of all but duplicates.
    pub after: BTreeMap<&'static str, After>,
    /// How long a user took, of those who were asked about.
    pub durations: Histogram,
    /// Why rows did not end well, and how many of each.
    pub reasons: BTreeMap<(OutcomeKind, String), u64>,
    /// The first rows that did not end well.
    pub not_well: Vec<NotWell>,
    /// Tries beyond each row's first.
    pub further_tries: u64,
    /// Rows over time.
    pub timeline: Timeline,
    /// When the first and the last record became final.
    pub span: Option<(SystemTime, SystemTime)>,
    /// The half record at the end; `None` where the file is whole.
    pub torn: Option<Torn>,
}

impl Digest {
    /// Reads the records to their end.
    ///
    /// # Errors
    /// [`ResultsError`]: the file, or what in it no run wrote.
    pub fn of(records: &mut Records<File>) -> Result<Self, ResultsError> {
        let mut digest = Self::default();
        while let Some(record) = records.read()? {
            digest.add(&record);
        }
        digest.torn = records.torn();
        Ok(digest)
    }

    fn add(&mut self, record: &Recorded<'_>) {
        self.tally.add(record.kind, || Failure {
            row: record.row,
            user: record.user().to_string(),
            kind: record.kind,
            error: record.error.to_owned(),
        });
        self.further_tries += u64::from(record.attempts.saturating_sub(1));
        if record.kind != OutcomeKind::Duplicate {
            self.add_locks(record);
        }
        if record.http_status.is_some() || record.attempts > 0 {
            self.durations.add(record.duration, 1);
        }
        if !record.kind.ends_well() {
            self.add_not_well(record);
        }
        if let Some(at) = time_of(record.finished_at) {
            self.add_time(at, record.duration);
        }
    }

    fn add_time(&mut self, at: SystemTime, duration: Duration) {
        match &mut self.span {
            Some((_, last)) => *last = at.max(*last),
            None => {
                self.timeline = Timeline::starting(at.checked_sub(duration).unwrap_or(at));
                self.span = Some((at, at));
            }
        }
        self.timeline.row(at);
    }

    fn add_locks(&mut self, record: &Recorded<'_>) {
        for method in record.methods.iter() {
            let after = self.after.entry(method.as_str()).or_default();
            match record.flags.get(method) {
                Some(true) => after.locked += 1,
                Some(false) => after.unlocked += 1,
                None => after.unknown += 1,
            }
        }
    }

    fn add_not_well(&mut self, record: &Recorded<'_>) {
        let reason = (record.kind, short(record.error));
        if self.reasons.len() < REASONS || self.reasons.contains_key(&reason) {
            *self.reasons.entry(reason).or_default() += 1;
        } else {
            let others = (record.kind, "other reasons".to_owned());
            *self.reasons.entry(others).or_default() += 1;
        }
        if self.not_well.len() < KEPT {
            let locked = Method::ALL
                .into_iter()
                .filter(|method| record.flags.get(*method) == Some(true));
            self.not_well.push(NotWell {
                row: record.row,
                user_id: short(record.user_id),
                email: short(record.email),
                username: short(record.username),
                outcome: record.kind,
                http_status: record.http_status,
                locked: locked.map(Method::as_str).collect(),
                attempts: record.attempts,
                error: super::text::plain(record.error, 300),
                finished_at: record.finished_at.to_owned(),
            });
        }
    }
}

fn short(text: &str) -> String {
    super::text::plain(text, LONGEST)
}

fn time_of(text: &str) -> Option<SystemTime> {
    let time = text.parse::<Timestamp>().ok()?;
    SystemTime::try_from(time).ok()
}
