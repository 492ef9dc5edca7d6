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
/// What is left of the share when a limit is felt.
const LESS: f64 = 0.8;
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
    /// Requests at safe rates that were let through, and refused, since a limit was last felt.
    safe_through: u32,
    safe_refused: u32,
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
            self.safe_through = self.safe_through.saturating_add(1);
            self.share -= self.share / MEMORY;
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// A request was refused. True where that was to be expected.
    pub(super) fn explains(&mut self, safe: bool) -> bool {
        self.luck += 1.0;
        self.row += 1;
        self.safe_refused += u32::from(safe);
        if self.share < LEAST || self.luck > LUCK || self.row > LUCKY_ROW {
            self.luck = self.luck.min(LUCK);
            if !safe {
                self.doubt();
            }
            return false;
        }
        if safe {
            self.share = (self.share + 1.0 / MEMORY).min(MOST);
        }
        true
    }

    /// A limit was felt, so the refusals may be its own. Where stray ones were to be expected before and none came, they are.
    fn doubt(&mut self) {
        let expected = self.share * f64::from(self.safe_through);
        let refuted = expected >= 1.0 && self.safe_refused == 0;
        self.share *= if refuted { 0.0 } else { LESS };
        (self.safe_through, self.safe_refused) = (0, 0);
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
            (self.safe_through, self.safe_refused) = (0, 0);
            self.begins(self.base);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::{IN_VAIN, LESS, MEMORY, MOST, Stray};

    /// This share is known.
    fn known(share: f64) -> Stray {
        Stray {
            share,
            ..Stray::default()
        }
    }

    fn let_through(stray: &mut Stray, n: u32, safe: bool) {
        for _ in 0..n {
            stray.let_through(safe);
        }
    }

    /// Refusals at these rates, so many requests after each other; how many there were when they were seen to be stray.
    fn shown(rates: impl Iterator<Item = f64>, between: u32, sparse: bool) -> Option<usize> {
        let mut stray = Stray::default();
        stray.begins(400.0);
        let mut rates = rates.enumerate();
        rates.find_map(|(n, rate)| {
            let_through(&mut stray, between, false);
            stray.shows(rate, sparse, false).then_some(n + 1)
        })
    }

    /// Each rate a fortieth lower than the one before.
    fn lowered() -> impl Iterator<Item = f64> {
        std::iter::successors(Some(400.0), |rate| Some(rate * 0.975)).take(40)
    }

    #[test]
    fn what_is_expected_is_explained_and_a_row_or_a_rush_is_not() {
        let mut stray = known(0.02);
        for n in 0..100 {
            let_through(&mut stray, 49, true);
            assert!(stray.explains(true), "{n}");
        }
        assert!((stray.share - 0.02).abs() < 0.001, "{}", stray.share);
        assert!(stray.explains(true), "two in a row");
        assert!(!stray.explains(true), "three in a row");

        let mut rush = known(0.02);
        let explained = (0..10).take_while(|_| {
            let_through(&mut rush, 4, false);
            rush.explains(false)
        });
        assert_eq!(explained.count(), 4);
        let_through(&mut rush, 10, false);
        assert!(!rush.explains(false), "hardly any of it is forgotten yet");
        let_through(&mut rush, 49, false);
        assert!(rush.explains(false), "as much as is usual is forgotten");
        assert!(!Stray::default().explains(true), "none is known");
    }

    #[test]
    fn the_share_is_learnt_where_no_limit_is_and_has_an_end() {
        let mut stray = known(0.02);
        let_through(&mut stray, 500, false);
        assert!(stray.explains(false));
        assert_eq!(stray.share, 0.02, "what a search meets tells nothing");
        let_through(&mut stray, 1_000, true);
        let expected = 0.02 * (1.0 - 1.0 / MEMORY).powi(1_000);
        assert!((stray.share - expected).abs() < 1e-9, "{}", stray.share);
        let mut many = known(0.03);
        for _ in 0..1_000 {
            let_through(&mut many, 15, true);
            many.explains(true);
        }
        assert!(many.share <= MOST && many.share > 0.045, "{}", many.share);
    }

    #[test]
    fn a_limit_that_is_felt_makes_the_share_doubtful_and_none_where_none_came() {
        let felt = |stray: &mut Stray| while stray.explains(false) {};
        let mut clean = known(0.02);
        let_through(&mut clean, 100, true);
        felt(&mut clean);
        assert_eq!(clean.share, 0.0);

        let mut few = known(0.02);
        let_through(&mut few, 30, true);
        let share = few.share;
        felt(&mut few);
        assert_eq!(few.share, share * LESS, "too few to expect one");

        let mut met = known(0.02);
        let_through(&mut met, 50, true);
        assert!(met.explains(true));
        let_through(&mut met, 50, true);
        let share = met.share;
        felt(&mut met);
        assert_eq!(met.share, share * LESS, "one came");
        let_through(&mut met, 100, true);
        felt(&mut met);
        assert_eq!(met.share, 0.0, "none came since");
    }

    #[test]
    fn refusals_that_no_lower_rate_ends_are_stray_and_those_of_a_limit_are_not() {
        // One in 200, however low the rate: a limit would have refused more at the rates before.
        assert_eq!(shown(lowered(), 200, true), Some(4));
        // One in 20: below the first rate by less than that, at first, then by as much as only a limit would be.
        assert_eq!(shown(lowered(), 20, true), Some(10));
        // The rate hardly changes: what is in vain is counted.
        let the_same = std::iter::repeat_n(400.0, 40);
        assert_eq!(shown(the_same, 200, true), Some(IN_VAIN as usize + 1));
        assert_eq!(shown(lowered(), 200, false), None, "refused closely");
    }

    #[test]
    fn what_is_shown_is_the_share_and_the_rate_to_go_back_to() {
        let mut stray = Stray::default();
        stray.begins(400.0);
        for (n, rate) in lowered().take(4).enumerate() {
            let_through(&mut stray, 100, false);
            assert_eq!(stray.shows(rate, true, false), n == 3, "{n}");
        }
        // Three in the 300 since the first.
        assert!((stray.share - 0.01).abs() < 1e-9, "{}", stray.share);
        assert_eq!(stray.base(), 400.0);

        // Time to recover: what was counted before says nothing of the rates after.
        let mut rested = Stray::default();
        rested.begins(400.0);
        let shown = lowered().take(10).any(|rate| {
            let_through(&mut rested, 100, false);
            rested.shows(rate, true, true)
        });
        assert!(!shown);
    }
}
