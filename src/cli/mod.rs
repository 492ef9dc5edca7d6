//! What was typed: clap types only.
//!
//! No I/O, no environment, no defaults: an option that was not given is `None`. What the options
//! mean is resolved in [`crate::config`].

mod connection;
mod everywhere;
mod recorded;
mod simulate;
mod source;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub use connection::{CheckArgs, ConnectionArgs, TokenArgs};
pub use everywhere::{GlobalArgs, LogFormat, Progress};
pub use recorded::{MergeArgs, ReportArgs, VerifyArgs};
pub use simulate::SimulateArgs;
pub use source::{SourceArgs, TableArgs};

/// Unlocks many users' tokencodes (Authenticate OTP, SMS, Voice) through RSA's Cloud
/// Administration API: throttled, retried, and with a record of every user's final lock flags.
#[derive(Debug, Parser)]
#[command(
    name = "bulk-unlock",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Try it without an account:\n  bulk-unlock run samples/users.csv --simulate"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read users, unlock each, and record what became of each
    Run(Box<RunArgs>),
    /// Read and check the whole source, sign in, and say what `run` would do; unlocks nobody
    Plan(Box<PlanArgs>),
    /// Look at configuration, key, network, clock, sign-in and permissions; changes nothing at the service
    Check(Box<CheckArgs>),
    /// Join the results of several shards into one
    Merge(MergeArgs),
    /// Render a results CSV again: the summary in the terminal, or the report as a page
    Report(ReportArgs),
    /// Say whether a results CSV is the one that its run wrote, whole and unaltered
    Verify(VerifyArgs),
    /// Sign in and print a bearer token, and nothing else
    Token(TokenArgs),
    /// Serve the embedded simulator of the Cloud Administration API on loopback
    Simulate(SimulateArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page (roff); `bulk-unlock man | man -l -` shows it
    Man,
}

/// What the summary on stdout looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which users and which methods.
    #[command(flatten)]
    pub source: SourceArgs,
    /// How a table is read.
    #[command(flatten)]
    pub table: TableArgs,
    /// Where results go.
    #[command(flatten)]
    pub results: ResultsArgs,
    /// When to refuse, ask or stop.
    #[command(flatten)]
    pub guards: GuardArgs,
    /// How hard the service is pushed.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where the service is and how to sign in.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The embedded simulator.
    #[command(flatten)]
    pub trial: TrialArgs,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Look each user up too, and say who is locked today
    #[arg(long)]
    pub lookup: bool,
    /// What the plan on stdout looks like [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// Which users and which methods.
    #[command(flatten)]
    pub source: SourceArgs,
    /// How a table is read.
    #[command(flatten)]
    pub table: TableArgs,
    /// How hard the service is pushed.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where the service is and how to sign in.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The embedded simulator.
    #[command(flatten)]
    pub trial: TrialArgs,
}

/// The embedded simulator.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trying it out")]
pub struct TrialArgs {
    /// Run against the embedded simulator: no account, no configuration. With =N and no other source: N users
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    pub simulate: Option<u32>,
}

/// When to refuse, ask or stop.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Guards")]
pub struct GuardArgs {
    /// Do the first N rows; go on only if none failed
    #[arg(long, value_name = "N")]
    pub canary: Option<String>,
    /// Stop when more rows than this failed
    #[arg(long, value_name = "N")]
    pub max_failures: Option<String>,
    /// Stop when more than this share of the rows failed, once 20 are done
    #[arg(long, value_name = "PCT")]
    pub max_failure_rate: Option<String>,
    /// Stop in time for the end of a maintenance window: 2h, 90m
    #[arg(long, value_name = "DUR")]
    pub deadline: Option<String>,
    /// How long to hold the job while the service does not answer at all [default: 10m]
    #[arg(long, value_name = "DUR")]
    pub max_outage: Option<String>,
    /// Time for requests under way after SIGINT, SIGTERM or SIGHUP; a second signal stops at once [default: 30s]
    #[arg(long, value_name = "DUR")]
    pub drain: Option<String>,
    /// Do not ask before more than 100 users
    #[arg(long)]
    pub yes: bool,
}

/// Where results go.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Results")]
pub struct ResultsArgs {
    /// Where results go; may hold {date} {time} {run_id} {profile} {shard} [default: INPUT's stem + .results.csv, here; a shard's name says which it is]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub results: Option<String>,
    /// Go on with the results file: users who are final there are not sent again. Where there is none, one is begun
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// A second run with the same FILE ends with code 6; beside the lock on the results file
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Replace a results file that exists
    #[arg(long)]
    pub overwrite: bool,
    /// Where the summary goes [default: the results file's name + .json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub summary: Option<String>,
    /// Numbers of the run for Prometheus, as node_exporter's textfile collector reads them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics: Option<String>,
    /// The metrics' label `job` [default: bulk-unlock]
    #[arg(long, value_name = "NAME")]
    pub metrics_job: Option<String>,
    /// Told the start (URL/start) and the exit code (URL/CODE), as healthchecks.io wants it
    #[arg(long, value_name = "URL")]
    pub ping: Option<String>,
    /// The report as one self-contained page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<String>,
    /// A ticket or reason, kept in the summary
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// What the summary on stdout looks like [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
}

/// How hard the service is pushed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// Ceiling on requests of every kind together: 10, 10/s, 300/m, 1000/h [default: 10/s]
    #[arg(long, value_name = "N[/UNIT]")]
    pub rate: Option<String>,
    /// Requests that may go at once after idling [default: 1, even pacing]
    #[arg(long, value_name = "N")]
    pub burst: Option<String>,
    /// One --rate for all processes that name this store and the same tenant: redis://USER@HOST:PORT, or rediss:// for TLS
    #[arg(long, value_name = "URL")]
    pub rate_store: Option<String>,
    /// The store's password, in a file that only you can read
    #[arg(long, value_name = "FILE")]
    pub rate_store_password_file: Option<PathBuf>,
    /// Requests under way at once [default: 32]
    #[arg(long, value_name = "N")]
    pub concurrency: Option<String>,
    /// Tries of one request, the first included [default: 6]
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<String>,
    /// Time limit of one request: 30s, 500ms, 2m [default: 30s]
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<String>,
}

impl Command {
    /// Where the service is and how to sign in, in a command that calls it.
    #[must_use]
    pub const fn connection_mut(&mut self) -> Option<&mut ConnectionArgs> {
        match self {
            Self::Run(args) => Some(&mut args.connection),
            Self::Plan(args) => Some(&mut args.connection),
            Self::Check(args) => Some(&mut args.connection),
            Self::Token(args) => Some(&mut args.connection),
            Self::Merge(_)
            | Self::Report(_)
            | Self::Verify(_)
            | Self::Simulate(_)
            | Self::Completions(_)
            | Self::Man => None,
        }
    }
}

/// Options of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Where each shell looks for it:
  bash        ~/.local/share/bash-completion/completions/bulk-unlock
  zsh         a folder of $fpath, as _bulk-unlock
  fish        ~/.config/fish/completions/bulk-unlock.fish
  elvish      ~/.config/elvish/rc.elv, appended
  powershell  $PROFILE, appended")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
