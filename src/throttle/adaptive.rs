//! How fast to send, when nobody says what the service allows.
//!
//! Pure: what was sent, how it was answered and when goes in; a rate comes out, and an instant
//! before which nothing should be sent. Nothing here waits, reads a clock or knows a request. The
//! state is plain numbers; times are counted from the start of the job.

use std::time::Duration;

use super::{
    counts::Counts,
    growth::Growth,
    sight::{Refusal, Sight, fixed_limit},
    stall::Stall,
    stray::Stray,
};

/// Limits are counted over a second, as far as is known.
const WINDOW: Duration = Duration::from_secs(1);
/// A rest of this length changes what a window holds.
const FELT: Duration = Duration::from_millis(100);
/// What is kept of the rate that was refused.
const KEPT: f64 = 0.975;
/// The same, where a refusal that stopped all is followed by another one soon.
const KEPT_SOON: f64 = 0.94;
/// The same, where refusals follow each other closely, one after the other.
const KEPT_DENSE: [f64; 4] = [0.9, 0.8, 0.7, 0.5];
/// Fewer answers than this between two refusals is close.
const DENSE: u32 = 8;
/// Where so many requests after the refused one are refused too, nothing more is let through.
const WALL: u32 = 2;
/// After a refusal for which nobody had to wait, another one within this time is no accident.
const SOON: Duration = Duration::from_millis(2_200);
/// After one for which all had to wait, another one within so many of those waits is none.
const SOON_WAITS: u32 = 20;
/// How long a rate is kept that was refused twice and more often, before a higher one is tried.
const HOLD: Duration = Duration::from_secs(3);
const HOLD_GROWS: f64 = 1.6;
const LONGEST_HOLD: Duration = Duration::from_secs(6);
/// So many searches that ended alike make a limit well known; then a rate is kept for up to this time.
const WELL_KNOWN: i32 = 4;
const LONGEST_KNOWN_HOLD: Duration = Duration::from_secs(11);
/// The share of requests that searches for more may cost.
const COSTS: f64 = 0.005;
/// Each refusal that stops all costs its wait; so many of them are to lie between two.
const WAITS: f64 = 17.0;
const MOST_WAITS: f64 = 60.0;
/// Two limits are the same if they differ by less than this share, or than so many requests: a window that slides over
/// few holds one more or one less.
const SAME: f64 = 0.04;
const SAME_COUNT: f64 = 2.5;
/// A limit that showed itself before is likely to be still there where no more than this times as much was let through; and
/// it is as well known as before where no more than that was.
const A_LITTLE: f64 = 1.35;
const CREDIT: f64 = 1.25;
/// To no more than this times as much it is believed to have risen then.
const STEP: f64 = 1.02;
/// Where no more than this times what was let through was sent, a window that was full was full of the limit.
const HARDLY_MORE: f64 = 1.06;
/// A rate below this one is slow: a second holds too little to tell a limit by. Then so many
/// refusals among the last 24 answers are no accident.
const SLOW: f64 = 20.0;
const LAST_24: u32 = 0xff_ffff;
const NO_ACCIDENT: u32 = 3;
const KEPT_SLOW: f64 = 0.85;
const LONGEST_SLOW_HOLD: Duration = Duration::from_secs(30);
/// The rate never falls below one request in two seconds, or the ceiling.
const FLOOR: f64 = 0.5;

/// What stands for a request that was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Permit {
    /// When it was sent.
    pub(super) at: Duration,
    /// How often the rate had been looked into by then.
    pub(super) epoch: u32,
}

/// What an answer says of the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feedback {
    /// It did not stand in the way.
    LetThrough,
    /// It did, and perhaps said how long to wait.
    Refused {
        /// How long.
        wait: Option<Duration>,
    },
}

/// The rate and all that it is found by.
#[derive(Debug, Clone)]
pub(super) struct Adaptive {
    ceiling: f64,
    rate: f64,
    not_before: Duration,
    /// The end of the last rest that a window feels.
    rested: Duration,
    counts: Counts,
    stray: Stray,
    stall: Stall,
    /// Answers to requests of an earlier epoch are no reason to lower the rate again.
    epoch: u32,
    last: Option<Refusal>,
    /// Requests of this epoch that were let through.
    quiet: u32,
    /// The last 24 answers of this epoch, the latest lowest; 1 is a refusal.
    answers: u32,
    /// Steps down that followed each other closely.
    dense: usize,
    /// Searches for more that ended at the same rate, one after the other.
    agreed: i32,
    growth: Growth,
}

