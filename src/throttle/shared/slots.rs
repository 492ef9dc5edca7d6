//! Which slots this process has, and what it should ask for. Pure: it is told the time.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{Ask, Granted};

/// A slot may be used so much later, as timers are late. What is missed by more is gone.
const LATE: Duration = Duration::from_millis(25);
/// An answer that took longer says too little of when its slots are.
const BLURRED: Duration = Duration::from_millis(150);
/// One block of permits takes about so long.
const BLOCK: f64 = 0.05;
/// The next one is asked for so long before this one is over.
const AHEAD: Duration = Duration::from_millis(60);
/// The last block that was given out is over so long after the time that it may lie ahead.
const OVER: Duration = Duration::from_millis(100);
/// The store hears of this process at least so often.
const PULSE: Duration = Duration::from_millis(400);
/// The store is asked again for what it had not no sooner than this.
const SOONEST: Duration = Duration::from_millis(5);
const MOST: u32 = 256;

/// A rise that is told.
const RISE: f64 = 1.05;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    /// A slot.
    Slot(Instant),
    /// Nothing is to be sent before.
    Rest(Instant),
    /// The store has to be asked first.
    Nothing,
    /// There is no store: one of so many parts.
    Alone(u32),
}

/// Slots one after the other.
#[derive(Debug, Clone, Copy)]
struct Block {
    next: Instant,
    apart: Duration,
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Store {
    Here,
    /// Away; alone from then on, when all slots given out are over.
    Away {
        alone_from: Instant,
    },
}

/// This process's slots, and what it knows of the others.
#[derive(Debug)]
pub(super) struct Slots {
    blocks: VecDeque<Block>,
    /// One has its slot, and waits for it.
    handed_out: u32,
    store: Store,
    /// Processes or shards, whichever are more.
    least_parts: u32,
    processes: u32,
    rate: f64,
    /// The rate where it is below the ceiling, now and when that was told last.
    slowed_to: Option<f64>,
    told: Option<f64>,
    cuts: u32,
    /// No permit lies further ahead.
    ahead: Duration,
    rest: Option<Instant>,
    not_again_before: Instant,
    pulse: Instant,
    // What the store has not been told yet.
    refused: Option<u32>,
    untold_rest: bool,
    away: bool,
    untold_away: bool,
}

/// Whether this slot was missed.
pub(super) fn is_over(at: Instant, now: Instant) -> bool {
    now > at + LATE
}

impl Slots {
    pub(super) fn new(least_parts: u32, first: Option<Granted>, now: Instant) -> Self {
        let mut slots = Self {
            blocks: VecDeque::new(),
            handed_out: 0,
            store: Store::Here,
            least_parts: least_parts.max(1),
            processes: 1,
            rate: 0.0,
            slowed_to: None,
            told: None,
            cuts: 0,
            ahead: Duration::ZERO,
            rest: None,
            not_again_before: now,
            pulse: now,
            refused: None,
            untold_rest: false,
            away: false,
            untold_away: false,
        };
        match first {
            Some(granted) => drop(slots.take(granted, now, now)),
            None => slots.store = Store::Away { alone_from: now },
        }
        slots
    }

    /// The next slot that can be used, or what has to come before.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        self.handed_out = 0;
        if let Some(rest) = self.rest.filter(|rest| *rest > now) {
            // Slots within a rest are of no use any more.
            self.forget(rest);
            return Next::Rest(rest);
        }
        self.forget(now.checked_sub(LATE).unwrap_or(now));
        if let Some(block) = self.blocks.front_mut() {
            let at = block.next;
            block.next += block.apart;
            block.left -= 1;
            self.handed_out = 1;
            return Next::Slot(at);
        }
        match self.store {
            Store::Here => Next::Nothing,
            Store::Away { alone_from } if now < alone_from => Next::Rest(alone_from),
            Store::Away { .. } => Next::Alone(self.parts()),
        }
    }

