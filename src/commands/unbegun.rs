//! A run that ended before there was anything to sum up: its summary says so all the same, and so do
//! the metrics. Whatever was given may be what is wrong, so each part is taken as far as it goes.

use std::time::SystemTime;

use crate::{
    cli::{OutputFormat, RunArgs, SourceArgs},
    config::Environment,
    error::AppError,
    model::MethodSet,
    report::{JoinError, Rows, Status, Summary, Throttled, write_atomically},
    results::{ResultsError, timestamp},
    source::Source,
    stats::Stats,
    throttle::Rate,
};

use super::ending::{Names, Outputs, Started, write_metrics};

/// Leaves the summary and the metrics of a run that failed with this error, as far as there is a
/// place for them. What cannot be written is not told: there is an error already.
pub(super) fn tell(
    args: &RunArgs,
    profile: Option<&str>,
    env: &Environment,
    started: &Started,
    error: &AppError,
) {
    let names = Names {
        results: args.results.results.as_deref(),
        summary: args.results.summary.as_deref(),
        metrics: args.results.metrics.as_deref(),
        html: None,
        simulated: args.trial.simulate.is_some(),
        shard: args
            .source
            .shard
            .as_deref()
            .and_then(|text| text.parse().ok()),
        input: args
            .source
            .input
            .as_deref()
            .or(args.source.failed_from.as_deref()),
    };
    let Ok(outputs) = Outputs::of(&names, profile, started) else {
        return;
    };
    let summary = summary(args, env, started, &outputs, error);
    if args.results.output == Some(OutputFormat::Json) {
        let _ = super::print(&summary.to_json());
    }
    if outputs.spare(args.source.input.as_deref()).is_err() {
        return;
    }
    // Results that are not this run's keep their summary.
    let stays = matches!(
        error,
        AppError::Join(JoinError::OtherShard { .. })
            | AppError::Results(ResultsError::Exists(_) | ResultsError::NotResults { .. })
    );
    if !stays || args.results.summary.is_some() || !outputs.summary.exists() {
        let _ = write_atomically(&outputs.summary, &summary.to_json());
    }
    if let Some(path) = &outputs.metrics {
        let job = args.results.metrics_job.as_deref();
        let _ = write_metrics(path, &summary, job.unwrap_or(super::PROGRAM));
    }
}

fn summary(
    args: &RunArgs,
    env: &Environment,
    started: &Started,
    outputs: &Outputs,
    error: &AppError,
) -> Summary {
    let exit_code = error.exit_code();
    let said = args.pace.rate.as_deref();
    let rate = said.and_then(|text| text.parse::<Rate>().ok());
    let ceiling = rate.unwrap_or_default().per_s();
    let methods = args.source.methods.as_deref();
    let methods = methods.and_then(|text| text.parse().ok());
    let why = match error.hint() {
        hint if hint.is_empty() => error.to_string(),
        hint => format!("{error}; {hint}"),
    };
    Summary {
        run_id: started.run_id().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        status: Status::of(exit_code),
        exit_code,
        reason: args.results.reason.clone(),
        source: source(&args.source),
        results: outputs.results.display().to_string(),
        base_url: args.connection.base_url.clone().unwrap_or_default(),
        methods: methods.unwrap_or(MethodSet::ALL),
        started_at: timestamp(started.at),
        finished_at: timestamp(SystemTime::now()),
        duration_s: (started.clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        rows: Rows::of(&Stats::new(None), 0),
        requests: std::collections::BTreeMap::new(),
        retries: 0,
        throttled: Throttled {
            responses_429: 0,
            slowest_rate: ceiling,
            final_rate: ceiling,
        },
        latency_ms: None,
        shard: args.source.shard.clone(),
        operator: env.operator(),
        hashes: started.hashes(),
        stopped_because: Some(why),
        next: None,
        charts: None,
    }
}

/// What was named, in the words of a run that read it.
fn source(args: &SourceArgs) -> String {
    if let Some(input) = &args.input {
        return crate::source::Input::new(input).to_string();
    }
    match (&args.search, &args.failed_from, &args.locked_since) {
        _ if !args.user.is_empty() => Source::Named(args.user.clone()).to_string(),
        (Some(text), ..) => Source::Search(text.clone()).to_string(),
        (_, Some(path), _) => Source::Earlier(path.clone()).to_string(),
        (.., Some(since)) => format!("event log, locked since {since}"),
        (None, None, None) => String::new(),
    }
}
