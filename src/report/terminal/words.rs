//! Where the job stands, in words. Pure: text from numbers, time is told.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, tz::TimeZone};

use crate::stats::Stats;

/// What is said of the job.
#[derive(Debug, Default)]
pub(super) struct View {
    done: u64,
    total: Option<u64>,
    /// Rows a second, of late.
    rate: f64,
    counts: Vec<String>,
    state: State,
}

/// What the job waits for.
#[derive(Debug, Default, PartialEq)]
enum State {
    /// Nothing.
    #[default]
    Going,
    /// The service asked for it: until when, and how long that is.
    Waiting(SystemTime, Duration),
    /// The service has not answered for so long.
    Away(Duration),
}

impl View {
    pub(super) fn of(stats: &Stats, rate: f64, now: SystemTime) -> Self {
        let until = stats.paused_until;
        let waiting = until.and_then(|until| Some((until, until.duration_since(now).ok()?)));
        let away = stats.away_since;
        let away = away.map(|since| now.duration_since(since).unwrap_or_default());
        let state = match (away, waiting) {
            (Some(away), _) => State::Away(away),
            (None, Some((until, wait))) if !wait.is_zero() => State::Waiting(until, wait),
            _ => State::Going,
        };
        let counts = [
            (stats.not_well(), "failed"),
            (stats.answers(429), "× 429"),
            (
                stats.retries,
                if stats.retries == 1 {
                    "retry"
                } else {
                    "retries"
                },
            ),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let limited = stats.slowed_to;
        let limited = limited.map(|rate| format!("limited to {rate:.1}/s"));
        Self {
            done: stats.done(),
            total: stats.total,
            rate,
            counts: counts
                .map(|(count, what)| format!("{count} {what}"))
                .chain(limited)
                .collect(),
            state,
        }
    }

    /// The line beside a bar of this width, and the line below it where there is something to say;
    /// both as wide as the terminal lets them be.
    pub(super) fn lines(
        &self,
        columns: usize,
        bar: usize,
        zone: &TimeZone,
    ) -> (String, Option<String>) {
        let done = match self.total {
            Some(total) => format!("{}/{total} ({}%)", self.done, self.percent(total)),
            None => format!("{} rows", self.done),
        };
        let first = [vec![done], self.speed()].concat().join(" · ");
        let second = [self.state_in(zone), self.counts.clone()]
            .concat()
            .join(" · ");
        // Before them stand the spinner and the bar, and the indent; the last column stays free.
        let before = if bar > 0 { bar + 4 } else { 3 };
        let second = (!second.is_empty()).then(|| cut(&second, columns.saturating_sub(3)));
        (cut(&first, columns.saturating_sub(before)), second)
    }

    /// All of it in one line, for a log, in whose time zone it is.
    pub(super) fn sentence(&self) -> String {
        let of = self
            .total
            .map(|total| format!(" of {total}"))
            .unwrap_or_default();
        let done = format!("{}{of} rows done", self.done);
        [
            vec![done],
            self.speed(),
            self.counts.clone(),
            self.state_in(&TimeZone::UTC),
        ]
        .concat()
        .join(", ")
    }

    fn percent(&self, total: u64) -> u64 {
        (self.done * 100).checked_div(total).unwrap_or(100).min(100)
    }

    fn speed(&self) -> Vec<String> {
        let left = left(self.total, self.done, self.rate).filter(|_| self.state == State::Going);
        let left = left.map(|left| format!("{} left", in_words(left)));
        [Some(format!("{:.1}/s", self.rate)), left]
            .into_iter()
            .flatten()
            .collect()
    }

    fn state_in(&self, zone: &TimeZone) -> Vec<String> {
        match self.state {
            State::Going => vec![],
            State::Away(time) => vec![format!("service away for {}", in_words(time))],
            State::Waiting(until, _) => {
                let until = Timestamp::try_from(until).unwrap_or_default();
                let time = zone.to_datetime(until).strftime("%H:%M:%S").to_string();
                let zone = if zone == &TimeZone::UTC { " UTC" } else { "" };
                vec![format!("waiting until {time}{zone} as the service asked")]
            }
        }
    }
}

/// How long the rest takes at this rate; `None` where nobody can tell.
fn left(total: Option<u64>, done: u64, rate: f64) -> Option<Duration> {
    let left = total?.saturating_sub(done);
    let left = (left > 0 && rate > 0.0).then(|| left as f64 / rate)?;
    Duration::try_from_secs_f64(left).ok()
}

/// No longer than this, in characters that are all one column wide.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A length of time as people say it, to the second.
pub(in crate::report) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use jiff::tz::TimeZone;

