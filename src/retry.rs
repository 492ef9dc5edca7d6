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

/// What one try came to: all that is known by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried<T> {
    /// That is final.
    Settled(T),
    /// Another try may give a better answer, not before the instant that the service asked for.
    Again(T, Option<Instant>),
}

impl<T> Tried<T> {
    /// Settled, unless another try may help.
    pub fn new(known: T, again: bool, not_before: Option<Instant>) -> Self {
        if again {
            Self::Again(known, not_before)
        } else {
            Self::Settled(known)
        }
    }
}

/// The one loop that tries again. Clones share channel and stop.
#[derive(Debug, Clone)]
pub struct Retry {
    /// How often and how far apart.
    pub policy: RetryPolicy,
    /// Where the report listens.
    pub events: Events,
    /// The stop, which cuts a wait.
    pub shutdown: Shutdown,
}

impl Retry {
    /// Tries until it is settled or the tries are used up. Each try is handed what is known so
    /// far, at first this, and hands on what is known then. `None` where a stop came first.
    pub async fn run<T, Fut>(&self, mut known: T, mut attempt: impl FnMut(T) -> Fut) -> Option<T>
    where
        Fut: Future<Output = Option<Tried<T>>>,
    {
        let mut curve = self.policy.curve();
        for number in 1_u32.. {
            let (so_far, not_before) = match attempt(known).await? {
                Tried::Settled(known) => return Some(known),
                Tried::Again(so_far, not_before) => (so_far, not_before),
            };
            known = so_far;
            if number >= self.policy.max_attempts.get() {
                break;
            }
            self.wait(jittered(&mut curve, not_before), number + 1)
                .await?;
        }
        Some(known)
    }

    /// Waits for the time of the next try. The report is told of the wait, and a stop cuts it.
    async fn wait(&self, until: Instant, next_try: u32) -> Option<()> {
        let wait = until.saturating_duration_since(Instant::now());
        tracing::debug!(next_try, wait_ms = wait.as_millis(), "trying again");
        self.events.send(Event::Retrying { wait }).await;
        self.shutdown.unless_stopped(sleep_until(until)).await
    }
}

/// Full jitter: anywhere up to the curve's delay, and not before the time that was asked for.
fn jittered(curve: &mut ExponentialBackoff, not_before: Option<Instant>) -> Instant {
    let delay = curve.next_backoff().unwrap_or(curve.max_interval);
    let jittered = Instant::now() + delay.mul_f64(fastrand::f64());
    not_before.map_or(jittered, |time| time.max(jittered))
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, sync::Mutex, time::Duration};

    use backoff::backoff::Backoff;
    use tokio::time::Instant;

    use super::{Retry, RetryPolicy, Tried};
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

    fn retry(attempts: u32, events: Events, shutdown: Shutdown) -> Retry {
        Retry {
            policy: policy(attempts),
            events,
            shutdown,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tries_are_counted_and_their_waits_told() {
        let (events, mut heard) = Events::channel();
        let tried = Mutex::new(Vec::new());
        let retry = retry(4, events, Shutdown::default());
        let last = retry.run(0, |known| {
            tried.lock().expect("no panic").push(Instant::now());
            std::future::ready(Some(Tried::new(known + 1, true, None)))
        });
        assert_eq!(last.await, Some(4), "what the last try came to counts");
        let tried = tried.into_inner().expect("no panic");
        for (pair, most) in tried.windows(2).zip([500, 1_000, 2_000]) {
            let Some(Event::Retrying { wait }) = heard.recv().await else {
                panic!("a wait is told");
            };
            let waited = pair[1] - pair[0];
            assert!(
                wait <= Duration::from_millis(most) && waited >= wait,
                "{wait:?} {waited:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_settled_is_not_tried_again() {
        let (events, _heard) = Events::channel();
        let retry = retry(4, events, Shutdown::default());
        let settled = retry.run(0, async |known| {
            Some(Tried::new(known + 1, known < 1, None))
        });
        assert_eq!(settled.await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_was_asked_for_is_obeyed_whole() {
        let (events, _heard) = Events::channel();
        let start = Instant::now();
        let asked = Some(start + Duration::from_secs(300));
        let retry = retry(2, events, Shutdown::default());
        let second = retry.run(0, async |known| Some(Tried::new(known + 1, true, asked)));
        assert_eq!(second.await, Some(2));
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
        let retry = retry(9, events, shutdown.clone());
        let cut = retry.run(0, async |known| Some(Tried::new(known, true, asked)));
        let (cut, ()) = tokio::join!(cut, stop);
        assert_eq!(cut, None);
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
