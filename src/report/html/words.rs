//! What a page says in words.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Page, charts::grouped};
use crate::{
    model::OutcomeKind,
    report::{digest::Digest, terminal::in_words as time_in_words},
    results::timestamp,
};

/// What is to be done about an outcome.
#[derive(Debug, Serialize)]
pub(super) struct Advice {
    count: String,
    outcome: &'static str,
    text: &'static str,
}

/// A fact of the run.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    name: &'static str,
    value: String,
}

/// A number in the head of the page.
#[derive(Debug, Serialize)]
pub(super) struct Tile {
    name: &'static str,
    value: String,
}

/// What records and summary tell together.
pub(super) struct Told<'a> {
    digest: &'a Digest,
    summary: Option<&'a Value>,
    results: &'a str,
    again: &'a str,
}

impl<'a> Told<'a> {
    pub(super) const fn of(page: &Page<'a>) -> Self {
        Self {
            digest: page.digest,
            summary: page.summary,
            results: page.results,
            again: page.again,
        }
    }

    /// A text of the summary; `None` where it has none.
    pub(super) fn text(&self, member: &str) -> Option<&'a str> {
        self.summary?
            .get(member)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    fn number(&self, path: &str) -> Option<f64> {
        self.summary?.pointer(path)?.as_f64()
    }

    /// What happened, in one sentence.
    pub(super) fn sentence(&self) -> String {
        let done = self.digest.tally.done();
        let bad = self.digest.tally.not_well();
        let total = self.number("/rows/total").map(|total| total as u64);
        let rows = |n: u64| format!("{} {}", grouped(n), if n == 1 { "row" } else { "rows" });
        let of = match total {
            Some(total) if total > done => format!("{} of {}", grouped(done), rows(total)),
            _ => rows(done),
        };
        let unlocked = self.digest.tally.count(OutcomeKind::Unlocked);
        match (self.text("status"), bad) {
            (Some("complete"), 0) if done == 0 => {
                "Nothing was to be done: the source has no rows.".to_owned()
            }
            (Some("complete"), 0) if unlocked == done => {
                let users = if done == 1 { "user is" } else { "users are" };
                format!("All is well: {} {users} unlocked.", grouped(done))
            }
            (Some("complete"), 0) => format!("All is well: {of} ended well."),
            (Some("complete"), bad) => {
                format!("{} of {} did not end well.", grouped(bad), rows(done))
            }
            (Some(_), bad) => {
                let why = self.text("stopped_because").unwrap_or("no reason is known");
                let bad = match bad {
                    0 => String::new(),
                    bad => format!(" {} of them did not end well.", grouped(bad)),
                };
                format!("The run was stopped after {of}: {why}.{bad}")
            }
            (None, 0) => {
                format!("{of} recorded, all of them well; how the run ended is not known.")
            }
            (None, bad) => format!(
                "{of} recorded, {} of them not well; how the run ended is not known.",
                grouped(bad)
            ),
        }
    }

