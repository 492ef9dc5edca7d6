//! The summary for people: at most 20 lines, the next command last.

use std::fmt::Write;

use crate::{model::OutcomeKind, stats::Stats};

use super::summary::{Status, Summary};

/// How many rows that did not end well are shown.
const SHOWN: usize = 4;

/// The summary as text. `styled`: with colours.
#[must_use]
pub fn render(summary: &Summary, stats: &Stats, styled: bool) -> String {
    let style = Style(styled);
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", headline(summary, stats, style));
    for kind in OutcomeKind::ALL.into_iter().filter(|kind| stats.count(*kind) > 0) {
        let count = style.by_outcome(kind, &format!("{:>9}", stats.count(kind)));
        let _ = writeln!(text, "{count}  {}", in_words(kind));
    }
    let _ = writeln!(text);
    for failure in stats.failures.iter().take(SHOWN) {
        let _ = writeln!(text, "  row {} ({}): {}, {}", failure.row, failure.user, failure.kind, failure.error);
    }
    let hidden = stats.not_well().saturating_sub(SHOWN as u64);
    if hidden > 0 {
        let _ = writeln!(text, "  and {hidden} more; see the column `error`");
    }
    facts(&mut text, summary, stats, style);
    if let Some(next) = &summary.next {
        let _ = writeln!(text, "\n{} {next}", style.bold("Next:"));
    }
    text
}

fn headline(summary: &Summary, stats: &Stats, style: Style) -> String {
    let took = seconds(summary.duration_s);
    let done = stats.done();
    let of = match summary.rows.total {
        Some(total) if total != done => format!("{done} of {total} rows"),
        _ if done == 1 => "1 row".to_owned(),
        _ => format!("{done} rows"),
    };
    match (summary.status, stats.not_well()) {
        (Status::Complete, 0) if done == 0 => style.bold("Nothing to do: the source has no rows."),
        (Status::Complete, 0) => style.good(&format!("All is well: {of} done in {took}.")),
        (Status::Complete, bad) => style.bad(&format!("{bad} of {of} did not end well; done in {took}.")),
        (_, _) => {
            let why = summary.stopped_because.as_deref().unwrap_or("stopped");
            style.bad(&format!("Stopped after {of} in {took}: {why}."))
        }
    }
}

fn facts(text: &mut String, summary: &Summary, stats: &Stats, style: Style) {
    let _ = writeln!(text, "  {}  {}", style.dim("results "), summary.results);
    let sent = stats.requests_sent();
    let per_s = sent as f64 / summary.duration_s.max(0.001);
    let _ = writeln!(
        text,
        "  {}  {sent} at {per_s:.1}/s, {} retries, {} answered 429",
        style.dim("requests"),
        summary.retries,
        summary.throttled.responses_429,
    );
    if let Some(latency) = &summary.latency_ms {
        let _ = writeln!(
            text,
            "  {}  {} ms in the middle, {} ms for 99 of 100, {} ms at most",
            style.dim("latency "),
            latency.p50,
            latency.p99,
            latency.max,
        );
    }
}

const fn in_words(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Unlocked => "unlocked",
        OutcomeKind::AlreadyUnlocked => "were not locked",
        OutcomeKind::Duplicate => "duplicates of an earlier row",
        OutcomeKind::StillLocked => "still locked",
        OutcomeKind::Unverified => "unverified: the service did not say whether they are locked",
        OutcomeKind::NotFound => "not found",
        OutcomeKind::Invalid => "invalid: not a user",
        OutcomeKind::Forbidden => "forbidden",
        OutcomeKind::Failed => "failed",
    }
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[derive(Clone, Copy)]
struct Style(bool);

impl Style {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn good(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    fn by_outcome(self, kind: OutcomeKind, text: &str) -> String {
        self.wrap(if kind.ends_well() { "32" } else { "31" }, text)
    }
}
