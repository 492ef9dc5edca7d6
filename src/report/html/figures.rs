//! The pictures of a page, each with its numbers as a table.

use serde::Serialize;

use super::{
    Page,
    charts::{self, Bar, Tone, grouped},
};
use crate::{
    model::{Method, OutcomeKind},
    report::{
        charts::{Charts, Histogram, LocksBefore, TimelineChart},
        digest::Digest,
        text::in_words,
    },
};

/// A picture, what it says, and its numbers.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    id: &'static str,
    title: &'static str,
    /// `full`: as wide as the page.
    class: &'static str,
    svg: Option<String>,
    note: Option<String>,
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// All pictures, in their order.
pub(super) fn all(page: &Page<'_>) -> Vec<Figure> {
    let charts = page.summary.and_then(|summary| {
        let charts = summary.get("charts")?.clone();
        serde_json::from_value::<Charts>(charts).ok()
    });
    let digest = page.digest;
    let (line, latency, before) = match charts {
        Some(charts) => (charts.timeline, charts.latency, charts.locks_before),
        None => (None, None, None),
    };
    let mut figures = vec![
        outcomes(digest),
        locks(digest, before.as_ref()),
        over_time(digest, line),
    ];
    figures.extend(latency.map(|latency| {
        let note = "From the request to the whole answer, every try by itself.";
        times(
            "latency",
            "How long requests took",
            note,
            "Requests",
            &latency,
        )
    }));
    if !digest.durations.counts.is_empty() {
        let note =
            "From the first request for a user to the end of the row, waits and tries included.";
        let times = times(
            "durations",
            "How long users took",
            note,
            "Rows",
            &digest.durations,
        );
        figures.push(times);
    }
    if figures.len() % 2 == 0 {
        figures.last_mut().expect("there are some").class = "full";
    }
    figures
}

fn outcomes(digest: &Digest) -> Figure {
    let kinds = OutcomeKind::ALL.into_iter();
    let kinds: Vec<_> = kinds.filter(|kind| digest.tally.count(*kind) > 0).collect();
    let bars: Vec<_> = kinds
        .iter()
        .map(|kind| Bar {
            name: kind.as_str().replace('_', " "),
            value: digest.tally.count(*kind),
            tone: if kind.ends_well() {
                Tone::Good
            } else {
                Tone::Bad
            },
        })
        .collect();
    let row = |kind: &OutcomeKind| {
        let count = digest.tally.count(*kind).to_string();
        vec![kind.to_string(), count, in_words(*kind).to_owned()]
    };
    Figure {
        id: "outcomes",
        title: "What became of the rows",
        class: "",
        svg: (!bars.is_empty()).then(|| charts::bars("outcomes", "Rows by outcome", &bars)),
        note: bars.is_empty().then(|| "No row is recorded.".to_owned()),
        heads: vec!["Outcome", "Rows", "Meaning"],
        rows: kinds.iter().map(row).collect(),
    }
}

fn locks(digest: &Digest, before: Option<&LocksBefore>) -> Figure {
    let mut bars = Vec::new();
    let mut rows = Vec::new();
    for method in Method::ALL {
        let Some(after) = digest.after.get(method.as_str()) else {
            continue;
        };
        let looked_up = before.and_then(|before| before.locked.get(method.as_str()));
        let values = [
            (
                "locked before",
                looked_up.copied().unwrap_or(0),
                Tone::Plain,
            ),
            ("not locked now", after.unlocked, Tone::Good),
            ("locked now", after.locked, Tone::Bad),
            ("not known now", after.unknown, Tone::Dim),
        ];
        let values = values.into_iter().filter(|(_, value, _)| *value > 0);
        bars.extend(values.map(|(name, value, tone)| Bar {
            name: format!("{method} {name}"),
            value,
            tone,
        }));
        rows.push(vec![
            method.to_string(),
            looked_up.map_or("not known".to_owned(), u64::to_string),
            after.unlocked.to_string(),
            after.locked.to_string(),
            after.unknown.to_string(),
        ]);
    }
    let note = match before {
        Some(before) => format!(
            "Before: of the {} users whom this run looked up. Now: what the service last said of each user, of the methods asked for.",
            grouped(before.looked_up)
        ),
        None => "What the service last said of each user, of the methods asked for. What was locked before is known only of users who are looked up (--only-locked, or rows without a user ID)."
            .to_owned(),
    };
    Figure {
        id: "locks",
        title: "The locks, before and now",
        class: "",
        svg: (!bars.is_empty()).then(|| charts::bars("locks", "Locks by method", &bars)),
        note: Some(note),
        heads: vec![
            "Method",
            "Locked before",
            "Not locked now",
            "Locked now",
            "Not known now",
        ],
        rows,
    }
}

fn over_time(digest: &Digest, told: Option<TimelineChart>) -> Figure {
    let (line, note) = match told {
        Some(line) => {
            let sum = |of: &[f64]| of.iter().sum::<f64>();
            let mut note = "Requests a second. Blue: answered or failed; red: turned away with 429.".to_owned();
            if sum(&line.paused_s) > 0.0 {
                note += &format!(
                    " Orange ground: all waited, as the service had asked ({:.1} s).",
                    sum(&line.paused_s)
                );
            }
            if sum(&line.away_s) > 0.0 {
                note += &format!(
                    " Violet ground: the service did not answer ({:.1} s).",
                    sum(&line.away_s)
                );
            }
            (Some(line), note)
        }
        None => (
            TimelineChart::of(&digest.timeline),
            "Rows a second, as they became final by the results. Requests, answers with 429 and pauses stand in the summary, which is not here or does not have them."
                .to_owned(),
        ),
    };
    let svg = line
        .as_ref()
        .map(|line| charts::over_time("time", "Rate over time", line));
    Figure {
        id: "time",
        title: "The rate over time",
        class: "full",
        svg,
        note: Some(note),
        heads: vec![
            "From (s)",
            "Requests",
            "429",
            "Rows final",
            "Waited (s)",
            "Away (s)",
        ],
        rows: line.as_ref().map(steps).unwrap_or_default(),
    }
}

fn steps(line: &TimelineChart) -> Vec<Vec<String>> {
    let rows = line.rows.iter().enumerate().map(|(n, rows)| {
        let count = |counts: &[u64]| counts.get(n).copied().unwrap_or(0).to_string();
        let time = |times: &[f64]| format!("{:.1}", times.get(n).copied().unwrap_or(0.0));
        vec![
            format!("{:.3}", n as f64 * line.step_s),
            count(&line.requests),
            count(&line.responses_429),
            rows.to_string(),
            time(&line.paused_s),
            time(&line.away_s),
        ]
    });
    rows.collect()
}

fn times(
    id: &'static str,
    title: &'static str,
    note: &str,
    what: &'static str,
    histogram: &Histogram,
) -> Figure {
    let classes = histogram.up_to_ms.iter().zip(&histogram.counts);
    Figure {
        id,
        title,
        class: "",
        svg: Some(charts::histogram(id, title, histogram)),
        note: Some(note.to_owned()),
        heads: vec!["Up to (ms)", what],
        rows: classes
            .map(|(end, count)| vec![end.to_string(), count.to_string()])
            .collect(),
    }
}
