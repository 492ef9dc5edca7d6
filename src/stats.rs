//! The numbers of the job: a fold over events. No clock, no I/O.

mod timeline;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use hdrhistogram::Histogram;

use crate::{
    event::Event,
    model::{Answer, Endpoint, Method, OutcomeKind},
};

pub use timeline::{Step, Timeline};

/// The longest latency that is told apart, in microseconds.
const HOUR_US: u64 = 3_600_000_000;
/// How many rows that did not end well are remembered with their reasons.
const REMEMBERED: usize = 100;

/// A row that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The row's number.
    pub row: u64,
    /// Its user.
    pub user: String,
    /// What became of it.
    pub kind: OutcomeKind,
    /// Why.
    pub error: String,
}

/// Final rows: how many ended how, and the first that did not end well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By the kinds' order.
    by_outcome: [u64; OutcomeKind::ALL.len()],
    failures: Vec<Failure>,
}

impl Tally {
    /// Counts a row. The failure is asked for where the row did not end well and is one of the
    /// first.
    pub fn add(&mut self, kind: OutcomeKind, failure: impl FnOnce() -> Failure) {
        self.by_outcome[kind as usize] += 1;
        if !kind.ends_well() && self.failures.len() < REMEMBERED {
            self.failures.push(failure());
        }
    }

    /// Rows that ended like this.
    #[must_use]
    pub fn count(&self, kind: OutcomeKind) -> u64 {
        self.by_outcome[kind as usize]
    }

    /// Rows that are final.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.by_outcome.iter().sum()
    }

    /// Rows that did not end well.
    #[must_use]
    pub fn not_well(&self) -> u64 {
        let kinds = OutcomeKind::ALL
            .into_iter()
            .filter(|kind| !kind.ends_well());
        kinds.map(|kind| self.count(kind)).sum()
    }

    /// The first rows that did not end well.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

/// What has happened so far. Memory does not grow with rows.
#[derive(Debug)]
pub struct Stats {
    /// Rows of the source; `None` while not known.
    pub total: Option<u64>,
    rows: Tally,
    /// Rows that were final before this run, and how many of them did not end well.
    before: (u64, u64),
    /// Requests by call and answer.
    pub requests: BTreeMap<(Endpoint, Answer), u64>,
    /// Further tries.
    pub retries: u64,
    /// Rows that a stop cut before they were final.
    pub abandoned: u64,
    /// Until when the service last asked all to wait.
    pub paused_until: Option<SystemTime>,
    /// Requests a second, where the service's limit keeps them below the ceiling.
    pub slowed_to: Option<f64>,
    /// The slowest rate so far; `None` where it was the ceiling at all times.
    pub slowest: Option<f64>,
    /// Since when the service has not answered; `None` where it does.
    pub away_since: Option<SystemTime>,
    latency: Histogram<u64>,
    /// The same over time.
    pub timeline: Timeline,
    /// Users who were looked up, and how many of them had which lock.
    looked_up: u64,
    locked_before: [u64; 3],
}

impl Stats {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(total: Option<u64>) -> Self {
        Self {
            total,
            rows: Tally::default(),
            before: (0, 0),
            requests: BTreeMap::new(),
            retries: 0,
            abandoned: 0,
            paused_until: None,
            slowed_to: None,
            slowest: None,
            away_since: None,
            latency: Histogram::new_with_bounds(1, HOUR_US, 3).expect("the bounds are sound"),
            timeline: Timeline::default(),
            looked_up: 0,
            locked_before: [0; 3],
        }
    }

    /// Takes in the rows that are final from the run that this one goes on with, before any other.
    pub fn resume(&mut self, rows: Tally) {
        self.rows = rows;
        self.before = (self.done(), self.not_well());
    }

    /// Rows that became final in this run, and how many of them did not end well.
    #[must_use]
    pub fn of_this_run(&self) -> (u64, u64) {
        let (done, not_well) = self.before;
        (self.done() - done, self.not_well() - not_well)
    }

    /// Takes in an event that was heard of at this time.
    pub fn apply_at(&mut self, event: &Event, now: SystemTime) {
        self.timeline.apply(event, now);
        self.apply(event);
    }

