//! `run`: from the options to a job.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::{
    cli::{GlobalArgs, Progress, RunArgs},
    config::{ConfigError, Connection, Environment, resolve_connection, resolve_run},
    error::AppError,
    report::{Screen, ShowMode, Terminal},
    results::ResultsFile,
    shutdown::Shutdown,
    source::{Input, SourceSettings, survey},
};

use super::{
    ending::{Outputs, Started, finish, summarize},
    job::{self, Job},
    simulated::Simulated,
};

/// More users than this are asked about, on a terminal.
const ASK_ABOVE: u64 = 100;

pub(super) async fn run(
    args: &RunArgs,
    global: &GlobalArgs,
    env: &Environment,
    screen: &Screen,
) -> Result<u8, AppError> {
    let settings = resolve_run(args, env)?;
    let started = Started::now();
    let simulated = match settings.simulate {
        Some(made_up) => Some(Simulated::start(settings.input.as_deref(), made_up).await?),
        None => None,
    };
    let input = simulated.as_ref().map(|simulated| simulated.input.clone());
    let input = input.or_else(|| settings.input.clone()).unwrap_or_default();
    let source = SourceSettings {
        input: Input::new(&input),
        header: settings.header,
        methods: settings.methods,
        limit: settings.limit,
    };
    let total = survey(&source)?;
    let connection = match &simulated {
        Some(simulated) => simulated.connection()?,
        None => resolve_connection(&args.connection, env)?,
    };
    if simulated.is_none() && !settings.yes {
        confirm(total, &source, &connection)?;
    }
    let outputs = Outputs::of(&settings, &started)?;
    outputs.check_summary()?;
    let (mut results, _) = ResultsFile::open(&outputs.results, settings.write_mode)?;
    results.reserve(settings.concurrency)?;
    let shutdown = Shutdown::default();
    let base_url = connection.base.to_string();
    let job = Job {
        connection,
        source: source.clone(),
        total,
        retry: settings.retry,
        throttle: settings.throttle,
        concurrency: settings.concurrency,
        timeout: settings.timeout,
        shutdown,
    };
    let terminal = Terminal::new(show_mode(global, env)?, screen, total);
    let end = job::run(job, results, terminal).await?;
    let summary = summarize(&end, &settings, &source, &outputs, &started, base_url, env);
    finish(&summary, &end, &outputs, &settings, global, env)
}

fn show_mode(global: &GlobalArgs, env: &Environment) -> Result<ShowMode, AppError> {
    if global.quiet {
        return Ok(ShowMode::Off);
    }
    let named = env
        .option(None, "progress")
        .filter(|_| global.progress.is_none());
    let named = named
        .map(|text| <Progress as clap::ValueEnum>::from_str(&text, true))
        .transpose();
    let named = named.map_err(|why| ConfigError::value("progress", why))?;
    Ok(match global.progress.or(named).unwrap_or(Progress::Auto) {
        Progress::Auto => ShowMode::fitting(env.get("TERM")),
        Progress::Bar => ShowMode::Bar,
        Progress::Lines => ShowMode::Lines,
        Progress::Off => ShowMode::Off,
    })
}

/// Asks, on a terminal, before many users.
fn confirm(
    total: Option<u64>,
    source: &SourceSettings,
    connection: &Connection,
) -> Result<(), AppError> {
    let many = total.is_some_and(|total| total > ASK_ABOVE);
    if !many || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let question = format!(
        "Unlock {} for {} users at {}? [y/N] ",
        source.methods.to_string().replace('|', ", "),
        total.unwrap_or_default(),
        connection.base,
    );
    let mut answer = String::new();
    let asked = io::stderr().write_all(question.as_bytes());
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(AppError::Declined),
    }
}
