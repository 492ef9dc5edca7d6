//! What was typed: clap types only.
//!
//! No I/O, no environment, no defaults: an option that was not given is `None`. What the options
//! mean is resolved in [`crate::config`].

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

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
    /// Join the results of several shards into one
    Merge(MergeArgs),
    /// Render a results CSV again: the summary in the terminal, or the report as a page
    Report(ReportArgs),
    /// Sign in and print a bearer token, and nothing else
    Token(TokenArgs),
    /// Serve the embedded simulator of the Cloud Administration API on loopback
    Simulate(SimulateArgs),
}

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct GlobalArgs {
    /// Print nothing but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice: every request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Append the log to this file too
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// How progress is shown: a bar on a terminal, lines without one
    #[arg(long, global = true, value_name = "HOW")]
    pub progress: Option<Progress>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// A bar on a terminal, lines without one
    Auto,
    /// A bar
    Bar,
    /// A log line every 30 seconds
    Lines,
    /// None
    Off,
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

/// Which users and which methods.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Users: one of these sources")]
pub struct SourceArgs {
    /// The users: a CSV or .xlsx file, also packed with gzip or zstd; or - for standard input
    pub input: Option<PathBuf>,
    /// One user, by ID or e-mail address; may be repeated
    #[arg(long, value_name = "ID|EMAIL")]
    pub user: Vec<String>,
    /// Every user whose e-mail address contains TEXT
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Whom the event log reports as locked since then (2h, 2026-11-24T08:00:00Z), with the methods that it names
    #[arg(long, value_name = "DUR|TIME")]
    pub locked_since: Option<String>,
    /// With --locked-since: up to this time [default: now]
    #[arg(long, value_name = "TIME")]
    pub locked_until: Option<String>,
    /// The rows of an earlier results CSV that did not end well
    #[arg(long, value_name = "RESULTS")]
    pub failed_from: Option<PathBuf>,
    /// What to unlock [default: TOKEN,SMS,VOICE]
    #[arg(long, value_name = "LIST")]
    pub methods: Option<String>,
    /// Look each user up first, and send nothing where none of the methods is locked
    #[arg(long)]
    pub only_locked: bool,
    /// Look also for users who have not been synchronised yet; slow
    #[arg(long)]
    pub search_unsynched: bool,
    /// At most N rows
    #[arg(long, value_name = "N")]
    pub limit: Option<String>,
    /// Only rows whose user belongs to shard I of N, counted from 0 [default: as an array job's environment says]
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Refuse a source that holds more users
    #[arg(long, value_name = "N")]
    pub max_users: Option<String>,
}

/// How a table is read.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reading a file")]
pub struct TableArgs {
    /// The first line is a user already: column 1 is the user ID or e-mail address
    #[arg(long)]
    pub no_header: bool,
    /// What stands between fields: , ; | or tab [default: found by itself]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// Encoding of a file without a byte order mark, such as windows-1252 [default: UTF-8]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// The column of user IDs [default: userId, id]
    #[arg(long, value_name = "NAME")]
    pub id_column: Option<String>,
    /// The column of e-mail addresses [default: email, emailAddress, mail]
    #[arg(long, value_name = "NAME")]
    pub email_column: Option<String>,
    /// The column of user names [default: username, login]
    #[arg(long, value_name = "NAME")]
    pub username_column: Option<String>,
    /// The column of each user's own methods, TOKEN|SMS [default: methods, unlockMethods]
    #[arg(long, value_name = "NAME")]
    pub methods_column: Option<String>,
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
    /// Time for requests under way after SIGINT or SIGTERM; a second signal stops at once [default: 30s]
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
    #[arg(long, value_name = "FILE")]
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
    #[arg(long, value_name = "FILE")]
    pub summary: Option<String>,
    /// Numbers of the run for Prometheus, as node_exporter's textfile collector reads them
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<String>,
    /// The metrics' label `job` [default: bulk-unlock]
    #[arg(long, value_name = "NAME")]
    pub metrics_job: Option<String>,
    /// Told the start (URL/start) and the exit code (URL/CODE), as healthchecks.io wants it
    #[arg(long, value_name = "URL")]
    pub ping: Option<String>,
    /// The report as one self-contained page
    #[arg(long, value_name = "FILE")]
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

/// Where the service is and how to sign in.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// The service's base URL, with or without `/v1` and a last `/`
    #[arg(long, value_name = "URL")]
    #[arg(help = "https://TENANT.access.securid.com/AdminInterface/restapi")]
    pub base_url: Option<String>,
    /// Legacy Administration API key (JSON); it holds the URL too
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Issuer of the OAuth client, as the console shows it
    #[arg(long, value_name = "URL")]
    pub oauth_issuer: Option<String>,
    /// ID of the OAuth client
    #[arg(long, value_name = "ID")]
    pub oauth_client_id: Option<String>,
    /// Private key of the OAuth client (JWK)
    #[arg(long, value_name = "FILE")]
    pub oauth_key_file: Option<PathBuf>,
    /// A file with a ready bearer token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// One more trusted CA (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Options of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The results of every shard; each one's summary is read beside it (RESULTS + .json)
    #[arg(value_name = "RESULTS", required = true)]
    pub shards: Vec<PathBuf>,
    /// Where the joined results go
    #[arg(long, value_name = "FILE")]
    pub results: String,
    /// Replace a results file that exists
    #[arg(long)]
    pub overwrite: bool,
    /// Where the joined summary goes [default: the results file's name + .json]
    #[arg(long, value_name = "FILE")]
    pub summary: Option<String>,
    /// The report of the whole, as one page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Numbers of the whole for Prometheus
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// The metrics' label `job` [default: bulk-unlock]
    #[arg(long, value_name = "NAME")]
    pub metrics_job: Option<String>,
    /// What the summary on stdout looks like [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The results CSV of a run, also of one that was killed or is still at work
    pub results: PathBuf,
    /// The report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The run's summary [default: the results file's name + .json, where there is one]
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// What the summary on stdout looks like [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
}

/// Options of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Where the service is and how to sign in.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Options of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// A scenario (TOML): limits, faults, latency, token lifetime
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// The users (CSV: user_id, and if wanted email, username, locked)
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub users_file: Option<PathBuf>,
    /// How many users to make up
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub users: u32,
    /// The seed of made-up users and of faults
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where key files and a token for this tenant are written [default: a folder of its own]
    #[arg(long, value_name = "FOLDER")]
    pub credentials: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
