//! `report`: a results file rendered again, with the summary beside it where there is one.

use std::{
    io::{self, ErrorKind, IsTerminal},
    path::Path,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{
    cli::{GlobalArgs, OutputFormat, ReportArgs},
    config::Environment,
    error::AppError,
    model::MethodSet,
    report::{
        Digest, Hashes, Joined, Page, Rows, Status, Summary, Throttled, Told, numbers, render,
        summary_of_all, write_atomically,
    },
    results::{Records, ResultsError, timestamp},
    stats::Stats,
};

use super::{
    apart::apart,
    ending::{beside, quoted},
};

/// Why a run without a summary is not told of as complete.
const NO_SUMMARY: &str =
    "how the run ended is not known, as there is no summary beside the results";

pub(super) fn run(
    args: &ReportArgs,
    global: &GlobalArgs,
    env: &Environment,
) -> Result<u8, AppError> {
    let path = &args.results;
    let summary_path = args.summary.clone().unwrap_or_else(|| beside(path));
    if let Some(html) = &args.html {
        apart(&[
            ("results", path),
            ("summary", &summary_path),
            ("html", html),
        ])?;
    }
    let digest = Digest::of(&mut Records::open(path)?)?;
    let document = read(&summary_path, args.summary.is_some())?;
    if let Some(html) = &args.html {
        write_page(html, &digest, document.as_ref(), path)?;
    }
    let code = u8::from(digest.tally.not_well() > 0);
    let told = match &document {
        Some(_) => {
            Some(Told::read(&summary_path).map_err(|source| unreadable(&summary_path, source))?)
        }
        None => None,
    };
    let (mut summary, stats) = retell(told, &digest, path, code);
    let took = document
        .as_ref()
        .and_then(|document| document["duration_s"].as_f64());
    summary.duration_s = took.unwrap_or(summary.duration_s);
    match (args.output, document) {
        (Some(OutputFormat::Json), Some(document)) => {
            super::print(&crate::report::document(&document))?
        }
        (Some(OutputFormat::Json), None) => super::print(&summary.to_json())?,
        _ if global.quiet && code == 0 => {}
        _ => {
            let styled = env.allows_colour() && io::stdout().is_terminal();
            super::print(&render(&summary, &stats, styled))?;
        }
    }
    if let Some(torn) = &digest.torn {
        let path = path.display();
        tracing::warn!(
            "{path} ends in the middle of line {}: that row is not counted",
            torn.line
        );
    }
    Ok(code)
}

/// Writes the page of these records.
pub(super) fn write_page(
    html: &Path,
    digest: &Digest,
    summary: Option<&Value>,
    results: &Path,
) -> Result<(), AppError> {
    let name = results.display().to_string();
    let page = Page {
        digest,
        summary,
        results: &name,
        again: &format!("bulk-unlock run --failed-from {}", quoted(&name)),
        made_at: &timestamp(SystemTime::now()),
    };
    let written = write_atomically(html, &page.render());
    written.map_err(|source| AppError::Output {
        path: html.to_owned(),
        source,
    })
}

/// The summary as its file has it. One that was not named may be missing.
fn read(path: &Path, named: bool) -> Result<Option<Value>, AppError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !named => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let document = serde_json::from_slice(&text);
    document
        .map(Some)
        .map_err(|error| unreadable(path, error.into()))
}

fn unreadable(path: &Path, source: io::Error) -> AppError {
    let path = path.to_owned();
    ResultsError::Read { path, source }.into()
}

/// What the terminal shows: the numbers of the records, and of the summary what only it knows.
fn retell(told: Option<Told>, digest: &Digest, path: &Path, code: u8) -> (Summary, Stats) {
    let results = path.display().to_string();
    let Some(told) = told else {
        return without_summary(digest, results, code);
    };
    let told = [told];
    let stats = numbers(&told, digest.tally.clone());
    let run_id = String::new();
    let summary = summary_of_all(
        &told,
        &stats,
        Joined {
            run_id,
            results,
            sha256: None,
        },
    );
    let [told] = told;
    let summary = Summary {
        status: told.status,
        stopped_because: told.stopped_because,
        next: told.next,
        ..summary
    };
    (summary, stats)
}

fn without_summary(digest: &Digest, results: String, exit_code: u8) -> (Summary, Stats) {
    let mut stats = Stats::new(None);
    stats.resume(digest.tally.clone());
    let unknown = || "unknown".to_owned();
    let (_, last) = digest
        .span
        .unwrap_or((SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH));
    let first = digest.timeline.start().unwrap_or(last);
    let took = last.duration_since(first).unwrap_or(Duration::ZERO);
    let summary = Summary {
        run_id: unknown(),
        version: env!("CARGO_PKG_VERSION"),
        status: Status::Stopped,
        exit_code,
        reason: None,
        source: unknown(),
        results,
        base_url: unknown(),
        methods: MethodSet::ALL,
        started_at: timestamp(first),
        finished_at: timestamp(last),
        duration_s: (took.as_secs_f64() * 1000.0).round() / 1000.0,
        rows: Rows::of(&stats, 0),
        requests: Summary::requests_of(&stats),
        retries: digest.further_tries,
        throttled: Throttled {
            responses_429: 0,
            slowest_rate: 0.0,
            final_rate: 0.0,
        },
        latency_ms: None,
        shard: None,
        operator: unknown(),
        hashes: Hashes::default(),
        stopped_because: Some(NO_SUMMARY.to_owned()),
        next: None,
        charts: None,
    };
    (summary, stats)
}
