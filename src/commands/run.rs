//! `run`: from the options to a job, and from its end to the summary and the exit code.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use tempfile::TempDir;

use crate::{
    auth::{Credentials, OAuthClient, OAuthKey},
    cli::{GlobalArgs, OutputFormat, Progress, RunArgs},
    config::{Connection, Environment, RunSettings, resolve_connection, resolve_run},
    error::AppError,
    report::{
        Latency, Rows, Screen, ShowMode, Status, Summary, Terminal, Throttled, render,
        write_atomically,
    },
    results::{Placeholders, ResultsFile, default_path, expand, timestamp},
    shutdown::{CancelReason, Shutdown},
    simulator::{self, Scenario, Simulator, generate, read_users},
    source::{Input, SourceSettings, survey},
};

use super::job::{self, Job, JobEnd};

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
    let results = ResultsFile::create(&outputs.results, settings.write_mode)?;
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

/// The identity of this run.
struct Started {
    at: SystemTime,
    clock: Instant,
    run_id: String,
}

impl Started {
    fn now() -> Self {
        Self {
            at: SystemTime::now(),
            clock: Instant::now(),
            run_id: uuid::Uuid::now_v7().to_string(),
        }
    }
}

/// A simulator, and what it takes to run against it.
struct Simulated {
    simulator: Simulator,
    folder: TempDir,
    input: PathBuf,
}

impl Simulated {
    /// A simulator that knows the source's users, or makes its own up, which then are the source.
    async fn start(input: Option<&Path>, made_up: u32) -> Result<Self, AppError> {
        let scenario = Scenario::demo();
        let folder = tempfile::tempdir()
            .map_err(|source| AppError::system("make a temporary folder", source))?;
        let mut users = generate(made_up, 1);
        let input = match input {
            Some(input) => {
                // A source that cannot be read is the survey's to tell.
                users.extend(read_users(input, 1).unwrap_or_default());
                input.to_owned()
            }
            None => {
                let ids: String = users.iter().map(|user| format!("{}\n", user.id)).collect();
                let path = folder.path().join("users.csv");
                std::fs::write(&path, format!("user_id\n{ids}"))
                    .map_err(|source| AppError::system("write the users", source))?;
                path
            }
        };
        let settings = simulator::Settings {
            port: 0,
            scenario,
            users,
        };
        let simulator = simulator::start(settings).await;
        let simulator =
            simulator.map_err(|source| AppError::system("start the simulator", source))?;
        Ok(Self {
            simulator,
            folder,
            input,
        })
    }

    /// The same way in as to the real service.
    fn connection(&self) -> Result<Connection, AppError> {
        let credentials = super::simulate::write_credentials(&self.simulator, self.folder.path())?;
        let client = OAuthClient {
            issuer: self.simulator.issuer(),
            client_id: credentials.rsa_client_id,
            key: OAuthKey::read(&credentials.rsa_key_file)?,
        };
        Ok(Connection {
            base: self
                .simulator
                .base_url()
                .parse()
                .expect("the simulator's URL is one"),
            credentials: Credentials::OAuth(client),
            ca_file: None,
        })
    }
}

/// Where the outputs go.
struct Outputs {
    results: PathBuf,
    summary: PathBuf,
}

impl Outputs {
    fn of(settings: &RunSettings, started: &Started) -> Result<Self, AppError> {
        let values = Placeholders {
            started_at: started.at,
            run_id: started.run_id.clone(),
            profile: "default".to_owned(),
            shard: "0".to_owned(),
        };
        let ending = match settings.simulate {
            Some(_) => ".simulated.csv",
            None => ".results.csv",
        };
        let results = match &settings.results {
            Some(template) => expand(template, &values)?,
            None => default_path(settings.input.as_deref(), ending),
        };
        let summary = match &settings.summary {
            Some(template) => expand(template, &values)?,
            None => {
                let mut path = results.clone().into_os_string();
                path.push(".json");
                PathBuf::from(path)
            }
        };
        Ok(Self { results, summary })
    }

    /// That the summary can be written should be known before the first request.
    fn check_summary(&self) -> Result<(), AppError> {
        let folder = self
            .summary
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let failed = |source| AppError::Output {
            path: self.summary.clone(),
            source,
        };
        match self.summary.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                Err(failed(io::Error::from(io::ErrorKind::IsADirectory)))
            }
            Ok(metadata) if !metadata.is_file() => Ok(()),
            _ => tempfile::tempfile_in(folder).map(drop).map_err(failed),
        }
    }
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
    let named = named.map_err(|why| crate::config::ConfigError::value("progress", why))?;
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

