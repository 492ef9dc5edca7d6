//! `--simulate`: the embedded simulator and the same way in as to the real service.

use std::hash::{DefaultHasher, Hash, Hasher};

use tempfile::TempDir;

use crate::{
    auth::{Credentials, OAuthClient, OAuthKey},
    config::{Connection, ReadSettings},
    error::AppError,
    identity::Identity,
    model::{UserRef, has_guid_form},
    shutdown::Shutdown,
    simulator::{self, Scenario, SimUser, Simulator, generate},
    source::{Source, SourceSettings, read},
};

use super::service::apart;

/// Users that are made up where the source is a list that the simulator keeps.
const MADE_UP: u32 = 200;
/// The seed of made-up users: those of `samples/users.csv`.
const SEED: u64 = 1;

/// A simulator, and what it takes to run against it.
pub(super) struct Simulated {
    simulator: Simulator,
    folder: TempDir,
}

/// The source that was named, and the simulator where one is asked for. `whole`: what it holds
/// must be known before its first row is worked on.
pub(super) async fn source_of(
    settings: &ReadSettings,
    simulate: Option<u32>,
    whole: bool,
    shutdown: &Shutdown,
) -> Result<(SourceSettings, Option<Simulated>), AppError> {
    let users = generate(simulate.unwrap_or_default(), SEED);
    let made_up = || Source::Named(users.iter().map(|user| user.id.clone()).collect());
    let mut source = settings.settings(made_up());
    // What is known by then was read once already.
    if whole || simulate.is_some() {
        source.source = spooled(source.source, shutdown).await?;
    }
    let simulated = match simulate {
        Some(_) => Some(Simulated::start(&source, users).await?),
        None => None,
    };
    Ok((source, simulated))
}

/// The source, so that it can be read twice.
async fn spooled(source: Source, shutdown: &Shutdown) -> Result<Source, AppError> {
    Ok(match source {
        Source::Table(input, format) => {
            Source::Table(apart(shutdown, || input.spooled()).await?, format)
        }
        other => other,
    })
}

/// The user of a row as the simulator is to know it; `None` where no service could.
fn known(user: &UserRef) -> Option<SimUser> {
    let mut known = match (&user.id, user.identities().next()?) {
        (Some(id), _) => has_guid_form(id).then(|| SimUser::with_id(id, SEED))?,
        (None, Identity::Id(name) | Identity::Email(name) | Identity::Username(name)) => {
            let mut hasher = DefaultHasher::new();
            name.to_lowercase().hash(&mut hasher);
            generate(1, hasher.finish()).pop()?
        }
    };
    known.email = user.email.clone().unwrap_or(known.email);
    known.username = user.username.clone().unwrap_or(known.username);
    Some(known)
}

impl Simulated {
    /// A simulator that knows the source's users and those that were made up.
    async fn start(source: &SourceSettings, made_up: Vec<SimUser>) -> Result<Self, AppError> {
        let folder = tempfile::tempdir().map_err(AppError::TemporaryFolder)?;
        let at_service = matches!(source.source, Source::Search(_) | Source::Locked { .. });
        let mut users = match made_up.len() {
            0 if at_service => generate(MADE_UP, SEED),
            _ => made_up,
        };
        // A source that cannot be read is told of where it is read for the job.
        let rows = read(source).into_iter().flatten().flatten();
        users.extend(
            rows.filter(|row| row.defect.is_none())
                .filter_map(|row| known(&row.user)),
        );
        let settings = simulator::Settings {
            port: 0,
            scenario: Scenario::demo(),
            users,
        };
        let simulator = simulator::start(settings).await;
        let simulator =
            simulator.map_err(|source| AppError::system("start the simulator", source))?;
        Ok(Self { simulator, folder })
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
