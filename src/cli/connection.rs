//! Where the service is and how to sign in.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::{OutputFormat, PaceArgs};

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
    /// A ready bearer token. No option, as the command line can be seen by everybody: it comes from
    /// the environment or a configuration file.
    #[arg(skip)]
    pub token: Option<SecretString>,
}

/// Options of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Where the service is and how to sign in.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Options of `check`, which looks at all that a run would be given: each is one of `run`'s, too.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// How hard the service is pushed.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where the service is and how to sign in.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}