    /// The colour of the page's head.
    pub(super) fn tone(&self) -> &'static str {
        match (self.text("status"), self.digest.tally.not_well()) {
            (Some("complete"), 0) => "good",
            (None, 0) => "plain",
            _ => "bad",
        }
    }

    /// What the reader has to know before trusting the numbers.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let done = self.digest.tally.done();
        match self.number("/rows/done") {
            None => notes.push(
                "There is no summary beside the results: the run was killed, is still at work, or wrote its summary elsewhere. What follows is from the results alone."
                    .to_owned(),
            ),
            Some(told) if told as u64 != done => notes.push(format!(
                "The results hold {} rows and the summary tells of {}: a later run was killed, or is still at work.",
                grouped(done),
                grouped(told)
            )),
            Some(_) => {}
        }
        if let Some(torn) = &self.digest.torn {
            notes.push(format!(
                "The results end in the middle of line {}: that row is not counted, and --resume does it again.",
                torn.line
            ));
        }
        notes
    }

    /// The numbers in the head of the page.
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let tally = &self.digest.tally;
        let count = |name, count: u64| Tile {
            name,
            value: grouped(count),
        };
        let mut tiles = vec![
            count("rows", tally.done()),
            count("unlocked", tally.count(OutcomeKind::Unlocked)),
            count("not well", tally.not_well()),
        ];
        if let Some(throttled) = self.number("/throttled/responses_429") {
            tiles.push(count("answered 429", throttled as u64));
        }
        if let Some(took) = self.duration() {
            let value = match took.as_secs_f64() {
                seconds if seconds < 59.95 => format!("{seconds:.1} s"),
                _ => time_in_words(took),
            };
            tiles.push(Tile {
                name: "from start to end",
                value,
            });
        }
        tiles
    }

    fn duration(&self) -> Option<Duration> {
        if let Some(seconds) = self.number("/duration_s") {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let (_, last) = self.digest.span?;
        last.duration_since(self.digest.timeline.start()?).ok()
    }

    /// The command to go on with, and why.
    pub(super) fn command(&self) -> Option<(String, &'static str)> {
        if let Some(next) = self.text("next") {
            return Some((next.to_owned(), "The rows that are missing:"));
        }
        let again = [
            OutcomeKind::Failed,
            OutcomeKind::StillLocked,
            OutcomeKind::Unverified,
        ];
        let again: u64 = again
            .iter()
            .map(|kind| self.digest.tally.count(*kind))
            .sum();
        (again > 0).then(|| {
            (
                self.again.to_owned(),
                "The rows that did not end well, once more:",
            )
        })
    }

    /// What is to be done about each outcome that is not well.
    pub(super) fn advice(&self) -> Vec<Advice> {
        let kinds = OutcomeKind::ALL.into_iter();
        let kinds = kinds.filter_map(|kind| Some((kind, advice(kind)?)));
        kinds
            .map(|(kind, text)| (kind, self.digest.tally.count(kind), text))
            .filter(|(_, count, _)| *count > 0)
            .map(|(kind, count, text)| Advice {
                count: grouped(count),
                outcome: kind.as_str(),
                text,
            })
            .collect()
    }

    /// The facts of the run.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let texts = [
            ("Run", "run_id"),
            ("Reason", "reason"),
            ("Who", "operator"),
            ("Source", "source"),
            ("Service", "base_url"),
            ("Shard", "shard"),
            ("Started (UTC)", "started_at"),
            ("Ended (UTC)", "finished_at"),
            ("Status", "status"),
            ("Program", "version"),
        ];
        let texts = texts.into_iter().filter_map(|(name, member)| {
            let value = self.text(member)?.to_owned();
            Some(Fact { name, value })
        });
        let mut facts: Vec<_> = texts.collect();
        if self.summary.is_none()
            && let Some((first, last)) = self.digest.span
        {
            let fact = |name, time| Fact {
                name,
                value: timestamp(time),
            };
            facts.extend([
                fact("First record (UTC)", first),
                fact("Last record (UTC)", last),
            ]);
        }
        let results = self.results.to_owned();
        facts.push(Fact {
            name: "Results",
            value: results,
        });
        let numbers = [
            ("Exit code", "/exit_code", ""),
            ("Further tries", "/retries", ""),
            ("Slowest rate", "/throttled/slowest_rate", "/s"),
            ("Rate at the end", "/throttled/final_rate", "/s"),
            (
                "Half of the requests took at most",
                "/latency_ms/p50",
                " ms",
            ),
            ("99 of 100 at most", "/latency_ms/p99", " ms"),
            ("The slowest", "/latency_ms/max", " ms"),
        ];
        facts.extend(numbers.into_iter().filter_map(|(name, path, unit)| {
            let value = format!("{}{unit}", self.number(path)?);
            Some(Fact { name, value })
        }));
        if self.summary.is_none() {
            let value = grouped(self.digest.further_tries);
            facts.push(Fact {
                name: "Further tries",
                value,
            });
        }
        facts
    }
}

const fn advice(kind: OutcomeKind) -> Option<&'static str> {
    Some(match kind {
        OutcomeKind::Unlocked | OutcomeKind::AlreadyUnlocked | OutcomeKind::Duplicate => {
            return None;
        }
        OutcomeKind::StillLocked => {
            "The service reports a lock after it was asked to open it. Try again; a user who stays locked needs a look in the administration console."
        }
        OutcomeKind::Unverified => {
            "The service took the request and did not say whether the user is locked. Look the user up (plan --lookup), or try again with --only-locked."
        }
        OutcomeKind::NotFound => {
            "The service does not know the user: is the list of this tenant, and is the user synchronised (--search-unsynched)?"
        }
        OutcomeKind::Invalid => {
            "The row cannot be a user, or the service refused it as one. The reason says what is wrong; mend the source."
        }
        OutcomeKind::Forbidden => {
            "The key or token may not unlock this user: look at its role and scope, and at the user's group."
        }
        OutcomeKind::Failed => {
            "The tries were used up, or the answer could not be read. Try again when the service is well."
        }
    })
}
