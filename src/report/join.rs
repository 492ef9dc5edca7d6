//! Several shards' summaries: whether they are the whole of one job, and what they come to
//! together. Pure.

use std::{fmt, path::PathBuf};

use super::{Hashes, Latency, Rows, Status, Summary, Throttled, told::Told};
use crate::{
    model::{Answer, Endpoint},
    shard::Shard,
    stats::{Stats, Tally},
};

/// One shard: its results, and what it told of itself; `None` where it has not told anything.
#[derive(Debug)]
pub struct Part {
    /// The results.
    pub results: PathBuf,
    /// The summary.
    pub told: Option<Told>,
    /// Whole records in the results.
    pub records: u64,
}

/// A shard that has to be taken up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    results: PathBuf,
    why: String,
    next: Option<String>,
}

/// Why shards cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Some are not complete.
    #[error("{} cannot be joined yet:{}", shards(.0.len()), list(.0))]
    Unfinished(Vec<Unfinished>),
    /// Some are not here.
    #[error("{} of {count} missing: {}", shards(.missing.len()), .missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Missing {
        /// Which.
        missing: Vec<Shard>,
        /// How many there should be.
        count: u32,
    },
    /// One is here twice.
    #[error("{first} and {second} are both shard {shard}")]
    Twice {
        /// The shard.
        shard: Shard,
        /// One of its results.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// They are not of one job.
    #[error(
        "{first} and {second} are not shards of one job: {what} is `{one}` in one and `{other}` in the other"
    )]
    Mixed {
        /// One of the results.
        first: PathBuf,
        /// Another.
        second: PathBuf,
        /// In what they differ.
        what: &'static str,
        /// Of the first.
        one: String,
        /// Of the second.
        other: String,
    },
    /// The same row was done by two.
    #[error(
        "row {row} ({user}) stands in {first} and in {second}: these are not shards of one source"
    )]
    SameRow {
        /// The row.
        row: u64,
        /// Its user.
        user: String,
        /// One of the results.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A shard is to go on with what is not its own.
    #[error("{results} holds {held}, and this is shard {asked}")]
    OtherShard {
        /// The results.
        results: PathBuf,
        /// Whose they are.
        held: String,
        /// Whose they should be.
        asked: Shard,
    },
    /// What is to be written is also to be read.
    #[error("{0} is to be read and to be written")]
    OutputIsInput(PathBuf),
}

impl JoinError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unfinished(_) => "go on with each as said, then merge again".to_owned(),
            Self::Missing { missing, .. } => format!(
                "name their results too; where there are none, run them with --shard {}",
                missing.first().map(ToString::to_string).unwrap_or_default()
            ),
            Self::Twice { .. } => "name the results of each shard once".to_owned(),
            Self::Mixed { .. } | Self::SameRow { .. } => {
                "name the results of one job's shards, which have one source, one tenant and one N"
                    .to_owned()
            }
            Self::OtherShard { .. } => {
                "name a file for each shard with --results; {shard} in its name is the shard's number"
                    .to_owned()
            }
            Self::OutputIsInput(_) => "name another file with --results".to_owned(),
        }
    }

    /// The process's exit code.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unfinished(_) | Self::Missing { .. } => 4,
            _ => 2,
        }
    }
}

fn shards(count: usize) -> String {
    super::text::count(count as u64, "shard", "shards")
}

fn list(unfinished: &[Unfinished]) -> String {
    unfinished.iter().map(ToString::to_string).collect()
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {}: {}", self.results.display(), self.why)?;
        match &self.next {
            Some(next) => write!(f, "\n    {next}"),
            None => Ok(()),
        }
    }
}

/// The shards in their order.
///
/// # Errors
/// [`JoinError`], where they are not the whole of one job.
pub fn whole(mut parts: Vec<Part>) -> Result<Vec<(Part, Told)>, JoinError> {
    let unfinished: Vec<_> = parts.iter().filter_map(unfinished).collect();
    // A wrong N shows also where something is missing, and is the better reason.
    let known = |part: &Part| part.told.as_ref().and_then(Told::shard);
    parts.sort_by_key(|part| known(part).map(Shard::index));
    let told: Vec<_> = parts
        .iter()
        .filter_map(|part| Some((part, part.told.as_ref()?)))
        .collect();
    for pair in told.windows(2) {
        alike(pair[0], pair[1])?;
    }
    if !unfinished.is_empty() {
        return Err(JoinError::Unfinished(unfinished));
    }
    let count = told
        .first()
        .and_then(|(_, told)| told.shard())
        .map_or(1, Shard::count);
    let here: Vec<_> = told.iter().filter_map(|(_, told)| told.shard()).collect();
    let all = (0..count).filter_map(|index| Shard::new(index, count));
    let missing: Vec<_> = all.filter(|shard| !here.contains(shard)).collect();
    if !missing.is_empty() {
        return Err(JoinError::Missing { missing, count });
    }
    let with_told = parts.into_iter().filter_map(|part| {
        let told = part.told.clone()?;
        Some((part, told))
    });
    Ok(with_told.collect())
}

fn unfinished(part: &Part) -> Option<Unfinished> {
    let again = |shard: Option<Shard>| match shard {
        Some(shard) if shard.count() > 1 => {
            format!("say again what was said for shard {shard}, with --shard {shard} --resume")
        }
        _ => "say again what was said for it, with --resume".to_owned(),
    };
    let (why, next) = match &part.told {
        None => (
            "it has no summary, so its run was killed or is still at work".to_owned(),
            Some(again(None)),
        ),
        Some(told) if told.status != Status::Complete => {
            let why = told.stopped_because.as_deref().unwrap_or("it was stopped");
            let done = told.rows.done;
            (
                format!("it was stopped after {done} rows: {why}"),
                told.next.clone().or_else(|| Some(again(told.shard()))),
            )
        }
        Some(told) if told.shard().is_none() => ("its summary names no shard".to_owned(), None),
        Some(told) if told.rows.done != part.records => (
            format!(
                "it holds {} whole records, and its summary tells of {}: a later run was killed or is still at work",
                part.records, told.rows.done
            ),
            Some(again(told.shard())),
        ),
        Some(_) => return None,
    };
    Some(Unfinished {
        results: part.results.clone(),
        why,
        next,
    })
}

