//! The numbers of a run for Prometheus: its text format, as node_exporter's textfile collector
//! reads it.
//!
//! Pure: text from a summary, and from what the file held before. Every number is that of one run,
//! and the next run may have a smaller one, so all of them are gauges.

use std::collections::HashMap;

use jiff::Timestamp;
use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::Summary;

/// When a run last ended well, in seconds since 1970.
const LAST_SUCCESS: &str = "bulk_unlock_last_success_timestamp_seconds";

/// The metrics of a run under this label `job`. `earlier` is what the file holds: a run that did
/// not end well keeps the time of the last one that did. Before any did, that time is 0.
#[must_use]
pub fn metrics(summary: &Summary, job: &str, earlier: &str) -> String {
    let ended = seconds(&summary.finished_at);
    let succeeded = match summary.exit_code {
        0 => ended,
        _ => last_success(earlier, job).unwrap_or_default(),
    };
    fill(summary, job, ended, succeeded).expect("the names are sound and no two are alike")
}

fn fill(
    summary: &Summary,
    job: &str,
    ended: f64,
    succeeded: f64,
) -> Result<String, prometheus::Error> {
    let label = HashMap::from([("job".to_owned(), job.to_owned())]);
    let registry = Registry::new_custom(None, Some(label))?;
    let counts = |name: &str, help: &str, labels: &[&str]| {
        let counts = IntGaugeVec::new(Opts::new(name, help), labels)?;
        registry.register(Box::new(counts.clone()))?;
        Ok::<_, prometheus::Error>(counts)
    };
    let rows = counts(
        "bulk_unlock_rows",
        "Final rows by outcome, those of the runs that the last one went on with included.",
        &["outcome"],
    )?;
    for (kind, count) in &summary.rows.by_outcome {
        rows.with_label_values(&[kind.as_str()]).set(whole(*count));
    }
    let requests = counts(
        "bulk_unlock_requests",
        "Requests of the last run by call and HTTP status, or by why no answer came.",
        &["endpoint", "status"],
    )?;
    for (endpoint, answers) in &summary.requests {
        for (status, count) in answers {
            let labels = [*endpoint, status.as_str()];
            requests.with_label_values(&labels).set(whole(*count));
        }
    }
    let retries = IntGauge::new("bulk_unlock_retries", "Further tries of the last run.")?;
    retries.set(whole(summary.retries));
    registry.register(Box::new(retries))?;
    let numbers: [(&str, &str, f64); 4] = [
        (
            "bulk_unlock_duration_seconds",
            "How long the last run took.",
            summary.duration_s,
        ),
        (
            "bulk_unlock_exit_code",
            "The exit code of the last run; 0 where every row ended well.",
            summary.exit_code.into(),
        ),
        (
            "bulk_unlock_last_run_timestamp_seconds",
            "When the last run ended.",
            ended,
        ),
        (
            LAST_SUCCESS,
            "When a run last ended with code 0; 0 where none has.",
            succeeded,
        ),
    ];
    for (name, help, value) in numbers {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))?;
    }
    TextEncoder::new().encode_to_string(&registry.gather())
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A time of a summary in seconds since 1970.
fn seconds(time: &str) -> f64 {
    let time = time.parse::<Timestamp>();
    time.map_or(0.0, |time| time.as_millisecond() as f64 / 1000.0)
}

/// When this job last succeeded, by a file that a run wrote before. What cannot be read says
/// nothing.
fn last_success(text: &str, job: &str) -> Option<f64> {
    let labelled = GaugeVec::new(Opts::new(LAST_SUCCESS, "-").const_label("job", job), &[]).ok()?;
    labelled.with_label_values::<&str>(&[]).set(0.0);
    let registry = Registry::new();
    registry.register(Box::new(labelled)).ok()?;
    let written = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .ok()?;
    let start = written.lines().last()?.strip_suffix('0')?.to_owned();
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(&start)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{LAST_SUCCESS, metrics};
    use crate::{
        report::summary::{Status, tests::summary},
        stats::Stats,
    };

    /// The value of a series; `None` where there is no such series.
    fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    #[test]
    fn the_last_success_outlives_runs_that_fail() {
        let series = format!(r#"{LAST_SUCCESS}{{job="nightly"}}"#);
        let good = summary(&Stats::new(Some(0)), Status::Complete);
        let mut bad = summary(&Stats::new(Some(0)), Status::Stopped);
        bad.finished_at = "2026-11-25T02:03:25.967Z".to_owned();

        let never = metrics(&bad, "nightly", "");
        assert_eq!(value(&never, &series), Some("0"));
        let once = metrics(&good, "nightly", &never);
        let succeeded = value(&once, &series).expect("a success");
        let again = metrics(&bad, "nightly", &once);
        assert_eq!(value(&again, &series), Some(succeeded));
        let run = r#"bulk_unlock_last_run_timestamp_seconds{job="nightly"}"#;
        assert_eq!(value(&again, run), Some("1795572205.967"));
        assert_eq!(
            value(&again, r#"bulk_unlock_exit_code{job="nightly"}"#),
            Some("130")
        );
        let other = metrics(&bad, "weekly", &once);
        assert!(
            other.contains(&format!("{LAST_SUCCESS}{{job=\"weekly\"}} 0\n")),
            "{other}"
        );
        for damaged in ["\u{0}", &series, &format!("{series} soon")] {
            assert_eq!(
                value(&metrics(&bad, "nightly", damaged), &series),
                Some("0")
            );
        }
    }

    #[test]
    fn a_job_may_have_any_name() {
        let bad = summary(&Stats::new(Some(0)), Status::Stopped);
        let good = summary(&Stats::new(Some(0)), Status::Complete);
        for job in ["a\"b", "c\\d", "e\nf", "", "ü {}=,"] {
            let once = metrics(&good, job, "");
            let kept = metrics(&bad, job, &once);
            let success = |text: &str| {
                let line = text.lines().find(|line| line.starts_with(LAST_SUCCESS));
                line.map(str::to_owned)
            };
            assert_eq!(success(&once), success(&kept), "{job:?}");
            assert!(success(&kept).is_some_and(|line| !line.ends_with(" 0")));
        }
    }
}
