//! Stopping: one token that everybody who waits listens to, with the reason for the stop. And the
//! signal that asks where the job stands.
//!
//! The only user of `tokio::signal`. Nothing here knows what is being stopped.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A signal so soon after the first is the same one: `timeout` and supervisors send it to the
/// process and to its group.
const ECHO: Duration = Duration::from_millis(500);

/// A file grew beyond what the process may write. The number is the same on all of Linux's
/// common machines.
const SIGXFSZ: i32 = 25;

/// Why the job stops before its end. A later variant outranks an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CancelReason {
    /// A guard; the text says which, and why.
    Guard(String),
    /// The results could not be written.
    ReportFailed,
    /// The source could not be read to its end.
    SourceFailed(String),
    /// A panic: a fault of this program.
    Broken(Fault),
    /// The service refused the sign-in or lets nothing through; the text says how.
    Refused(String),
    /// A signal.
    Interrupt(Signal),
    /// A second signal: requests under way are given up too.
    SecondInterrupt(Signal),
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard(why) | Self::SourceFailed(why) | Self::Refused(why) => f.write_str(why),
            Self::ReportFailed => f.write_str("the results could not be written"),
            Self::Broken(fault) => fault.fmt(f),
            Self::Interrupt(signal) => f.write_str(signal.as_str()),
            Self::SecondInterrupt(signal) => write!(f, "{} twice", signal.as_str()),
        }
    }
}

/// What a panic cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The work on the row of this number.
    Row(u64),
    /// The reading of the source.
    Source,
    /// The writing of the results.
    Report,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault of this program, which should be reported, cut ")?;
        match self {
            Self::Row(number) => write!(f, "the work on row {number}, which has no record"),
            Self::Source => f.write_str("the reading of the source"),
            Self::Report => f.write_str("the writing of the results; --resume goes on"),
        }
    }
}

/// A signal that ends the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// SIGHUP: the terminal, or the connection to it, is gone.
    Hangup,
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// The signal's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code that shells give a process that this signal ended.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Passed to whoever works or waits. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether `stop` has come: asked several times for each request, and `stop` takes a lock to tell.
    stopped: AtomicBool,
    stop: CancellationToken,
    abort: CancellationToken,
    reason: Mutex<Option<CancelReason>>,
}

impl Shutdown {
    /// Asks everybody to stop: no new rows, no more waits. Requests under way may end, but for a
    /// second interrupt. The highest reason is kept.
    pub fn cancel(&self, reason: CancelReason) {
        let abort = matches!(reason, CancelReason::SecondInterrupt(_));
        let mut kept = self.0.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| reason > *kept) {
            *kept = Some(reason);
        }
        drop(kept);
        self.0.stopped.store(true, Ordering::Release);
        self.0.stop.cancel();
        if abort {
            self.0.abort.cancel();
        }
    }

    /// Gives up the requests under way too: their time to end is over.
    pub fn abort(&self) {
        self.0.abort.cancel();
    }

    /// Stops the job where a panic drops what is returned: what it cut must not pass for done.
    #[must_use]
    pub fn tripwire(&self, fault: Fault) -> Tripwire {
        let shutdown = self.clone();
        Tripwire { shutdown, fault }
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Why; `None` while nobody asked for a stop.
    #[must_use]
    pub fn reason(&self) -> Option<CancelReason> {
        self.0
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Ends when a stop is asked for.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// This future's value, or `None` once a stop was asked for, even where both are ready.
    pub async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        if self.is_stopped() {
            return None;
        }
        // The future is looked at first: only where it has to wait is the stop listened for.
        let value = self.0.stop.run_until_cancelled(pin!(future)).await;
        value.filter(|_| !self.is_stopped())
    }

    /// This future's value, or `None` where requests under way were given up first. What is ready
    /// counts.
    pub async fn unless_aborted<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.0.abort.run_until_cancelled(pin!(future)).await
    }

    /// Turns the first SIGINT, SIGTERM or SIGHUP into a stop and a second SIGINT or SIGTERM into an
    /// abort, for as long as the returned task runs. Where SIGHUP is ignored (`nohup`) it stays so.
    ///
    /// # Errors
    /// Where the operating system does not let the process listen for signals.
    pub fn listen(&self) -> std::io::Result<tokio::task::AbortHandle> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = match hangups_are_ignored() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        };
        // Once listened to, it ends nothing: the write that is beyond `ulimit -f` fails instead.
        drop(signal(SignalKind::from_raw(SIGXFSZ))?);
        let shutdown = self.clone();
        let task = tokio::spawn(async move {
            let mut first = None;
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                    () = came(&mut hangup) => Signal::Hangup,
                };
                shutdown.interrupt(signal, &mut first);
            }
        });
        Ok(task.abort_handle())
    }

    /// A signal came; `first` is when the first one did.
    fn interrupt(&self, signal: Signal, first: &mut Option<Instant>) {
        let name = signal.as_str();
        let since = first.get_or_insert_with(Instant::now).elapsed();
        if !matches!(self.reason(), Some(CancelReason::Interrupt(_))) {
            tracing::warn!(
                "{name}: stopping; requests under way may end (once more stops at once)"
            );
            self.cancel(CancelReason::Interrupt(signal));
        } else if since >= ECHO && signal != Signal::Hangup {
            tracing::warn!("{name} again: giving up the requests under way");
            self.cancel(CancelReason::SecondInterrupt(signal));
        }
    }
}

