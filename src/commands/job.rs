//! One job: the rooms joined into the line, run to its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    error::AppError,
    model::Row,
    report::{self, Guards, Terminal},
    results::{Recovered, ResultsError, ResultsFile},
    runner::{self, Claim, Claims, Place, Places, Worker, WorkerSettings},
    shutdown::{CancelReason, Fault},
    source::{Choice, Prepared, Select, Sink},
    stats::Stats,
};

use super::service::{Service, stopped};

/// What is to be done, and when to stop doing it.
pub(super) struct Job {
    pub(super) source: Prepared,
    pub(super) places: Places,
    pub(super) only_locked: bool,
    pub(super) guards: Guards,
    pub(super) canary: Option<usize>,
}

/// How a job ended.
pub(super) struct JobEnd {
    pub(super) stats: Stats,
    pub(super) failure: Option<ResultsError>,
    pub(super) reason: Option<CancelReason>,
    /// Records of the run before that account for no row of the source.
    pub(super) left: u64,
    /// Users of a source that holds more than are allowed.
    pub(super) too_many: Option<u64>,
}

impl JobEnd {
    /// The end of a job that was stopped before its first row.
    pub(super) fn before_start(
        mut service: Service,
        resumed: Option<(ResultsFile, Recovered)>,
    ) -> Self {
        if let Some((_, recovered)) = resumed {
            service.stats.resume(recovered.tally);
        }
        Self {
            reason: service.shutdown.reason(),
            stats: service.stats,
            failure: None,
            left: 0,
            too_many: None,
        }
    }
}

/// Runs the job. A stop is no error here: the end says why.
pub(super) async fn run(
    job: Job,
    service: Service,
    (results, recovered): (ResultsFile, Recovered),
    terminal: Terminal,
) -> Result<JobEnd, AppError> {
    let Service {
        heard,
        mut stats,
        shutdown,
        asked,
        ..
    } = service;
    stats.total = job.source.total();
    stats.resume(recovered.tally);
    let stop = shutdown.clone();
    let failed = move |_: &ResultsError| stop.cancel(CancelReason::ReportFailed);
    let (stop, guards) = (shutdown.clone(), job.guards);
    let watch = move |stats: &Stats| {
        fault_for_tests(stats);
        if let Some(why) = guards.broken(stats) {
            stop.cancel(CancelReason::Guard(why));
        }
    };
    let wire = shutdown.tripwire(Fault::Report);
    let reporter = tokio::spawn(async move {
        let _wire = wire;
        report::run(heard, results, stats, terminal, asked, failed, watch).await
    });
    let worker = Worker {
        settings: WorkerSettings {
            unlock: true,
            only_locked: job.only_locked,
            claim: Arc::new(|_, _| Claim::Granted),
        },
        retry: service.retry,
        api: service.api,
        places: job.places.clone(),
        events: service.events,
        shutdown: shutdown.clone(),
    };
    // A task of its own, as the runtime looks at the main one after every other's step.
    let select = Select::after(recovered.done);
    let left = tokio::spawn(work(job.source, select, job.canary, worker)).await;
    let broken = CancelReason::Broken(Fault::Report);
    let reported = reporter.await.map_err(|_| stopped(&broken))?;
    let left = left.map_err(|error| AppError::system("work on the rows", error.into()))?;
    Ok(JobEnd {
        stats: reported.stats,
        failure: reported.failure,
        reason: shutdown.reason(),
        left,
        too_many: None,
    })
}

/// A panic in the report, as a test asks for; no release has this.
fn fault_for_tests(stats: &Stats) {
    let asked = cfg!(debug_assertions) && stats.done() == 5;
    assert!(!asked || std::env::var_os("BULK_UNLOCK_TEST_PANIC").is_none());
}

/// Signs in, then sends every row through the pool. When it returns, nobody sends events any more.
/// Returns how many records of the run before account for no row of the source.
pub(super) async fn work(
    source: Prepared,
    select: Select,
    canary: Option<usize>,
    mut worker: Worker,
) -> u64 {
    let shutdown = worker.shutdown.clone();
    if source.total() == Some(0) || !sign_in(&worker).await {
        return select.left();
    }
    let select = Arc::new(Mutex::new(select));
    worker.settings.claim = claims(Arc::clone(&select));
    let sink = Sink {
        select: Arc::clone(&select),
        events: worker.events.weak(),
        shutdown: shutdown.clone(),
    };
    // Where there is nothing else to go on with, the job is complete, and its failures are its own.
    let rows = source.survey.as_ref().map(|survey| survey.rows);
    let small = canary
        .zip(rows)
        .is_some_and(|(first, rows)| rows <= first as u64);
    let mut rows = source.stream(Arc::clone(&worker.api), sink);
    let places = worker.places.clone();
    let worker = Arc::new(worker);
    // In a box: a task is moved several times before it runs, and this one is large.
    let send = |row: Row, place: Place| Box::pin(Arc::clone(&worker).work(row, place));
    if let Some(first) = canary {
        let failed = runner::run(&mut rows, Some(first), &places, &shutdown, send).await;
        if failed > 0 && !small {
            shutdown.cancel(CancelReason::Guard(format!(
                "{failed} of the first {first} rows failed, and --canary allows none"
            )));
        }
    }
    runner::run(&mut rows, None, &places, &shutdown, send).await;
    lock(&select).left()
}

/// Who finds a user's ID asks here whether another row has that user.
fn claims(select: Arc<Mutex<Select>>) -> Claims {
    Arc::new(move |row, id| match lock(&select).claim(row, id) {
        Choice::Work => Claim::Granted,
        Choice::Repeats => Claim::Duplicate,
        Choice::Recorded => Claim::Recorded,
    })
}

fn lock(select: &Mutex<Select>) -> MutexGuard<'_, Select> {
    select.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signs in. False where the service refuses that, or a stop came first.
async fn sign_in(worker: &Worker) -> bool {
    let shutdown = &worker.shutdown;
    if let Some(Err(error)) = shutdown.unless_stopped(worker.api.sign_in()).await {
        let why = format!("{error} ({})", error.hint());
        shutdown.cancel(CancelReason::Refused(why));
    }
    !shutdown.is_stopped()
}
