//! The embedded simulator: an honest model of the Cloud Administration API on loopback.
//!
//! It knows nothing of the program that calls it, and writes its own JSON: a field name that is
//! wrong here cannot agree with the same mistake there. Tokens are really verified, limits really
//! kept, and every call stands in a ledger.

mod answer;
mod details;
mod directory;
mod event_log;
mod events;
mod faults;
mod keys;
mod ledger;
mod limit;
mod lookup;
mod outage;
mod routes;
mod scenario;
mod search;
mod sign_in;
mod tenant;
mod unlock;
mod user;
mod user_file;
mod visit;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, PoisonError},
};

use axum::http::header::DATE;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{answer::Cut, tenant::Tenant};

pub use event_log::SimEvent;
pub use keys::Credentials;
pub use ledger::{Call, Ledger};
pub use scenario::{Scenario, ScenarioError};
pub use user::{SimUser, generate};
pub use user_file::{UserFileError, read_users};

/// What a simulator is started with.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// How the service behaves.
    pub scenario: Scenario,
    /// Its users.
    pub users: Vec<SimUser>,
}

/// A simulator that serves until it is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    tenant: Arc<Tenant>,
    _stop: DropGuard,
}

impl Simulator {
    /// The base URL, up to and without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/AdminInterface/restapi", self.tenant.origin)
    }

    /// The OAuth issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}/oauth", self.tenant.origin)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every call so far, in the order of arrival.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.tenant
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The user's lock flags now: token, SMS, voice.
    #[must_use]
    pub fn locked(&self, user_id: &str) -> Option<[bool; 3]> {
        self.tenant.locked(user_id)
    }

    /// Its users with their locks as they are now, by address; those that calls do not find, too.
    #[must_use]
    pub fn users(&self) -> Vec<SimUser> {
        self.tenant.users()
    }

    /// What the event log holds, oldest first.
    #[must_use]
    pub fn events(&self) -> &[SimEvent] {
        &self.tenant.events
    }

    /// Writes key files and a token with which this tenant can be used, readable by their owner.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write_credentials(&self, folder: &Path) -> io::Result<Credentials> {
        self.tenant.write_credentials(folder)
    }
}

/// Starts serving.
///
/// # Errors
/// Where the port cannot be had.
pub async fn start(settings: Settings) -> io::Result<Simulator> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    let address = listener.local_addr()?;
    let tenant = Tenant::new(
        &format!("http://{address}"),
        settings.scenario,
        settings.users,
    )?;
    let tenant = Arc::new(tenant);
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, Arc::clone(&tenant), stop.clone()));
    Ok(Simulator {
        address,
        tenant,
        _stop: stop.drop_guard(),
    })
}

/// Takes connections until told to stop; then all of them end.
async fn serve(listener: TcpListener, tenant: Arc<Tenant>, stop: CancellationToken) {
    let router = TowerToHyperService::new(routes::router(Arc::clone(&tenant)));
    let mut connections = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            continue;
        };
        if tenant.refuses() {
            continue;
        }
        let _ = stream.set_nodelay(true);
        let (router, tenant) = (router.clone(), Arc::clone(&tenant));
        let service = service_fn(move |request| {
            let answering = hyper::service::Service::call(&router, request);
            let tenant = Arc::clone(&tenant);
            async move {
                let Ok(mut answer) = answering.await;
                answer.headers_mut().insert(DATE, tenant.date());
                match answer.extensions().get::<Cut>() {
                    Some(Cut) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                    None => Ok(answer),
                }
            }
        });
        connections.spawn(async move {
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

#[cfg(test)]
mod tests;
