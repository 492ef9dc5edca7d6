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
