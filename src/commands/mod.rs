//! The commands: the wiring, and the only place that knows all rooms.

mod apart;
mod check;
mod completions;
mod ending;
mod job;
mod man;
mod merge;
mod pace;
mod plan;
mod report;
mod run;
mod service;
mod simulate;
mod simulated;
mod timers;
mod token;
mod unbegun;
mod verify;

use std::{
    ffi::OsString,
    io::{self, ErrorKind, Write},
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
};

use clap::{CommandFactory, Parser};
use tokio::runtime::{Builder, Runtime};

use crate::{
    cli::{Cli, Command},
    config::{Environment, Given, GivenError},
    error::AppError,
    logging, private,
    report::Screen,
};

use ending::Started;

/// The program's name, as it is typed.
const PROGRAM: &str = "bulk-unlock";

/// Runs the program: what was typed, in this process's environment. Returns its exit code.
#[must_use]
pub fn main() -> u8 {
    private::keep_memory();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let env = Environment::read();
    let done = match Given::read(&arguments, &env) {
        Ok(given) => carefully(|| dispatch(&given, &arguments, &env))
            .map_err(|error| placed(&given, error))
            .map_err(|error| match error {
                AppError::Fault => unread(&arguments, &env, error),
                error => error,
            }),
        Err(GivenError::Config(error)) => match check::is_asked(&arguments) {
            Some(output) => check::refused(&error, output),
            None => Err(unread(&arguments, &env, error.into())),
        },
        Err(GivenError::Usage(error)) => {
            // Help and version are no errors; clap knows where each goes.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    done.unwrap_or_else(|error| {
        explain(&error);
        error.exit_code()
    })
}

/// A panic is a fault of this program, and has the exit code of one.
fn carefully(work: impl FnOnce() -> Result<u8, AppError>) -> Result<u8, AppError> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(AppError::Fault))
}

/// A configuration that cannot be read ends a run, too, of which there is a summary.
fn unread(typed: &[OsString], env: &Environment, error: AppError) -> AppError {
    if let Ok(cli) = Cli::try_parse_from(typed)
        && let Command::Run(args) = &cli.command
    {
        run::never_began(args, &cli.global, env, &error);
    }
    error
}

/// A wrong value is named with its place.
fn placed(given: &Given, error: AppError) -> AppError {
    match error {
        AppError::Config(error) => given.placed(error).into(),
        error => error,
    }
}

fn dispatch(given: &Given, typed: &[OsString], env: &Environment) -> Result<u8, AppError> {
    let cli = &given.cli;
    match &cli.command {
        Command::Completions(args) => {
            return print(&completions::script(args.shell)).map(|()| 0);
        }
        Command::Man => return print(&man::page(Cli::command())).map(|()| 0),
        _ => {}
    }
    let screen = Screen::default();
    let started = Started::with(given);
    let run_id = match &cli.command {
        Command::Run(_) => Some(started.run_id()),
        _ => None,
    };
    logging::set_up(&cli.global, env, &screen, run_id)?;
    let warned = !matches!(cli.command, Command::Check(_));
    for (variable, nearest) in given.unknown_variables.iter().filter(|_| warned) {
        tracing::warn!("{variable} is no variable of this program; did you mean {nearest}?");
    }
    let runtime = runtime(&cli.command);
    let runtime = runtime.map_err(|source| AppError::system("start the runtime", source))?;
    let code = runtime.block_on(async {
        match &cli.command {
            Command::Run(args) => run::run(args, &cli.global, env, &screen, &started).await,
            Command::Plan(args) => plan::run(args, env).await,
            Command::Check(args) => check::run(args, typed, env).await,
            Command::Merge(args) => merge::run(args, &cli.global, env),
            Command::Verify(args) => verify::run(args),
            Command::Report(args) => report::run(args, &cli.global, env),
            Command::Token(args) => token::run(args, env).await,
            Command::Simulate(args) => simulate::run(args).await,
            Command::Completions(_) | Command::Man => Ok(0),
        }
    });
    // A thread that is stuck in reading standard input must not keep the process.
    runtime.shutdown_background();
    code
}

/// One thread does for a job: what would stop it, the disk and the source, has threads of its own,
/// and among two threads each row's way would be a wake-up longer.
fn runtime(command: &Command) -> io::Result<Runtime> {
    let mut builder = match command {
        Command::Simulate(_) => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    builder.worker_threads(2).enable_all().build()
}

/// One message: what happened, and what to do.
fn explain(error: &AppError) {
    let hint = match error.hint() {
        hint if hint.is_empty() => hint,
        hint => format!("\n  hint: {hint}"),
    };
    let _ = writeln!(io::stderr(), "bulk-unlock: {error}{hint}");
}

/// Writes to standard output. Whoever closed it does not want to know.
fn print(text: &str) -> Result<(), AppError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => Err(AppError::Output {
            path: PathBuf::from("standard output"),
            source,
        }),
        _ => Ok(()),
    }
}
