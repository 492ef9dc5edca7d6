//! What follows from a refusal, one at a time. What comes of many is held by the scenarios.

use super::*;

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-6
}

/// A refusal at 100/s of which the second before was full, of the search or not.
fn sight(growing: bool) -> Sight {
    Sight {
        now: at(10.0),
        sent: at(10.0),
        through: 100.0,
        rate: 100.0,
        since: at(5.0),
        growing,
        ..Sight::default()
    }
}

/// One that knows a limit of 100/s, well.
fn known(dense: usize) -> Adaptive {
    let mut adaptive = Adaptive::new(400.0);
    adaptive.dense = dense;
    adaptive.rate = 100.0;
    adaptive.last = Some(Refusal {
        rate: 102.0,
        kept: 97.5,
        through: 100.0,
        sure: true,
        ..Refusal::default()
    });
    adaptive
}

#[test]
fn what_is_kept_of_a_rate_is_less_the_closer_refusals_follow_each_other() {
    let kept = |dense, sight: &Sight| known(dense).lowered(sight, 100.0);
    assert!(close(kept(0, &sight(true)), 97.5));
    let soon = Sight {
        soon: true,
        ..sight(true)
    };
    assert!(close(kept(0, &soon), 94.0));
    for (dense, expected) in [(1, 90.0), (2, 80.0), (3, 70.0), (4, 50.0), (9, 50.0)] {
        assert!(close(kept(dense, &sight(true)), expected), "{dense}");
        // Who was told to wait, and then sent for a whole second.
        let waited = Sight {
            wait: Some(at(1.0)),
            since: at(0.9),
            ..sight(true)
        };
        assert!(close(kept(dense, &waited), 90.0), "{dense}");
        let sooner = Sight {
            since: at(0.8),
            ..waited
        };
        assert!(close(kept(dense, &sooner), expected), "{dense}");
    }
}

#[test]
fn what_was_let_through_bounds_what_is_kept() {
    let few = |growing| Sight {
        through: 60.0,
        ..sight(growing)
    };
    assert!(close(known(0).lowered(&few(false), 100.0), 58.5));
    assert!(close(known(0).lowered(&few(true), 80.0), 78.0));
    // After a rest, only where it is counted in windows, and not to less than half.
    let short = |through, walled, wait: Option<f64>| Sight {
        short: true,
        walled,
        through,
        wait: wait.map(at),
        ..sight(false)
    };
    let mut answered = known(0);
    answered.quiet = DENSE;
    for (sight, expected) in [
        (short(80.0, true, None), 78.0),
        (short(80.0, false, Some(1.0)), 78.0),
        (short(20.0, true, None), 50.0),
        (short(80.0, false, None), 97.5),
    ] {
        assert!(close(answered.lowered(&sight, 100.0), expected));
    }
    let isolated = Sight {
        isolated: true,
        ..short(80.0, true, Some(1.0))
    };
    assert!(close(answered.lowered(&isolated, 100.0), 97.5));
    answered.quiet = DENSE - 1;
    assert!(close(
        answered.lowered(&short(80.0, true, None), 100.0),
        97.5
    ));
}

#[test]
fn the_limit_of_windows_on_the_second_is_taken_where_two_refusals_tell_it() {
    let mut adaptive = known(1);
    // 80 in each second: refused 0.8 s into it at 100/s, 0.889 s at 90/s.
    adaptive.last = Some(Refusal {
        rate: 100.0,
        sent: at(5.8),
        even: true,
        ..Refusal::default()
    });
    let second = Sight {
        rate: 90.0,
        sent: at(6.0 + 80.0 / 90.0),
        dense: true,
        soon: true,
        through: 90.0,
        ..sight(false)
    };
    assert!(close(adaptive.lowered(&second, 100.0), 80.0 * KEPT));
    for other in [
        Sight {
            dense: false,
            ..second
        },
        Sight {
            soon: false,
            ..second
        },
        Sight {
            short: true,
            ..second
        },
    ] {
        assert!(!close(adaptive.lowered(&other, 100.0), 80.0 * KEPT));
    }
}

#[test]
fn more_than_before_is_credit_at_first_and_the_limit_stays_known() {
    for (through, limit, agreed) in [
        (101.0, 101.0, 4),
        (104.5, 102.0, 3),
        (124.0, 102.0, 3),
        (126.0, 102.0, 0),
        (134.0, 102.0, 0),
        (136.0, 136.0, 0),
        (90.0, 90.0, 0),
    ] {
        let mut adaptive = known(0);
        adaptive.agreed = 3;
        let sight = Sight {
            through,
            rate: 140.0,
            ..sight(true)
        };
        adaptive.lower(&sight);
        let last = adaptive.last.expect("one");
        assert!(close(last.through, limit), "{through}: {}", last.through);
        assert!(close(adaptive.rate, (140.0_f64 * KEPT).min(limit * KEPT)));
        assert_eq!(adaptive.agreed, agreed, "{through}");
    }
    let mut corrected = known(0);
    corrected.agreed = 3;
    corrected.lower(&sight(false));
    assert_eq!(corrected.agreed, 3, "a correction");
}

