//! The settings of `run` and of `plan`, complete and checked.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use crate::{
    cli::{ConnectionArgs, GuardArgs, OutputFormat, PaceArgs, PlanArgs, ResultsArgs, RunArgs},
    rate_store::RateStoreSettings,
    report::Guards,
    results::WriteMode,
    retry::RetryPolicy,
    throttle::{Rate, ThrottleSettings},
};

use super::{
    ConfigError, Environment,
    outputs::{OutputSettings, resolve_outputs, resolve_ping},
    pace::rate_store,
    source::{ReadSettings, resolve_read},
    values::{duration, percentage, positive, whole},
};

/// How hard the service is pushed.
#[derive(Debug, Clone)]
pub struct PaceSettings {
    /// Pacing.
    pub throttle: ThrottleSettings,
    /// Who else goes by the same rate; `None` where nobody does.
    pub rate_store: Option<RateStoreSettings>,
    /// Requests under way at once.
    pub concurrency: NonZeroUsize,
    /// How often and how far apart one request is tried.
    pub retry: RetryPolicy,
    /// The time limit of one request.
    pub timeout: Duration,
    /// How long the service may stay away.
    pub max_outage: Duration,
}

impl Default for PaceSettings {
    /// What holds for a command of a few requests.
    fn default() -> Self {
        Self {
            throttle: ThrottleSettings {
                rate: Rate::default(),
                burst: NonZeroU32::MIN,
            },
            rate_store: None,
            concurrency: DEFAULT_CONCURRENCY,
            retry: RetryPolicy::attempts(RetryPolicy::DEFAULT_ATTEMPTS),
            timeout: DEFAULT_TIMEOUT,
            max_outage: SHORT_OUTAGE,
        }
    }
}

/// The settings of `run`, but for the connection.
#[derive(Debug)]
pub struct RunSettings {
    /// Which users.
    pub read: ReadSettings,
    /// The results' name, placeholders and all; `None` for the usual one.
    pub results: Option<String>,
    /// What to do where the results exist.
    pub write_mode: WriteMode,
    /// A file to lock beside the results.
    pub lock: Option<PathBuf>,
    /// The summary's name, placeholders and all; `None` for the usual one.
    pub summary: Option<String>,
    /// Metrics, ping, report.
    pub outputs: OutputSettings,
    /// A ticket or reason.
    pub reason: Option<String>,
    /// What the summary on stdout looks like.
    pub output: OutputFormat,
    /// How hard the service is pushed.
    pub pace: PaceSettings,
    /// When the numbers stop the job.
    pub guards: Guards,
    /// The first rows that must not fail.
    pub canary: Option<usize>,
    /// When the job must have ended.
    pub deadline: Option<Duration>,
    /// How long requests under way may take to end after a stop.
    pub drain: Duration,
    /// Whether not to ask.
    pub yes: bool,
    /// Users to make up, 0 for those of the source; `None` without the simulator.
    pub simulate: Option<u32>,
}

/// The settings of `plan`, but for the connection.
#[derive(Debug)]
pub struct PlanSettings {
    /// Which users.
    pub read: ReadSettings,
    /// Whether to look each of them up.
    pub lookup: bool,
    /// What the plan on stdout looks like.
    pub output: OutputFormat,
    /// How hard the service is pushed.
    pub pace: PaceSettings,
    /// Users to make up, 0 for those of the source; `None` without the simulator.
    pub simulate: Option<u32>,
}

const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// `run` is patient; whoever waits for an answer is not.
const DEFAULT_OUTAGE: Duration = Duration::from_secs(600);
const SHORT_OUTAGE: Duration = Duration::from_secs(15);
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// The settings that the options name; of the environment, only what an array job's tells.
///
/// # Errors
/// [`ConfigError`], naming the option.
pub fn resolve_run(args: &RunArgs, env: &Environment) -> Result<RunSettings, ConfigError> {
    let settings = settings(args, env)?;
    has_source(&settings.read, settings.simulate)?;
    Ok(settings)
}

/// How a run would push the service, where all else that is said of one makes sense; its users may
/// be named later.
///
/// # Errors
/// [`ConfigError`], naming the option.
pub fn resolve_check(args: &RunArgs, env: &Environment) -> Result<PaceSettings, ConfigError> {
    let settings = settings(args, env)?;
    resolve_ping(&args.results, &args.connection)?;
    Ok(settings.pace)
}

