//! What further tries may cost: a service that is sick must not see its load multiplied.
//!
//! Every further try takes from one purse that all share; every request that ends well pays into
//! it, and it fills by itself with a share of the rate. As long as less than half of the requests
//! fail it is never empty.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What the purse holds at most.
const MOST: f64 = 100.0;
/// The share of the rate that further tries may use where nothing ends well.
const SHARE: f64 = 0.2;

/// The purse.
#[derive(Debug)]
pub struct Budget {
    per_s: f64,
    purse: Mutex<Purse>,
}

#[derive(Debug)]
struct Purse {
    /// Tries that may go at once; below zero, tries that were promised a later time.
    held: f64,
    at: Instant,
}

impl Budget {
    /// A full purse, beside a rate of so many requests a second.
    #[must_use]
    pub fn new(rate_per_s: f64) -> Self {
        Self {
            per_s: rate_per_s * SHARE,
            purse: Mutex::new(Purse {
                held: MOST,
                at: Instant::now(),
            }),
        }
    }

    /// When a further try may go that is asked for now.
    #[must_use]
    pub fn next_try(&self, now: Instant) -> Instant {
        let mut purse = self.purse.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(purse.at).as_secs_f64();
        purse.held = (purse.held + since * self.per_s).min(MOST) - 1.0;
        purse.at = now;
        let debt = (-purse.held).max(0.0) / self.per_s;
        now + Duration::try_from_secs_f64(debt).unwrap_or_default()
    }

    /// A request ended well.
    pub fn pay_back(&self) {
        let mut purse = self.purse.lock().unwrap_or_else(PoisonError::into_inner);
        purse.held = (purse.held + 1.0).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Budget, MOST};

    #[tokio::test(start_paused = true)]
    async fn further_tries_are_spread_where_nothing_ends_well() {
        let budget = Budget::new(50.0);
        let start = Instant::now();
        let times: Vec<_> = (0..MOST as u32 + 30)
            .map(|_| budget.next_try(start))
            .collect();
        assert!(times[..MOST as usize].iter().all(|time| *time == start));
        let last = *times.last().expect("times") - start;
        assert!(
            (last.as_secs_f64() - 3.0).abs() < 0.01,
            "30 at 10/s: {last:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_well_pays_for_the_tries_of_others() {
        let budget = Budget::new(10.0);
        let start = Instant::now();
        for _ in 0..1_000 {
            assert_eq!(budget.next_try(start), start);
            budget.pay_back();
        }
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let at_once = (0..500).filter(|_| budget.next_try(Instant::now()) == Instant::now());
        assert_eq!(at_once.count(), MOST as usize, "the purse holds no more");
    }
}
