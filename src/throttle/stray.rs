//! Refusals that are no limit's.
//!
//! A limit that is kept below refuses nothing, and the further it is exceeded, the larger the share
//! that it refuses. Refusals whose share stays small while the rate is lowered again and again have
//! another reason, and no rate helps against them.

/// No more than this share is taken for stray.
const MOST: f64 = 0.05;
/// Less than this is none.
const LEAST: f64 = 0.000_5;
/// So many refusals more than the share explains are still luck, and so many in a row.
const LUCK: f64 = 4.0;
const LUCKY_ROW: u32 = 2;
/// Answers that the share is remembered for.
const MEMORY: f64 = 1_000.0;
/// So many steps down that did not end the refusals are enough.
const IN_VAIN: u32 = 10;

/// What is known of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stray {
    /// The share of requests that are refused so; 0 where none is known.
    share: f64,
    /// Refusals beyond the share, of late, and in a row.
    luck: f64,
    row: u32,
    /// The rate at which the refusals began that are looked into.
    base: f64,
    /// The rate after the first of them; what was let through since, up to now and up to the last
    /// refusal; refusals.
    first: Option<f64>,
    seen: u32,
    seen_before: u32,
    refused: u32,
    /// Steps down that did not end them.
    in_vain: u32,
}

impl Stray {
    /// A request was let through. `safe`: at a rate that no limit is known to refuse.
    pub(super) fn let_through(&mut self, safe: bool) {
        self.luck = (self.luck - 3.0 * self.share).max(0.0);
        self.row = 0;
        if safe {
            self.share -= self.share / MEMORY;
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// A request was refused. True where that was to be expected.
    pub(super) fn explains(&mut self, safe: bool) -> bool {
        self.luck += 1.0;
        self.row += 1;
        if self.share < LEAST || self.luck > LUCK || self.row > LUCKY_ROW {
            self.luck = self.luck.min(LUCK);
            return false;
        }
        if safe {
            self.share = (self.share + 1.0 / MEMORY).min(MOST);
        }
        true
    }

    /// Refusals begin at this rate, for whatever reason.
    pub(super) const fn begins(&mut self, rate: f64) {
        self.base = rate;
        self.in_vain = 0;
        self.look_anew();
    }

    /// The rate at which they began.
    pub(super) const fn base(&self) -> f64 {
        self.base
    }

    /// A request was refused at this rate. True where that shows that the refusals are stray.
    /// `sparse`: many others were let through meanwhile. `rested`: there was time to recover.
    pub(super) fn shows(&mut self, rate: f64, sparse: bool, rested: bool) -> bool {
        if !sparse {
            self.begins(self.base);
            return false;
        }
        self.in_vain += 1;
        if rested {
            self.look_anew();
        }
        let Some(first) = self.first else {
            self.look_anew();
            self.first = Some(rate);
            return self.declare_if(self.in_vain > IN_VAIN);
        };
        // A limit below this rate would have refused more than this at the first one.
        let least = (1.0 - rate / first) * 0.25;
        let share = f64::from(self.refused) / f64::from(self.seen_before.max(1));
        let too_few = self.refused >= 2 && share < least;
        self.refused += 1;
        self.seen_before = self.seen;
        self.declare_if(too_few || self.in_vain > IN_VAIN)
    }

    const fn look_anew(&mut self) {
        (self.first, self.seen, self.seen_before, self.refused) = (None, 0, 0, 0);
    }

    fn declare_if(&mut self, shown: bool) -> bool {
        if shown {
            self.share = (f64::from(self.refused.max(1)) / f64::from(self.seen.max(20))).min(MOST);
            self.begins(self.base);
        }
        shown
    }
}