fn settings(args: &RunArgs, env: &Environment) -> Result<RunSettings, ConfigError> {
    let simulate = args.trial.simulate;
    let read = resolve_read(&args.source, &args.table, env)?;
    Ok(RunSettings {
        read,
        results: args.results.results.clone(),
        write_mode: write_mode(&args.results, simulate)?,
        lock: args.results.lock.clone(),
        summary: args.results.summary.clone(),
        outputs: resolve_outputs(&args.results),
        reason: args.results.reason.clone(),
        output: args.results.output.unwrap_or(OutputFormat::Text),
        pace: PaceSettings {
            max_outage: length(&args.guards.max_outage, "max-outage")?.unwrap_or(DEFAULT_OUTAGE),
            ..pace(&args.pace, &args.connection, env)?
        },
        drain: length(&args.guards.drain, "drain")?.unwrap_or(DEFAULT_DRAIN),
        guards: guards(&args.guards)?,
        canary: number::<NonZeroUsize>(&args.guards.canary, "canary")?.map(NonZeroUsize::get),
        deadline: length(&args.guards.deadline, "deadline")?,
        yes: args.guards.yes,
        simulate,
    })
}

/// The settings that the options name; of the environment, only what an array job's tells.
///
/// # Errors
/// [`ConfigError`], naming the option.
pub fn resolve_plan(args: &PlanArgs, env: &Environment) -> Result<PlanSettings, ConfigError> {
    let simulate = args.trial.simulate;
    let read = resolve_read(&args.source, &args.table, env)?;
    has_source(&read, simulate)?;
    Ok(PlanSettings {
        read,
        lookup: args.lookup,
        output: args.output.unwrap_or(OutputFormat::Text),
        pace: pace(&args.pace, &args.connection, env)?,
        simulate,
    })
}

fn has_source(read: &ReadSettings, simulate: Option<u32>) -> Result<(), ConfigError> {
    match (&read.source, simulate) {
        (None, None | Some(0)) => Err(ConfigError::NoSource),
        _ => Ok(()),
    }
}

/// What a trial leaves is replaced by the next.
fn write_mode(args: &ResultsArgs, simulate: Option<u32>) -> Result<WriteMode, ConfigError> {
    let replace = args.overwrite || (simulate.is_some() && args.results.is_none());
    match (args.resume, args.overwrite, replace) {
        (true, true, _) => Err(ConfigError::value(
            "overwrite",
            "the results cannot be both replaced and resumed".to_owned(),
        )),
        (true, ..) => Ok(WriteMode::Resume),
        (false, _, true) => Ok(WriteMode::Overwrite),
        (false, _, false) => Ok(WriteMode::CreateNew),
    }
}

fn guards(args: &GuardArgs) -> Result<Guards, ConfigError> {
    let most = args.max_failures.as_deref();
    let share = args.max_failure_rate.as_deref();
    Ok(Guards {
        max_failures: most.map(|text| whole("max-failures", text)).transpose()?,
        max_failure_rate: share
            .map(|text| percentage("max-failure-rate", text))
            .transpose()?,
    })
}

fn pace(
    args: &PaceArgs,
    connection: &ConnectionArgs,
    env: &Environment,
) -> Result<PaceSettings, ConfigError> {
    let rate = args.rate.as_deref().map(str::parse::<Rate>).transpose();
    let rate = rate.map_err(|error| ConfigError::value("rate", error.to_string()))?;
    let usual = PaceSettings::default();
    let attempts = number(&args.max_attempts, "max-attempts")?;
    Ok(PaceSettings {
        throttle: ThrottleSettings {
            rate: rate.unwrap_or_default(),
            burst: number(&args.burst, "burst")?.unwrap_or(NonZeroU32::MIN),
        },
        rate_store: rate_store(args, connection, env)?,
        concurrency: number(&args.concurrency, "concurrency")?.unwrap_or(usual.concurrency),
        retry: attempts.map_or(usual.retry, RetryPolicy::attempts),
        timeout: length(&args.timeout, "timeout")?.unwrap_or(usual.timeout),
        max_outage: usual.max_outage,
    })
}

fn length(text: &Option<String>, option: &'static str) -> Result<Option<Duration>, ConfigError> {
    text.as_deref()
        .map(|text| duration(option, text))
        .transpose()
}

fn number<T: FromStr>(
    text: &Option<String>,
    option: &'static str,
) -> Result<Option<T>, ConfigError> {
    text.as_deref()
        .map(|text| positive(option, text))
        .transpose()
}
