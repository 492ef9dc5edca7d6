//! The summary for people: at most 20 lines, the next command last.
//!
//! Pure: text from numbers. What users and the service wrote is made harmless to a terminal here.

use std::fmt::Write;
use std::time::Duration;

use crate::{model::OutcomeKind, stats::Stats};

use super::{
    summary::{Status, Summary},
    terminal::in_words as time_in_words,
};

/// No text is longer, in lines.
const MOST_LINES: usize = 20;
/// At most so many rows that did not end well are shown.
const MOST_FAILURES: usize = 5;
/// A user and an error are cut here, in characters, so that a row stays one line.
const LONGEST_USER: usize = 40;
const LONGEST_ERROR: usize = 100;

/// The summary as text. `styled`: with colours.
#[must_use]
pub fn render(summary: &Summary, stats: &Stats, styled: bool) -> String {
    let style = Style(styled);
    let outcomes = outcomes(stats, style);
    let facts = facts(summary, stats, style);
    let next = summary
        .next
        .as_ref()
        .map(|next| format!("{} {next}", style.bold("Next:")));
    // Besides these: the headline, the line on hidden rows, and a blank line before each part.
    let taken = outcomes.len() + facts.len() + next.iter().len() + 6;
    let failures = failures(stats, MOST_LINES.saturating_sub(taken).min(MOST_FAILURES));
    let headline = vec![headline(summary, stats, style)];
    let parts = [
        headline,
        outcomes,
        failures,
        facts,
        next.into_iter().collect(),
    ];
    let parts = parts
        .iter()
        .filter(|lines| !lines.is_empty())
        .map(|lines| lines.join("\n"));
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn headline(summary: &Summary, stats: &Stats, style: Style) -> String {
    let took = seconds(summary.duration_s);
    let done = stats.done();
    let of = match summary.rows.total {
        Some(total) if total != done => format!("{done} of {}", count(total, "row", "rows")),
        _ => count(done, "row", "rows"),
    };
    match (summary.status, stats.not_well()) {
        (Status::Complete, 0) if done == 0 && summary.shard.is_some() => {
            style.bold("Nothing to do: the source has no rows of this shard.")
        }
        (Status::Complete, 0) if done == 0 => style.bold("Nothing to do: the source has no rows."),
        (Status::Complete, 0) if stats.count(OutcomeKind::Unlocked) == done => {
            let users = count(done, "user", "users");
            style.good(&format!("All is well: {users} unlocked in {took}."))
        }
        (Status::Complete, 0) => style.good(&format!("All is well: {of} done in {took}.")),
        (Status::Complete, bad) => {
            style.bad(&format!("{bad} of {of} did not end well; done in {took}."))
        }
        (_, _) => {
            let why = summary.stopped_because.as_deref().unwrap_or("stopped");
            style.bad(&format!(
                "Stopped after {of} in {took}: {}.",
                plain(why, 200)
            ))
        }
    }
}

fn outcomes(stats: &Stats, style: Style) -> Vec<String> {
    let kinds = OutcomeKind::ALL
        .into_iter()
        .filter(|kind| stats.count(*kind) > 0);
    let line = |kind| {
        let count = style.by_outcome(kind, &format!("{:>9}", stats.count(kind)));
        format!("{count}  {}", in_words(kind))
    };
    kinds.map(line).collect()
}

fn failures(stats: &Stats, shown: usize) -> Vec<String> {
    let mut lines: Vec<_> = stats.failures().iter().take(shown).map(failure).collect();
    let hidden = stats.not_well().saturating_sub(lines.len() as u64);
    if hidden > 0 {
        lines.push(format!(
            "  and {hidden} more; see the columns `outcome` and `error`"
        ));
    }
    lines
}

fn failure(failure: &crate::stats::Failure) -> String {
    let mut line = format!(
        "  row {} ({}): {}",
        failure.row,
        plain(&failure.user, LONGEST_USER),
        failure.kind
    );
    if !failure.error.is_empty() {
        let _ = write!(line, ", {}", plain(&failure.error, LONGEST_ERROR));
    }
    line
}

fn facts(summary: &Summary, stats: &Stats, style: Style) -> Vec<String> {
    let mut lines = vec![format!(
        "  {}  {}",
        style.dim("results "),
        plain(&summary.results, 200)
    )];
    let sent = stats.requests_sent();
    if sent == 0 {
        return lines;
    }
    let per_s = sent as f64 / summary.duration_s.max(0.001);
    let throttled = &summary.throttled;
    let mut requests = format!("  {}  {sent} at {per_s:.1}/s", style.dim("requests"));
    let _ = write!(requests, ", {}", count(summary.retries, "retry", "retries"));
    let _ = write!(requests, ", {} answered 429", throttled.responses_429);
    if throttled.responses_429 > 0 && throttled.slowest_rate < throttled.final_rate {
        let _ = write!(
            requests,
            " (rate down to {}/s, {}/s at the end)",
            tenths(throttled.slowest_rate),
            tenths(throttled.final_rate)
        );
    }
    lines.push(requests);
    if let Some(latency) = &summary.latency_ms {
        lines.push(format!(
            "  {}  {} ms in the middle, {} ms for 99 of 100, {} ms at most",
            style.dim("latency "),
            latency.p50,
            latency.p99,
            latency.max,
        ));
    }
    lines
}

pub(super) const fn in_words(kind: OutcomeKind) -> &'static str {
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

/// One line without control characters, which a terminal would obey, and not longer than this.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let harmful =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut line: String = text
        .chars()
        .map(|c| if harmful(c) { ' ' } else { c })
        .take(longest)
        .collect();
    if text.chars().nth(longest).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}

