//! Which rows are worked on: not those whose user stands in an earlier one.
//!
//! Memory: 13 bytes a user, for a hash in which no two of a billion users meet.

use crate::{
    identity::{Fingerprints, Identity},
    model::Row,
    results::{Done, Standing},
};

use super::seen::Seen;

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Its user is new, or has methods to unlock that no earlier row names.
    Work,
    /// The same user stands in an earlier row.
    Repeats,
    /// It has its record already, from the run that this one goes on with.
    Recorded,
}

/// The users of the rows so far with the methods that were asked for, so that a row with others is
/// not passed over, and the run that this one goes on with.
#[derive(Debug, Default)]
pub struct Select {
    prints: Fingerprints,
    seen: Seen,
    /// Bit n: rows have asked for the methods whose number is n.
    asked: u8,
    done: Option<Done>,
}

impl Select {
    /// Goes on with a run that has these records.
    #[must_use]
    pub fn after(done: Done) -> Self {
        Self {
            // Without records it would cost a little for every row, and change nothing.
            done: (done.left() > 0).then_some(done),
            ..Self::default()
        }
    }

    /// What is to be done with a row that was just read. Users are told apart by ID, where the row
    /// gives one, else by the name that they will be looked up by.
    pub fn choose(&mut self, row: &Row) -> Choice {
        if let Some(choice) = self.standing(|done| done.settle(row)) {
            return choice;
        }
        let name = row.user.identities().next();
        match name.filter(|_| row.defect.is_none()) {
            Some(name) => self.enter(name, row),
            None => Choice::Work,
        }
    }

    /// The same, once a look-up has found the ID of a row that gave none.
    pub fn claim(&mut self, row: &Row, id: &str) -> Choice {
        match self.standing(|done| done.settle_found(row, id)) {
            Some(choice) => choice,
            None => self.enter(Identity::Id(id), row),
        }
    }

    /// Records of the run before that account for no row of this source.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.done.as_ref().map_or(0, Done::left)
    }

    fn standing(&mut self, ask: impl FnOnce(&mut Done) -> Standing) -> Option<Choice> {
        match ask(self.done.as_mut()?) {
            Standing::Fresh => None,
            Standing::Repeats => Some(Choice::Repeats),
            Standing::Recorded => Some(Choice::Recorded),
        }
    }

    fn enter(&mut self, name: Identity<'_>, row: &Row) -> Choice {
        let methods = row.methods;
        let print = self.prints.of(name);
        let covered = (1..=7_u8)
            .filter(|set| self.asked & (1 << set) != 0 && self.seen.contains(print, *set))
            .fold(0, |covered, set| covered | set);
        if methods.bits() & !covered == 0 {
            let recorded = self
                .done
                .as_mut()
                .is_some_and(|done| done.takes_duplicate(row));
            return match recorded {
                true => Choice::Recorded,
                false => Choice::Repeats,
            };
        }
        self.asked |= 1 << methods.bits();
        self.seen.insert(print, methods.bits());
        Choice::Work
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Select};
    use crate::model::{MethodSet, Row, UserRef};

    fn row(name: &str, methods: &str) -> Row {
        let user = match name.strip_prefix("id:") {
            Some(id) => UserRef::by_id(id),
            None => UserRef::by_form(name),
        };
        Row::new(1, user, methods.parse().expect("methods"))
    }

    #[test]
    fn a_user_is_done_once_but_no_method_is_passed_over() {
        let mut select = Select::default();
        for (name, methods, choice) in [
            ("id:A", "SMS", Choice::Work),
            ("id:a", "SMS", Choice::Repeats),
            ("id:a", "TOKEN", Choice::Work),
            ("id:a", "TOKEN|SMS", Choice::Repeats),
            ("id:a", "TOKEN|VOICE", Choice::Work),
            ("id:b", "SMS", Choice::Work),
            ("x@y", "SMS", Choice::Work),
            ("X@Y", "SMS", Choice::Repeats),
            ("jdoe", "SMS", Choice::Work),
        ] {
            assert_eq!(
                select.choose(&row(name, methods)),
                choice,
                "{name} {methods}"
            );
        }
        let looked_up = row("z@z", "TOKEN|SMS|VOICE");
        assert_eq!(select.claim(&looked_up, "B"), Choice::Work);
        assert_eq!(select.claim(&looked_up, "b"), Choice::Repeats);
    }

    #[test]
    fn rows_that_are_no_users_repeat_nobody() {
        let mut select = Select::default();
        for _ in 0..2 {
            let nobody = Row::new(1, UserRef::default(), MethodSet::ALL);
            assert_eq!(select.choose(&nobody), Choice::Work);
            let mut damaged = row("id:a", "SMS");
            damaged.defect = Some("damaged".to_owned());
            assert_eq!(select.choose(&damaged), Choice::Work);
        }
    }
}