    /// Takes in an event of which it does not matter when it happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Attempted(attempt) => {
                *self
                    .requests
                    .entry((attempt.endpoint, attempt.answer))
                    .or_default() += 1;
                let micros = u64::try_from(attempt.latency.as_micros()).unwrap_or(u64::MAX);
                self.latency.saturating_record(micros.max(1));
            }
            Event::Retrying { .. } => self.retries += 1,
            Event::Paused { until } => self.paused_until = Some(*until),
            Event::Paced { slowed_to } => {
                self.slowed_to = *slowed_to;
                let rates = slowed_to.iter().chain(&self.slowest);
                self.slowest = rates.copied().reduce(f64::min);
            }
            Event::Away { since } => self.away_since = *since,
            Event::Recorded { .. } => {}
            Event::LookedUp { flags } => {
                self.looked_up += 1;
                for (count, method) in self.locked_before.iter_mut().zip(Method::ALL) {
                    *count += u64::from(flags.get(method) == Some(true));
                }
            }
            Event::Abandoned { .. } => self.abandoned += 1,
            Event::SourceEnded { rows } => self.total = Some(*rows),
            Event::Finished { row, outcome, .. } => {
                self.rows.add(outcome.kind, || Failure {
                    row: row.number,
                    user: row.user.to_string(),
                    kind: outcome.kind,
                    error: outcome.error.clone(),
                });
            }
        }
    }

    /// Rows that ended like this.
    #[must_use]
    pub fn count(&self, kind: OutcomeKind) -> u64 {
        self.rows.count(kind)
    }

    /// Rows that are final.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.rows.done()
    }

    /// The first rows that did not end well.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        self.rows.failures()
    }

    /// Rows that did not end well.
    #[must_use]
    pub fn not_well(&self) -> u64 {
        self.rows.not_well()
    }

    /// Answers with this status, of every call.
    #[must_use]
    pub fn answers(&self, status: u16) -> u64 {
        let counts = self.requests.iter();
        counts
            .filter(|((_, answer), _)| answer.status() == Some(status))
            .map(|(_, n)| n)
            .sum()
    }

    /// Requests of every kind.
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.requests.values().sum()
    }

    /// How many users were looked up, and how many of them had which lock then.
    #[must_use]
    pub fn looked_up(&self) -> (u64, [(Method, u64); 3]) {
        let counts = self.locked_before;
        let locked = Method::ALL.map(|method| (method, counts[method as usize]));
        (self.looked_up, locked)
    }

    /// Latencies of the requests, each with how many had it.
    pub fn latencies(&self) -> impl Iterator<Item = (Duration, u64)> {
        let recorded = self.latency.iter_recorded();
        recorded.map(|value| {
            let latency = Duration::from_micros(value.value_iterated_to());
            (latency, value.count_since_last_iteration())
        })
    }

    /// The latency that this share (0 to 1) of the requests did not exceed; `None` without any.
    #[must_use]
    pub fn latency(&self, share: f64) -> Option<Duration> {
        (!self.latency.is_empty())
            .then(|| Duration::from_micros(self.latency.value_at_quantile(share)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Stats;
    use crate::{
        event::Event,
        model::{Answer, Attempt, Endpoint, MethodSet, Outcome, OutcomeKind, Row, UserRef},
    };

    #[test]
    fn events_add_up() {
        let mut stats = Stats::new(None);
        for (status, ms) in [(200, 10), (429, 20), (200, 30)] {
            stats.apply(&Event::Attempted(Attempt {
                endpoint: Endpoint::Unlock,
                answer: Answer::Status(status),
                latency: Duration::from_millis(ms),
            }));
        }
        for kind in [
            OutcomeKind::Unlocked,
            OutcomeKind::Duplicate,
            OutcomeKind::NotFound,
        ] {
            stats.apply(&Event::Finished {
                row: Row::new(1, UserRef::by_id("u"), MethodSet::ALL),
                outcome: Outcome::without_request(kind, "why"),
                at: SystemTime::UNIX_EPOCH,
                place: None,
            });
        }
        assert_eq!(
            (stats.done(), stats.not_well(), stats.answers(429)),
            (3, 1, 1)
        );
        assert_eq!(stats.failures().len(), 1);
        let mut resumed = Stats::new(Some(9));
        resumed.resume(stats.rows.clone());
        assert_eq!(
            (resumed.done(), resumed.not_well(), resumed.of_this_run()),
            (3, 1, (0, 0))
        );
        let max = stats.latency(1.0).expect("requests were sent");
        assert!((29..=31).contains(&max.as_millis()), "{max:?}");
    }
}