fn seconds(seconds: f64) -> String {
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    time_in_words(Duration::try_from_secs_f64(seconds).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{MOST_LINES, render, seconds};
    use crate::{
        event::Event,
        model::{Answer, Attempt, Endpoint, MethodSet, Outcome, OutcomeKind, Row, UserRef},
        report::summary::{Status, tests::summary},
        stats::Stats,
    };

    fn finish(stats: &mut Stats, user: &str, kind: OutcomeKind, error: &str) {
        let row = Row::new(stats.done() + 1, UserRef::by_id(user), MethodSet::ALL);
        let outcome = Outcome::without_request(kind, error);
        let at = SystemTime::UNIX_EPOCH;
        let place = None;
        stats.apply(&Event::Finished {
            row,
            outcome,
            at,
            place,
        });
    }

    fn answered(stats: &mut Stats, status: u16) {
        stats.apply(&Event::Attempted(Attempt {
            endpoint: Endpoint::Unlock,
            answer: Answer::Status(status),
            latency: Duration::from_millis(12),
        }));
    }

    #[test]
    fn a_good_run_in_a_few_lines() {
        let mut stats = Stats::new(Some(2));
        for user in ["a", "b"] {
            finish(&mut stats, user, OutcomeKind::Unlocked, "");
            answered(&mut stats, 200);
        }
        let expected = "\
All is well: 2 users unlocked in 21.4 s.

        2  unlocked

  results   users.results.csv
  requests  2 at 0.1/s, 0 retries, 0 answered 429
  latency   12 ms in the middle, 12 ms for 99 of 100, 12 ms at most
";
        assert_eq!(
            render(&summary(&stats, Status::Complete), &stats, false),
            expected
        );
    }

    #[test]
    fn a_run_that_was_stopped_says_why_and_ends_with_the_next_command() {
        let mut stats = Stats::new(Some(9));
        finish(&mut stats, "u-1", OutcomeKind::NotFound, "");
        finish(
            &mut stats,
            "u-2",
            OutcomeKind::StillLocked,
            "still locked: SMS",
        );
        answered(&mut stats, 429);
        stats.apply(&Event::Retrying {
            wait: Duration::ZERO,
        });
        let expected = "\
Stopped after 2 of 9 rows in 21.4 s: SIGINT.

        1  still locked
        1  not found

  row 1 (u-1): not_found
  row 2 (u-2): still_locked, still locked: SMS

  results   users.results.csv
  requests  1 at 0.0/s, 1 retry, 1 answered 429 (rate down to 5/s, 10/s at the end)
  latency   12 ms in the middle, 12 ms for 99 of 100, 12 ms at most

Next: bulk-unlock run users.csv --resume
";
        assert_eq!(
            render(&summary(&stats, Status::Interrupted), &stats, false),
            expected
        );
    }

    #[test]
    fn the_worst_run_fits_on_twenty_lines_too() {
        let mut stats = Stats::new(Some(500));
        for _ in 0..20 {
            for kind in OutcomeKind::ALL {
                finish(&mut stats, &"long".repeat(99), kind, &"why\n".repeat(99));
            }
        }
        answered(&mut stats, 429);
        let text = render(&summary(&stats, Status::Stopped), &stats, true);
        assert!(text.lines().count() <= MOST_LINES, "{text}");
        assert!(text.contains("more; see"), "{text}");
    }

    #[test]
    fn what_the_source_holds_cannot_command_the_terminal() {
        let mut stats = Stats::new(Some(1));
        finish(
            &mut stats,
            "\u{1b}]0;owned\u{7}\u{202e}x\r\ny",
            OutcomeKind::Invalid,
            "\u{1b}[2J\u{9b}31m",
        );
        let text = render(&summary(&stats, Status::Complete), &stats, false);
        assert!(
            !text.chars().any(|c| c != '\n' && c.is_control()),
            "{text:?}"
        );
        assert!(!text.contains('\u{202e}'), "{text:?}");
        let styled = render(&summary(&stats, Status::Complete), &stats, true);
        assert!(styled.starts_with("\u{1b}[1;31m"), "{styled:?}");
    }

    #[test]
    fn times_never_show_sixty_seconds() {
        for (length, text) in [
            (21.44, "21.4 s"),
            (59.96, "1 min 00 s"),
            (119.7, "2 min 00 s"),
            (7_199.9, "2 h 00 min"),
        ] {
            assert_eq!(seconds(length), text);
        }
    }
}
