//! The search for more: when it begins, and how fast it goes.

use std::time::Duration;

/// The largest growth in a second.
const MOST: f64 = 0.6;
/// At most this much time counts at once, or the time from one request to the next.
const AT_ONCE: f64 = 0.25;

/// Growth that becomes ever faster. Times are counted from the start of the job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// Before this the rate is held.
    pub(super) from: Duration,
    /// The growth is twice as fast after this time.
    pub(super) doubles_after: Duration,
    /// The growth in a second, at first.
    pub(super) first: f64,
    last: Duration,
}

impl Growth {
    pub(super) const fn new(from: Duration, doubles_after: Duration, first: f64) -> Self {
        Self {
            from,
            doubles_after,
            first,
            last: from,
        }
    }

    /// The same, from another time on.
    pub(super) const fn at(self, from: Duration) -> Self {
        Self::new(from, self.doubles_after, self.first)
    }

    /// Whether the rate is still held.
    pub(super) fn waits(&self, now: Duration) -> bool {
        now < self.from
    }

    /// The rate after a success now. `limits`: whether it is the rate that limits; else time
    /// stands still here.
    pub(super) fn raise(&mut self, rate: f64, now: Duration, limits: bool) -> f64 {
        let since = now.saturating_sub(self.last);
        self.last = now;
        if !limits {
            self.from += since;
            return rate;
        }
        let steps = now.saturating_sub(self.from).as_secs_f64() / self.doubles_after.as_secs_f64();
        let growth = (self.first * steps.exp2()).min(MOST);
        rate * (1.0 + growth * since.as_secs_f64().min(AT_ONCE.max(1.0 / rate)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AT_ONCE, Growth, MOST};

    const SECOND: Duration = Duration::from_secs(1);

    /// By what share a rate is raised after so many seconds.
    fn raised(rate: f64, seconds: f64) -> f64 {
        let mut growth = Growth::new(Duration::ZERO, SECOND, 0.01);
        growth.raise(rate, Duration::from_secs_f64(seconds), true) / rate - 1.0
    }

    #[test]
    fn growth_doubles_up_to_an_end_and_little_time_counts_at_once() {
        for (rate, seconds, share) in [
            (100.0, 0.1, 0.01 * 0.1_f64.exp2() * 0.1),
            (100.0, 3.0, 0.08 * AT_ONCE),
            (100.0, 30.0, MOST * AT_ONCE),
            // Requests half a second apart.
            (2.0, 0.6, 0.01 * 0.6_f64.exp2() * 0.5),
        ] {
            let found = raised(rate, seconds);
            assert!((found - share).abs() < 1e-9, "{rate} {seconds}: {found}");
        }
    }

    #[test]
    fn time_stands_still_while_something_else_limits() {
        let mut growth = Growth::new(SECOND, SECOND, 0.01);
        assert!(growth.waits(SECOND / 2));
        assert_eq!(growth.raise(100.0, SECOND * 3, false), 100.0);
        assert_eq!(growth.from, SECOND * 3);
    }
}
