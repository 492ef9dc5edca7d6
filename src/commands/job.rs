//! One job: the rooms joined into the line, run to its end.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use crate::{
    api::{Api, ApiSettings},
    config::Connection,
    error::AppError,
    event::Events,
    http::{Http, HttpSettings},
    report::{self, Terminal},
    results::{ResultsError, ResultsFile},
    retry::{Retry, RetryPolicy},
    runner::{self, Places, Worker, WorkerSettings},
    shutdown::{CancelReason, Shutdown},
    source::{self, SourceSettings},
    stats::Stats,
    throttle::{Throttle, ThrottleSettings},
};

/// How long requests under way may take to end after a stop.
const DRAIN: Duration = Duration::from_secs(30);

/// What a job is made of.
pub(super) struct Job {
    pub(super) connection: Connection,
    pub(super) source: SourceSettings,
    pub(super) total: Option<u64>,
    pub(super) retry: RetryPolicy,
    pub(super) throttle: ThrottleSettings,
    pub(super) concurrency: NonZeroUsize,
    pub(super) timeout: Duration,
    pub(super) shutdown: Shutdown,
}

/// How a job ended.
pub(super) struct JobEnd {
    pub(super) stats: Stats,
    pub(super) failure: Option<ResultsError>,
    pub(super) reason: Option<CancelReason>,
}

/// Runs the job. A stop is no error here: the end says why.
pub(super) async fn run(
    job: Job,
    results: ResultsFile,
    terminal: Terminal,
) -> Result<JobEnd, AppError> {
    let shutdown = job.shutdown.clone();
    let signals = shutdown.listen();
    let signals = signals.map_err(|source| AppError::system("listen for signals", source))?;
    let (events, heard) = Events::channel();
    let http = Http::new(&HttpSettings {
        timeout: job.timeout,
        plain: job.connection.is_plain(),
        ca_file: job.connection.ca_file.clone(),
        pool_size: job.concurrency.get(),
    })?;
    let stop = shutdown.clone();
    let failed = move |_: &ResultsError| stop.cancel(CancelReason::ReportFailed);
    let reporter = tokio::spawn(report::run(
        heard,
        results,
        Stats::new(job.total),
        terminal,
        failed,
    ));
    let drain = tokio::spawn(drain(shutdown.clone()));
    work(job, http, events).await;
    let reported = reporter
        .await
        .map_err(|error| AppError::system("report", error.into()))?;
    drain.abort();
    signals.abort();
    Ok(JobEnd {
        stats: reported.stats,
        failure: reported.failure,
        reason: shutdown.reason(),
    })
}

/// Signs in, then sends every row through the pool. When it returns, nobody sends events any more.
async fn work(job: Job, http: Http, events: Events) {
    if job.total == Some(0) {
        return;
    }
    let settings = ApiSettings {
        base: job.connection.base,
        credentials: job.connection.credentials,
        retry: job.retry,
        search_unsynched: false,
    };
    let throttle = Arc::new(Throttle::new(job.throttle));
    let api = Api::new(
        settings,
        http,
        throttle,
        events.clone(),
        job.shutdown.clone(),
    );
    if let Some(Err(error)) = job.shutdown.unless_stopped(api.sign_in()).await {
        job.shutdown
            .cancel(CancelReason::Refused(format!("{error} ({})", error.hint())));
    }
    if job.shutdown.is_stopped() {
        return;
    }
    let places = Places::new(job.concurrency);
    let rows = source::stream(job.source, &events, job.shutdown.clone());
    let worker = Worker {
        settings: WorkerSettings {
            only_locked: false,
            claim: Arc::new(|_| true),
        },
        retry: Retry {
            policy: job.retry,
            events: events.clone(),
            shutdown: job.shutdown.clone(),
        },
        api: Arc::new(api),
        places: places.clone(),
        events,
        shutdown: job.shutdown.clone(),
    };
    runner::run(rows, places, job.shutdown, move |row, place| {
        worker.clone().work(row, place)
    })
    .await;
}

/// Gives requests under way up when their time is over.
async fn drain(shutdown: Shutdown) {
    shutdown.stopped().await;
    tokio::time::sleep(DRAIN).await;
    shutdown.abort();
}
