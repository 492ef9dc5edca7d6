//! The report as a page: one file that loads nothing, made of a results file's digest and, where
//! there is one, its summary.
//!
//! Pure. Whatever users, the service or the command line wrote is escaped by the template; the
//! page's own style and script are the only ones that its policy lets act.

mod charts;
mod figures;
mod words;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;
use serde_json::Value as Json;

use self::{
    charts::grouped,
    figures::Figure,
    words::{Advice, Fact, Tile, Told},
};
use super::digest::{Digest, NotWell};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
/// So many reasons are shown.
const REASONS: usize = 12;

/// What a page is made of.
#[derive(Debug)]
pub struct Page<'a> {
    /// The records.
    pub digest: &'a Digest,
    /// The run's summary, as its file has it; `None` where there is none.
    pub summary: Option<&'a Json>,
    /// The results file.
    pub results: &'a str,
    /// The command that does the rows again that did not end well.
    pub again: &'a str,
    /// When the page is made.
    pub made_at: &'a str,
}

#[derive(Debug, Serialize)]
struct Reason<'a> {
    count: String,
    outcome: &'static str,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct Requests<'a> {
    call: &'a str,
    answer: &'a str,
    count: String,
}

/// What the template names.
#[derive(Debug, Serialize)]
struct Content<'a> {
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    sentence: String,
    tone: &'static str,
    notes: Vec<String>,
    tiles: Vec<Tile>,
    reason: Option<&'a str>,
    command: Option<String>,
    command_why: Option<&'static str>,
    advice: Vec<Advice>,
    facts: Vec<Fact>,
    figures: Vec<Figure>,
    reasons: Vec<Reason<'a>>,
    not_well: &'a [NotWell],
    bad: String,
    shown: String,
    left_out: Option<String>,
    requests: Vec<Requests<'a>>,
    results: &'a str,
    made_at: &'a str,
    version: &'static str,
}

impl Page<'_> {
    /// The page as HTML.
    #[must_use]
    pub fn render(&self) -> String {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let template = environment
            .template_from_str(PAGE)
            .expect("the template is sound");
        let told = Told::of(self);
        let (command, command_why) = told.command().unzip();
        let digest = self.digest;
        let bad = digest.tally.not_well();
        let shown = digest.not_well.len() as u64;
        let content = Content {
            style: STYLE,
            style_hash: hash_of(STYLE),
            script: SCRIPT,
            script_hash: hash_of(SCRIPT),
            sentence: told.sentence(),
            tone: told.tone(),
            notes: told.notes(),
            tiles: told.tiles(),
            reason: told.text("reason"),
            command,
            command_why,
            advice: told.advice(),
            facts: told.facts(),
            figures: figures::all(self),
            reasons: reasons(digest),
            not_well: &digest.not_well,
            bad: grouped(bad),
            shown: grouped(shown),
            left_out: (bad > shown).then(|| grouped(bad - shown)),
            requests: requests(self.summary),
            results: self.results,
            made_at: self.made_at,
            version: env!("CARGO_PKG_VERSION"),
        };
        let rendered = template.render(Serde(&content));
        rendered.expect("the template finds all that it names")
    }
}

/// How a page's policy names a style or a script that may act.
fn hash_of(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(digest(&SHA256, text.as_bytes()))
    )
}

/// The commonest reasons first.
fn reasons(digest: &Digest) -> Vec<Reason<'_>> {
    let mut reasons: Vec<_> = digest.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let reasons = reasons.into_iter().take(REASONS);
    reasons
        .map(|((kind, reason), count)| Reason {
            count: grouped(count),
            outcome: kind.as_str(),
            reason,
        })
        .collect()
}

fn requests(summary: Option<&Json>) -> Vec<Requests<'_>> {
    let calls = summary.and_then(|summary| summary["requests"].as_object());
    let mut requests = Vec::new();
    for (call, answers) in calls.into_iter().flatten() {
        for (answer, count) in answers.as_object().into_iter().flatten() {
            requests.push(Requests {
                call,
                answer,
                count: grouped(count),
            });
        }
    }
    requests
}