impl Adaptive {
    /// Begins at the ceiling.
    pub(super) fn new(ceiling: f64) -> Self {
        Self {
            ceiling,
            rate: ceiling,
            not_before: Duration::ZERO,
            rested: Duration::ZERO,
            counts: Counts::default(),
            stray: Stray::default(),
            stall: Stall::default(),
            epoch: 0,
            last: None,
            quiet: 0,
            answers: 0,
            dense: 0,
            agreed: 0,
            growth: Growth::new(Duration::ZERO, WINDOW, 0.01),
        }
    }

    /// Requests a second, now.
    pub(super) const fn rate(&self) -> f64 {
        self.rate
    }

    /// Nothing should be sent before.
    pub(super) const fn not_before(&self) -> Duration {
        self.not_before
    }

    /// A request goes out now.
    pub(super) fn sent(&mut self, now: Duration) -> Permit {
        self.counts.sent(now);
        self.stall.sent(now);
        Permit {
            at: now,
            epoch: self.epoch,
        }
    }

    /// An answer came.
    pub(super) fn heard(&mut self, permit: Permit, feedback: Feedback, now: Duration) {
        let of_now = permit.epoch == self.epoch;
        let safe = self.rate >= self.ceiling || self.growth.waits(now);
        self.stall.heard(permit.at, self.rate, now);
        match feedback {
            Feedback::LetThrough => {
                self.counts.let_through(permit.at);
                self.stray.let_through(safe);
                if of_now {
                    self.quiet = self.quiet.saturating_add(1);
                    self.answers = self.answers << 1 & LAST_24;
                    self.grow(now);
                } else {
                    self.look_again(permit, true, now);
                }
            }
            Feedback::Refused { wait } => {
                if !of_now {
                    self.look_again(permit, false, now);
                } else if self.rate < SLOW {
                    self.count(permit, wait, now);
                } else if safe && self.stall.explains(self.rate) {
                    let slot = Duration::from_secs_f64(1.0 / self.rate);
                    self.rest_until(self.not_before.max(now) + slot, now);
                } else if !self.stray.explains(safe) {
                    let sight = self.see(permit, wait, now);
                    self.judge(&sight);
                }
                if let Some(wait) = wait {
                    self.rest_until(now + wait, now);
                }
            }
        }
    }

    fn see(&self, permit: Permit, wait: Option<Duration>, now: Duration) -> Sight {
        let last = self.last;
        let begun = last.map_or(self.rested, |last| self.rested.max(last.at));
        let since = permit.at.saturating_sub(begun);
        let short = permit.at.saturating_sub(self.rested) < WINDOW * 9 / 10;
        let grown = last.is_some_and(|last| self.rate > last.kept * 1.02);
        let growing = grown && self.rate < self.ceiling && !self.growth.waits(now);
        let isolated =
            last.is_some_and(|last| last.others >= 4 && last.others_through * 4 >= last.others * 3);
        let repeated = last.is_some() && !isolated;
        let stopped = repeated && wait.is_some() && !growing;
        // What was really sent, where something else than the rate limited that.
        let sent = self.counts.sent_within(WINDOW, permit.at).max(1.0);
        Sight {
            now,
            sent: permit.at,
            wait,
            through: self.counts.let_through_within(WINDOW, permit.at),
            rate: if short {
                self.rate
            } else {
                self.rate.min(sent * 1.03)
            },
            since,
            short,
            growing,
            isolated,
            walled: !isolated && last.is_some_and(|last| last.others_through < last.others),
            dense: repeated && self.quiet < DENSE || stopped && since < WINDOW * 3 / 2,
            soon: stopped && since < WINDOW * 4,
        }
    }

    /// What follows from a refusal.
    fn judge(&mut self, sight: &Sight) {
        if self.may_be_an_accident(sight) {
            self.stray.begins(self.rate);
            return self.begin(sight, self.rate, sight.through, !sight.short);
        }
        let below = self.last.is_some_and(|last| self.rate < last.rate * 0.985);
        if sight.growing && !below {
            self.stray.begins(self.rate);
        }
        let rested = self.last.is_some_and(|last| self.rested > last.at);
        if self
            .stray
            .shows(sight.rate, !sight.dense && !sight.walled, rested)
        {
            self.rate = self.stray.base().min(self.ceiling);
            self.growth = self.growth.at(sight.now + HOLD);
            self.quiet = 0;
            return;
        }
        self.dense = if sight.dense { self.dense + 1 } else { 0 };
        self.lower(sight);
    }

