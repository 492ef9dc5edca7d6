//! `run`: from the options to a job.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    cli::{GlobalArgs, Progress, RunArgs},
    config::{Environment, RunSettings, resolve_connection, resolve_ping, resolve_run},
    error::AppError,
    fingerprint,
    ping::Ping,
    report::{Screen, ShowMode, Terminal},
    results::{Lock, Recovered, ResultsFile, WriteMode},
    runner::Places,
    shutdown::{Asked, CancelReason, Shutdown},
    source::{Need, Prepared},
};

use super::{
    ending::{Ended, Names, Outputs, Started, summarize},
    job::{self, Job, JobEnd},
    service::{Service, apart, listen},
    simulated::source_of,
    timers::{self, Deadline},
    unbegun,
};

/// More users than this are asked about, on a terminal.
const ASK_ABOVE: u64 = 100;

pub(super) async fn run(
    args: &RunArgs,
    global: &GlobalArgs,
    env: &Environment,
    screen: &Screen,
    started: &Started,
) -> Result<u8, AppError> {
    // Else the question where the job stands would end it while the source is read.
    let _asked =
        Asked::listen().map_err(|source| AppError::system("listen for signals", source))?;
    let (ping, begun) = match start_ping(args) {
        Ok(ping) => (ping, begin(args, global, env, screen, started).await),
        Err(error) => (None, Err(error)),
    };
    let ended = match begun {
        Ok(ended) => ended.finish(global, env),
        Err(error) => {
            unbegun::tell(args, global.profile.as_deref(), env, started, &error);
            Err(error)
        }
    };
    if let Some(ping) = ping {
        let code = ended
            .as_ref()
            .map_or_else(AppError::exit_code, |code| *code);
        ping.end(code).await;
    }
    ended
}

/// A run of which nothing but what was typed could be read, since this is wrong with the rest.
pub(super) fn never_began(
    args: &RunArgs,
    global: &GlobalArgs,
    env: &Environment,
    error: &AppError,
) {
    unbegun::tell(args, global.profile.as_deref(), env, &Started::now(), error);
}

/// Tells the monitor that the run starts, where there is one.
fn start_ping(args: &RunArgs) -> Result<Option<Ping>, AppError> {
    let ping = resolve_ping(&args.results, &args.connection)?;
    let ping = ping.map(|ping| Ping::start(ping.url, ping.ca_file));
    Ok(ping.transpose()?)
}

/// The run, up to its summary.
async fn begin(
    args: &RunArgs,
    global: &GlobalArgs,
    env: &Environment,
    screen: &Screen,
    started: &Started,
) -> Result<Ended, AppError> {
    let settings = resolve_run(args, env)?;
    let outputs = Outputs::of(&Names::of(&settings), global.profile.as_deref(), started)?;
    outputs.spare(settings.read.file())?;
    let _lock = settings.lock.as_deref().map(Lock::take).transpose()?;
    let shutdown = Shutdown::default();
    let signals = listen(&shutdown)?;
    let asks = asks(&settings);
    let counted = asks || settings.read.max_users.is_some();
    let (source, simulated) =
        source_of(&settings.read, settings.simulate, counted, &shutdown).await?;
    let name = source.source.to_string();
    let hash = hash_of(settings.read.file(), &shutdown).await?;
    let prepared = apart(&shutdown, || Prepared::new(source)).await?;
    let connection = match &simulated {
        Some(simulated) => simulated.connection()?,
        None => resolve_connection(&args.connection, env)?,
    };
    outputs.check(settings.write_mode, settings.read.shard)?;
    let resumed = match settings.write_mode {
        WriteMode::Resume => Some(open(&outputs, &settings)?),
        // What is to be replaced is kept until the job begins.
        WriteMode::CreateNew | WriteMode::Overwrite => None,
    };
    let base_url = connection.base.to_string();
    let unsynched = settings.read.search_unsynched;
    let shard = settings.read.shard;
    let mut service = Service::open(
        connection,
        &settings.pace,
        unsynched,
        shard,
        shutdown.clone(),
    )
    .await?;
    let deadline = settings.deadline;
    let deadline = deadline.map(|asked| deadline_of(asked, &settings, started));
    let _timers = timers::keep(settings.drain, deadline, &shutdown);
    let terminal = show_mode(global, env);
    let need = match settings.read.max_users {
        Some(_) => Need::All,
        None if asks => Need::Count,
        None => Need::Start,
    };
    let ready = get_ready(prepared, need, &mut service).await;
    if let Some(survey) = ready.as_ref().and_then(|prepared| prepared.survey.as_ref())
        && settings.read.only_locked
        && survey.only_id > 0
    {
        tracing::warn!(
            "{} users have nothing but an ID, which nobody can be looked up by: \
             they are unlocked without a look first",
            survey.only_id
        );
    }
    let too_many = ready
        .as_ref()
        .and_then(|prepared| too_many(prepared, &settings));
    if let Some((users, most)) = too_many {
        let why = format!("the source holds {users} users, and --max-users allows {most}");
        service.shutdown.cancel(CancelReason::Guard(why));
    }
    if let Some(prepared) = &ready
        && asks
        && !service.shutdown.is_stopped()
    {
        let recorded = resumed.as_ref().map_or(0, |(_, found)| found.tally.done());
        confirm(prepared, &name, recorded, &settings, &base_url, &shutdown).await?;
    }
    let ready = ready.filter(|_| !service.shutdown.is_stopped());
    let end = match ready {
        None => JobEnd {
            too_many: too_many.map(|(users, _)| users),
            ..JobEnd::before_start(service, resumed)
        },
        Some(prepared) => {
            let results = match resumed {
                Some(resumed) => resumed,
                None => open(&outputs, &settings)?,
            };
            outputs.forget_replaced(settings.write_mode);
            let terminal = Terminal::new(terminal, screen, prepared.total());
            let job = job_of(prepared, &settings);
            job::run(job, service, results, terminal).await?
        }
    };
    signals.abort();
    let mut summary = summarize(&end, &settings, name, &outputs, started, base_url, env);
    summary.hashes.source = hash;
    Ok(Ended {
        summary,
        end,
        outputs,
        settings,
    })
}

