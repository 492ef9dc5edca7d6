//! Redis, or Valkey, which speaks the same. One script does it all, in one step on the server's
//! clock.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError,
    Script, TlsCertificates, aio::MultiplexedConnection,
};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::{RateStoreError, RateStoreSettings};
use crate::throttle::{Ask, Granted, Rate, Store};

/// Connecting takes no longer; nor does an answer, but for what the caller allows.
const CONNECT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(1);
/// The share of the ceiling that is given out. With it no second holds more than the ceiling where
/// requests reach the service up to 25 ms later or earlier than they were meant to.
const PACE: f64 = 0.975;

/// The store, for one tenant. Clones share the connection.
#[derive(Clone)]
pub struct RateStore(Arc<Inner>);

struct Inner {
    /// With the CA of ours, then with the system's.
    clients: Vec<Client>,
    place: String,
    connection: Mutex<Option<MultiplexedConnection>>,
    script: Script,
    keys: [String; 2],
    process: String,
    /// In thousandths of a permit a second.
    ceiling: u64,
}

impl fmt::Debug for RateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RateStore({})", self.0.place)
    }
}

impl RateStore {
    /// The store for the tenant of this base URL, not connected yet. `process` tells processes
    /// apart.
    ///
    /// # Errors
    /// [`RateStoreError::Url`], [`RateStoreError::Ca`].
    pub fn new(
        settings: &RateStoreSettings,
        tenant: &str,
        process: &str,
        ceiling: Rate,
    ) -> Result<Self, RateStoreError> {
        let url = |error: RedisError| RateStoreError::Url(error.category().to_owned());
        let mut info = settings
            .url
            .expose_secret()
            .into_connection_info()
            .map_err(url)?;
        if let Some(password) = &settings.password {
            let signed_in = info.redis_settings().clone();
            info = info.set_redis_settings(signed_in.set_password(password.expose_secret()));
        }
        let place = info.addr().to_string();
        let tenant = hex(digest(&SHA256, tenant.as_bytes()).as_ref());
        Ok(Self(Arc::new(Inner {
            clients: clients(info, settings)?,
            place,
            connection: Mutex::new(None),
            script: Script::new(include_str!("script.lua")),
            // Braces: in a cluster both are on one node.
            keys: ["rate", "processes"].map(|what| format!("bulk-unlock:{{{tenant}}}:{what}")),
            process: process.to_owned(),
            ceiling: (ceiling.per_s() * PACE * 1_000.0).ceil() as u64,
        })))
    }

    /// One question and its answer. After a failure the next one connects anew.
    ///
    /// # Errors
    /// [`RateStoreError::Refused`], [`RateStoreError::Away`].
    pub async fn ask(&self, ask: Ask) -> Result<Granted, RateStoreError> {
        let inner = &self.0;
        let mut held = inner.connection.lock().await;
        // Dropped in the middle, a connection could have the answer to an earlier question.
        let mut connection = match held.take() {
            Some(connection) => connection,
            None => inner
                .connect()
                .await
                .map_err(|error| inner.failed(&error))?,
        };
        let answer = inner.invoke(&mut connection, ask).await;
        let answer = answer.map_err(|error| inner.failed(&error))?;
        *held = Some(connection);
        Ok(answer)
    }

    /// The way to it.
    #[must_use]
    pub fn way(self) -> Store {
        Box::new(move |ask| {
            let store = self.clone();
            Box::pin(async move { store.ask(ask).await.map_err(|error| error.to_string()) })
        })
    }
}

impl Inner {
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let mut failed = None;
        for client in &self.clients {
            match client
                .get_multiplexed_async_connection_with_config(&config)
                .await
            {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.expect("there is a client"))
    }

    async fn invoke(
        &self,
        connection: &mut MultiplexedConnection,
        ask: Ask,
    ) -> Result<Granted, RedisError> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut call = self.script.prepare_invoke();
        call.key(&self.keys[0]).key(&self.keys[1]);
        call.arg(&self.process).arg(self.ceiling).arg(ask.wanted);
        call.arg(ask.refused.map_or(-1, i64::from));
        call.arg(ask.rest.map_or(0, micros));
        call.arg(ask.away.map_or(-1, i64::from));
        call.arg(ask.parts.unwrap_or(0));
        let [permits, wait, apart, cuts, rate, rest, processes, ahead]: [u64; 8] =
            call.invoke_async(connection).await?;
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Granted {
            permits: small(permits),
            wait: Duration::from_micros(wait),
            apart: Duration::from_micros(apart),
            cuts: small(cuts),
            rate: rate as f64 / 1_000.0,
            slowed: rate + 1 < self.ceiling,
            rest: Duration::from_micros(rest),
            processes: small(processes),
            ahead: Duration::from_micros(ahead),
        })
    }

    fn failed(&self, error: &RedisError) -> RateStoreError {
        let place = self.place.clone();
        let why = match error.detail() {
            Some(said) if !error.is_io_error() => format!("{}: {said}", error.category()),
            _ => error.to_string(),
        };
        match error.kind() {
            // That does not mend itself.
            ErrorKind::Io if why.contains("certificate") => RateStoreError::Refused { place, why },
            ErrorKind::Io => RateStoreError::Away { place, why },
            _ if error.is_timeout() || error.is_connection_dropped() => {
                RateStoreError::Away { place, why }
            }
            ErrorKind::Server(
                redis::ServerErrorKind::BusyLoading
                | redis::ServerErrorKind::TryAgain
                | redis::ServerErrorKind::MasterDown,
            ) => RateStoreError::Away { place, why },
            _ => RateStoreError::Refused { place, why },
        }
    }
}

fn clients(
    info: ConnectionInfo,
    settings: &RateStoreSettings,
) -> Result<Vec<Client>, RateStoreError> {
    let url = |error: RedisError| RateStoreError::Url(error.category().to_owned());
    let mut clients = Vec::new();
    let tls = matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. });
    if let Some(path) = settings.ca_file.as_ref().filter(|_| tls) {
        let read = std::fs::read(path);
        let root_cert = read.map_err(|source| RateStoreError::Ca {
            path: path.clone(),
            source,
        })?;
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(root_cert),
        };
        clients.push(Client::build_with_tls(info.clone(), certificates).map_err(url)?);
    }
    clients.push(Client::open(info).map_err(url)?);
    Ok(clients)
}

fn hex(bytes: &[u8]) -> String {
    bytes[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
