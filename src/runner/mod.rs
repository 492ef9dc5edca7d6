//! The pool: takes rows, gives each a place for each of its tries, and lets them end.
//!
//! Nothing here knows what is done to a row. A row that waits for its next try holds no place:
//! others go on meanwhile. How many rows may be unfinished at once is bounded all the same.

mod worker;

use std::{num::NonZeroUsize, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    model::{OutcomeKind, Row},
    shutdown::Shutdown,
};

pub use worker::{Claim, Claims, Worker, WorkerSettings};

/// The right to have one request under way. Dropped, it is free for another row.
pub type Place = OwnedSemaphorePermit;

/// Places for requests under way. Who waits longest gets the next.
#[derive(Debug, Clone)]
pub struct Places(Arc<Semaphore>);

impl Places {
    /// This many places.
    #[must_use]
    pub fn new(concurrency: NonZeroUsize) -> Self {
        Self(Arc::new(Semaphore::new(concurrency.get())))
    }

    /// The next free place.
    pub async fn take(&self) -> Place {
        let place = Arc::clone(&self.0).acquire_owned().await;
        place.expect("the places are never closed")
    }
}

/// Rows that may be unfinished at once: under way, or waiting for their next try.
const MOST_UNFINISHED: usize = 4096;

/// Hands rows to `work`, each with its first place, until they end, `most` were taken or a stop is
/// asked for. Returns, when every row that was started has ended, how many did not end well.
pub async fn run<F, Fut>(
    rows: &mut mpsc::Receiver<Row>,
    most: Option<usize>,
    places: &Places,
    shutdown: &Shutdown,
    work: F,
) -> usize
where
    F: Fn(Row, Place) -> Fut,
    Fut: Future<Output = Option<OutcomeKind>> + Send + 'static,
{
    let mut unfinished = JoinSet::new();
    let mut not_well = 0;
    // What panicked has no outcome, which is not well.
    let mut count = |ended: Result<Option<OutcomeKind>, _>| {
        let well = ended.is_ok_and(|kind| kind.is_none_or(OutcomeKind::ends_well));
        not_well += usize::from(!well);
    };
    for _ in 0..most.unwrap_or(usize::MAX) {
        while let Some(ended) = unfinished.try_join_next() {
            count(ended);
        }
        if unfinished.len() >= MOST_UNFINISHED
            && let Some(ended) = unfinished.join_next().await
        {
            count(ended);
        }
        let next = async {
            // The row first: a slow source must not keep a place from rows that try again.
            let row = rows.recv().await?;
            Some((row, places.take().await))
        };
        match shutdown.unless_stopped(next).await {
            Some(Some((row, place))) => unfinished.spawn(work(row, place)),
            Some(None) | None => break,
        };
    }
    while let Some(ended) = unfinished.join_next().await {
        count(ended);
    }
    not_well
}

#[cfg(test)]
mod explored;

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroUsize,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
    };

    use tokio::sync::mpsc;

    use super::{Places, run};
    use crate::{
        model::{MethodSet, OutcomeKind, Row, UserRef},
        shutdown::{CancelReason, Shutdown, Signal},
    };

    fn rows(n: u64) -> mpsc::Receiver<Row> {
        let (sender, receiver) = mpsc::channel(n as usize + 1);
        for number in 1..=n {
            let row = Row::new(number, UserRef::by_id(number.to_string()), MethodSet::ALL);
            sender.try_send(row).expect("room");
        }
        receiver
    }

    #[tokio::test]
    async fn a_row_that_waits_holds_no_place() {
        let places = Places::new(NonZeroUsize::MIN);
        let ended = Arc::new(AtomicUsize::new(0));
        let last = Arc::new(tokio::sync::Notify::new());
        let work = |row: crate::model::Row, place| {
            let (places, ended, last) = (places.clone(), Arc::clone(&ended), Arc::clone(&last));
            async move {
                if row.number == 1 {
                    drop(place);
                    last.notified().await;
                    drop(places.take().await);
                } else if row.number == 5 {
                    last.notify_one();
                }
                ended.fetch_add(1, SeqCst);
                None
            }
        };
        run(&mut rows(5), None, &places, &Shutdown::default(), work).await;
        assert_eq!(ended.load(SeqCst), 5);
    }

    #[tokio::test]
    async fn no_row_is_taken_after_a_stop_and_those_taken_end() {
        let shutdown = Shutdown::default();
        let taken = Arc::new(AtomicUsize::new(0));
        let work = |row: crate::model::Row, place| {
            let (shutdown, taken) = (shutdown.clone(), Arc::clone(&taken));
            async move {
                let _place = place;
                if row.number == 1 {
                    shutdown.cancel(CancelReason::Interrupt(Signal::Interrupt));
                }
                taken.fetch_add(1, SeqCst);
                None
            }
        };
        let places = Places::new(NonZeroUsize::new(2).expect("two"));
        run(&mut rows(50), None, &places, &shutdown, work).await;
        assert!((1..=2).contains(&taken.load(SeqCst)));
    }

    #[tokio::test]
    async fn a_few_rows_are_done_to_their_end_and_the_rest_is_left() {
        let mut rows = rows(9);
        let places = Places::new(NonZeroUsize::new(2).expect("two"));
        let shutdown = Shutdown::default();
        let work = |row: crate::model::Row, place| async move {
            let _place = place;
            Some(match row.number % 2 {
                0 => OutcomeKind::NotFound,
                _ => OutcomeKind::Unlocked,
            })
        };
        assert_eq!(run(&mut rows, Some(5), &places, &shutdown, work).await, 2);
        assert_eq!(run(&mut rows, None, &places, &shutdown, work).await, 2);
    }
}
