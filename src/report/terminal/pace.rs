//! The rate of late, so that it follows when the service slows down. Pure: time is told.

use std::{collections::VecDeque, time::Duration};

/// How far back the rate looks.
const RATE_OVER: Duration = Duration::from_secs(15);

/// What was seen of late.
#[derive(Debug, Default)]
pub(super) struct Pace {
    seen: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// So many rows are final, this long after the start.
    pub(super) fn see(&mut self, at: Duration, done: u64) {
        while self
            .seen
            .get(1)
            .is_some_and(|(second, _)| at.saturating_sub(*second) >= RATE_OVER)
        {
            self.seen.pop_front();
        }
        self.seen.push_back((at, done));
    }

    /// Rows a second since the oldest sight.
    pub(super) fn rate(&self, now: Duration, done: u64) -> f64 {
        let (since, before) = self.seen.front().copied().unwrap_or_default();
        let time = now.saturating_sub(since).as_secs_f64();
        done.saturating_sub(before) as f64 / time.max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn the_rate_is_that_of_late() {
        let mut pace = Pace::default();
        let at = Duration::from_secs;
        assert_eq!(pace.rate(at(2), 20), 10.0);
        for second in 0..=20 {
            pace.see(at(second), second * 10);
        }
        assert_eq!(pace.rate(at(20), 200), 10.0);
        for second in 21..=40 {
            pace.see(at(second), 200);
        }
        assert_eq!(pace.rate(at(40), 200), 0.0, "nothing was done of late");
        assert!(pace.seen.len() <= 17, "memory does not grow");
    }
}
