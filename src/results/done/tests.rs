//! Which rows the records account for, case by case.

use super::{Done, Standing};
use crate::{
    model::{LockFlags, OutcomeKind, Row, UserRef},
    results::Recorded,
};

/// A record, as far as it matters here.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) row: Row,
    pub(super) kind: OutcomeKind,
    pub(super) http_status: Option<u16>,
}

impl Line {
    pub(super) fn new(row: Row, kind: OutcomeKind) -> Self {
        let http_status = match kind {
            OutcomeKind::Duplicate => None,
            OutcomeKind::NotFound => Some(404),
            _ => Some(200),
        };
        Self {
            row,
            kind,
            http_status,
        }
    }
}

pub(super) fn done(lines: &[Line]) -> Done {
    let mut done = Done::default();
    for line in lines {
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let user = &line.row.user;
        done.add(&Recorded {
            row: line.row.number,
            user_id: &text(&user.id),
            email: &text(&user.email),
            username: &text(&user.username),
            methods: line.row.methods,
            kind: line.kind,
            http_status: line.http_status,
            flags: LockFlags::default(),
            attempts: 1,
            duration: std::time::Duration::ZERO,
            error: "",
            finished_at: "",
        });
    }
    done.seal();
    done
}

/// A row from `ID/EMAIL/USERNAME METHODS`, each of the first three possibly empty.
fn row(number: u64, text: &str) -> Row {
    let (names, methods) = text.split_once(' ').unwrap_or((text, "TOKEN|SMS|VOICE"));
    let mut names = names.split('/').map(str::to_owned);
    let mut name = || names.next().filter(|name| !name.is_empty());
    let user = UserRef {
        id: name(),
        email: name(),
        username: name(),
    };
    Row::new(number, user, methods.parse().expect("methods"))
}

/// What it shows, the records, and where rows then stand.
type Case<'a> = (
    &'a str,
    &'a [(&'a str, OutcomeKind)],
    &'a [(&'a str, Standing)],
);

#[test]
fn rows_are_matched_by_user_and_methods() {
    use OutcomeKind::{Duplicate, Failed, Invalid, NotFound, Unlocked};
    use Standing::{Fresh, Recorded, Repeats};
    let cases: &[Case] = &[
        (
            "by ID, letter case aside",
            &[("U1", Unlocked)],
            &[("u1", Recorded), ("u2", Fresh)],
        ),
        (
            "each record once",
            &[("u1", Failed)],
            &[("u1", Recorded), ("u1", Repeats), ("u1", Repeats)],
        ),
        (
            "duplicates have their own",
            &[("u1", Unlocked), ("u1", Duplicate)],
            &[("u1", Recorded), ("u1", Recorded), ("u1", Repeats)],
        ),
        (
            "a duplicate shows nothing done",
            &[("u1", Duplicate)],
            &[("u1", Fresh)],
        ),
        (
            "by address or login",
            &[("u1/a@x/ann", Unlocked)],
            &[("/a@x", Recorded), ("//ann", Repeats), ("/b@x", Fresh)],
        ),
        (
            "an ID is not met by an address",
            &[("u1/a@x", Unlocked), ("/b@x", NotFound)],
            &[("u2/a@x", Fresh), ("u3/b@x", Fresh), ("/b@x", Recorded)],
        ),
        (
            "an address is no login",
            &[("/a", Unlocked)],
            &[("//a", Fresh), ("a", Fresh)],
        ),
        (
            "more methods are new work",
            &[("u1 SMS", Unlocked)],
            &[("u1", Fresh), ("u1 SMS", Recorded)],
        ),
        (
            "fewer methods are done",
            &[("u1", Unlocked)],
            &[("u1 SMS", Recorded), ("u1 VOICE", Repeats)],
        ),
        (
            "the same methods first",
            &[
                ("u1", Unlocked),
                ("u1 SMS|TOKEN", Duplicate),
                ("u1 SMS", Duplicate),
            ],
            &[
                ("u1 SMS", Recorded),
                ("u1", Recorded),
                ("u1 SMS", Recorded),
                ("u1 SMS", Repeats),
            ],
        ),
        (
            "several records cover more methods",
            &[("u1 SMS", Unlocked), ("u1 TOKEN", Unlocked)],
            &[
                ("u1 SMS|TOKEN", Repeats),
                ("u1 SMS", Recorded),
                ("u1", Fresh),
            ],
        ),
        (
            "a row's own record first",
            &[("u4", NotFound), ("/e4/n4", NotFound), ("u4/e4", Duplicate)],
            &[("/e4/n4", Recorded), ("u4/e4", Recorded), ("u4", Recorded)],
        ),
        (
            "the better of those that two names find",
            &[("/e", NotFound), ("/x/n", NotFound)],
            &[("/e/n", Recorded), ("/e", Recorded), ("/x/n", Repeats)],
        ),
        (
            "as a spreadsheet may have it",
            &[("=1/@a", Unlocked)],
            &[("'=1", Recorded)],
        ),
        (
            "a row that cannot be a user",
            &[("u1", Invalid)],
            &[("u1", Recorded)],
        ),
    ];
    for (what, lines, rows) in cases {
        let lines: Vec<_> = (1..)
            .zip(*lines)
            .map(|(n, (text, kind))| Line::new(row(n, text), *kind))
            .collect();
        let mut done = done(&lines);
        for (text, standing) in *rows {
            assert_eq!(done.settle(&row(9, text)), *standing, "{what}: {text}");
        }
        let recorded = rows
            .iter()
            .filter(|(_, standing)| *standing == Recorded)
            .count();
        assert_eq!(done.left(), (lines.len() - recorded) as u64, "{what}");
    }
}

