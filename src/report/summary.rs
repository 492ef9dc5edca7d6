//! The summary: what a run came to, as one document.

use std::{
    collections::BTreeMap,
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::charts::Charts;
use crate::{
    model::{MethodSet, OutcomeKind},
    private::{folder_of, is_planted_link},
    stats::Stats,
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every row is final.
    Complete,
    /// Something stopped it: a guard, the service, the results.
    Stopped,
    /// A signal stopped it.
    Interrupted,
}

impl Status {
    /// What a run's exit code says of it.
    #[must_use]
    pub const fn of(exit_code: u8) -> Self {
        match exit_code {
            0 | 1 => Self::Complete,
            129 | 130 | 143 => Self::Interrupted,
            _ => Self::Stopped,
        }
    }
}

/// Rows of the source and what became of them.
#[derive(Debug, Serialize)]
pub struct Rows {
    /// Rows of the source; `None` where it was not read to its end.
    pub total: Option<u64>,
    /// Rows that are final.
    pub done: u64,
    /// Final rows by outcome, every outcome named.
    pub by_outcome: BTreeMap<OutcomeKind, u64>,
    /// Records of the run that this one goes on with whose rows are not in the source any more.
    pub not_in_source: u64,
}

/// What the service's limit did.
#[derive(Debug, Serialize)]
pub struct Throttled {
    /// Answers with 429.
    pub responses_429: u64,
    /// The slowest rate of the run, in requests a second.
    pub slowest_rate: f64,
    /// The rate at the end, in requests a second.
    pub final_rate: f64,
}

/// Latency of the requests, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// Half of the requests took at most this.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All.
    pub max: f64,
}

/// SHA-256 of what the run read and left, each as 64 hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// The source, as it was when the run began; `None` where it is no file.
    pub source: Option<String>,
    /// The results, as they are; `None` where the run wrote none.
    pub results: Option<String>,
    /// What was set: a line for each option, `OPTION = VALUE`, in the order of the alphabet, secrets
    /// hidden.
    pub configuration: Option<String>,
}

/// What a run came to. The members stand in the schema, `docs/summary.schema.json`.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "each member is described in the schema")]
pub struct Summary {
    pub run_id: String,
    pub version: &'static str,
    pub status: Status,
    pub exit_code: u8,
    pub reason: Option<String>,
    pub source: String,
    pub results: String,
    pub base_url: String,
    pub methods: MethodSet,
    pub started_at: String,
    pub finished_at: String,
    pub duration_s: f64,
    pub rows: Rows,
    pub requests: BTreeMap<&'static str, BTreeMap<String, u64>>,
    pub retries: u64,
    pub throttled: Throttled,
    pub latency_ms: Option<Latency>,
    pub shard: Option<String>,
    pub operator: String,
    pub hashes: Hashes,
    pub stopped_because: Option<String>,
    pub next: Option<String>,
    pub charts: Option<Charts>,
}

impl Rows {
    /// The rows that the numbers tell of.
    #[must_use]
    pub fn of(stats: &Stats, not_in_source: u64) -> Self {
        let counts = OutcomeKind::ALL.map(|kind| (kind, stats.count(kind)));
        Self {
            total: stats.total,
            done: stats.done(),
            by_outcome: counts.into_iter().collect(),
            not_in_source,
        }
    }
}

impl Latency {
    /// The latency that the numbers tell of; `None` where nothing was sent.
    #[must_use]
    pub fn of(stats: &Stats) -> Option<Self> {
        let ms = |share| Some((stats.latency(share)?.as_secs_f64() * 10_000.0).round() / 10.0);
        Some(Self {
            p50: ms(0.5)?,
            p90: ms(0.9)?,
            p99: ms(0.99)?,
            max: ms(1.0)?,
        })
    }
}

impl Summary {
    /// Requests by call and answer, as the document has them.
    #[must_use]
    pub fn requests_of(stats: &Stats) -> BTreeMap<&'static str, BTreeMap<String, u64>> {
        let mut requests: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((endpoint, answer), count) in &stats.requests {
            let answers = requests.entry(endpoint.as_str()).or_default();
            answers.insert(answer.to_string(), *count);
        }
        requests
    }

    /// One JSON document, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        super::json::document(self)
    }
}

/// Replaces a file in one step: whoever reads it sees the old content or the new. A link stays,
/// and so does what is no file, such as `/dev/null`: it is written to.
///
/// # Errors
/// What the operating system says.
pub fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    replace(path, text, false)
}

