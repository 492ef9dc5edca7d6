//! A summary read back: what one shard told of itself.

use std::{collections::BTreeMap, io, path::Path};

use serde::Deserialize;

use super::{Hashes, Status};
use crate::{
    model::{Method, MethodSet},
    shard::Shard,
};

/// What is read back of a summary. Members that are not known are passed over.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "each member is described in the schema")]
pub struct Told {
    #[serde(default)]
    pub run_id: String,
    /// `None` in what an older version wrote.
    #[serde(default)]
    pub hashes: Option<Hashes>,
    pub status: Status,
    pub reason: Option<String>,
    pub source: String,
    pub base_url: String,
    methods: Vec<Method>,
    pub started_at: String,
    pub finished_at: String,
    pub rows: ToldRows,
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    pub retries: u64,
    pub throttled: ToldThrottled,
    pub latency_ms: Option<ToldLatency>,
    shard: Option<String>,
    pub operator: String,
    pub stopped_because: Option<String>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "each member is described in the schema")]
pub struct ToldRows {
    pub total: Option<u64>,
    pub done: u64,
    pub not_in_source: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "each member is described in the schema")]
pub struct ToldThrottled {
    pub slowest_rate: f64,
    pub final_rate: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[allow(missing_docs, reason = "each member is described in the schema")]
pub struct ToldLatency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Told {
    /// Reads a summary.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::InvalidData`] for what is no summary.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read(path)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Which shard it is; a run that was not sharded is the only one.
    #[must_use]
    pub fn shard(&self) -> Option<Shard> {
        match &self.shard {
            Some(shard) => shard.parse().ok(),
            None => Shard::new(0, 1),
        }
    }

    /// The same, in words.
    #[must_use]
    pub fn shard_or_whole(&self) -> String {
        let shard = self.shard.as_ref();
        shard.map_or_else(|| "all rows".to_owned(), |shard| format!("shard {shard}"))
    }

    /// What was to be unlocked, where a row names nothing else.
    #[must_use]
    pub fn methods(&self) -> MethodSet {
        self.methods.iter().copied().collect()
    }
}
