//! The summary: what a run came to, as one document.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;

use crate::{
    model::{MethodSet, OutcomeKind},
    stats::Stats,
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every row is final.
    Complete,
    /// Something stopped it: a guard, the service, the results.
    Stopped,
    /// A signal stopped it.
    Interrupted,
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
    pub stopped_because: Option<String>,
    pub next: Option<String>,
}

impl Rows {
    /// The rows that the numbers tell of.
    #[must_use]
    pub fn of(stats: &Stats) -> Self {
        let counts = OutcomeKind::ALL.map(|kind| (kind, stats.count(kind)));
        Self {
            total: stats.total,
            done: stats.done(),
            by_outcome: counts.into_iter().collect(),
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
        let json = serde_json::to_string_pretty(self);
        json.expect("numbers and texts are JSON") + "\n"
    }
}

/// Replaces a file in one step: whoever reads it sees the old content or the new.
///
/// # Errors
/// What the operating system says.
pub fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".bulk-unlock-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}
