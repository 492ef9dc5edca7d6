//! What a run would do: as one document and as text. Pure.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use serde::{Serialize, Serializer};

use crate::{
    model::{Method, MethodSet, Outcome, OutcomeKind, Row},
    throttle::Rate,
};

use super::{
    terminal::in_words,
    text::{count, plain},
};

/// What a run would do. The members stand in `docs/sources.md`.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "each member is described in docs/sources.md")]
pub struct Plan {
    pub source: String,
    pub base_url: String,
    pub methods: MethodSet,
    pub only_locked: bool,
    pub shard: Option<String>,
    pub rows: u64,
    pub users: u64,
    pub by_method: ByMethod,
    pub duplicates: u64,
    pub invalid: u64,
    pub unseen: u64,
    pub lookups: u64,
    pub requests: u64,
    #[serde(rename = "rate_per_s", serialize_with = "per_s")]
    pub rate: Rate,
    pub duration_s: f64,
    pub columns: Vec<String>,
    pub defects: Vec<PlanDefect>,
    pub today: Option<Today>,
}

fn per_s<S: Serializer>(rate: &Rate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rate.per_s())
}

/// A row that cannot be a user.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "each member is described in docs/sources.md")]
pub struct PlanDefect {
    pub row: u64,
    pub line: Option<u64>,
    pub user: String,
    pub error: String,
}

/// Who is locked today, as look-ups tell.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "each member is described in docs/sources.md")]
pub struct Today {
    pub locked: u64,
    pub not_locked: u64,
    pub not_known: u64,
    pub by_method: ByMethod,
    pub users: Vec<UserToday>,
}

/// Users by method.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "each member is described in docs/sources.md")]
pub struct ByMethod {
    pub token: u64,
    pub sms: u64,
    pub voice: u64,
}

impl ByMethod {
    fn of(&mut self, method: Method) -> &mut u64 {
        match method {
            Method::Token => &mut self.token,
            Method::Sms => &mut self.sms,
            Method::Voice => &mut self.voice,
        }
    }
}

impl From<[u64; 3]> for ByMethod {
    /// From counts in the order of [`Method::ALL`].
    fn from(counts: [u64; 3]) -> Self {
        let mut by_method = Self::default();
        for (count, method) in counts.into_iter().zip(Method::ALL) {
            *by_method.of(method) = count;
        }
        by_method
    }
}

impl fmt::Display for ByMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, sms, voice } = self;
        write!(f, "TOKEN {token}, SMS {sms}, VOICE {voice}")
    }
}

/// A user of whom there is something to say: a method is locked, or the look-up did not tell.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "each member is described in docs/sources.md")]
pub struct UserToday {
    pub row: u64,
    pub user: String,
    pub user_id: Option<String>,
    pub locked: MethodSet,
    pub error: Option<String>,
}

impl Plan {
    /// Whether every user is unlocked by the same methods.
    fn is_uniform(&self) -> bool {
        let ByMethod { token, sms, voice } = self.by_method;
        let counts = [
            (Method::Token, token),
            (Method::Sms, sms),
            (Method::Voice, voice),
        ];
        counts
            .iter()
            .all(|(method, count)| match self.methods.contains(*method) {
                true => *count == self.users,
                false => *count == 0,
            })
    }

    /// One JSON document, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("numbers and texts are JSON") + "\n"
    }
}

impl Today {
    /// Takes in what the look-up of a row told.
    pub fn take(&mut self, row: &Row, outcome: &Outcome) {
        let is_locked = |method: &Method| outcome.flags.get(*method) == Some(true);
        let locked = match outcome.kind {
            OutcomeKind::Duplicate => return,
            OutcomeKind::AlreadyUnlocked => {
                self.not_locked += 1;
                return;
            }
            _ => row.methods.iter().filter(is_locked).collect::<MethodSet>(),
        };
        if locked == MethodSet::NONE {
            self.not_known += 1;
        } else {
            self.locked += 1;
        }
        for method in locked.iter() {
            *self.by_method.of(method) += 1;
        }
        let unknown = (locked == MethodSet::NONE).then(|| match outcome.error.as_str() {
            "" => "the look-up does not say".to_owned(),
            why => why.to_owned(),
        });
        self.users.push(UserToday {
            row: row.number,
            user: row.user.to_string(),
            user_id: row.user.id.clone(),
            locked,
            error: unknown,
        });
    }

