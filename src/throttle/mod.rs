//! Pacing: the one gate that every request passes right before it is sent, at a rate that follows
//! what the service allows.
//!
//! Nothing here knows what a request is, or retries one. `pacer` says when the next request may
//! go, `adaptive` how fast; both are told the time. This room waits, and keeps a deadline that all
//! share: the service asked that nothing be sent before then.
//!
//! Where several processes share one rate, the store behind `shared` paces and adapts for all of
//! them instead. Whoever sends sees no difference: [`Throttle::acquire`] gives a permit,
//! [`Throttle::heard`] takes what came of it, [`Throttle::news`] says what has become of the rate.

mod adaptive;
mod counts;
mod growth;
mod pacer;
mod rate;
#[cfg(test)]
mod scenarios;
mod shared;
mod sight;
mod stall;
mod stray;
mod told;

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

pub use adaptive::{Feedback, Permit};
pub use rate::{Rate, RateError};
pub use shared::{Ask, Granted, Store};

use adaptive::Adaptive;
use pacer::Pacer;
use shared::{Shared, Turn};
use told::Told;

/// The share of the ceiling that is used. A window of one second then holds no more than the ceiling
/// even where lateness was made up for and the service sees the first of its requests 5 ms late, or 3 ms
/// while what stalls took is made up for: connections take their time, packets bunch.
const PACE: f64 = 0.992;

/// How requests are paced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThrottleSettings {
    /// The ceiling on requests of every kind together.
    pub rate: Rate,
    /// Requests that may go at once after idling; 1 is even pacing.
    pub burst: NonZeroU32,
}

/// The gate. Waiters pass in the order in which they came.
#[derive(Debug)]
pub struct Throttle {
    origin: Instant,
    not_before: StdMutex<Instant>,
    found: StdMutex<Found>,
    /// Where requests queue that nobody else waits for; the lock is fair.
    queue: Mutex<()>,
    /// Held by the one waiter who is next; at most one of the queue waits for it.
    gate: Mutex<Pacer>,
    rate: Rate,
    /// This process's share, where several go by one rate.
    share: Option<Shared>,
    /// The gate of this process alone, at one of so many parts of the rate.
    alone: StdMutex<Option<(u32, Arc<Self>)>>,
}

/// The rate that was found, and what was told of it.
#[derive(Debug)]
struct Found {
    adaptive: Adaptive,
    told: Told,
}

impl Throttle {
    /// A gate that has never let anything pass.
    #[must_use]
    pub fn new(settings: ThrottleSettings) -> Self {
        let pace = settings.rate.per_s() * PACE;
        let origin = Instant::now();
        Self {
            origin,
            not_before: StdMutex::new(origin),
            found: StdMutex::new(Found {
                adaptive: Adaptive::new(pace),
                told: Told::new(pace),
            }),
            queue: Mutex::new(()),
            gate: Mutex::new(Pacer::new(pace, settings.burst)),
            rate: settings.rate,
            share: None,
            alone: StdMutex::default(),
        }
    }

    /// A gate of which several processes have one each, and all go by one rate. While the store of
    /// that rate is away, this one goes by its part: one of `parts`, or of as many processes as
    /// the store has seen at last. `first`: what the store said at first, where it did.
    ///
    /// # Panics
    /// Outside a runtime.
    #[must_use]
    pub fn shared(
        settings: ThrottleSettings,
        store: Store,
        parts: u32,
        first: Option<Granted>,
    ) -> Self {
        Self {
            share: Some(Shared::new(store, parts, first)),
            ..Self::new(settings)
        }
    }

    /// Waits for the next permit. Dropping the future gives up the place in the queue, no more.
    pub async fn acquire(&self) -> Permit {
        let _waiting = self.share.as_ref().map(Shared::waiting);
        let _first = self.queue.lock().await;
        self.pass().await
    }

    /// The next permit but one, past the queue: for a request that those in the queue wait for.
    pub async fn acquire_urgent(&self) -> Permit {
        let _waiting = self.share.as_ref().map(Shared::waiting);
        self.pass().await
    }

    async fn pass(&self) -> Permit {
        let mut pacer = self.gate.lock().await;
        loop {
            self.wait_for_deadline().await;
            let taken = match &self.share {
                Some(share) => self.take_turn(share).await,
                None => self.take_slot(&mut pacer).await,
            };
            let now = Instant::now();
            if taken && now >= self.not_before() {
                return self.found().adaptive.sent(now - self.origin);
            }
        }
    }

    /// Waits for the next permit of all processes' rate. False where it came too late.
    async fn take_turn(&self, share: &Shared) -> bool {
        let Turn::Alone(parts) = share.turn().await else {
            return true;
        };
        let gate = self.part(parts);
        let _ = Box::pin(gate.acquire_urgent()).await;
        // The store may have come back meanwhile, and given this part to others.
        share.is_alone()
    }

    /// The gate of this process alone.
    fn part(&self, parts: u32) -> Arc<Self> {
        let mut alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        match &*alone {
            Some((same, gate)) if *same == parts => Arc::clone(gate),
            _ => {
                let gate = Arc::new(Self::new(ThrottleSettings {
                    rate: self.rate.scaled(1.0 / f64::from(parts)),
                    burst: NonZeroU32::MIN,
                }));
                *alone = Some((parts, Arc::clone(&gate)));
                gate
            }
        }
    }

    /// The service answered the request that went out on this permit.
    pub fn heard(&self, permit: Permit, feedback: Feedback) {
        if let Some(share) = &self.share {
            if matches!(feedback, Feedback::Refused { .. }) {
                share.refused();
            }
            return;
        }
        let mut found = self.found();
        found.adaptive.heard(permit, feedback, self.elapsed());
        let rested = found.adaptive.not_before();
        drop(found);
        self.hold_until(self.origin + rested);
    }

    /// What has become of the rate since this was asked last: requests a second, `None` within at
    /// the ceiling again.
    pub fn news(&self) -> Option<Option<f64>> {
        if let Some(share) = &self.share {
            let news = share.news();
            if let Some(Some(rate)) = news {
                tracing::info!("the service's limit: all who share the rate go at {rate:.1}/s");
            }
            return news;
        }
        let mut found = self.found();
        let rate = found.adaptive.rate();
        found.told.news(rate)
    }

    /// Whether the service does not answer at all: those who share the rate should know.
    pub fn away(&self, away: impl FnOnce() -> bool) {
        if let Some(share) = &self.share {
            share.away(away());
        }
    }

    /// The service asked that nothing be sent before this instant. A deadline is only ever moved
    /// on. Returns whether this one is later than those before it.
    pub fn hold_until(&self, deadline: Instant) -> bool {
        let mut not_before = self
            .not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let later = deadline > *not_before;
        if let Some(share) = self.share.as_ref().filter(|_| later) {
            share.rest_until(deadline);
        }
        *not_before = deadline.max(*not_before);
        later
    }

    /// The ceiling.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_before(&self) -> Instant {
        *self
            .not_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for_deadline(&self) {
        while Instant::now() < self.not_before() {
            sleep_until(self.not_before()).await;
        }
    }

    /// Waits for the next slot and takes it. False where the deadline moved on meanwhile.
    async fn take_slot(&self, pacer: &mut Pacer) -> bool {
        loop {
            pacer.follow(self.found().adaptive.rate());
            let Err(slot) = pacer.take(self.elapsed()) else {
                return true;
            };
            sleep_until(self.origin + slot).await;
            if Instant::now() < self.not_before() {
                return false;
            }
            pacer.reach(slot);
        }
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

#[cfg(test)]
mod tests;
