//! Which users, and how a table of them is read.

use std::path::PathBuf;

use clap::Args;

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
