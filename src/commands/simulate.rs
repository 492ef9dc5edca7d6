//! `simulate`: serves the embedded simulator until it is interrupted.

use std::path::{Path, PathBuf};

use crate::{
    cli::SimulateArgs,
    error::AppError,
    shutdown::Shutdown,
    simulator::{Credentials, Scenario, Settings, Simulator, generate, read_users, start},
};

pub(super) async fn run(args: &SimulateArgs) -> Result<u8, AppError> {
    let mut scenario = match &args.scenario {
        Some(path) => read_scenario(path)?,
        None => Scenario::default(),
    };
    let user_seed = args.seed.unwrap_or(1);
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let users = match &args.users_file {
        Some(path) => read_users(path, user_seed)?,
        None => generate(args.users, user_seed),
    };
    let count = users.len();
    let shutdown = Shutdown::default();
    shutdown
        .listen()
        .map_err(|source| AppError::system("listen for signals", source))?;
    let settings = Settings {
        port: args.port,
        scenario,
        users,
    };
    let simulator = start(settings)
        .await
        .map_err(|source| AppError::system("serve on that port", source))?;
    let own_folder = tempfile::Builder::new()
        .prefix("bulk-unlock-simulator-")
        .tempdir();
    let own_folder =
        own_folder.map_err(|source| AppError::system("make a folder for key files", source))?;
    let folder = args.credentials.as_deref().unwrap_or(own_folder.path());
    let credentials = write_credentials(&simulator, folder)?;
    super::print(&introduction(&simulator, &credentials, count))?;
    shutdown.stopped().await;
    Ok(0)
}

/// Key files for this tenant, in a folder that is made where there is none.
pub(super) fn write_credentials(
    simulator: &Simulator,
    folder: &Path,
) -> Result<Credentials, AppError> {
    let written =
        std::fs::create_dir_all(folder).and_then(|()| simulator.write_credentials(folder));
    written.map_err(|source| AppError::Output {
        path: folder.to_owned(),
        source,
    })
}

fn read_scenario(path: &PathBuf) -> Result<Scenario, AppError> {
    let text = std::fs::read_to_string(path).map_err(|source| {
        AppError::Source(crate::source::SourceError::Open {
            input: crate::source::Input::File(path.clone()),
            source,
        })
    })?;
    Scenario::from_toml(&text).map_err(|source| AppError::Scenario {
        path: path.clone(),
        source,
    })
}

fn introduction(simulator: &Simulator, credentials: &Credentials, users: usize) -> String {
    let base = simulator.base_url();
    let issuer = simulator.issuer();
    let Credentials {
        api_key_file,
        rsa_key_file,
        ec_key_file,
        token_file,
        rsa_client_id,
        ec_client_id,
    } = credentials;
    let [api_key_file, rsa_key_file, ec_key_file, token_file] =
        [api_key_file, rsa_key_file, ec_key_file, token_file].map(|path| path.display());
    let origin = base.trim_end_matches("/AdminInterface/restapi");
    format!(
        "\
Simulating the Cloud Administration API for {users} users; Ctrl-C ends it.

base URL    {base}
issuer      {issuer}
ledger      {origin}/simulator/ledger
users       {origin}/simulator/users

Sign in with any of these:
  --api-key-file {api_key_file}
  --base-url {base} --oauth-issuer {issuer} --oauth-client-id {rsa_client_id} --oauth-key-file {rsa_key_file}
  --base-url {base} --oauth-issuer {issuer} --oauth-client-id {ec_client_id} --oauth-key-file {ec_key_file}
  --base-url {base} --token-file {token_file}
"
    )
}
