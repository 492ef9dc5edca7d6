//! When the numbers say that the job must not go on.

use crate::stats::Stats;

/// A share of failures means nothing before so many rows are done.
const LEAST_SAMPLE: u64 = 20;

/// How many rows may fail.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Guards {
    /// At most so many; `None`: any number.
    pub max_failures: Option<u64>,
    /// At most this share of the rows done, from 0 to 1; `None`: any.
    pub max_failure_rate: Option<f64>,
}

impl Guards {
    /// Why the job must stop; `None` where it may go on, or nothing is left to do.
    #[must_use]
    pub fn broken(&self, stats: &Stats) -> Option<String> {
        if stats.total == Some(stats.done()) {
            return None;
        }
        let (done, failed) = stats.of_this_run();
        if let Some(most) = self.max_failures.filter(|most| failed > *most) {
            return Some(format!(
                "{failed} {} failed, and --max-failures allows {most}",
                if failed == 1 { "row" } else { "rows" }
            ));
        }
        let share = failed as f64 / done.max(1) as f64;
        let most = self.max_failure_rate?;
        (done >= LEAST_SAMPLE && share > most).then(|| {
            format!(
                "{failed} of {done} rows failed ({:.1} %), and --max-failure-rate allows {} %",
                share * 100.0,
                most * 100.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::Guards;
    use crate::{
        event::Event,
        model::{MethodSet, Outcome, OutcomeKind, Row, UserRef},
        stats::Stats,
    };

    fn stats(well: u64, failed: u64) -> Stats {
        let mut stats = Stats::new(None);
        for number in 1..=well + failed {
            let kind = if number <= well {
                OutcomeKind::Unlocked
            } else {
                OutcomeKind::NotFound
            };
            stats.apply(&Event::Finished {
                row: Row::new(number, UserRef::by_id("u"), MethodSet::ALL),
                outcome: Outcome::without_request(kind, ""),
                at: SystemTime::UNIX_EPOCH,
                place: None,
            });
        }
        stats
    }

    #[test]
    fn a_last_row_that_fails_stops_nothing() {
        let guards = Guards {
            max_failures: Some(0),
            max_failure_rate: Some(0.0),
        };
        for (total, stopped) in [(None, true), (Some(31), true), (Some(30), false)] {
            let mut stats = stats(0, 30);
            stats.total = total;
            assert_eq!(guards.broken(&stats).is_some(), stopped, "{total:?}");
        }
    }

    #[test]
    fn more_than_what_is_allowed_stops_the_job() {
        let count = |most| Guards {
            max_failures: Some(most),
            max_failure_rate: None,
        };
        let share = |most| Guards {
            max_failures: None,
            max_failure_rate: Some(most),
        };
        for (guards, well, failed, broken) in [
            (Guards::default(), 0, 100, false),
            (count(0), 9, 0, false),
            (count(0), 9, 1, true),
            (count(3), 0, 3, false),
            (count(3), 0, 4, true),
            (share(0.1), 18, 2, false),
            (share(0.1), 17, 3, true),
            (share(0.1), 0, 19, false),
            (share(0.0), 20, 0, false),
            (share(1.0), 0, 50, false),
        ] {
            let stats = stats(well, failed);
            assert_eq!(
                guards.broken(&stats).is_some(),
                broken,
                "{guards:?} {well} {failed}"
            );
        }
    }
}