    /// What follows from a refusal at a slow rate: nothing, until they are too many, or come where
    /// they came before.
    fn count(&mut self, permit: Permit, wait: Option<Duration>, now: Duration) {
        let sight = self.see(permit, wait, now);
        self.answers = (self.answers << 1 | 1) & LAST_24;
        let looked = self
            .last
            .filter(|last| sight.growing && self.rate >= last.rate * 0.93);
        if looked.is_none() && self.answers.count_ones() < NO_ACCIDENT {
            return;
        }
        let counted = (sight.through * KEPT_SOON)
            .max(sight.rate / 2.0)
            .min(sight.rate * KEPT_SLOW);
        let again = looked.filter(|last| self.rate < last.rate * 1.3);
        self.agreed = again.map_or(0, |_| self.agreed + 1);
        let (rate, new) = again.map_or((sight.rate, counted), |last| (last.rate, last.kept));
        self.begin(&Sight { rate, ..sight }, new, sight.through, true);
        self.settle(new, now);
        let doublings = self.agreed.min(9) + i32::from(wait.is_some());
        let hold = HOLD
            .mul_f64(f64::from(doublings).exp2())
            .min(LONGEST_SLOW_HOLD);
        let resumes = self.not_before.max(now + wait.unwrap_or_default());
        self.growth = self.growth.at(resumes + hold);
    }

    /// A single refusal at a rate that was good until now may mean nothing: the next one tells.
    fn may_be_an_accident(&self, sight: &Sight) -> bool {
        let memory = SOON.max(sight.wait.unwrap_or_default() * SOON_WAITS);
        let long_ago = self
            .last
            .is_none_or(|last| sight.now.saturating_sub(last.at) > memory);
        long_ago && !sight.growing && !sight.dense && !sight.soon
    }

    fn lower(&mut self, sight: &Sight) {
        let last = self.last;
        let above = |last: &Refusal, share: f64| {
            (last.through..last.through * share).contains(&sight.through)
        };
        let same = last.is_some_and(|last| {
            let differs = (sight.through - last.through).abs();
            last.sure && differs < (sight.through * SAME).max(SAME_COUNT)
        });
        self.agreed = match (same, sight.growing) {
            (true, true) => self.agreed + 1,
            // A correction of what a search ended with.
            (true, false) => self.agreed,
            // More than before, which the credit of a bucket explains.
            (false, true) if last.is_some_and(|last| last.sure && above(&last, CREDIT)) => {
                self.agreed
            }
            (false, _) => 0,
        };
        // A limit that showed itself before, a little below this one, is likely to be still there.
        let limit = last
            .filter(|last| above(last, A_LITTLE))
            .map_or(sight.through, |last| sight.through.min(last.through * STEP));
        let new = self.lowered(sight, limit);
        let sure = !sight.short && (!sight.dense || sight.wait.is_some());
        let search = self.growth.from;
        self.begin(sight, new, limit, sure);
        self.settle(new, sight.now);
        // A small correction does not put the next search off.
        let small = new >= sight.rate * 0.9 && !sight.growing;
        if small && sure && sight.wait.is_some() && search > sight.now {
            self.growth = self.growth.at(search.max(self.not_before + HOLD));
        }
    }

    fn lowered(&self, sight: &Sight, limit: f64) -> f64 {
        let known = self
            .last
            .filter(|last| last.even && sight.dense && sight.soon && !sight.short);
        if let Some(limit) = known.and_then(|last| fixed_limit(&last, sight)) {
            return limit * KEPT;
        }
        let kept = match self.dense {
            0 if sight.soon => KEPT_SOON,
            0 => KEPT,
            _ if sight.since >= WINDOW * 9 / 10 && sight.wait.is_some() => KEPT_DENSE[0],
            level => KEPT_DENSE[(level - 1).min(KEPT_DENSE.len() - 1)],
        };
        let new = sight.rate * kept;
        if !sight.short {
            return new.min(if sight.growing { limit } else { sight.through } * KEPT);
        }
        // After a rest, what was let through since is the limit, if it is counted in windows.
        let counted = !sight.isolated && (sight.walled || sight.wait.is_some());
        if counted && self.last.is_some() && self.quiet >= DENSE {
            return new.min((sight.through * KEPT).max(sight.rate / 2.0));
        }
        new
    }

