//! The settings of `run`, complete and checked.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::ValueEnum;

use crate::{
    cli::{OutputFormat, PaceArgs, RunArgs},
    model::MethodSet,
    results::WriteMode,
    retry::RetryPolicy,
    throttle::{Rate, ThrottleSettings},
};

use super::{
    ConfigError, Environment,
    values::{duration, positive},
};

/// The settings of `run`, but for the connection.
#[derive(Debug)]
pub struct RunSettings {
    /// The source; `None` where the simulator makes the users up.
    pub input: Option<PathBuf>,
    /// Whether the first record names the columns.
    pub header: bool,
    /// The methods to unlock.
    pub methods: MethodSet,
    /// At most this many rows.
    pub limit: Option<u64>,
    /// Whether not to ask.
    pub yes: bool,
    /// The results' name, placeholders and all; `None` for the usual one.
    pub results: Option<String>,
    /// What to do where the results exist.
    pub write_mode: WriteMode,
    /// The summary's name, placeholders and all; `None` for the usual one.
    pub summary: Option<String>,
    /// A ticket or reason.
    pub reason: Option<String>,
    /// What the summary on stdout looks like.
    pub output: OutputFormat,
    /// Pacing.
    pub throttle: ThrottleSettings,
    /// Requests under way at once.
    pub concurrency: NonZeroUsize,
    /// How often and how far apart one request is tried.
    pub retry: RetryPolicy,
    /// The time limit of one request.
    pub timeout: Duration,
    /// Users to make up, 0 for those of the source; `None` without the simulator.
    pub simulate: Option<u32>,
}

const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings that the options and the environment name.
///
/// # Errors
/// [`ConfigError`], naming the option.
pub fn resolve_run(args: &RunArgs, env: &Environment) -> Result<RunSettings, ConfigError> {
    let simulate = simulate(args, env)?;
    if args.input.is_none() && simulate.unwrap_or(0) == 0 {
        return Err(ConfigError::NoSource);
    }
    let results = env.option(args.results.results.as_deref(), "results");
    let overwrite = env.switch(args.results.overwrite, "overwrite")?;
    let replace = overwrite || (simulate.is_some() && results.is_none());
    let output = env
        .option(None, "output")
        .filter(|_| args.results.output.is_none());
    let output = output.map(|text| OutputFormat::from_str(&text, true));
    let output = output
        .transpose()
        .map_err(|why| ConfigError::value("output", why))?;
    let limit = env.option(args.source.limit.as_deref(), "limit");
    let limit = limit
        .map(|text| positive::<std::num::NonZeroU64>("limit", &text))
        .transpose()?;
    let timeout = env.option(args.pace.timeout.as_deref(), "timeout");
    let timeout = timeout.map(|text| duration("timeout", &text)).transpose()?;
    Ok(RunSettings {
        input: args.input.clone(),
        header: !env.switch(args.source.no_header, "no-header")?,
        methods: methods(env.option(args.source.methods.as_deref(), "methods"))?,
        limit: limit.map(std::num::NonZeroU64::get),
        yes: env.switch(args.source.yes, "yes")?,
        results,
        write_mode: if replace {
            WriteMode::Overwrite
        } else {
            WriteMode::CreateNew
        },
        summary: env.option(args.results.summary.as_deref(), "summary"),
        reason: env.option(args.results.reason.as_deref(), "reason"),
        output: args.results.output.or(output).unwrap_or(OutputFormat::Text),
        throttle: throttle(&args.pace, env)?,
        concurrency: number(&args.pace.concurrency, "concurrency", env)?
            .unwrap_or(DEFAULT_CONCURRENCY),
        retry: RetryPolicy::attempts(
            number(&args.pace.max_attempts, "max-attempts", env)?
                .unwrap_or(RetryPolicy::DEFAULT_ATTEMPTS),
        ),
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        simulate,
    })
}

fn simulate(args: &RunArgs, env: &Environment) -> Result<Option<u32>, ConfigError> {
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

fn methods(text: Option<String>) -> Result<MethodSet, ConfigError> {
    let parsed = text.map(|text| text.parse::<MethodSet>()).transpose();
    let parsed = parsed.map_err(|error| ConfigError::value("methods", error.to_string()))?;
    Ok(parsed.unwrap_or(MethodSet::ALL))
}

fn throttle(args: &PaceArgs, env: &Environment) -> Result<ThrottleSettings, ConfigError> {
    let rate = env.option(args.rate.as_deref(), "rate");
    let rate = rate.map(|text| text.parse::<Rate>()).transpose();
    let rate = rate.map_err(|error| ConfigError::value("rate", error.to_string()))?;
    Ok(ThrottleSettings {
        rate: rate.unwrap_or_default(),
        burst: number(&args.burst, "burst", env)?.unwrap_or(NonZeroU32::MIN),
    })
}

fn number<T: std::str::FromStr>(
    typed: &Option<String>,
    option: &'static str,
    env: &Environment,
) -> Result<Option<T>, ConfigError> {
    let text = env.option(typed.as_deref(), option);
    text.map(|text| positive(option, &text)).transpose()
}
