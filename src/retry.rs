//! Trying again: the policy, and the one loop that follows it.
//!
//! The only user of `backoff`, and only of its curve: the count, the jitter and the waits are
//! here, since its own jitter is added after the cap and its clock cannot be paused. Which answer
//! deserves another try is not decided here.

use std::{num::NonZeroU32, time::Duration};

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff};
use tokio::time::{Instant, sleep_until};

use crate::{
    event::{Event, Events},
    shutdown::Shutdown,
};

/// How often and how far apart one request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries of one request, the first included.
    pub max_attempts: NonZeroU32,
    /// The longest first wait; each further one may be twice as long.
    pub first_wait: Duration,
    /// No wait is longer than this, unless the service asks for a longer one.
    pub longest_wait: Duration,
}

impl RetryPolicy {
    /// Six tries; waits of up to 0.5, 1, 2, 4 and 8 seconds.
    pub const DEFAULT_ATTEMPTS: NonZeroU32 = NonZeroU32::new(6).expect("six is not zero");

    /// This many tries, with the usual waits.
    #[must_use]
    pub const fn attempts(max_attempts: NonZeroU32) -> Self {
        Self {
            max_attempts,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }

    fn curve(&self) -> ExponentialBackoff {
        ExponentialBackoffBuilder::new()
            .with_initial_interval(self.first_wait)
            .with_max_interval(self.longest_wait)
            .with_multiplier(2.0)
            .with_randomization_factor(0.0)
            .with_max_elapsed_time(None)
            .build()
    }
}

/// The tries of one request.
#[derive(Debug)]
pub struct Tries {
    curve: ExponentialBackoff,
    number: u32,
    most: u32,
}

/// Whether there is another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Its time has come.
    Try,
    /// The tries are used up.
    UsedUp,
    /// A stop cut the wait for it.
    Cut,
}

impl Tries {
    /// The first of them, which needs no wait.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self {
            curve: policy.curve(),
            number: 1,
            most: policy.max_attempts.get(),
        }
    }

    /// Which try this is, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Waits for the time of the next try, which is not before the one that was asked for. The
    /// report is told of the wait, and a stop cuts it.
    pub async fn next(
        &mut self,
        not_before: Option<Instant>,
        events: &Events,
        shutdown: &Shutdown,
    ) -> Next {
        if self.number >= self.most {
            return Next::UsedUp;
        }
        self.number += 1;
        let until = self.jittered(not_before);
        let wait = until.saturating_duration_since(Instant::now());
        tracing::debug!(
            next_try = self.number,
            wait_ms = wait.as_millis(),
            "trying again"
        );
        events.send(Event::Retrying { wait }).await;
        match shutdown.unless_stopped(sleep_until(until)).await {
            Some(()) => Next::Try,
            None => Next::Cut,
        }
    }

    /// Full jitter: anywhere up to the curve's delay.
    fn jittered(&mut self, not_before: Option<Instant>) -> Instant {
        let delay = self.curve.next_backoff().unwrap_or(self.curve.max_interval);
        let jittered = Instant::now() + delay.mul_f64(fastrand::f64());
        not_before.map_or(jittered, |time| time.max(jittered))
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use backoff::backoff::Backoff;
    use tokio::time::Instant;

    use super::{Next, RetryPolicy, Tries};
    use crate::{
        event::{Event, Events},
        shutdown::{CancelReason, Shutdown, Signal},
    };

    fn policy(attempts: u32) -> RetryPolicy {
        RetryPolicy::attempts(NonZeroU32::new(attempts).expect("not zero"))
    }

    #[test]
    fn the_curve_doubles_up_to_its_cap() {
        let mut curve = policy(9).curve();
        let delays: Vec<_> = std::iter::from_fn(|| curve.next_backoff())
            .take(9)
            .collect();
        let expected = [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
        ];
        assert_eq!(delays, expected.map(Duration::from_millis));
    }

    #[tokio::test(start_paused = true)]
    async fn tries_are_counted_and_their_waits_told() {
        let (events, mut heard) = Events::channel();
        let mut tries = Tries::new(policy(4));
        for (number, most) in [(2, 500), (3, 1_000), (4, 2_000)] {
            let start = Instant::now();
            assert_eq!(
                tries.next(None, &events, &Shutdown::default()).await,
                Next::Try
            );
            assert_eq!(tries.number(), number);
            let Some(Event::Retrying { wait }) = heard.recv().await else {
                panic!("a wait is told");
            };
            assert!(
                wait <= Duration::from_millis(most) && start.elapsed() >= wait,
                "{wait:?}"
            );
        }
        assert_eq!(
            tries.next(None, &events, &Shutdown::default()).await,
            Next::UsedUp
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_was_asked_for_is_obeyed_whole() {
        let (events, _heard) = Events::channel();
        let start = Instant::now();
        let asked = Some(start + Duration::from_secs(300));
        let next = Tries::new(policy(2))
            .next(asked, &events, &Shutdown::default())
            .await;
        assert_eq!(next, Next::Try);
        assert!(start.elapsed() >= Duration::from_secs(300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_cuts_a_long_wait() {
        let (events, _heard) = Events::channel();
        let shutdown = Shutdown::default();
        let start = Instant::now();
        let asked = Some(start + Duration::from_secs(300));
        let stop = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            shutdown.cancel(CancelReason::Interrupt(Signal::Terminate));
        };
        let mut tries = Tries::new(policy(9));
        let (next, ()) = tokio::join!(tries.next(asked, &events, &shutdown), stop);
        assert_eq!(next, Next::Cut);
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