    fn begin(&mut self, sight: &Sight, kept: f64, through: f64, sure: bool) {
        self.last = Some(Refusal {
            at: sight.now,
            sent: sight.sent,
            rate: sight.rate,
            kept,
            through,
            wait: sight.wait,
            sure,
            even: !sight.growing,
            others: 0,
            others_through: 0,
        });
        self.epoch += 1;
        self.quiet = 0;
        self.answers = 0;
    }

    /// An answer to a request that was sent before the rate was lowered is not another reason to
    /// lower it. But where those that followed the refused one were all refused, nothing more is
    /// let through, and what was let through before is all there is.
    fn look_again(&mut self, permit: Permit, let_through: bool, now: Duration) {
        let Some(last) = &mut self.last else {
            return;
        };
        if permit.epoch + 1 != self.epoch || permit.at <= last.sent {
            return;
        }
        last.others += 1;
        last.others_through += u32::from(let_through);
        // The more a search cost, the longer it is until the next.
        if !let_through && last.sure && last.wait.is_none() && self.agreed > 0 {
            let later = self.growth.from + Duration::from_secs_f64(1.0 / (COSTS * self.rate));
            self.growth = self
                .growth
                .at(later.min(last.at + LONGEST_HOLD * 2).max(self.growth.from));
        }
        if last.others == WALL && last.others_through == 0 {
            let new = self.rate.min(last.through * KEPT);
            last.sure &= last.wait.is_some() || last.rate <= last.through * HARDLY_MORE;
            last.kept = new;
            self.settle(new, now);
        }
    }

    /// Takes a lower rate, and rests until the last window fits it.
    fn settle(&mut self, new: f64, now: Duration) {
        let Some(last) = self.last else { return };
        self.rate = new.max(FLOOR.min(self.ceiling)).min(self.ceiling);
        let span = WINDOW.min(now);
        let rest = self.counts.sent_within(span, now) / self.rate - span.as_secs_f64();
        self.rest_until(now + Duration::from_secs_f64(rest.clamp(0.0, 1.0)), now);
        let resumes = self.not_before.max(now + last.wait.unwrap_or_default());
        let from = resumes + self.hold(&last);
        self.growth = match last.sure {
            true => Growth::new(from, WINDOW * 2 / 3, 0.01),
            false => Growth::new(from, WINDOW / 2, 0.04),
        };
    }

    /// How long this rate is kept. The longer, the more often the next one was refused.
    fn hold(&self, last: &Refusal) -> Duration {
        let agreed = self.agreed.min(9);
        match last.wait {
            Some(wait) if last.sure => {
                let waits = WAITS * f64::from(agreed).exp2();
                wait.mul_f64(waits.min(MOST_WAITS)).max(HOLD)
            }
            None if last.sure && agreed > 0 => {
                let longest = match agreed >= WELL_KNOWN {
                    true => LONGEST_KNOWN_HOLD,
                    false => LONGEST_HOLD,
                };
                longest.min(HOLD.mul_f64(HOLD_GROWS.powi(agreed - 1)))
            }
            _ => WINDOW,
        }
    }

    fn rest_until(&mut self, until: Duration, now: Duration) {
        self.not_before = self.not_before.max(until);
        if self.not_before.saturating_sub(now) >= FELT {
            self.rested = self.not_before;
        }
    }

    /// Success raises the rate, as long as it is the rate that limits.
    fn grow(&mut self, now: Duration) {
        if self.rate >= self.ceiling || self.growth.waits(now) {
            return;
        }
        let span = WINDOW.min(now.saturating_sub(self.rested));
        let sent = self.counts.sent_within(span, now);
        let limits = sent + 2.0 >= self.rate * span.as_secs_f64() * 0.8;
        self.rate = self.growth.raise(self.rate, now, limits).min(self.ceiling);
        if self.rate >= self.ceiling {
            self.dense = 0;
        }
    }
}

#[cfg(test)]
mod tests;
