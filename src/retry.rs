//! Trying again: the policy, and the one loop that follows it.
//!
//! The only user of `backoff`, and only of its curve: the count, the jitter and the waits are
//! here, since its own jitter is added after the cap and its clock cannot be paused. Which answer
//! deserves another try is not decided here.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff};
use tokio::time::{Instant, sleep_until};

use crate::{
    budget::Budget,
    event::{Event, Events},
    health::Health,
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

/// What one try says of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// The service asked that nothing be sent before this instant.
    pub not_before: Option<Instant>,
    /// Whether the service was silent, or as good as that.
    pub unanswered: bool,
    /// Whether it was the limit that stood in the way.
    pub throttled: bool,
}

/// What one try came to: all that is known by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried<T> {
    /// That is final.
    Settled(T),
    /// Another try may give a better answer.
    Again(T, Next),
}

impl<T> Tried<T> {
    /// Settled, unless another try may help.
    pub fn new(known: T, again: bool, next: Next) -> Self {
        if again {
            Self::Again(known, next)
        } else {
            Self::Settled(known)
        }
    }
}

/// The one loop that tries again. Clones share channel, stop, health and budget.
#[derive(Debug, Clone)]
pub struct Retry {
    /// How often and how far apart.
    pub policy: RetryPolicy,
    /// Where the report listens.
    pub events: Events,
    /// The stop, which cuts a wait.
    pub shutdown: Shutdown,
    /// Whether the service answers at all.
    pub health: Health,
    /// What all further tries together may cost.
    pub budget: Arc<Budget>,
}

impl Retry {
    /// Tries until it is settled or the tries are used up. Each try is handed what is known so
    /// far, at first this, and hands on what is known then. Tries that an outage swallowed do not
    /// count. `None` where a stop came first.
    pub async fn run<T, Fut>(&self, mut known: T, mut attempt: impl FnMut(T) -> Fut) -> Option<T>
    where
        Fut: Future<Output = Option<Tried<T>>>,
    {
        let mut curve = None;
        let mut counted = Counted::default();
        loop {
            let next = match attempt(known).await? {
                Tried::Settled(settled) => {
                    self.budget.pay_back();
                    return Some(settled);
                }
                Tried::Again(so_far, next) => {
                    known = so_far;
                    next
                }
            };
            counted.take(next);
            if let Some(since) = self.health.away_since() {
                counted.forget(since);
                continue;
            }
            if counted.number() >= self.policy.max_attempts.get() {
                let Some(last) = counted.last_silence() else {
                    return Some(known);
                };
                let blame = self
                    .shutdown
                    .unless_stopped(self.health.blame(last))
                    .await?;
                let Some(since) = blame else {
                    return Some(known);
                };
                counted.forget(since);
                continue;
            }
            let curve = curve.get_or_insert_with(|| self.policy.curve());
            self.wait(curve, next, counted.number() + 1).await?;
        }
    }