fn exit_code(end: &JobEnd) -> u8 {
    match &end.reason {
        Some(CancelReason::ReportFailed | CancelReason::SourceFailed(_)) => 5,
        Some(CancelReason::Refused(_)) => 3,
        Some(CancelReason::Interrupt(signal) | CancelReason::SecondInterrupt(signal)) => {
            signal.exit_code()
        }
        None if end.failure.is_some() => 5,
        None if end.stats.not_well() > 0 => 1,
        None => 0,
    }
}

/// Why the job stopped, as people say it; `None` where it did not.
fn stopped_because(end: &JobEnd) -> Option<String> {
    let failure = || end.failure.as_ref().map(ToString::to_string);
    match &end.reason {
        Some(CancelReason::ReportFailed) | None => failure(),
        Some(CancelReason::SourceFailed(why) | CancelReason::Refused(why)) => Some(why.clone()),
        Some(CancelReason::Interrupt(signal)) => Some(signal.as_str().to_owned()),
        Some(CancelReason::SecondInterrupt(signal)) => Some(format!("{} twice", signal.as_str())),
    }
}

fn summarize(
    end: &JobEnd,
    settings: &RunSettings,
    source: &SourceSettings,
    outputs: &Outputs,
    started: &Started,
    base_url: String,
    env: &Environment,
) -> Summary {
    let stats = &end.stats;
    let exit_code = exit_code(end);
    let status = match exit_code {
        0 | 1 => Status::Complete,
        130 | 143 => Status::Interrupted,
        _ => Status::Stopped,
    };
    let rate = settings.throttle.rate.per_s();
    Summary {
        run_id: started.run_id.clone(),
        version: env!("CARGO_PKG_VERSION"),
        status,
        exit_code,
        reason: settings.reason.clone(),
        source: source.input.to_string(),
        results: outputs.results.display().to_string(),
        base_url,
        methods: settings.methods,
        started_at: timestamp(started.at),
        finished_at: timestamp(SystemTime::now()),
        duration_s: (started.clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        rows: Rows::of(stats),
        requests: Summary::requests_of(stats),
        retries: stats.retries,
        throttled: Throttled {
            responses_429: stats.answers(429),
            slowest_rate: rate,
            final_rate: rate,
        },
        latency_ms: Latency::of(stats),
        shard: None,
        operator: env.operator(),
        stopped_because: stopped_because(end),
        next: next_command(status, settings),
    }
}

/// The command to go on, where the job did not come to its end. Unlocking twice does no harm.
fn next_command(status: Status, settings: &RunSettings) -> Option<String> {
    let input = settings
        .input
        .as_ref()
        .filter(|input| *input != Path::new("-"))?;
    let due = status != Status::Complete && settings.simulate.is_none();
    due.then(|| {
        format!(
            "bulk-unlock run {} --overwrite, with the other options as they were",
            quoted(input)
        )
    })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn finish(
    summary: &Summary,
    end: &JobEnd,
    outputs: &Outputs,
    settings: &RunSettings,
    global: &GlobalArgs,
    env: &Environment,
) -> Result<u8, AppError> {
    if summary.rows.total == Some(0) {
        tracing::warn!("{} holds no rows", summary.source);
    }
    let written = write_atomically(&outputs.summary, &summary.to_json());
    let silent = global.quiet && summary.exit_code == 0;
    match settings.output {
        OutputFormat::Json => super::print(&summary.to_json())?,
        OutputFormat::Text if silent => {}
        OutputFormat::Text => {
            let styled = env.allows_colour() && io::stdout().is_terminal();
            super::print(&render(summary, &end.stats, styled))?;
        }
    }
    if let Some(failure) = &end.failure {
        tracing::error!("{failure}; {}", failure.hint());
    }
    written.map_err(|source| AppError::Output {
        path: outputs.summary.clone(),
        source,
    })?;
    Ok(summary.exit_code)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::quoted;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        for (path, text) in [
            ("a/b.csv", "a/b.csv"),
            ("my list.csv", "'my list.csv'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(Path::new(path)), text);
        }
    }
}
