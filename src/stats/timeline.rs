//! How the job went over time: a fold over events in memory that does not grow with them. No
//! clock: each event comes with the time at which it was heard of.

use std::time::{Duration, SystemTime};

use crate::event::Event;

/// No time line has more steps; where it would, two become one.
const MOST_STEPS: usize = 120;
/// The first steps are this long.
const FIRST_STEP: Duration = Duration::from_millis(125);

/// What happened within one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Requests that ended.
    pub requests: u64,
    /// Those of them that were answered with 429.
    pub responses_429: u64,
    /// Rows that became final.
    pub rows: u64,
    /// How long all waited, as the service had asked.
    pub paused: Duration,
    /// How long the service did not answer.
    pub away: Duration,
}

/// Equal steps of time, from the first event on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// When it begins; `None` before the first event.
    start: Option<SystemTime>,
    /// Up to where it is known, from its start.
    known: Duration,
    step: Duration,
    steps: Vec<Step>,
    /// Until when all wait, from its start.
    paused_until: Duration,
    away: bool,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            start: None,
            known: Duration::ZERO,
            step: FIRST_STEP,
            steps: Vec::new(),
            paused_until: Duration::ZERO,
            away: false,
        }
    }
}

impl Timeline {
    /// A time line that begins here, and not with its first event.
    #[must_use]
    pub fn starting(at: SystemTime) -> Self {
        Self {
            start: Some(at),
            ..Self::default()
        }
    }

    /// Takes in what was heard of at this time.
    pub fn apply(&mut self, event: &Event, now: SystemTime) {
        match event {
            Event::Attempted(attempt) => {
                let throttled = attempt.answer.status() == Some(429);
                let step = self.at(now);
                step.requests += 1;
                step.responses_429 += u64::from(throttled);
            }
            Event::Finished { .. } => self.row(now),
            Event::Paused { until } => {
                self.advance(now);
                self.paused_until = self.paused_until.max(self.since_start(*until));
            }
            Event::Away { since } => {
                self.advance(now);
                self.away = since.is_some();
            }
            _ => {}
        }
    }

    /// A row became final.
    pub fn row(&mut self, now: SystemTime) {
        self.at(now).rows += 1;
    }

    /// Nothing more happened until now.
    pub fn advance(&mut self, now: SystemTime) {
        self.start.get_or_insert(now);
        let now = self.since_start(now);
        if now <= self.known {
            return;
        }
        while self.index(now) >= MOST_STEPS {
            self.widen();
        }
        let paused_until = self.paused_until;
        let away = self.away;
        let mut from = self.known;
        while from < now {
            let index = self.index(from);
            let end = now.min(self.step * (count(index) + 1));
            self.reach(index);
            let step = &mut self.steps[index];
            step.paused += end.min(paused_until).saturating_sub(from);
            if away {
                step.away += end - from;
            }
            from = end;
        }
        self.known = now;
    }

    /// When it begins; `None` before the first event.
    #[must_use]
    pub const fn start(&self) -> Option<SystemTime> {
        self.start
    }

    /// How long a step is.
    #[must_use]
    pub const fn step(&self) -> Duration {
        self.step
    }

    /// The steps, from the start on.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step that holds this time. A clock that was set back counts for the present.
    fn at(&mut self, now: SystemTime) -> &mut Step {
        self.advance(now);
        let index = self.index(self.since_start(now).min(self.known));
        while self.index(self.known) >= MOST_STEPS {
            self.widen();
        }
        let index = index.min(MOST_STEPS - 1);
        self.reach(index);
        &mut self.steps[index]
    }

    fn reach(&mut self, index: usize) {
        if self.steps.len() <= index {
            self.steps.resize(index + 1, Step::default());
        }
    }

    fn since_start(&self, time: SystemTime) -> Duration {
        let start = self.start.unwrap_or(time);
        time.duration_since(start).unwrap_or_default()
    }

    fn index(&self, time: Duration) -> usize {
        usize::try_from(time.as_nanos() / self.step.as_nanos()).unwrap_or(usize::MAX)
    }

    /// Makes one step of two.
    fn widen(&mut self) {
        let pairs = self.steps.chunks(2).map(|pair| {
            pair.iter().fold(Step::default(), |sum, step| Step {
                requests: sum.requests + step.requests,
                responses_429: sum.responses_429 + step.responses_429,
                rows: sum.rows + step.rows,
                paused: sum.paused + step.paused,
                away: sum.away + step.away,
            })
        });
        self.steps = pairs.collect();
        self.step *= 2;
    }
}

fn count(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{MOST_STEPS, Timeline};
    use crate::{
        event::Event,
        model::{Answer, Attempt, Endpoint},
    };

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + ms)
    }

    fn attempted(status: u16) -> Event {
        Event::Attempted(Attempt {
            endpoint: Endpoint::Unlock,
            answer: Answer::Status(status),
            latency: Duration::from_millis(5),
        })
    }

    #[test]
    fn nothing_is_lost_however_long_it_takes_and_memory_is_bounded() {
        for gap in [1, 100, 10_000, 3_600_000] {
            let mut line = Timeline::default();
            for n in 0..5_000 {
                let status = if n % 10 == 0 { 429 } else { 200 };
                line.apply(&attempted(status), at(n * gap));
                line.row(at(n * gap));
            }
            let steps = line.steps();
            assert!(steps.len() <= MOST_STEPS, "{gap}: {}", steps.len());
            let sums = steps.iter().fold([0, 0, 0], |[a, b, c], step| {
                [a + step.requests, b + step.responses_429, c + step.rows]
            });
            assert_eq!(sums, [5_000, 500, 5_000], "{gap}");
            let spanned = line.step() * u32::try_from(steps.len()).expect("few");
            let length = Duration::from_millis(4_999 * gap);
            assert!(
                spanned >= length && spanned <= length * 2 + line.step() * 2,
                "{gap}"
            );
        }
    }

    #[test]
    fn waits_are_spread_over_the_steps_that_they_fill_and_overlapping_ones_count_once() {
        let mut line = Timeline::starting(at(0));
        line.apply(&Event::Paused { until: at(1_000) }, at(200));
        line.apply(&Event::Paused { until: at(700) }, at(300));
        line.apply(
            &Event::Away {
                since: Some(at(2_000)),
            },
            at(2_000),
        );
        line.apply(&Event::Away { since: None }, at(2_500));
        line.advance(at(4_000));
        let total =
            |of: fn(&super::Step) -> Duration| line.steps().iter().map(of).sum::<Duration>();
        assert_eq!(total(|step| step.paused), Duration::from_millis(800));
        assert_eq!(total(|step| step.away), Duration::from_millis(500));
        assert_eq!(line.steps()[2].paused, Duration::from_millis(125));
        assert_eq!(line.steps().len(), 32);
    }

    #[test]
    fn a_wait_that_a_stop_cuts_ends_with_the_job() {
        let mut line = Timeline::starting(at(0));
        line.apply(
            &Event::Paused {
                until: at(3_600_000),
            },
            at(0),
        );
        line.advance(at(1_000));
        assert_eq!(line.steps().len(), 8);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let mut line = Timeline::default();
        for ms in [5_000, 9_000, 0, 9_001] {
            line.apply(&attempted(200), at(ms));
        }
        assert_eq!(
            line.steps().iter().map(|step| step.requests).sum::<u64>(),
            4
        );
    }
}
