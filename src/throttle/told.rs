//! What is told of the rate: that it was lowered, that it rises again, that it is back.
//!
//! The rate itself changes with every answer; nobody wants to hear of that.

/// A rise that is told.
const RISE: f64 = 1.05;
/// A fall, and a rise, that stand in the log.
const LOGGED_FALL: f64 = 0.9;
const LOGGED_RISE: f64 = 1.5;

/// What was told last.
#[derive(Debug)]
pub(super) struct Told {
    ceiling: f64,
    rate: f64,
    logged: f64,
}

impl Told {
    /// The rate is at the ceiling, and everybody knows.
    pub(super) const fn new(ceiling: f64) -> Self {
        Self {
            ceiling,
            rate: ceiling,
            logged: ceiling,
        }
    }

    /// The rate is this now. Returns what is to be told of it: requests a second, `None` within at
    /// the ceiling again.
    pub(super) fn news(&mut self, rate: f64) -> Option<Option<f64>> {
        let back = rate >= self.ceiling;
        let same = rate == self.rate;
        if same || (!back && (self.rate..self.rate * RISE).contains(&rate)) {
            return None;
        }
        self.rate = rate;
        if let Some(words) = self.words(rate, back) {
            tracing::info!("{words}");
            self.logged = rate;
        }
        Some((!back).then_some(rate))
    }

    /// What the log says of the rate, where it has changed by enough since it said something.
    fn words(&self, rate: f64, back: bool) -> Option<String> {
        let tenths = |rate: f64| (rate * 10.0).round() / 10.0;
        let (now, before) = (tenths(rate), tenths(self.logged));
        if rate < self.logged * LOGGED_FALL {
            Some(format!(
                "the service refuses requests (429): {now}/s from now on, after {before}/s"
            ))
        } else if back && self.logged < self.ceiling {
            Some(format!(
                "the service takes more again: back at the ceiling, after {before}/s"
            ))
        } else if rate > self.logged * LOGGED_RISE {
            Some(format!(
                "the service takes more again: {now}/s, after {before}/s"
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Told;

    #[test]
    fn a_fall_a_marked_rise_and_the_return_are_told() {
        let mut told = Told::new(100.0);
        for (rate, change) in [
            (100.0, None),
            (97.0, Some(Some(97.0))),
            (50.0, Some(Some(50.0))),
            (51.0, None),
            (52.4, None),
            (53.0, Some(Some(53.0))),
            (53.0, None),
            (100.0, Some(None)),
            (100.0, None),
        ] {
            assert_eq!(told.news(rate), change, "{rate}");
        }
    }

    #[test]
    fn the_log_has_falls_marked_rises_and_the_return_in_tenths() {
        let mut told = Told::new(100.0);
        for (rate, words) in [
            (100.0, ""),
            (90.0, ""),
            (
                89.96,
                "the service refuses requests (429): 90/s from now on, after 100/s",
            ),
            (82.0, ""),
            (
                40.04,
                "the service refuses requests (429): 40/s from now on, after 90/s",
            ),
            (60.06, ""),
            (63.25, "the service takes more again: 63.3/s, after 40/s"),
            (
                100.0,
                "the service takes more again: back at the ceiling, after 63.3/s",
            ),
            (95.0, ""),
            (100.0, ""),
        ] {
            let said = told.words(rate, rate >= 100.0);
            assert_eq!(said.unwrap_or_default(), words, "{rate}");
            let logged = if words.is_empty() { told.logged } else { rate };
            told.news(rate);
            assert_eq!(told.logged, logged, "{rate}");
        }
    }
}
