//! What goes wrong, and what the caller then sees.

use super::{
    answer::Answer,
    limit::too_many,
    routes::StatusObject,
    scenario::{Fault, FaultKind, LimitBody, Scenario},
    tenant::Account,
    user::random_for,
};

/// The fault that this call meets, if any. Counts it.
pub(super) fn draw<'a>(
    scenario: &'a Scenario,
    account: &mut Account,
    nth: u64,
) -> Option<&'a Fault> {
    let mut random = random_for(scenario.seed, &account.user.id, account.calls);
    account.calls += 1;
    let chance = random.f64();
    let mut so_far = 0.0;
    let fault = scenario.fault.iter().find(|fault| {
        so_far += fault.probability;
        let by_count = fault.nth.contains(&nth)
            || fault
                .every
                .is_some_and(|every| nth.is_multiple_of(every.max(1)));
        (by_count || chance < so_far) && account.faults < fault.most_per_user
    });
    account.faults += u32::from(fault.is_some());
    fault
}

/// A call that was understood, to a user who exists.
pub(super) struct Unlock<'a> {
    pub(super) account: &'a mut Account,
    pub(super) asked: [bool; 3],
    pub(super) always_locked: [bool; 3],
    pub(super) missing: [bool; 3],
}

impl Unlock<'_> {
    /// Opens the locks asked for, but those that stay whatever is done.
    fn apply(&mut self, asked: [bool; 3]) {
        let locks = self.account.user.locked.iter_mut();
        for ((lock, asked), stays) in locks.zip(asked).zip(self.always_locked) {
            *lock = stays || (*lock && !asked);
        }
    }

    fn status(&self) -> StatusObject {
        StatusObject::new(
            &self.account.user.id,
            self.account.user.locked,
            self.missing,
        )
    }

    /// All goes well.
    pub(super) fn done(mut self) -> (Answer, bool) {
        self.apply(self.asked);
        (Answer::json(200, &self.status()), true)
    }

    /// The answer, and whether the locks were opened.
    pub(super) fn play(mut self, kind: FaultKind, retry_after_s: Option<u64>) -> (Answer, bool) {
        let later = |answer: Answer| match retry_after_s {
            Some(seconds) => answer.header("retry-after", seconds.to_string()),
            None => answer,
        };
        let not_done = match kind {
            FaultKind::Mixed500 => {
                // Where something was locked, the last of it stays so.
                let before = self.account.user.locked;
                let mut some = self.asked;
                if let Some(last) = (0..3).rfind(|method| self.asked[*method] && before[*method]) {
                    some[last] = false;
                }
                self.apply(some);
                return (
                    Answer::json(500, &self.status()),
                    before != self.account.user.locked,
                );
            }
            FaultKind::Done500 => {
                self.apply(self.asked);
                return (Answer::json(500, &self.status()), true);
            }
            FaultKind::Slow => return self.done(),
            FaultKind::Truncated => {
                let (answer, applied) = self.done();
                return (answer.truncated(), applied);
            }
            FaultKind::AppliedButLost => {
                self.apply(self.asked);
                return (Answer::none(), true);
            }
            FaultKind::Garbage => {
                self.apply(self.asked);
                return (Answer::garbage(), true);
            }
            FaultKind::NoFlags => {
                self.apply(self.asked);
                return (
                    Answer::json(200, &StatusObject::bare(&self.account.user.id)),
                    true,
                );
            }
            FaultKind::OtherUser => {
                let other = "00000000-0000-4000-8000-00000000ffff";
                Answer::json(200, &StatusObject::new(other, [false; 3], [false; 3]))
            }
            FaultKind::Json500 => {
                Answer::error(500, "500 INTERNAL_SERVER_ERROR", "Something went wrong")
            }
            FaultKind::Html500 => Answer::page(500),
            FaultKind::TooMany => later(too_many(LimitBody::Json)),
            FaultKind::BadGateway => Answer::page(502),
            FaultKind::Unavailable => later(Answer::page(503)),
            FaultKind::GatewayTimeout => Answer::page(504),
            FaultKind::Cut | FaultKind::TokenRevoked => Answer::none(),
            FaultKind::Redirect => {
                Answer::empty(302).header("location", "/simulator/elsewhere".to_owned())
            }
        };
        (not_done, false)
    }
}
