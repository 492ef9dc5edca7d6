//! The settings of `run` and of `plan`, complete and checked.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::ValueEnum;

use crate::{
    cli::{ConnectionArgs, GuardArgs, OutputFormat, PaceArgs, PlanArgs, RunArgs, TrialArgs},
    rate_store::RateStoreSettings,
    report::Guards,
    results::WriteMode,
    retry::RetryPolicy,
    throttle::{Rate, ThrottleSettings},
};

use super::{
    ConfigError, Environment,
    outputs::{OutputSettings, resolve_outputs},
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

/// The settings that the options and the environment name.
///
/// # Errors
/// [`ConfigError`], naming the option.
pub fn resolve_run(args: &RunArgs, env: &Environment) -> Result<RunSettings, ConfigError> {
    let simulate = simulate(&args.trial, env)?;
    let read = resolve_read(&args.source, &args.table, env)?;
    has_source(&read, simulate)?;
    let results = env.option(args.results.results.as_deref(), "results");
    let overwrite = env.switch(args.results.overwrite, "overwrite")?;
    let resume = env.switch(args.results.resume, "resume")?;
    let replace = overwrite || (simulate.is_some() && results.is_none());
    let write_mode = match (resume && !args.results.overwrite, replace) {
        (true, _) => WriteMode::Resume,
        (false, true) => WriteMode::Overwrite,
        (false, false) => WriteMode::CreateNew,
    };
    let canary = number::<NonZeroUsize>(&args.guards.canary, "canary", env)?;
    Ok(RunSettings {
        read,
        results,
        write_mode,
        lock: env.path(args.results.lock.as_ref(), "lock"),
        summary: env.option(args.results.summary.as_deref(), "summary"),
        outputs: resolve_outputs(
            &args.results,
            env.path(args.connection.ca_file.as_ref(), "ca-file"),
            env,
        )?,
        reason: env.option(args.results.reason.as_deref(), "reason"),
        output: output(args.results.output, env)?,
        pace: PaceSettings {
            max_outage: length(&args.guards.max_outage, "max-outage", env)?
                .unwrap_or(DEFAULT_OUTAGE),
            ..pace(&args.pace, &args.connection, env)?
        },
        drain: length(&args.guards.drain, "drain", env)?.unwrap_or(DEFAULT_DRAIN),
        guards: guards(&args.guards, env)?,
        canary: canary.map(NonZeroUsize::get),
        deadline: length(&args.guards.deadline, "deadline", env)?,
        yes: env.switch(args.guards.yes, "yes")?,
        simulate,
    })
}

/// The settings that the options and the environment name.
///
/// # Errors
/// [`ConfigError`], naming the option.
pub fn resolve_plan(args: &PlanArgs, env: &Environment) -> Result<PlanSettings, ConfigError> {
    let simulate = simulate(&args.trial, env)?;
    let read = resolve_read(&args.source, &args.table, env)?;
    has_source(&read, simulate)?;
    Ok(PlanSettings {
        read,
        lookup: args.lookup,
        output: output(args.output, env)?,
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

fn output(typed: Option<OutputFormat>, env: &Environment) -> Result<OutputFormat, ConfigError> {
    let named = env.option(None, "output").filter(|_| typed.is_none());
    let named = named.map(|text| OutputFormat::from_str(&text, true));
    let named = named
        .transpose()
        .map_err(|why| ConfigError::value("output", why))?;
    Ok(typed.or(named).unwrap_or(OutputFormat::Text))
}

fn simulate(args: &TrialArgs, env: &Environment) -> Result<Option<u32>, ConfigError> {
    if args.simulate.is_some() {
        return Ok(args.simulate);
    }
    match env.option(None, "simulate").as_deref() {
        None | Some("false" | "no" | "off") => Ok(None),
        Some("true" | "yes" | "on") => Ok(Some(0)),
        Some(number) => {
            let users = positive::<NonZeroU32>("simulate", number)?;
            Ok(Some(users.get()))
        }
    }
}

fn guards(args: &GuardArgs, env: &Environment) -> Result<Guards, ConfigError> {
    let most = env.option(args.max_failures.as_deref(), "max-failures");
    let share = env.option(args.max_failure_rate.as_deref(), "max-failure-rate");
    Ok(Guards {
        max_failures: most.map(|text| whole("max-failures", &text)).transpose()?,
        max_failure_rate: share
            .map(|text| percentage("max-failure-rate", &text))
            .transpose()?,
    })
}

fn pace(
    args: &PaceArgs,
    connection: &ConnectionArgs,
    env: &Environment,
) -> Result<PaceSettings, ConfigError> {
    let rate = env.option(args.rate.as_deref(), "rate");
    let rate = rate.map(|text| text.parse::<Rate>()).transpose();
    let rate = rate.map_err(|error| ConfigError::value("rate", error.to_string()))?;
    let usual = PaceSettings::default();
    let attempts = number(&args.max_attempts, "max-attempts", env)?;
    Ok(PaceSettings {
        throttle: ThrottleSettings {
            rate: rate.unwrap_or_default(),
            burst: number(&args.burst, "burst", env)?.unwrap_or(NonZeroU32::MIN),
        },
        rate_store: rate_store(args, connection, env)?,
        concurrency: number(&args.concurrency, "concurrency", env)?.unwrap_or(usual.concurrency),
        retry: attempts.map_or(usual.retry, RetryPolicy::attempts),
        timeout: length(&args.timeout, "timeout", env)?.unwrap_or(usual.timeout),
        max_outage: usual.max_outage,
    })
}

fn length(
    typed: &Option<String>,
    option: &'static str,
    env: &Environment,
) -> Result<Option<Duration>, ConfigError> {
    let text = env.option(typed.as_deref(), option);
    text.map(|text| duration(option, &text)).transpose()
}

fn number<T: std::str::FromStr>(
    typed: &Option<String>,
    option: &'static str,
    env: &Environment,
) -> Result<Option<T>, ConfigError> {
    let text = env.option(typed.as_deref(), option);
    text.map(|text| positive(option, &text)).transpose()
}
