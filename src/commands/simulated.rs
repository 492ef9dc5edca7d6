//! `run --simulate`: the embedded simulator and the same way in as to the real service.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{
    auth::{Credentials, OAuthClient, OAuthKey},
    config::Connection,
    error::AppError,
    simulator::{self, Scenario, Simulator, generate, read_users},
};

/// A simulator, and what it takes to run against it.
pub(super) struct Simulated {
    simulator: Simulator,
    folder: TempDir,
    /// The source.
    pub(super) input: PathBuf,
}

impl Simulated {
    /// A simulator that knows the source's users, or makes its own up, which then are the source.
    pub(super) async fn start(input: Option<&Path>, made_up: u32) -> Result<Self, AppError> {
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
    pub(super) fn connection(&self) -> Result<Connection, AppError> {
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
