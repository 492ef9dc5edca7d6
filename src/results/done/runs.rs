//! Whole runs that were cut and gone on with: nobody is lost, and rows have one record each.

use std::{collections::HashMap, iter::Cycle, slice::Iter};

use proptest::{
    prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest},
    sample::Index as Pick,
};

use super::{
    Done, Standing,
    tests::{Line, done},
};
use crate::model::{MethodSet, OutcomeKind, Row, UserRef};

/// What the service knows: the first users, by each of their names.
fn look_up(user: &UserRef) -> Option<UserRef> {
    let name = user.email.as_ref().or(user.username.as_ref())?;
    let number: u8 = name[1..].parse().expect("a number");
    (number < 4).then(|| named(number, 0b111))
}

/// A user by some of the three names.
fn named(number: u8, names: u8) -> UserRef {
    let name = |bit: u8, letter: char| (names & bit != 0).then(|| format!("{letter}{number}"));
    UserRef {
        id: name(1, 'u'),
        email: name(2, 'e'),
        username: name(4, 'n'),
    }
}

/// Whom a run has started with, by one name each, and with what methods.
#[derive(Default)]
struct Started(HashMap<String, MethodSet>);

impl Started {
    /// Enters the user. False where nothing is left to do for it.
    fn enter(&mut self, user: &UserRef, methods: MethodSet) -> bool {
        let names = [&user.id, &user.email, &user.username];
        let name = names.into_iter().flatten().next().expect("a name");
        let covered = self.0.entry(name.clone()).or_insert(MethodSet::NONE);
        let new = !covered.covers(methods);
        *covered = covered.union(methods);
        new
    }
}

/// A run over a source, many rows under way at once. Which ends next is as the picks have it.
struct Run<'a> {
    done: Done,
    started: Started,
    under_way: Vec<Row>,
    lines: Vec<Line>,
    picks: Cycle<Iter<'a, Pick>>,
}

impl<'a> Run<'a> {
    fn over(rows: &[Row], lines: Vec<Line>, picks: &'a [Pick]) -> Self {
        let mut run = Self {
            done: done(&lines),
            started: Started::default(),
            under_way: Vec::new(),
            lines,
            picks: picks.iter().cycle(),
        };
        for row in rows {
            run.take(row);
            while run.under_way.len() > 3 || (!run.under_way.is_empty() && run.pick(2) == 0) {
                run.end_one();
            }
        }
        while !run.under_way.is_empty() {
            run.end_one();
        }
        run
    }

    fn pick(&mut self, of: usize) -> usize {
        self.picks.next().expect("a cycle").index(of)
    }

    fn record(&mut self, row: Row, kind: OutcomeKind) {
        self.lines.push(Line::new(row, kind));
    }

    fn take(&mut self, row: &Row) {
        let named = row.user != UserRef::default() && row.defect.is_none();
        match self.done.settle(row) {
            Standing::Recorded => {}
            Standing::Repeats => self.record(row.clone(), OutcomeKind::Duplicate),
            Standing::Fresh if named && !self.started.enter(&row.user, row.methods) => {
                self.repeat(row.clone());
            }
            Standing::Fresh => self.under_way.push(row.clone()),
        }
    }

    /// A row that is fresh, but whose user stands in an earlier one of this run.
    fn repeat(&mut self, row: Row) {
        if !self.done.takes_duplicate(&row) {
            self.record(row, OutcomeKind::Duplicate);
        }
    }

    fn end_one(&mut self) {
        let next = self.pick(self.under_way.len());
        let mut row = self.under_way.swap_remove(next);
        if row.defect.is_some() || row.user == UserRef::default() {
            self.record(row, OutcomeKind::Invalid);
            self.lines.last_mut().expect("recorded").http_status = None;
            return;
        }
        if row.user.id.is_some() {
            let known = row.user.id.as_deref() < Some("u4");
            let kind = if known {
                OutcomeKind::Unlocked
            } else {
                OutcomeKind::NotFound
            };
            return self.record(row, kind);
        }
        let Some(found) = look_up(&row.user) else {
            return self.record(row, OutcomeKind::NotFound);
        };
        let id = found.id.clone().expect("found");
        let standing = self.done.settle_found(&row, &id);
        row.user.id = Some(id.clone());
        match standing {
            Standing::Recorded => {}
            Standing::Repeats => self.record(row, OutcomeKind::Duplicate),
            Standing::Fresh if !self.started.enter(&UserRef::by_id(id), row.methods) => {
                self.repeat(row);
            }
            Standing::Fresh => {
                row.user = found;
                self.record(row, OutcomeKind::Unlocked);
            }
        }
    }
}

/// Whether somebody worked on the row's user, with all of the methods.
fn is_worked_on(row: &Row, lines: &[Line]) -> bool {
    let found = look_up(&row.user).filter(|_| row.user.id.is_none());
    let id = row.user.id.clone().or(found.and_then(|found| found.id));
    let same = |line: &&Line| {
        let other = &line.row.user;
        let by_id = id.is_some() && id == other.id;
        let by_email = row.user.email.is_some() && row.user.email == other.email;
        let by_username = row.user.username.is_some() && row.user.username == other.username;
        by_id || (row.user.id.is_none() && (by_email || by_username))
    };
    let work = |line: &&Line| line.kind != OutcomeKind::Duplicate && line.http_status.is_some();
    let work = lines.iter().filter(work).filter(same);
    work.fold(MethodSet::NONE, |covered, line| {
        covered.union(line.row.methods)
    })
    .covers(row.methods)
}

