//! What can be seen when a request is refused. Nothing here decides.

use std::time::Duration;

/// The refusal that an epoch began with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refusal {
    pub(super) at: Duration,
    /// When the refused request was sent.
    pub(super) sent: Duration,
    /// The rate that was refused, and the one that was taken instead.
    pub(super) rate: f64,
    pub(super) kept: f64,
    /// What was let through in the window before; the limit, as far as that shows it.
    pub(super) through: f64,
    pub(super) wait: Option<Duration>,
    /// Whether a whole window without a rest lay before it.
    pub(super) sure: bool,
    /// Whether the rate had been the same for long.
    pub(super) even: bool,
    /// Answers to requests that were sent after the refused one and before the epoch.
    pub(super) others: u32,
    pub(super) others_through: u32,
}

/// What can be seen at a refusal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sight {
    pub(super) now: Duration,
    pub(super) sent: Duration,
    pub(super) wait: Option<Duration>,
    /// What was let through in the window before.
    pub(super) through: f64,
    /// The rate at which requests were sent.
    pub(super) rate: f64,
    /// Time of sending since the last refusal or rest.
    pub(super) since: Duration,
    /// Less than a window of it.
    pub(super) short: bool,
    /// A higher rate than the last refusal left was being tried.
    pub(super) growing: bool,
    /// Those after the last refused request were let through, or were refused too.
    pub(super) isolated: bool,
    pub(super) walled: bool,
    /// Few requests were let through since the last refusal.
    pub(super) dense: bool,
    /// It comes soon after one that stopped all.
    pub(super) soon: bool,
}

/// The limit, if it is counted in windows of a second that follow one another: then R requests at a
/// rate of r are refused R / r into a window, and from two refusals at two rates both the limit and
/// the beginning of the windows can be told. `None` where that is not likely.
pub(super) fn fixed_limit(last: &Refusal, sight: &Sight) -> Option<f64> {
    let later = sight.sent.as_secs_f64().fract() - last.sent.as_secs_f64().fract();
    let slower = 1.0 / sight.rate - 1.0 / last.rate;
    let limit = later / slower;
    (slower > 0.0 && limit > sight.rate * 0.45 && limit < sight.rate * 0.98).then_some(limit)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Refusal, Sight, fixed_limit};

    /// A refusal at this rate, so long after the start.
    fn refusal(rate: f64, sent: f64) -> Refusal {
        Refusal {
            rate,
            sent: Duration::from_secs_f64(sent),
            ..Refusal::default()
        }
    }

    #[test]
    fn two_refusals_tell_a_limit_that_is_counted_in_windows() {
        // 40 in each second from 0.25 on: refused 40 / r into a window.
        for (first, second) in [(80.0, 60.0), (69.0, 55.0), (400.0, 80.0)] {
            let sight = Sight {
                rate: second,
                sent: Duration::from_secs_f64(5.25 + 40.0 / second),
                ..Sight::default()
            };
            let limit = fixed_limit(&refusal(first, 2.25 + 40.0 / first), &sight);
            match second > 40.0 / 0.45 {
                true => assert_eq!(limit, None),
                false => assert!((limit.expect("a limit") - 40.0).abs() < 0.01, "{limit:?}"),
            }
        }
        // What comes out close to the rate itself tells nothing either.
        for (limit, tells) in [(78.0, true), (79.0, false)] {
            let sight = Sight {
                rate: 80.0,
                sent: Duration::from_secs_f64(5.25 + limit / 80.0),
                ..Sight::default()
            };
            let found = fixed_limit(&refusal(90.0, 2.25 + limit / 90.0), &sight);
            assert_eq!(found.is_some(), tells, "{limit}");
        }
        let sight = Sight {
            rate: 80.0,
            sent: Duration::from_secs(5),
            ..Sight::default()
        };
        assert_eq!(
            fixed_limit(&refusal(60.0, 2.25), &sight),
            None,
            "a rise tells nothing"
        );
    }
}