    /// By row, as in the source.
    pub fn sort(&mut self) {
        self.users.sort_by_key(|user| user.row);
    }
}

/// The plan as text.
#[must_use]
pub fn render_plan(plan: &Plan) -> String {
    let mut text = headline(plan);
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10}  {value}");
    };
    match &plan.shard {
        Some(shard) => fact("rows", format!("{} of shard {shard}", plan.rows)),
        None => fact("rows", plan.rows.to_string()),
    }
    if plan.users > 0 && !plan.is_uniform() {
        fact("methods", format!("{}, as the source says", plan.by_method));
    }
    if plan.duplicates > 0 {
        fact("duplicates", format!("{}, done once", plan.duplicates));
    }
    if plan.invalid > 0 {
        fact("invalid", format!("{}, not sent, see below", plan.invalid));
    }
    if plan.lookups > 0 {
        let why = match plan.only_locked {
            true => "to see who is locked",
            false => "of users without an ID",
        };
        fact("look-ups", format!("{} {why}", plan.lookups));
    }
    if plan.unseen > 0 {
        let unseen = plan.unseen;
        fact(
            "unseen",
            format!("{unseen} with nothing but an ID, unlocked without a look first"),
        );
    }
    if plan.requests > 0 {
        fact("requests", requests(plan));
    }
    for (n, column) in plan.columns.iter().enumerate() {
        let name = if n == 0 { "columns" } else { "" };
        fact(name, plain(column, 160));
    }
    text.push_str(&defects(plan));
    if let Some(today) = &plan.today {
        text.push_str(&render_today(today));
    }
    text
}

fn headline(plan: &Plan) -> String {
    let source = plain(&plan.source, 80);
    if plan.users == 0 {
        return format!("Nobody to unlock: {source} holds no users.\n\n");
    }
    format!(
        "Would unlock {} for {} ({source}) at {}.\n\n",
        plan.methods.to_string().replace('|', ", "),
        count(plan.users, "user", "users"),
        plan.base_url,
    )
}

fn requests(plan: &Plan) -> String {
    let most = if plan.only_locked { "at most " } else { "" };
    let time = Duration::try_from_secs_f64(plan.duration_s.ceil()).unwrap_or(Duration::MAX);
    format!(
        "{most}{}, which take {most}{} at {}",
        plan.requests,
        in_words(time),
        plan.rate,
    )
}

fn defects(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.defects.is_empty() {
        text.push_str("\nRows that are no users:\n");
    }
    for defect in &plan.defects {
        let line = defect.line.map(|line| format!(", line {line}"));
        let user = match defect.user.as_str() {
            user if user.is_empty() || defect.error.contains(user) => String::new(),
            user => format!(" ({})", plain(user, 40)),
        };
        let _ = writeln!(
            text,
            "  row {}{}{user}: {}",
            defect.row,
            line.unwrap_or_default(),
            plain(&defect.error, 140)
        );
    }
    let hidden = plan.invalid - plan.defects.len() as u64;
    if hidden > 0 {
        let _ = writeln!(text, "  and {hidden} more");
    }
    text
}

fn render_today(today: &Today) -> String {
    let mut text = format!(
        "\nToday\n  locked      {}: {}\n",
        count(today.locked, "user", "users"),
        today.by_method,
    );
    for (name, users) in [
        ("not locked", today.not_locked),
        ("not known", today.not_known),
    ] {
        if users > 0 {
            let _ = writeln!(text, "  {name:<10}  {users}");
        }
    }
    if !today.users.is_empty() {
        text.push('\n');
    }
    for user in &today.users {
        let said = match &user.error {
            Some(error) => format!("not known: {}", plain(error, 100)),
            None => user.locked.to_string().replace('|', ", "),
        };
        let name = plain(&user.user, 60);
        let _ = writeln!(text, "  row {} ({name}): {said}", user.row);
    }
    text
}