    /// Waits for the time of the next try. The report is told of the wait, and a stop cuts it.
    async fn wait(&self, curve: &mut ExponentialBackoff, next: Next, next_try: u32) -> Option<()> {
        let until = jittered(curve, next.not_before);
        let until = match next.throttled {
            // The limit has its own brake.
            true => until,
            false => until.max(self.budget.next_try(Instant::now())),
        };
        let wait = until.saturating_duration_since(Instant::now());
        tracing::debug!(next_try, wait_ms = wait.as_millis() as u64, "trying again");
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

/// The tries that count.
#[derive(Debug, Default)]
struct Counted {
    answered: u32,
    /// When the others came to nothing.
    silences: Vec<Instant>,
    last_was_silent: bool,
}

impl Counted {
    fn take(&mut self, next: Next) {
        self.last_was_silent = next.unanswered;
        match next.unanswered {
            true => self.silences.push(Instant::now()),
            false => self.answered += 1,
        }
    }

    /// An outage has lasted since then.
    fn forget(&mut self, since: Instant) {
        self.silences.retain(|at| *at < since);
    }

    fn number(&self) -> u32 {
        self.answered + u32::try_from(self.silences.len()).unwrap_or(u32::MAX)
    }

    /// When the last try came to nothing; `None` where it was answered.
    fn last_silence(&self) -> Option<Instant> {
        self.silences
            .last()
            .copied()
            .filter(|_| self.last_was_silent)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroU32,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use backoff::backoff::Backoff;
    use tokio::time::Instant;

    use super::{Counted, Next, Retry, RetryPolicy, Tried, jittered};
    use crate::{
        budget::Budget,
        event::{Event, Events},
        health::{About, Health, Sign},
        shutdown::{CancelReason, Shutdown, Signal},
    };

    fn policy(attempts: u32) -> RetryPolicy {
        RetryPolicy::attempts(NonZeroU32::new(attempts).expect("not zero"))
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_try_comes_anywhere_up_to_the_curves_delay_and_never_at_once_for_all() {
        let now = Instant::now();
        let first = Duration::from_millis(500);
        let waits: Vec<_> = (0..200)
            .map(|_| jittered(&mut policy(9).curve(), None).saturating_duration_since(now))
            .collect();
        assert!(waits.iter().all(|wait| *wait <= first), "{waits:?}");
        for part in 0..4 {
            let quarter = first / 4 * part..=first / 4 * (part + 1);
            let there = waits.iter().filter(|wait| quarter.contains(*wait)).count();
            assert!(there >= 10, "{there} of 200 in quarter {part}");
        }
        let asked = now + Duration::from_secs(7);
        assert_eq!(jittered(&mut policy(9).curve(), Some(asked)), asked);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_of_an_outage_are_forgotten_and_those_before_it_are_not() {
        let next = |unanswered| Next {
            not_before: None,
            unanswered,
            throttled: false,
        };
        let mut counted = Counted::default();
        counted.take(next(false));
        counted.take(next(true));
        counted.take(next(true));
        tokio::time::advance(Duration::from_secs(1)).await;
        let since = Instant::now();
        counted.take(next(true));
        tokio::time::advance(Duration::from_secs(1)).await;
        counted.take(next(true));
        assert_eq!(counted.number(), 5);
        counted.forget(since);
        assert_eq!(counted.number(), 3);
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

    const LATER: Next = Next {
        not_before: None,
        unanswered: false,
        throttled: false,
    };

    fn retry(attempts: u32, events: Events, shutdown: Shutdown) -> Retry {
        Retry {
            policy: policy(attempts),
            health: Health::new(Duration::from_secs(60), events.clone(), shutdown.clone()),
            budget: Arc::new(Budget::new(1_000.0)),
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
            std::future::ready(Some(Tried::new(known + 1, true, LATER)))
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
            Some(Tried::new(known + 1, known < 1, LATER))
        });
        assert_eq!(settled.await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_was_asked_for_is_obeyed_whole() {
        let (events, _heard) = Events::channel();
        let start = Instant::now();
        let asked = Next {
            not_before: Some(start + Duration::from_secs(300)),
            ..LATER
        };
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
        let asked = Next {
            not_before: Some(start + Duration::from_secs(300)),
            ..LATER
        };
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
    /// A user whose requests are never answered, while `others` are heard.
    async fn silent_user(others: Sign) -> (Option<u32>, bool) {
        let (events, mut heard) = Events::channel();
        tokio::spawn(async move { while heard.recv().await.is_some() {} });
        let retry = retry(4, events, Shutdown::default());
        let health = retry.health.clone();
        let probed = health.clone();
        health.probe_with(move || {
            let health = probed.clone();
            Box::pin(async move { health.heard(others, About::Nobody, "").await })
        });
        let silent = Next {
            unanswered: true,
            ..LATER
        };
        let tried = retry.run(0_u32, |known| {
            let health = health.clone();
            async move {
                let pass = health.pass().await;
                health.heard(Sign::Silent, About::User(1), "").await;
                drop(pass);
                tokio::time::advance(Duration::from_millis(1)).await;
                health
                    .heard(others, About::User(u64::from(known) + 2), "")
                    .await;
                Some(Tried::new(known + 1, known < 9, silent))
            }
        });
        let tried = tokio::time::timeout(Duration::from_secs(50), tried).await;
        (tried.ok().flatten(), health.away_since().is_some())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_where_others_are_answered_and_not_in_an_outage() {
        assert_eq!(silent_user(Sign::Answers).await, (Some(4), false));
        let (tried, away) = silent_user(Sign::Silent).await;
        assert!(
            away && tried == Some(10),
            "held, and tried until it was settled: {tried:?}"
        );
    }
}
