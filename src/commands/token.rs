//! `token`: signs in and prints a bearer token.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret;

use crate::{
    api::{Api, ApiSettings},
    cli::TokenArgs,
    config::{Environment, resolve_connection},
    error::AppError,
    event::Events,
    http::{Http, HttpSettings},
    retry::RetryPolicy,
    shutdown::Shutdown,
    throttle::{Rate, Throttle, ThrottleSettings},
};

pub(super) async fn run(args: &TokenArgs, env: &Environment) -> Result<u8, AppError> {
    let connection = resolve_connection(&args.connection, env)?;
    let http = Http::new(&HttpSettings {
        timeout: Duration::from_secs(30),
        plain: connection.is_plain(),
        ca_file: connection.ca_file,
        pool_size: 1,
    })?;
    let throttle = Throttle::new(ThrottleSettings {
        rate: Rate::default(),
        burst: std::num::NonZeroU32::MIN,
    });
    let settings = ApiSettings {
        base: connection.base,
        credentials: connection.credentials,
        retry: RetryPolicy::attempts(RetryPolicy::DEFAULT_ATTEMPTS),
        search_unsynched: false,
    };
    // Nobody listens: events are dropped.
    let (events, _) = Events::channel();
    let api = Api::new(
        settings,
        http,
        Arc::new(throttle),
        events,
        Shutdown::default(),
    );
    let token = api.sign_in().await?;
    super::print(&format!("{}\n", token.secret().expose_secret()))?;
    Ok(0)
}