/// The hash of the source, as it is now; `None` of what is no file.
async fn hash_of(path: Option<&Path>, shutdown: &Shutdown) -> Result<Option<String>, AppError> {
    let Some(path) = path.map(Path::to_owned) else {
        return Ok(None);
    };
    // What cannot be read is told of where it is read for the job.
    let hash = move || Ok::<_, AppError>(fingerprint::of_file(&path).ok().flatten());
    apart(shutdown, hash).await
}

/// The results file, and what it holds already.
fn open(outputs: &Outputs, settings: &RunSettings) -> Result<(ResultsFile, Recovered), AppError> {
    let (mut results, recovered) = ResultsFile::open(&outputs.results, settings.write_mode)?;
    results.reserve(settings.pace.concurrency)?;
    if let Some(torn) = &recovered.torn {
        tracing::warn!(
            "{} ended in the middle of line {}: cut {} bytes; that row is done again",
            outputs.results.display(),
            torn.line,
            torn.bytes
        );
    }
    let done = recovered.tally.done();
    if done > 0 {
        tracing::info!(
            "going on: {done} rows are recorded in {}",
            outputs.results.display()
        );
    }
    Ok((results, recovered))
}

/// Asks the service for what it keeps. `None` where that ends the run: the stop says why.
async fn get_ready(mut prepared: Prepared, need: Need, service: &mut Service) -> Option<Prepared> {
    let api = std::sync::Arc::clone(&service.api);
    let asked = service.attend(prepared.ask(&api, need)).await;
    let shutdown = &service.shutdown;
    if let Err(error) = asked
        && !shutdown.is_stopped()
    {
        let why = format!("{error}; {}", error.hint());
        shutdown.cancel(CancelReason::SourceFailed(why));
    }
    (!shutdown.is_stopped()).then_some(prepared)
}

/// The users of a source that holds too many, and how many are allowed; `None` of another.
fn too_many(prepared: &Prepared, settings: &RunSettings) -> Option<(u64, u64)> {
    let most = settings.read.max_users?;
    let users = prepared.users()?;
    (users > most).then_some((users, most))
}

fn job_of(source: Prepared, settings: &RunSettings) -> Job {
    Job {
        source,
        places: Places::new(settings.pace.concurrency),
        only_locked: settings.read.only_locked,
        guards: settings.guards,
        canary: settings.canary,
    }
}

/// The deadline, which counts from the start of the program; requests under way are left some of
/// the time.
fn deadline_of(asked: Duration, settings: &RunSettings, started: &Started) -> Deadline {
    Deadline {
        at: Instant::from_std(started.clock) + asked,
        margin: settings.pace.timeout.min(settings.drain).min(asked / 10),
        asked,
    }
}

fn show_mode(global: &GlobalArgs, env: &Environment) -> ShowMode {
    match global.progress {
        _ if global.quiet => ShowMode::Off,
        None | Some(Progress::Auto) => ShowMode::fitting(env.get("TERM")),
        Some(Progress::Bar) => ShowMode::Bar,
        Some(Progress::Lines) => ShowMode::Lines,
        Some(Progress::Off) => ShowMode::Off,
    }
}

/// Whether somebody is there to be asked, and wants to be.
fn asks(settings: &RunSettings) -> bool {
    let on_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    on_terminal && !settings.yes && settings.simulate.is_none()
}

/// Asks before many users. A stop answers, too.
async fn confirm(
    source: &Prepared,
    name: &str,
    recorded: u64,
    settings: &RunSettings,
    base_url: &str,
    shutdown: &Shutdown,
) -> Result<(), AppError> {
    let users = source.users();
    let many = users.is_some_and(|users| users.saturating_sub(recorded) > ASK_ABOVE);
    if !many {
        return Ok(());
    }
    let question = format!(
        "Unlock {} for {} users ({name}) at {base_url}{}? [y/N] ",
        settings.read.methods.to_string().replace('|', ", "),
        users.unwrap_or_default(),
        match recorded {
            0 => String::new(),
            recorded => format!(" (of whom some are among {recorded} records already)"),
        }
    );
    let asking = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        io::stderr().write_all(question.as_bytes())?;
        io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    let Some(answer) = shutdown.unless_stopped(asking).await else {
        return Ok(());
    };
    let answer = answer.ok().and_then(Result::ok).unwrap_or_default();
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(AppError::Declined),
    }
}
