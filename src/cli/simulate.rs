//! What the simulator serves.

use std::path::PathBuf;

use clap::Args;

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