fn numbered(rows: Vec<(u8, u8, MethodSet, bool)>) -> Vec<Row> {
    let rows = (1..).zip(rows);
    rows.map(|(number, (user, names, methods, defective))| {
        let mut row = Row::new(number, named(user, names), methods);
        row.defect = (defective || names == 0).then(|| "no".to_owned());
        row
    })
    .collect()
}

fn numbers(rows: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<_> = rows.collect();
    numbers.sort_unstable();
    numbers
}

/// What a source and its rows may be like: user, names, methods, whether defective.
fn any_rows() -> impl Strategy<Value = Vec<(u8, u8, MethodSet, bool)>> {
    let methods = prop::sample::select(vec!["TOKEN", "SMS", "TOKEN|SMS", "TOKEN|SMS|VOICE"]);
    let methods = methods.prop_map(|text| text.parse().expect("methods"));
    let defective = prop::bool::weighted(0.1);
    prop::collection::vec((0_u8..6, 0_u8..8, methods, defective), 0..24)
}

fn picks(number: usize) -> impl Strategy<Value = Vec<Pick>> {
    prop::collection::vec(any::<Pick>(), number)
}

/// The records of a run over these rows that was cut.
fn cut(rows: &[Row], picks: &[Pick], cut: Pick) -> Vec<Line> {
    let mut lines = Run::over(rows, Vec::new(), picks).lines;
    assert_eq!(lines.len(), rows.len());
    lines.truncate(cut.index(lines.len() + 1));
    lines
}

/// The rows with more of them, in another order.
fn changed(mut rows: Vec<Row>, more: Vec<Row>, order: &[Pick]) -> Vec<Row> {
    rows.extend(more);
    for (at, pick) in order.iter().enumerate().take(rows.len()) {
        let other = pick.index(rows.len());
        rows.swap(at, other);
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// The source is as it was, and its rows have IDs or name nobody.
    #[test]
    fn rows_have_one_record_each_however_often_the_run_was_cut(
        users in prop::collection::vec((0_u8..6, 0_u8..2), 0..24),
        cuts in prop::collection::vec(any::<Pick>(), 1..4),
        picks in picks(40),
    ) {
        let rows = users.into_iter().map(|(user, names)| (user, names, MethodSet::ALL, false));
        let rows = numbered(rows.collect());
        let mut lines = Vec::new();
        for cut in cuts {
            let run = Run::over(&rows, lines, &picks);
            prop_assert_eq!(run.done.left(), 0);
            prop_assert_eq!(
                numbers(run.lines.iter().map(|line| line.row.number)),
                numbers(rows.iter().map(|row| row.number))
            );
            lines = run.lines;
            lines.truncate(cut.index(lines.len() + 1));
        }
    }

    /// The source was sorted and extended, and names all users in the same way.
    #[test]
    fn a_source_that_changed_has_as_many_records_as_rows(
        users in prop::collection::vec(0_u8..6, 0..24),
        more in prop::collection::vec(0_u8..6, 0..24),
        names in 1_u8..8,
        at in any::<Pick>(),
        order in picks(48),
        picks in picks(40),
    ) {
        let rows = |users: Vec<u8>| {
            let rows = users.into_iter().map(|user| (user, names, MethodSet::ALL, false));
            numbered(rows.collect())
        };
        let lines = cut(&rows(users.clone()), &picks, at);
        let rows = changed(rows(users), rows(more), &order);
        let run = Run::over(&rows, lines, &picks);
        prop_assert_eq!(run.done.left(), 0);
        prop_assert_eq!(run.lines.len(), rows.len());
        for row in &rows {
            prop_assert!(is_worked_on(row, &run.lines), "{:?} is lost", row);
        }
    }

    /// The source is as it was, and names all users in the same way.
    #[test]
    fn where_all_is_done_nothing_is(
        rows in any_rows(),
        names in 1_u8..8,
        picks in picks(40),
        other in picks(40),
    ) {
        let rows = rows.into_iter();
        let rows = rows.map(|(user, _, methods, defective)| (user, names, methods, defective));
        let rows = numbered(rows.collect());
        let lines = Run::over(&rows, Vec::new(), &picks).lines;
        let run = Run::over(&rows, lines, &other);
        prop_assert_eq!(run.lines.len(), rows.len());
        prop_assert_eq!(run.done.left(), 0);
    }

    /// Anything goes. A record may be left, as which row it was of cannot always be told, but
    /// nobody is lost.
    #[test]
    fn nobody_is_lost_whatever_became_of_the_source(
        rows in any_rows(),
        more in any_rows(),
        at in any::<Pick>(),
        order in picks(48),
        picks in picks(40),
    ) {
        let rows = numbered(rows);
        let lines = cut(&rows, &picks, at);
        let rows = changed(rows, numbered(more), &order);
        let run = Run::over(&rows, lines, &picks);
        prop_assert_eq!(run.lines.len() as u64, rows.len() as u64 + run.done.left());
        for row in rows.iter().filter(|row| row.defect.is_none()) {
            prop_assert!(is_worked_on(row, &run.lines), "{:?} is lost", row);
        }
    }
}
