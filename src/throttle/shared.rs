//! One rate for several processes: permits that a store gives out, some at a time.
//!
//! The store reserves slots on its own clock, one block after the other, so that those of all
//! processes together lie as evenly as one process's. A slot that was missed is gone: whoever was
//! paused must not use it later. While the store is away, this process goes by its own part of the
//! rate, which begins when all slots that were given out are over.
//!
//! `slots` decides, and is told the time; `Shared` waits and asks. Nothing here knows what the
//! store is.

mod slots;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use self::slots::{Next, Slots};

/// An answer that takes longer is none: the store must not hold the job up.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two attempts to reach a store that is away.
const AGAIN: Duration = Duration::from_millis(300);

/// What a process asks of the store, and tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Permits that it has use for.
    pub wanted: u32,
    /// The service refused a request that was sent when the rate had been cut so often.
    pub refused: Option<u32>,
    /// The service wants nothing to be sent for so long.
    pub rest: Option<Duration>,
    /// Whether the service does not answer, where that is news.
    pub away: Option<bool>,
    /// The parts of the rate of which it has gone by one, if it was alone before this.
    pub parts: Option<u32>,
}

impl Ask {
    /// Nothing: to be heard of, and to hear how things stand.
    pub const NOTHING: Self = Self {
        wanted: 0,
        refused: None,
        rest: None,
        away: None,
        parts: None,
    };
}

/// What the store gives, and tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Granted {
    /// Permits; none where there is nothing to be had yet.
    pub permits: u32,
    /// Until the first of them, or until it is worth while to ask again.
    pub wait: Duration,
    /// From each to the next.
    pub apart: Duration,
    /// How often the rate has been cut.
    pub cuts: u32,
    /// The rate of all together, in permits a second.
    pub rate: f64,
    /// Whether the service's limit keeps it below the ceiling.
    pub slowed: bool,
    /// For so long the service wants nothing to be sent.
    pub rest: Duration,
    /// Processes that share the rate.
    pub processes: u32,
    /// No permit that was given out lies further ahead.
    pub ahead: Duration,
}

/// The way to the store. What goes wrong is told in one line.
pub type Store =
    Box<dyn Fn(Ask) -> Pin<Box<dyn Future<Output = Result<Granted, String>> + Send>> + Send + Sync>;

/// The permit to send one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turn {
    /// From the store.
    Shared,
    /// The store is away: this process paces itself, at this part (1 in N) of the rate.
    Alone(u32),
}

/// This process's share in the rate.
pub(super) struct Shared {
    inner: Arc<Inner>,
    /// Asks the store, for as long as this lives.
    _asking: JoinSet<()>,
}

struct Inner {
    slots: Mutex<Slots>,
    /// How many wait for a permit.
    waiting: AtomicU32,
    /// There is something to ask or to tell.
    wake: Notify,
    /// The slots have changed.
    changed: watch::Sender<()>,
}

/// Somebody who waits for a permit, from before its slot is due until it has passed.
pub(super) struct Waiting<'a>(&'a Inner);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// A share in the rate of this store, for as long as it is not reached one of `parts`.
    ///
    /// # Panics
    /// Outside a runtime.
    pub(super) fn new(store: Store, parts: u32, first: Option<Granted>) -> Self {
        let now = Instant::now();
        let inner = Arc::new(Inner {
            slots: Mutex::new(Slots::new(parts, first, now)),
            waiting: AtomicU32::new(0),
            wake: Notify::new(),
            changed: watch::channel(()).0,
        });
        let mut asking = JoinSet::new();
        asking.spawn(ask_on(Arc::clone(&inner), store));
        Self {
            inner,
            _asking: asking,
        }
    }

    /// Counts somebody who waits, until what is returned is dropped.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.inner.waiting.fetch_add(1, Ordering::Relaxed);
        self.inner.wake.notify_one();
        Waiting(&self.inner)
    }

    /// Waits for the next permit. Only one may wait here at a time.
    pub(super) async fn turn(&self) -> Turn {
        let mut changes = self.inner.changed.subscribe();
        loop {
            let next = self.inner.slots().next(Instant::now());
            match next {
                Next::Slot(at) => {
                    self.inner.wake.notify_one();
                    sleep_until(at).await;
                    let now = Instant::now();
                    let mut slots = self.inner.slots();
                    if !slots::is_over(at, now) && !slots.rests(now) {
                        slots.used();
                        return Turn::Shared;
                    }
                }
                Next::Alone(parts) => return Turn::Alone(parts),
                Next::Rest(until) => tokio::select! {
                    () = sleep_until(until) => {}
                    _ = changes.changed() => {}
                },
                Next::Nothing => {
                    let _ = changes.changed().await;
                }
            }
        }
    }

    /// The service refused a request.
    pub(super) fn refused(&self) {
        let mut slots = self.inner.slots();
        let cuts = slots.cuts();
        slots.refused(cuts);
        drop(slots);
        self.inner.wake.notify_one();
    }

    /// The service wants nothing to be sent until then.
    pub(super) fn rest_until(&self, until: Instant) {
        self.inner.slots().rest_until(until);
        self.inner.wake.notify_one();
    }

    /// Whether the service does not answer.
    pub(super) fn away(&self, away: bool) {
        if self.inner.slots().away(away) {
            self.inner.wake.notify_one();
        }
    }

    /// What has become of the rate since this was asked last: requests a second, `None` within at
    /// the ceiling again.
    pub(super) fn news(&self) -> Option<Option<f64>> {
        self.inner.slots().news()
    }

    /// Whether the store is away.
    pub(super) fn is_alone(&self) -> bool {
        self.inner.slots().is_alone()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the store whenever there is something to ask, to tell or to hear.
async fn ask_on(inner: Arc<Inner>, store: Store) {
    loop {
        let waiting = inner.waiting.load(Ordering::Relaxed);
        let asked = Instant::now();
        let ask = inner.slots().ask(waiting, asked);
        let ask = match ask {
            Ok(ask) => ask,
            Err(until) => {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = inner.wake.notified() => {}
                }
                continue;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, store(ask)).await;
        if answer.is_err() && asked.elapsed() > 2 * PATIENCE {
            // This process was stopped meanwhile; that says nothing of the store.
            inner.slots().missed(ask);
            continue;
        }
        let silence = |_| Err(format!("no answer in {} ms", PATIENCE.as_millis()));
        let answer = answer.unwrap_or_else(silence);
        let failed = answer.is_err();
        match answer {
            Ok(granted) => {
                if inner.slots().take(granted, asked, Instant::now()) {
                    tracing::info!("the rate store answers again; the rate is shared as before");
                }
            }
            Err(why) => {
                if let Some(parts) = inner.slots().lost(ask, Instant::now()) {
                    tracing::warn!(
                        "the rate store does not answer ({why}); going on at this process's part, 1/{parts} of --rate, until it does"
                    );
                }
            }
        }
        inner.changed.send_replace(());
        if failed {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests;