/// As [`write_atomically`], and every user of the machine may read it, whatever the umask says:
/// whoever collects metrics is somebody else.
///
/// # Errors
/// What the operating system says.
pub fn write_for_all(path: &Path, text: &str) -> io::Result<()> {
    replace(path, text, true)
}

fn replace(path: &Path, text: &str, for_all: bool) -> io::Result<()> {
    // A link of somebody else's is replaced, not followed.
    let followed = match is_planted_link(path) {
        true => path.to_owned(),
        false => std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
    };
    let path = &followed;
    if !is_planted_link(path) && path.metadata().is_ok_and(|found| !found.is_file()) {
        let mut device = std::fs::OpenOptions::new().write(true).open(path)?;
        return device.write_all(text.as_bytes());
    }
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new()
        .prefix(".bulk-unlock-")
        .tempfile_in(folder)?;
    if for_all {
        file.as_file()
            .set_permissions(Permissions::from_mode(0o644))?;
    }
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Charts, Hashes, Latency, Rows, Status, Summary, Throttled, write_atomically};
    use crate::{
        event::Event,
        model::{Answer, Attempt, Endpoint, MethodSet},
        stats::Stats,
    };

    /// The summary of a run with these numbers that ended like this.
    pub(in crate::report) fn summary(stats: &Stats, status: Status) -> Summary {
        let stopped = status != Status::Complete;
        Summary {
            run_id: "0192f1c2-0000-7000-8000-000000000000".to_owned(),
            version: "0.1.0",
            status,
            exit_code: if stopped {
                130
            } else {
                u8::from(stats.not_well() > 0)
            },
            reason: None,
            source: "users.csv".to_owned(),
            results: "users.results.csv".to_owned(),
            base_url: "https://example.access.securid.com/AdminInterface/restapi/v1".to_owned(),
            methods: MethodSet::ALL,
            started_at: "2026-11-24T02:03:04.567Z".to_owned(),
            finished_at: "2026-11-24T02:03:25.967Z".to_owned(),
            duration_s: 21.4,
            rows: Rows::of(stats, 0),
            requests: Summary::requests_of(stats),
            retries: stats.retries,
            throttled: Throttled {
                responses_429: stats.answers(429),
                slowest_rate: 5.0,
                final_rate: 10.0,
            },
            latency_ms: Latency::of(stats),
            shard: None,
            operator: "me@host".to_owned(),
            hashes: Hashes::default(),
            stopped_because: stopped.then(|| "SIGINT".to_owned()),
            charts: Some(Charts::of(stats, SystemTime::UNIX_EPOCH)),
            next: stopped.then(|| "bulk-unlock run users.csv --resume".to_owned()),
        }
    }

    fn attempted(answer: Answer) -> Event {
        Event::Attempted(Attempt {
            endpoint: Endpoint::Unlock,
            answer,
            latency: Duration::from_millis(12),
        })
    }

    #[test]
    fn every_summary_is_as_its_schema_says() {
        let schema = include_str!("../../docs/summary.schema.json");
        let schema = serde_json::from_str(schema).expect("the schema is JSON");
        let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
        let mut busy = Stats::new(Some(2));
        for answer in [
            Answer::Status(200),
            Answer::ConnectError,
            Answer::Timeout,
            Answer::Cut,
        ] {
            busy.apply(&attempted(answer));
        }
        for stats in [Stats::new(None), busy] {
            for status in [Status::Complete, Status::Stopped, Status::Interrupted] {
                let text = summary(&stats, status).to_json();
                let json = serde_json::from_str(&text).expect("the summary is JSON");
                let errors: Vec<_> = schema.iter_errors(&json).map(|e| e.to_string()).collect();
                assert!(errors.is_empty(), "{errors:#?}\n{text}");
                assert!(text.ends_with("\n}\n"), "{text}");
            }
        }
        for wrong in ["{}", r#"{"surprise": 1}"#] {
            assert!(!schema.is_valid(&serde_json::from_str(wrong).expect("JSON")));
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_link_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("s.json"), folder.path().join("latest"));
        write_atomically(&file, "a long text").expect("made");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        write_atomically(&link, "short").expect("replaced");
        assert_eq!(std::fs::read_to_string(&file).expect("readable"), "short");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 2);
    }

    /// A socket stands for `/dev/null` here, which a failure of this test would replace.
    #[test]
    fn what_is_no_file_is_not_replaced_by_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        write_atomically(&path, "text").expect_err("a socket cannot be opened");
        let kind = path.metadata().expect("still there").file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_socket(&kind));
    }
}