#[test]
fn a_small_correction_does_not_put_the_next_search_off() {
    let next = |sight: &Sight| {
        let mut adaptive = known(0);
        adaptive.agreed = 3;
        adaptive.growth = adaptive.growth.at(at(20.0));
        adaptive.lower(sight);
        adaptive.growth.from
    };
    let told = Sight {
        wait: Some(at(1.0)),
        ..sight(false)
    };
    assert_eq!(next(&told), at(20.0), "as it was");
    let growing = Sight {
        growing: true,
        ..told
    };
    assert!(next(&growing) > at(60.0), "it was the search");
    let large = Sight {
        through: 80.0,
        ..told
    };
    assert!(next(&large) != at(20.0), "not small");
}

/// Sends ten a second for so long, of which these are refused; the rate after it.
fn ten_a_second(adaptive: &mut Adaptive, from: f64, sent: u32, refused: &[u32]) -> f64 {
    for n in 0..sent {
        let now = at(from + f64::from(n) / 10.0);
        let permit = adaptive.sent(now);
        let feedback = match refused.contains(&n) {
            true => Feedback::Refused { wait: None },
            false => Feedback::LetThrough,
        };
        adaptive.heard(permit, feedback, now + at(0.01));
    }
    adaptive.rate()
}

#[test]
fn below_twenty_a_second_three_refusals_in_24_answers_count_and_fewer_do_not() {
    let slow = || Adaptive::new(10.0);
    assert!(close(ten_a_second(&mut slow(), 0.0, 60, &[20, 43]), 10.0));
    assert!(close(
        ten_a_second(&mut slow(), 0.0, 60, &[20, 32, 44]),
        10.0
    ));
    // What was let through in the second before, less 6 %, and never more than this of the rate.
    let rate = ten_a_second(&mut slow(), 0.0, 44, &[20, 32, 43]);
    assert!(close(rate, 10.0 * KEPT_SLOW));
    let rate = ten_a_second(&mut slow(), 0.0, 41, &[30, 36, 40]);
    assert!(close(rate, 8.0 * KEPT_SOON));
    // Nothing was let through yet: half.
    let rate = ten_a_second(&mut slow(), 0.0, 3, &[0, 1, 2]);
    assert!(close(rate, 5.0));
}

#[test]
fn a_slow_rate_that_was_refused_twice_alike_is_kept_longer() {
    let mut adaptive = Adaptive::new(10.0);
    let first = ten_a_second(&mut adaptive, 0.0, 44, &[20, 32, 43]);
    let begun = adaptive.growth.from;
    let rested = adaptive.not_before().max(at(4.31));
    assert_eq!(begun, rested + HOLD);
    // The search comes up to what was refused, and is refused there again.
    adaptive.rate = 9.8;
    let now = begun + at(1.0);
    let permit = adaptive.sent(now);
    adaptive.heard(permit, Feedback::Refused { wait: None }, now);
    assert!(close(adaptive.rate(), first), "back to what was kept");
    assert_eq!(adaptive.agreed, 1);
    let rested = adaptive.not_before().max(now);
    assert_eq!(adaptive.growth.from, rested + HOLD * 2);
    // And once more, with a time to wait.
    adaptive.rate = 9.8;
    let now = adaptive.growth.from + at(1.0);
    let permit = adaptive.sent(now);
    let wait = Some(at(2.0));
    adaptive.heard(permit, Feedback::Refused { wait }, now);
    let resumes = adaptive.not_before().max(now + at(2.0));
    assert_eq!(adaptive.growth.from, resumes + HOLD * 8);
}

#[test]
fn a_correction_leaves_time_before_a_search_that_would_come_at_once() {
    let mut adaptive = known(0);
    adaptive.growth = adaptive.growth.at(at(10.5));
    adaptive.lower(&Sight {
        wait: Some(at(1.0)),
        ..sight(false)
    });
    assert_eq!(adaptive.growth.from, adaptive.not_before() + HOLD);
}

#[test]
fn a_rate_that_was_refused_while_it_was_held_is_known_as_even() {
    for growing in [true, false] {
        let mut adaptive = known(0);
        adaptive.lower(&sight(growing));
        assert_eq!(adaptive.last.expect("one").even, !growing);
    }
}

#[test]
fn the_ceiling_ends_what_was_counted_as_close() {
    for (rate, reaches) in [(399.999_9, true), (300.0, false)] {
        let mut adaptive = known(3);
        adaptive.rate = rate;
        adaptive.growth = Growth::new(Duration::ZERO, WINDOW, 0.01);
        adaptive.grow(at(0.005));
        assert_eq!(adaptive.rate() >= 400.0, reaches);
        assert_eq!(adaptive.dense, if reaches { 0 } else { 3 });
    }
}

#[test]
fn each_request_that_a_search_cost_puts_the_next_one_off_and_not_for_ever() {
    let mut adaptive = known(0);
    adaptive.agreed = 1;
    adaptive.lower(&sight(true));
    assert_eq!(adaptive.agreed, 2);
    let begun = adaptive.growth.from;
    let later = Permit {
        at: at(10.01),
        epoch: adaptive.epoch - 1,
    };
    // One was let through, so that it is no wall.
    adaptive.heard(later, Feedback::LetThrough, at(10.02));
    assert_eq!(adaptive.growth.from, begun);
    let refused = Feedback::Refused { wait: None };
    adaptive.heard(later, refused, at(10.02));
    let each = at(1.0 / (COSTS * adaptive.rate()));
    assert_eq!(adaptive.growth.from, begun + each);
    for _ in 0..20 {
        adaptive.heard(later, refused, at(10.02));
    }
    assert_eq!(adaptive.growth.from, at(10.0) + LONGEST_HOLD * 2);
}
