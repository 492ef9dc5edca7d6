//! What was found, in words and as JSON.

use std::fmt::Write;

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// A job may do without.
    Warn,
    /// A job cannot do without.
    Fail,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) text: String,
    /// What to do about it; empty where nothing needs to be done.
    pub(super) remedy: String,
}

impl Finding {
    pub(super) fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, text, "")
    }

    pub(super) fn warn(
        name: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Verdict::Warn, text, remedy)
    }

    pub(super) fn fail(
        name: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(name, Verdict::Fail, text, remedy)
    }

    fn new(
        name: &'static str,
        verdict: Verdict,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            text: text.into(),
            remedy: remedy.into(),
        }
    }
}

/// A value that was given, and where.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Value {
    pub(super) option: String,
    pub(super) value: String,
    pub(super) origin: String,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    pub(super) checks: Vec<Finding>,
    pub(super) configuration: Vec<Value>,
    pub(super) exit_code: u8,
}

impl Findings {
    pub(super) fn has_failed(&self) -> bool {
        self.count(Verdict::Fail) > 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.verdict == verdict).count()
    }

    pub(super) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("texts and numbers are JSON") + "\n"
    }

    /// A line each, the remedy below; then what is set, and where.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let (word, name) = (check.verdict.word(), check.name);
            let _ = writeln!(text, "{word:<5} {name:<14} {}", check.text);
            if !check.remedy.is_empty() {
                let _ = writeln!(text, "{:<21}-> {}", "", check.remedy);
            }
        }
        let _ = writeln!(text, "\n{}", self.sum());
        self.values(&mut text);
        text
    }

    fn sum(&self) -> String {
        match (self.count(Verdict::Fail), self.count(Verdict::Warn)) {
            (0, 0) => "All is well: a run can begin.".to_owned(),
            (0, warnings) => format!("A run can begin; {warnings} to look at."),
            (failed, _) => format!("{failed} of {} checks failed.", self.checks.len()),
        }
    }

    fn values(&self, text: &mut String) {
        if self.configuration.is_empty() {
            return;
        }
        let width = |of: fn(&Value) -> &String| {
            let lengths = self
                .configuration
                .iter()
                .map(|value| of(value).chars().count());
            lengths.max().unwrap_or_default().min(48)
        };
        let (options, values) = (width(|value| &value.option), width(|value| &value.value));
        text.push_str("\nWhat is set, and where:\n");
        for Value {
            option,
            value,
            origin,
        } in &self.configuration
        {
            let _ = writeln!(text, "  {option:<options$}  {value:<values$}  {origin}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Finding, Findings, Value};

    #[test]
    fn a_line_each_with_its_remedy_and_a_sum() {
        let mut findings = Findings {
            checks: vec![Finding::ok("key", "a token")],
            ..Findings::default()
        };
        assert_eq!(
            findings.to_text(),
            "ok    key            a token\n\nAll is well: a run can begin.\n"
        );
        findings
            .checks
            .push(Finding::fail("clock", "an hour late", "set it"));
        findings.configuration.push(Value {
            option: "rate".to_owned(),
            value: "5/s".to_owned(),
            origin: "flag".to_owned(),
        });
        let text = findings.to_text();
        assert!(
            text.contains("FAIL  clock          an hour late\n                     -> set it\n")
        );
        assert!(
            text.ends_with("1 of 2 checks failed.\n\nWhat is set, and where:\n  rate  5/s  flag\n")
        );
        assert!(findings.to_json().contains(r#""verdict": "fail""#));
    }
}
