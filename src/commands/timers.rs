//! What ends a run by the clock: its deadline, and the time that requests under way get.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::shutdown::{CancelReason, Shutdown};

/// When the run must have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    /// Then nothing is under way any more.
    pub(super) at: Instant,
    /// Requests under way may take so long to end.
    pub(super) margin: Duration,
    /// As it was asked for.
    pub(super) asked: Duration,
}

/// Keeps both times, for as long as what is returned lives.
pub(super) fn keep(
    drain: Duration,
    deadline: Option<Deadline>,
    shutdown: &Shutdown,
) -> JoinSet<()> {
    let mut timers = JoinSet::new();
    timers.spawn(keep_drain(drain, shutdown.clone()));
    if let Some(deadline) = deadline {
        timers.spawn(keep_deadline(deadline, shutdown.clone()));
    }
    timers
}

/// Gives requests under way up when their time is over.
async fn keep_drain(time: Duration, shutdown: Shutdown) {
    shutdown.stopped().await;
    tokio::time::sleep(time).await;
    shutdown.abort();
}

/// Stops the job in time for its deadline, and gives requests under way up when it has come.
async fn keep_deadline(Deadline { at, margin, asked }: Deadline, shutdown: Shutdown) {
    tokio::time::sleep_until(at - margin).await;
    shutdown.cancel(CancelReason::Guard(format!(
        "the deadline of {} s is near",
        asked.as_secs_f64()
    )));
    tokio::time::sleep_until(at).await;
    shutdown.abort();
}