#[test]
fn a_defective_row_does_not_stand_for_its_user() {
    let mut defective = Line::new(row(1, "u1"), OutcomeKind::Invalid);
    defective.http_status = None;
    let mut done = done(&[defective.clone()]);
    assert_eq!(done.settle(&row(2, "u1")), Standing::Fresh);
    defective.row.defect = Some("no such method".to_owned());
    assert_eq!(done.settle(&defective.row), Standing::Recorded);
    assert_eq!(done.settle(&defective.row), Standing::Fresh);
}

#[test]
fn rows_without_a_user_are_matched_by_number() {
    let mut done = done(&[Line::new(row(4, "//"), OutcomeKind::Invalid)]);
    for (number, standing) in [
        (3, Standing::Fresh),
        (4, Standing::Recorded),
        (4, Standing::Fresh),
    ] {
        assert_eq!(done.settle(&row(number, "//")), standing);
    }
    assert_eq!(done.left(), 0);
}

#[test]
fn a_user_is_recognised_when_a_look_up_tells_the_id() {
    let mut done = done(&[
        Line::new(row(1, "u1/main@x"), OutcomeKind::Unlocked),
        Line::new(row(2, "u1/alias@x"), OutcomeKind::Duplicate),
    ]);
    let alias = row(2, "/alias@x");
    assert_eq!(done.settle(&alias), Standing::Fresh);
    for standing in [Standing::Recorded, Standing::Recorded, Standing::Repeats] {
        assert_eq!(done.settle_found(&alias, "U1"), standing);
    }
}

#[test]
fn a_user_with_very_many_records_takes_no_longer() {
    let mut lines = vec![Line::new(row(1, "u1"), OutcomeKind::Duplicate); 30_000];
    lines.push(Line::new(row(1, "u1"), OutcomeKind::Unlocked));
    let mut done = done(&lines);
    for _ in &lines {
        assert_eq!(done.settle(&row(1, "u1")), Standing::Recorded);
    }
    assert_eq!(done.settle(&row(1, "u1")), Standing::Repeats);
}