/// Whether the process was started so that a hang-up does not end it, as `nohup` does.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Ends when the signal comes, if it is listened for.
async fn came(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Held by whoever does what must not be cut.
#[derive(Debug)]
pub struct Tripwire {
    shutdown: Shutdown,
    fault: Fault,
}

impl Drop for Tripwire {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shutdown.cancel(CancelReason::Broken(self.fault));
        }
    }
}

/// SIGUSR1: somebody asks where the job stands.
#[derive(Debug)]
pub struct Asked(Option<tokio::signal::unix::Signal>);

impl Asked {
    /// Listens. From then on the signal does not end the process any more.
    ///
    /// # Errors
    /// Where the operating system does not let the process listen for signals.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::user_defined1()).map(|signal| Self(Some(signal)))
    }

    /// Nobody ever asks.
    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }

    /// Ends when somebody asks.
    pub async fn next(&mut self) {
        came(&mut self.0).await;
    }
}

/// The target of the log under which answers to [`Asked`] stand: they are shown whatever else is.
pub const ANSWERS: &str = "bulk_unlock::asked";

/// Answers somebody who asked.
pub fn answer(words: fmt::Arguments<'_>) {
    tracing::info!(target: ANSWERS, "{words}");
}

#[cfg(test)]
mod tests {
    use super::{CancelReason, ECHO, Fault, Shutdown, Signal};

    #[tokio::test(start_paused = true)]
    async fn the_highest_reason_is_kept_and_only_the_second_interrupt_aborts() {
        let shutdown = Shutdown::default();
        let mut first = None;
        shutdown.interrupt(Signal::Interrupt, &mut first);
        shutdown.cancel(CancelReason::ReportFailed);
        assert_eq!(
            shutdown.reason(),
            Some(CancelReason::Interrupt(Signal::Interrupt))
        );
        assert_eq!(
            shutdown.unless_stopped(std::future::pending::<()>()).await,
            None
        );
        assert_eq!(shutdown.unless_aborted(async { 1 }).await, Some(1));
        shutdown.interrupt(Signal::Interrupt, &mut first);
        assert_eq!(
            shutdown.reason(),
            Some(CancelReason::Interrupt(Signal::Interrupt)),
            "an echo of the first is no second"
        );
        tokio::time::advance(ECHO).await;
        shutdown.interrupt(Signal::Hangup, &mut first);
        assert_eq!(
            shutdown.reason(),
            Some(CancelReason::Interrupt(Signal::Interrupt)),
            "a shell that ends sends more than one hang-up"
        );
        shutdown.interrupt(Signal::Terminate, &mut first);
        assert_eq!(
            shutdown.reason(),
            Some(CancelReason::SecondInterrupt(Signal::Terminate))
        );
        assert_eq!(
            shutdown.unless_aborted(std::future::pending::<()>()).await,
            None
        );
    }

    #[tokio::test]
    async fn a_panic_stops_the_job_and_an_end_in_order_does_not() {
        let shutdown = Shutdown::default();
        drop(shutdown.tripwire(Fault::Row(1)));
        assert!(!shutdown.is_stopped());
        let wire = shutdown.tripwire(Fault::Row(2));
        let broken = tokio::spawn(async move {
            let _wire = wire;
            panic!("on purpose");
        });
        assert!(broken.await.is_err());
        let reason = shutdown.reason().expect("stopped");
        assert!(reason.to_string().contains("row 2"), "{reason}");
    }
}