/// Whether two shards, next to each other in order, are of one job.
fn alike(one: (&Part, &Told), other: (&Part, &Told)) -> Result<(), JoinError> {
    let count = |told: &Told| told.shard().map_or(0, Shard::count).to_string();
    let facts = |told: &Told| {
        [
            ("the number of shards", count(told)),
            ("base_url", told.base_url.clone()),
            ("methods", told.methods().to_string()),
        ]
    };
    let pairs = facts(one.1).into_iter().zip(facts(other.1));
    for ((what, first), (_, second)) in pairs {
        if first != second {
            return Err(JoinError::Mixed {
                first: one.0.results.clone(),
                second: other.0.results.clone(),
                what,
                one: first,
                other: second,
            });
        }
    }
    match (one.1.shard(), other.1.shard()) {
        (Some(shard), Some(same)) if shard == same => Err(JoinError::Twice {
            shard,
            first: one.0.results.clone(),
            second: other.0.results.clone(),
        }),
        _ => Ok(()),
    }
}

/// The numbers of all shards together, but for latency, which cannot be added up.
#[must_use]
pub fn numbers(told: &[Told], rows: Tally) -> Stats {
    let mut stats = Stats::new(told.iter().map(|told| told.rows.total).sum());
    stats.resume(rows);
    stats.retries = told.iter().map(|told| told.retries).sum();
    for (call, answers) in told.iter().flat_map(|told| &told.requests) {
        for (answer, count) in answers {
            if let (Some(call), Some(answer)) = (Endpoint::named(call), Answer::named(answer)) {
                *stats.requests.entry((call, answer)).or_default() += count;
            }
        }
    }
    stats
}

/// Who made the summary of all shards, and where.
#[derive(Debug)]
#[allow(missing_docs, reason = "as in the summary")]
pub struct Joined {
    pub run_id: String,
    pub results: String,
    pub sha256: Option<String>,
}

/// The summary of the whole.
///
/// # Panics
/// Without any shard.
#[must_use]
pub fn summary(told: &[Told], stats: &Stats, joined: Joined) -> Summary {
    let first = told.first().expect("there is a shard");
    let started = told.iter().map(|told| &told.started_at).min();
    let last = told
        .iter()
        .max_by_key(|told| &told.finished_at)
        .unwrap_or(first);
    let started_at = started.unwrap_or(&first.started_at).clone();
    let each = |of: fn(&Told) -> f64| told.iter().map(of);
    Summary {
        run_id: joined.run_id,
        version: env!("CARGO_PKG_VERSION"),
        status: Status::Complete,
        exit_code: u8::from(stats.not_well() > 0),
        reason: together(told.iter().filter_map(|told| told.reason.as_deref())),
        source: together(told.iter().map(|told| told.source.as_str())).unwrap_or_default(),
        results: joined.results,
        base_url: first.base_url.clone(),
        methods: first.methods(),
        duration_s: seconds_between(&started_at, &last.finished_at),
        started_at,
        finished_at: last.finished_at.clone(),
        rows: Rows::of(stats, told.iter().map(|told| told.rows.not_in_source).sum()),
        requests: Summary::requests_of(stats),
        retries: stats.retries,
        throttled: Throttled {
            responses_429: stats.answers(429),
            slowest_rate: each(|told| told.throttled.slowest_rate).fold(f64::INFINITY, f64::min),
            final_rate: last.throttled.final_rate,
        },
        latency_ms: latency(told),
        shard: None,
        operator: together(told.iter().map(|told| told.operator.as_str())).unwrap_or_default(),
        hashes: Hashes {
            source: of_all(told, |hashes| hashes.source.as_ref()),
            results: joined.sha256,
            configuration: of_all(told, |hashes| hashes.configuration.as_ref()),
        },
        stopped_because: None,
        next: None,
        charts: None,
    }
}

/// The hash that all shards have; `None` where they differ.
fn of_all(told: &[Told], of: fn(&Hashes) -> Option<&String>) -> Option<String> {
    let mut all = told.iter().map(|told| told.hashes.as_ref().and_then(of));
    let first = all.next()??;
    all.all(|other| other == Some(first)).then(|| first.clone())
}

/// Each text once, in order; `None` where there is none.
fn together<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut different: Vec<_> = texts.collect();
    different.sort_unstable();
    different.dedup();
    (!different.is_empty()).then(|| different.join(", "))
}

fn seconds_between(start: &str, end: &str) -> f64 {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let between = time(start).zip(time(end));
    between.map_or(0.0, |(start, end)| {
        end.duration_since(start).as_secs_f64().max(0.0)
    })
}

/// Of all requests together no more than these: a share that no shard's latency exceeds.
fn latency(told: &[Told]) -> Option<Latency> {
    let mut all = told.iter().filter_map(|told| told.latency_ms);
    let first = all.next()?;
    let most = all.fold(first, |mut most, next| {
        most.p50 = most.p50.max(next.p50);
        most.p90 = most.p90.max(next.p90);
        most.p99 = most.p99.max(next.p99);
        most.max = most.max.max(next.max);
        most
    });
    Some(Latency {
        p50: most.p50,
        p90: most.p90,
        p99: most.p99,
        max: most.max,
    })
}
