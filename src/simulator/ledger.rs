//! Every call that came in: what tests hold the program's results against.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// One call.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// When it arrived, since the simulator's start.
    #[serde(serialize_with = "milliseconds", rename = "at_ms")]
    pub at: Duration,
    /// `unlock`, `lookup`, `search`, `events`, `token` or `other`.
    pub endpoint: &'static str,
    /// Path and query as they were sent, still encoded.
    pub path: String,
    /// The user ID, address or part of one that it is about, decoded.
    pub user: Option<String>,
    /// The page asked for, from 0.
    pub page: Option<usize>,
    /// The methods asked for.
    pub methods: Vec<String>,
    /// The how-manieth token that was seen came with it; `None` without a good one.
    pub token: Option<u64>,
    /// When the limit let it through, since the simulator's start; `None` where it did not come so
    /// far, or was refused.
    #[serde(serialize_with = "maybe_milliseconds", rename = "admitted_ms")]
    pub admitted: Option<Duration>,
    /// Whether the limit refused it.
    pub refused: bool,
    /// Whether it came during an outage. Calls on connections that were closed at once never came.
    pub outage: bool,
    /// The status answered; `None` where no answer was sent.
    pub status: Option<u16>,
    /// The fault that was played.
    pub fault: Option<String>,
    /// Whether locks were changed, or would have been were they not open already.
    pub applied: bool,
    /// The user's locks afterwards: token, SMS, voice.
    pub locked: Option<[bool; 3]>,
}

fn milliseconds<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64() * 1000.0)
}

fn maybe_milliseconds<S: serde::Serializer>(
    at: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    at.map(|at| at.as_secs_f64() * 1000.0).serialize(serializer)
}

/// All calls, in the order of arrival.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The calls.
    pub calls: Vec<Call>,
}

impl Ledger {
    /// The calls of one kind.
    pub fn of<'a>(&'a self, endpoint: &'a str) -> impl Iterator<Item = &'a Call> {
        self.calls
            .iter()
            .filter(move |call| call.endpoint == endpoint)
    }

    /// The calls of one kind, by user.
    #[must_use]
    pub fn by_user<'a>(&'a self, endpoint: &'a str) -> BTreeMap<String, Vec<&'a Call>> {
        let mut users: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for call in self.of(endpoint) {
            users
                .entry(call.user.clone().unwrap_or_default())
                .or_default()
                .push(call);
        }
        users
    }

    /// The most calls, of every kind together, that arrived within any window of this length.
    #[must_use]
    pub fn most_within(&self, window: Duration) -> usize {
        most_within(self.calls.iter().map(|call| call.at), window)
    }

    /// The most calls, of every kind together, that the limit let through within any window of
    /// this length. Where there is no limit, all calls on a good token count as let through; calls
    /// of the token endpoint do only where the limit counts them.
    #[must_use]
    pub fn accepted_within(&self, window: Duration) -> usize {
        most_within(self.calls.iter().filter_map(|call| call.admitted), window)
    }
}

fn most_within(moments: impl Iterator<Item = Duration>, window: Duration) -> usize {
    let mut moments: Vec<_> = moments.collect();
    moments.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in moments.iter().enumerate() {
        while moments[first] + window <= *at {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}