    use super::{View, in_words, left};
    use crate::{
        event::Event,
        model::{Answer, Attempt, Endpoint, MethodSet, Outcome, OutcomeKind, Row, UserRef},
        stats::Stats,
    };

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn lengths_of_time_in_words() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 01 s"),
            (7_260, "2 h 01 min"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_standstill_has_no_estimate() {
        assert_eq!(left(Some(10), 0, 0.0), None);
        assert_eq!(left(Some(10), 0, f64::MIN_POSITIVE), None);
        assert_eq!(left(Some(10), 0, 5.0), Some(Duration::from_secs(2)));
    }

    /// One row of four failed, and one request was answered 429.
    fn stats() -> Stats {
        let mut stats = Stats::new(Some(4));
        stats.apply(&Event::Attempted(Attempt {
            endpoint: Endpoint::Unlock,
            answer: Answer::Status(429),
            latency: Duration::ZERO,
        }));
        stats.apply(&Event::Finished {
            row: Row::new(1, UserRef::by_id("u"), MethodSet::ALL),
            outcome: Outcome::without_request(OutcomeKind::NotFound, "why"),
            at: NOW,
            place: None,
        });
        stats
    }

    fn lines(stats: &Stats, columns: usize) -> (String, Option<String>) {
        View::of(stats, 0.5, NOW).lines(columns, 0, &TimeZone::fixed(jiff::tz::offset(2)))
    }

    #[test]
    fn what_counts_is_said_and_fits() {
        let stats = stats();
        let (first, second) = lines(&stats, 80);
        assert_eq!(first, "1/4 (25%) · 0.5/s · 6 s left");
        assert_eq!(second.as_deref(), Some("1 failed · 1 × 429"));
        let (first, second) = lines(&stats, 20);
        assert_eq!(first, "1/4 (25%) · 0.5/…");
        assert_eq!(second.as_deref(), Some("1 failed · 1 × 4…"));
        assert_eq!(
            lines(&Stats::new(None), 80),
            ("0 rows · 0.5/s".to_owned(), None)
        );
        assert_eq!(lines(&Stats::new(Some(0)), 80).0, "0/0 (100%) · 0.5/s");
    }

    #[test]
    fn a_wait_is_told_first_and_in_words() {
        let mut stats = stats();
        let until = NOW + Duration::from_secs(3_600);
        stats.apply(&Event::Paused { until });
        let (first, second) = lines(&stats, 80);
        assert_eq!(
            first, "1/4 (25%) · 0.5/s",
            "nobody can tell how long it takes"
        );
        let waiting = "waiting until 03:00:00 as the service asked · 1 failed · 1 × 429";
        assert_eq!(second.as_deref(), Some(waiting));
        assert_eq!(
            View::of(&stats, 0.5, NOW).sentence(),
            "1 of 4 rows done, 0.5/s, 1 failed, 1 × 429, waiting until 01:00:00 UTC as the service asked"
        );
        let later = View::of(&stats, 0.5, until).sentence();
        assert!(!later.contains("waiting"), "{later}");
        stats.apply(&Event::Away { since: Some(NOW) });
        let away = View::of(&stats, 0.5, NOW + Duration::from_secs(40)).sentence();
        assert!(away.ends_with("service away for 40 s"), "{away}");
    }
}
