//! The report: the one consumer of events. File first, then numbers, then screen, so that what
//! the screen shows is on record.
//!
//! Nothing here reaches back into the work, but for saying that it failed.

mod charts;
mod digest;
mod guards;
mod html;
mod join;
mod json;
mod metrics;
mod plan;
mod summary;
mod terminal;
mod text;
mod told;

use std::{
    panic::resume_unwind,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    event::Event,
    results::{Record, ResultsError, ResultsFile},
    shutdown::Asked,
    stats::Stats,
};

pub use charts::Charts;
pub use digest::Digest;
pub use guards::Guards;
pub use html::Page;
pub use join::{JoinError, Joined, Part, numbers, summary as summary_of_all, whole};
pub(crate) use json::document;
pub use metrics::metrics;
pub use plan::{ByMethod, Plan, PlanDefect, Today, UserToday, render_plan};
pub use summary::{
    Hashes, Latency, Rows, Status, Summary, Throttled, write_atomically, write_for_all,
};
pub use terminal::{Screen, ShowMode, Terminal};
pub use text::render;
pub use told::Told;

/// How often what was written is brought to the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Events that are taken at once.
const BATCH: usize = 256;

/// What the report has to say at the end.
#[derive(Debug)]
pub struct Reported {
    /// The numbers.
    pub stats: Stats,
    /// Why the results could not be written to their end.
    pub failure: Option<ResultsError>,
}

/// Takes events until nobody is left to send one. Where a record cannot be written, or no more room
/// be reserved for those to come, `failed` is called once. After a record that was not written,
/// nothing is recorded or counted any more; without new room, what is under way still is. `watch` sees the
/// numbers after each row.
pub async fn run(
    mut events: mpsc::Receiver<Event>,
    mut results: ResultsFile,
    mut stats: Stats,
    mut terminal: Terminal,
    mut asked: Asked,
    failed: impl Fn(&ResultsError),
    watch: impl Fn(&Stats),
) -> Reported {
    let mut failure = None;
    let mut fail = |error: ResultsError| {
        if failure.is_none() {
            failed(&error);
            failure = Some(error);
        }
    };
    let mut syncing = JoinSet::new();
    let mut every_second = interval(SYNC_EVERY);
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    let mut whole = true;
    loop {
        tokio::select! {
            taken = events.recv_many(&mut batch, BATCH) => if taken == 0 { break },
            _ = every_second.tick() => {
                // A disk that takes longer than a second is waited for.
                let synced = synced(&mut syncing).await.and_then(|()| results.check());
                if let Err(error) = synced {
                    whole = false;
                    fail(error);
                }
                if let Some(sync) = results.syncing() {
                    syncing.spawn_blocking(sync);
                }
                terminal.tick(&stats);
                continue;
            }
            () = asked.next() => {
                terminal.tell(&stats);
                continue;
            }
        }
        let any_final = batch
            .iter()
            .any(|event| matches!(event, Event::Finished { .. }));
        if whole
            && any_final
            && let Err(error) = results.check_length()
        {
            whole = false;
            fail(error);
        }
        let now = SystemTime::now();
        for event in batch.drain(..) {
            if let Event::Finished {
                row, outcome, at, ..
            } = &event
            {
                let written = match whole {
                    true => results.append(&Record::new(row, outcome, *at)),
                    false => continue,
                };
                if let Err(error) = written {
                    whole = false;
                    fail(error);
                    continue;
                }
                if let Err(error) = results.top_up() {
                    fail(error);
                }
            }
            stats.apply_at(&event, now);
            if matches!(event, Event::Finished { .. }) {
                watch(&stats);
            }
            terminal.show(&stats);
        }
    }
    let synced = synced(&mut syncing).await;
    if whole && let Err(error) = synced.and_then(|()| results.close()) {
        fail(error);
    }
    terminal.finish();
    Reported { stats, failure }
}

/// Waits until nothing is on its way to the disk any more.
async fn synced(syncing: &mut JoinSet<Result<(), ResultsError>>) -> Result<(), ResultsError> {
    while let Some(ended) = syncing.join_next().await {
        ended.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::SystemTime};

    use super::{Screen, ShowMode, Terminal, run};
    use crate::{
        event::{Event, Events},
        model::{MethodSet, Outcome, OutcomeKind, Row, UserRef},
        results::{ResultsFile, WriteMode},
        shutdown::Asked,
        stats::Stats,
    };

    async fn finish_rows(events: Events, rows: u64) {
        for number in 1..=rows {
            let row = Row::new(number, UserRef::by_id(number.to_string()), MethodSet::ALL);
            let outcome = Outcome::without_request(OutcomeKind::Unlocked, "");
            let at = SystemTime::now();
            let place = None;
            events
                .send(Event::Finished {
                    row,
                    outcome,
                    at,
                    place,
                })
                .await;
        }
    }

    #[tokio::test]
    async fn every_final_row_is_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.csv");
        let (results, _) = ResultsFile::open(&path, WriteMode::CreateNew).expect("new");
        let (events, receiver) = Events::channel();
        let terminal = Terminal::new(ShowMode::Off, &Screen::default(), None);
        let seen = Cell::new(0);
        let report = run(
            receiver,
            results,
            Stats::new(None),
            terminal,
            Asked::never(),
            |_| panic!("nothing fails"),
            |stats| seen.set(stats.done()),
        );
        let (reported, ()) = tokio::join!(report, finish_rows(events, 3_000));
        assert_eq!((reported.stats.done(), seen.get()), (3_000, 3_000));
        assert_eq!(
            std::fs::read_to_string(&path)
                .expect("readable")
                .lines()
                .count(),
            3_001
        );
    }

    #[tokio::test]
    async fn a_failed_write_is_told_once_and_nothing_is_counted_that_is_not_recorded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.csv");
        let (mut results, _) = ResultsFile::open(&path, WriteMode::CreateNew).expect("new");
        results.break_for_test();
        let (events, receiver) = Events::channel();
        let terminal = Terminal::new(ShowMode::Off, &Screen::default(), None);
        let told = Cell::new(0);
        let report = run(
            receiver,
            results,
            Stats::new(None),
            terminal,
            Asked::never(),
            |_| told.set(told.get() + 1),
            |_| panic!("nothing is counted"),
        );
        let (reported, ()) = tokio::join!(report, finish_rows(events, 10));
        assert_eq!((told.get(), reported.stats.done()), (1, 0));
        assert!(reported.failure.is_some());
    }

    #[tokio::test]
    async fn a_disk_without_more_room_is_told_once_and_what_is_under_way_is_recorded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.csv");
        let (mut results, _) = ResultsFile::open(&path, WriteMode::CreateNew).expect("new");
        results.use_up_for_test();
        let (events, receiver) = Events::channel();
        let terminal = Terminal::new(ShowMode::Off, &Screen::default(), None);
        let told = Cell::new(0);
        let report = run(
            receiver,
            results,
            Stats::new(None),
            terminal,
            Asked::never(),
            |_| told.set(told.get() + 1),
            |_| {},
        );
        let (reported, ()) = tokio::join!(report, finish_rows(events, 10));
        assert_eq!((told.get(), reported.stats.done()), (1, 10));
        assert!(reported.failure.is_some());
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(text.lines().count(), 11);
    }
}