    /// What to ask now; or the time until which there is nothing to ask.
    pub(super) fn ask(&mut self, waiting: u32, now: Instant) -> Result<Ask, Instant> {
        self.forget(now.checked_sub(LATE).unwrap_or(now));
        let alone = self.is_alone();
        let left: u32 = self.blocks.iter().map(|block| block.left).sum();
        let short = self.end().is_none_or(|end| end <= now + AHEAD);
        let most = (self.rate * BLOCK) as u32;
        let wanted = match () {
            () if alone || !short || now < self.not_again_before => 0,
            () => waiting
                .saturating_sub(left + self.handed_out)
                .min(most.clamp(1, MOST)),
        };
        let news = self.refused.is_some() || self.untold_rest || self.untold_away;
        if wanted == 0 && !news && !alone && now < self.pulse {
            let soon = self.end().map_or(self.not_again_before, |end| {
                end.checked_sub(AHEAD)
                    .unwrap_or(end)
                    .max(self.not_again_before)
            });
            // Where nobody waits there is nothing to ask for, until somebody does.
            let idle = waiting <= left + self.handed_out || soon <= now;
            return Err(if idle {
                self.pulse
            } else {
                self.pulse.min(soon)
            });
        }
        self.pulse = now + PULSE;
        let rest = self.rest.filter(|_| std::mem::take(&mut self.untold_rest));
        Ok(Ask {
            wanted,
            refused: self.refused.take(),
            rest: rest.map(|until| until.saturating_duration_since(now)),
            away: std::mem::take(&mut self.untold_away).then_some(self.away),
            parts: alone.then(|| self.parts()),
        })
    }

    /// The store's answer. True where it had been away.
    pub(super) fn take(&mut self, granted: Granted, asked: Instant, now: Instant) -> bool {
        let took = now.saturating_duration_since(asked);
        self.rate = granted.rate;
        self.slowed_to = granted.slowed.then_some(granted.rate);
        self.cuts = granted.cuts;
        self.processes = granted.processes;
        self.ahead = granted.ahead;
        if granted.rest > Duration::ZERO {
            let until = now + granted.rest;
            self.rest = Some(self.rest.map_or(until, |rest| rest.max(until)));
        }
        // The store answered somewhere in between.
        let answered = asked + took / 2;
        if granted.permits == 0 {
            self.not_again_before = now + granted.wait.clamp(SOONEST, PULSE);
        } else if took <= BLURRED {
            self.blocks.push_back(Block {
                next: answered + granted.wait,
                apart: granted.apart,
                left: granted.permits,
            });
        }
        let was_away = self.is_alone();
        self.store = Store::Here;
        was_away
    }

    /// The store did not answer this. The number of parts, where that is news.
    pub(super) fn lost(&mut self, ask: Ask, now: Instant) -> Option<u32> {
        self.missed(ask);
        if self.is_alone() {
            return None;
        }
        self.blocks.clear();
        self.store = Store::Away {
            alone_from: self.rest.map_or(now, |rest| rest.max(now)) + self.ahead + OVER,
        };
        Some(self.parts())
    }

    /// The store was not heard, for a reason of this process's own.
    pub(super) fn missed(&mut self, ask: Ask) {
        self.refused = self.refused.or(ask.refused);
        self.untold_rest |= ask.rest.is_some();
        self.untold_away |= ask.away.is_some();
    }

    pub(super) fn refused(&mut self, cuts: u32) {
        self.refused = Some(self.refused.map_or(cuts, |other| other.max(cuts)));
    }

    pub(super) fn rest_until(&mut self, until: Instant) {
        if self.rest.is_none_or(|rest| rest < until) {
            self.rest = Some(until);
            self.untold_rest = true;
        }
    }

    /// True where that is news.
    pub(super) fn away(&mut self, away: bool) -> bool {
        let news = self.away != away;
        self.away = away;
        self.untold_away |= news;
        news
    }

    pub(super) const fn is_alone(&self) -> bool {
        matches!(self.store, Store::Away { .. })
    }

    /// How often the rate has been cut.
    pub(super) const fn cuts(&self) -> u32 {
        self.cuts
    }

    fn parts(&self) -> u32 {
        self.least_parts.max(self.processes)
    }

    /// Whoever waited for a slot has used it.
    pub(super) const fn used(&mut self) {
        self.handed_out = 0;
    }

    /// Every fall of the rate, a rise that is worth telling, and the return to the ceiling.
    pub(super) fn news(&mut self) -> Option<Option<f64>> {
        let same = match (self.slowed_to, self.told) {
            (None, None) => true,
            (Some(now), Some(told)) => (told..told * RISE).contains(&now),
            _ => false,
        };
        if same {
            return None;
        }
        self.told = self.slowed_to;
        Some(self.told)
    }

    /// Whether nothing is to be sent now.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.rest.is_some_and(|rest| rest > now)
    }

    /// When the last slot is.
    fn end(&self) -> Option<Instant> {
        let last = self.blocks.iter().rfind(|block| block.left > 0)?;
        Some(last.next + last.apart * last.left)
    }

    /// Drops slots before this time.
    fn forget(&mut self, before: Instant) {
        while let Some(block) = self.blocks.front_mut() {
            while block.left > 0 && block.next < before {
                block.next += block.apart;
                block.left -= 1;
            }
            if block.left > 0 {
                break;
            }
            self.blocks.pop_front();
        }
    }
}
