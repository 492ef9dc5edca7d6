//! `token`: signs in and prints a bearer token.

use secrecy::ExposeSecret;

use crate::{
    cli::TokenArgs,
    config::{Environment, PaceSettings, resolve_connection},
    error::AppError,
    shutdown::Shutdown,
};

use super::service::Service;

pub(super) async fn run(args: &TokenArgs, env: &Environment) -> Result<u8, AppError> {
    let connection = resolve_connection(&args.connection, env)?;
    let service = Service::open(
        connection,
        &PaceSettings::default(),
        false,
        None,
        Shutdown::default(),
    )
    .await?;
    let signed_in = service.api.sign_in().await;
    let token = signed_in.map_err(|error| service.stopped_or(error.into()))?;
    super::print(&format!("{}\n", token.secret().expose_secret()))?;
    Ok(0)
}
