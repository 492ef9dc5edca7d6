//! The service, open for calls, and whoever listens to what comes of them.

use std::{sync::Arc, time::SystemTime};

use tokio::{sync::mpsc, task::AbortHandle};

use crate::{
    api::{Api, ApiSettings},
    budget::Budget,
    config::{Connection, PaceSettings},
    error::AppError,
    event::{Event, Events},
    health::Health,
    http::{Http, HttpSettings},
    retry::Retry,
    shard::Shard,
    shutdown::{self, Asked, CancelReason, Shutdown},
    stats::Stats,
};

use super::{ending::code_of, pace::throttle};

/// The service, not called yet, and what has come of the calls so far.
pub(super) struct Service {
    pub(super) api: Arc<Api>,
    pub(super) retry: Retry,
    pub(super) events: Events,
    pub(super) heard: mpsc::Receiver<Event>,
    pub(super) stats: Stats,
    pub(super) shutdown: Shutdown,
    pub(super) asked: Asked,
}

impl Service {
    pub(super) async fn open(
        connection: Connection,
        pace: &PaceSettings,
        search_unsynched: bool,
        shard: Option<Shard>,
        shutdown: Shutdown,
    ) -> Result<Self, AppError> {
        let (events, heard) = Events::channel();
        let http = Http::new(&HttpSettings {
            timeout: pace.timeout,
            plain: connection.is_plain(),
            ca_file: connection.ca_file.clone(),
            pool_size: pace.concurrency.get(),
        })?;
        let throttle = Arc::new(throttle(pace, &connection.base, shard).await?);
        let settings = ApiSettings {
            base: connection.base,
            credentials: connection.credentials,
            search_unsynched,
        };
        let retry = Retry {
            policy: pace.retry,
            health: Health::new(pace.max_outage, events.clone(), shutdown.clone()),
            budget: Arc::new(Budget::new(pace.throttle.rate.per_s())),
            events: events.clone(),
            shutdown: shutdown.clone(),
        };
        Ok(Self {
            api: Arc::new(Api::new(settings, http, throttle, retry.clone())),
            retry,
            events,
            heard,
            stats: Stats::new(None),
            shutdown,
            asked: Asked::listen().map_err(deaf)?,
        })
    }

    /// Why a stop came, where one did; else this error.
    pub(super) fn stopped_or(&self, error: AppError) -> AppError {
        match self.shutdown.reason() {
            Some(reason) => stopped(&reason),
            None => error,
        }
    }

    /// Does something before there is a report, and takes in what comes of its calls: else the
    /// channel would fill up and stop them.
    pub(super) async fn attend<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                Some(event) = self.heard.recv() => self.stats.apply_at(&event, SystemTime::now()),
                () = self.asked.next() => shutdown::answer(format_args!(
                    "the rows have not begun, {} requests sent so far",
                    self.stats.requests_sent()
                )),
            }
        };
        while let Ok(event) = self.heard.try_recv() {
            self.stats.apply_at(&event, SystemTime::now());
        }
        done
    }
}

/// Turns signals into stops, for as long as the returned task runs.
pub(super) fn listen(shutdown: &Shutdown) -> Result<AbortHandle, AppError> {
    let listening = shutdown.listen();
    listening.map_err(deaf)
}

/// Does what may take long, such as reading a pipe, on a thread of its own. A stop leaves it there.
pub(super) async fn apart<T, E>(
    shutdown: &Shutdown,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, AppError>
where
    T: Send + 'static,
    E: Into<AppError> + Send + 'static,
{
    let working = tokio::task::spawn_blocking(work);
    match (shutdown.unless_stopped(working).await, shutdown.reason()) {
        (Some(Ok(done)), _) => done.map_err(Into::into),
        (None, Some(reason)) => Err(stopped(&reason)),
        (Some(Err(panic)), _) => Err(AppError::system("read the source", panic.into())),
        (None, None) => unreachable!("a stop has a reason"),
    }
}

fn deaf(source: std::io::Error) -> AppError {
    AppError::system("listen for signals", source)
}

/// The failure of a command that was stopped for this reason.
pub(super) fn stopped(reason: &CancelReason) -> AppError {
    AppError::Stopped {
        why: reason.to_string(),
        exit_code: code_of(reason),
    }
}
