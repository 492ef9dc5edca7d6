//! Tells a monitor, as healthchecks.io wants it, that the run has started and how it ended.
//!
//! Nothing here may fail the run or keep it waiting: the start is told beside the work, the end in
//! a few seconds at most. Nothing but the exit code is told, no token goes there, and the pace of
//! the service's requests does not concern it.

use std::{path::PathBuf, time::Duration};

use tokio::{task::JoinHandle, time};

use crate::http::{Body, Http, HttpSettings, HttpSetupError, Url, Verb};

/// The time limit of one try.
const ONE_TRY: Duration = Duration::from_secs(3);
/// How often a ping is tried.
const TRIES: u32 = 3;
/// The wait before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(500);
/// The end is told within this, or not at all.
const AT_MOST: Duration = Duration::from_secs(8);

/// A monitor that was told, or is being told, that the run has started.
#[derive(Debug)]
pub struct Ping {
    http: Http,
    url: Url,
    start: JoinHandle<()>,
}

impl Ping {
    /// Tells the monitor at this URL that the run starts, without waiting for it.
    ///
    /// # Errors
    /// [`HttpSetupError`]: the CA file, or TLS itself.
    pub fn start(url: Url, ca_file: Option<PathBuf>) -> Result<Self, HttpSetupError> {
        let http = Http::new(&HttpSettings {
            timeout: ONE_TRY,
            plain: url.scheme() == "http",
            ca_file,
            pool_size: 1,
        })?;
        let start = tokio::spawn(tell(http.clone(), below(&url, "start")));
        Ok(Self { http, url, start })
    }

    /// Tells how the run ended.
    pub async fn end(self, exit_code: u8) {
        let Self { http, url, start } = self;
        let told = async {
            // Told after the end, the start would open the next run.
            let _ = start.await;
            tell(http, below(&url, &exit_code.to_string())).await;
        };
        if time::timeout(AT_MOST, told).await.is_err() {
            warn(&url, "it did not answer in time");
        }
    }
}

/// The URL with one more segment of its path. A query stays.
fn below(url: &Url, segment: &str) -> Url {
    let mut url = url.clone();
    let path = format!("{}/{segment}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

async fn tell(http: Http, url: Url) {
    for attempt in 1..=TRIES {
        let sent = http.send(Verb::Get, &url, None, &Body::None).await;
        let why = match sent {
            Ok(reply) if (200..300).contains(&reply.status) => return,
            Ok(reply) if reply.status == 429 || reply.status >= 500 => {
                format!("it answered {}", reply.status)
            }
            Ok(reply) => return warn(&url, &format!("it answered {}", reply.status)),
            Err(no_reply) => no_reply.to_string(),
        };
        if attempt == TRIES {
            return warn(&url, &why);
        }
        time::sleep(PAUSE * attempt).await;
    }
}

/// The path stays out of the log: whoever knows it can tell the monitor anything.
fn warn(url: &Url, why: &str) {
    let host = url.host_str().unwrap_or_default();
    tracing::warn!("failed to ping {host}: {why}; the run goes on without it, check --ping");
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn the_path_grows_and_the_query_stays() {
        for (url, expected) in [
            (
                "https://hc-ping.com/0192f1c2",
                "https://hc-ping.com/0192f1c2/start",
            ),
            (
                "https://hc.example/ping/key/unlock/",
                "https://hc.example/ping/key/unlock/start",
            ),
            (
                "https://hc.example/a?create=1&rid=x%20y",
                "https://hc.example/a/start?create=1&rid=x%20y",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/start"),
        ] {
            let url = url.parse().expect(url);
            assert_eq!(below(&url, "start").as_str(), expected);
        }
    }
}
