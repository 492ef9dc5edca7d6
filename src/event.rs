//! What work tells the report: one bounded channel of [`Event`]s, one consumer.
//!
//! Nothing here counts, prints or writes.

use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::model::{Attempt, LockFlags, Outcome, Row};

/// Something that happened during the job.
#[derive(Debug)]
pub enum Event {
    /// A request was answered, or its answer did not come.
    Attempted(Attempt),
    /// A request will be tried again after this wait.
    Retrying {
        /// How long the row waits at least.
        wait: Duration,
    },
    /// The service asked everybody to wait until then.
    Paused {
        /// The end of the wait, on the wall clock.
        until: SystemTime,
    },
    /// The service's limit made the rate another.
    Paced {
        /// Requests a second from now on; `None` at the ceiling again.
        slowed_to: Option<f64>,
    },
    /// The service stopped answering, or answers again.
    Away {
        /// Since when it has not answered, on the wall clock; `None` where it answers again.
        since: Option<SystemTime>,
    },
    /// A user was found, before anything was sent for the user's locks.
    LookedUp {
        /// The locks as they are found.
        flags: LockFlags,
    },
    /// A row is final.
    Finished {
        /// The row, with what was found of its user.
        row: Row,
        /// What became of it.
        outcome: Outcome,
        /// When it became final.
        at: SystemTime,
        /// Its place, which another row can have once this one is on record: else a kill could
        /// take more records than there are places.
        place: Option<OwnedSemaphorePermit>,
    },
    /// A row was started, and its look-up showed that the run that this one goes on with has its
    /// record.
    Recorded {
        /// The row.
        row: Row,
    },
    /// A row was started, and was cut by a stop before it was final. It has no record.
    Abandoned {
        /// The row.
        row: Row,
    },
    /// The source ended after this many rows.
    SourceEnded {
        /// Rows read, defective ones and duplicates included.
        rows: u64,
    },
}

/// The sending end, cloned into whoever works.
#[derive(Debug, Clone)]
pub struct Events(mpsc::Sender<Event>);

/// How many events may wait for the report before work waits for it.
const CAPACITY: usize = 1024;

impl Events {
    /// A new channel: the end that work sends into and the end that the report reads.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), receiver)
    }

    /// Hands an event over. Where the report has ended, the job is stopping, and nobody is left to tell.
    pub async fn send(&self, event: Event) {
        let _ = self.0.send(event).await;
    }

    /// An end that does not keep the channel open, for a thread that may be stuck when all else
    /// has ended.
    #[must_use]
    pub fn weak(&self) -> WeakEvents {
        WeakEvents(self.0.downgrade())
    }
}

/// A sending end that does not keep the channel open.
#[derive(Debug, Clone)]
pub struct WeakEvents(mpsc::WeakSender<Event>);

impl WeakEvents {
    /// Hands an event over, from a thread of its own, which may block.
    pub fn send_blocking(&self, event: Event) {
        if let Some(sender) = self.0.upgrade() {
            let _ = sender.blocking_send(event);
        }
    }
}
