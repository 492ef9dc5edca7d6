//! The controller against services as data, in a simulation that knows no clock but its own.
//!
//! Each range holds for the worst of the seeds, unless it says otherwise.

mod held_out;
mod run;
mod server;

use std::{num::NonZeroU32, time::Duration};

use run::{Outcome, Run};
use server::{Counter, Kind, Service};

use super::{PACE, pacer::Pacer};

use Kind::{Bucket, Fixed, Sliding};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=4;

fn outcomes(run: &Run) -> Vec<Outcome> {
    SEEDS.map(|seed| run.simulate(seed)).collect()
}

fn least(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    outcomes.iter().map(of).fold(f64::INFINITY, f64::min)
}

fn most(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    -least(outcomes, |outcome| -of(outcome))
}

/// 80 calls a second are taken, then 40, then 80, twenty seconds each.
fn halves_and_returns(kind: Kind, retry_after: bool, latency: f64) -> Run {
    Run {
        ceiling: 400.0,
        concurrency: 64,
        seconds: 60.0,
        service: Service {
            retry_after,
            latency: (latency, latency * 0.1),
            ..Service::new(kind, &[(0.0, 80.0), (20.0, 40.0), (40.0, 80.0)])
        },
    }
}

/// The worst share used over all and in the last half of a part, and the largest share of refusals.
fn worst(run: &Run) -> [f64; 3] {
    let outcomes = outcomes(run);
    let steady = [10.0, 30.0, 50.0].map(|from| least(&outcomes, |of| of.used(from, from + 10.0)));
    [
        least(&outcomes, |of| of.used(0.0, run.seconds)),
        steady.into_iter().fold(f64::INFINITY, f64::min),
        most(&outcomes, |of| of.refused(0.0, run.seconds)),
    ]
}

#[test]
fn a_limit_that_halves_and_returns_is_used_and_hardly_touched() {
    for (kind, retry_after, all, steady) in [
        (Sliding(1.0), false, 0.80, 0.95),
        (Fixed(1.0), false, 0.80, 0.95),
        (Bucket(80.0), false, 0.80, 0.95),
        (Bucket(10.0), false, 0.80, 0.95),
        // So strict that it is the last second's evenness that counts.
        (Bucket(4.0), false, 0.75, 0.88),
        (Sliding(1.0), true, 0.80, 0.95),
        (Bucket(80.0), true, 0.80, 0.90),
        // Each look for more stops all for a second, and is one of few that tell what is there.
        (Fixed(1.0), true, 0.65, 0.50),
        (Bucket(10.0), true, 0.70, 0.85),
    ] {
        for latency in [0.005, 0.03] {
            let [used, settled, refused] = worst(&halves_and_returns(kind, retry_after, latency));
            let name = format!("{kind:?}, Retry-After {retry_after}, {latency} s");
            assert!(used >= all, "{name}: {used} of all used");
            assert!(settled >= steady, "{name}: {settled} used when steady");
            assert!(refused <= 0.03, "{name}: {refused} refused");
        }
    }
}

#[test]
fn far_away_a_limit_that_halves_and_returns_is_used_too() {
    for (kind, retry_after) in [
        (Sliding(1.0), false),
        (Bucket(10.0), false),
        (Sliding(1.0), true),
    ] {
        let [used, settled, refused] = worst(&halves_and_returns(kind, retry_after, 0.2));
        let name = format!("{kind:?}, Retry-After {retry_after}");
        assert!(used >= 0.75, "{name}: {used} of all used");
        assert!(settled >= 0.80, "{name}: {settled} used when steady");
        assert!(refused <= 0.06, "{name}: {refused} refused");
    }
}

#[test]
fn a_known_limit_is_used_whole_and_never_touched() {
    for per_s in [50.0, 500.0, 5_000.0_f64] {
        for kind in [Sliding(1.0), Fixed(1.0), Bucket((per_s / 50.0).max(10.0))] {
            let run = Run {
                ceiling: per_s * PACE,
                concurrency: 512,
                seconds: 20.0,
                service: Service {
                    latency: (0.02, 0.005),
                    ..Service::new(kind, &[(0.0, per_s)])
                },
            };
            let outcome = run.simulate(1);
            let (used, refused) = (outcome.used(0.0, 20.0), outcome.refused(0.0, 20.0));
            assert!(
                used >= 0.998 && refused == 0.0,
                "{kind:?} {per_s}: {used} {refused}"
            );
        }
    }
}

/// A known limit, and something on the way that stands still for so long, every so often.
fn stalls(kind: Kind, per_s: f64, long: f64, every: f64) -> Run {
    let seconds = 30.0;
    let times = (1..).map(|n| f64::from(n) * every);
    let stalls = times.take_while(|from| *from < seconds);
    Run {
        ceiling: per_s * PACE,
        concurrency: 256,
        seconds,
        service: Service {
            latency: (0.005, 0.001),
            stalls: stalls.map(|from| (from, long)).collect(),
            ..Service::new(kind, &[(0.0, per_s)])
        },
    }
}

#[test]
fn a_known_limit_is_used_though_stalls_make_bunches_of_requests() {
    for (long, every, used) in [(0.025, 3.1, 0.99), (0.04, 3.1, 0.98), (0.04, 1.1, 0.95)] {
        for per_s in [500.0, 5_000.0] {
            for kind in [Bucket(per_s / 50.0), Fixed(1.0), Sliding(1.0)] {
                let outcomes = outcomes(&stalls(kind, per_s, long, every));
                let share = least(&outcomes, |of| of.used(0.0, 30.0));
                let refused = most(&outcomes, |of| of.refused(0.0, 30.0));
                let name = format!("{kind:?} {per_s}, {long} s in {every} s");
                assert!(share >= used, "{name}: {share} used");
                assert!(refused <= 0.025, "{name}: {refused} refused");
            }
        }
    }
}

/// A client that goes at its pace to a limit that it knows, on a machine whose stalls stop both: one in each half second, of
/// up to so many seconds, and timers that are late by up to a millisecond. The share of what is allowed that is used, and
/// of refusals.
fn on_a_machine_that_stalls(kind: Kind, per_s: f64, longest: f64, seed: u64) -> [f64; 2] {
    const SECONDS: f64 = 30.0;
    let mut random = fastrand::Rng::with_seed(seed);
    let service = Service {
        latency: (0.005, 0.001),
        stalls: (0..60)
            .map(|half| {
                (
                    f64::from(half) / 2.0 + random.f64() / 3.0,
                    random.f64() * longest,
                )
            })
            .collect(),
        ..Service::new(kind, &[(0.0, per_s)])
    };
    let mut pacer = Pacer::new(per_s * PACE, NonZeroU32::MIN);
    let (mut now, mut calls) = (0.0, Vec::new());
    while now < SECONDS {
        pacer.follow(per_s * PACE);
        match pacer.take(Duration::from_secs_f64(now)) {
            Ok(()) => {
                let (least, most) = service.latency;
                calls.push(service.handled(now + least + random.f64() * most));
            }
            Err(slot) => {
                let due = slot.as_secs_f64();
                if due > now {
                    now = service.handled(due + random.f64() / 1_000.0);
                }
                pacer.reach(slot);
            }
        }
    }
    calls.sort_by(f64::total_cmp);
    let mut counter = Counter::default();
    let taken = calls
        .iter()
        .filter(|at| counter.take(&service, **at).is_ok());
    let taken = taken.count() as f64;
    [taken / per_s / SECONDS, 1.0 - taken / calls.len() as f64]
}

#[test]
fn what_stalls_of_the_machine_take_of_a_known_limit_is_made_up_for_and_nothing_refused() {
    // A stall also delays what is under way, for which a window has room as long as it takes 5 ms, what is uneven anyway included.
    for (longest, most_refused) in [(0.004, 0.0), (0.01, 0.003)] {
        for per_s in [50.0, 500.0, 5_000.0_f64] {
            for kind in [Sliding(1.0), Fixed(1.0), Bucket((per_s / 50.0).max(10.0))] {
                for seed in SEEDS {
                    let [used, refused] = on_a_machine_that_stalls(kind, per_s, longest, seed);
                    assert!(
                        used >= 0.99 && refused <= most_refused,
                        "{kind:?} {per_s}, {longest} s, seed {seed}: {used} used, {refused} refused"
                    );
                }
            }
        }
    }
}

/// A minute at R, one at half of it, one at R; the ceiling is six times as high.
fn minutes(kind: Kind, per_s: f64) -> Run {
    Run {
        ceiling: per_s * 6.0,
        concurrency: 128,
        seconds: 180.0,
        service: Service {
            latency: (0.03, 0.003),
            ..Service::new(kind, &[(0.0, per_s), (60.0, per_s / 2.0), (120.0, per_s)])
        },
    }
}

#[test]
fn a_hidden_limit_is_found_and_followed_within_seconds() {
    for (kind, per_s, used, refused) in [
        (Sliding(1.0), 50.0, 0.96, 0.003),
        (Sliding(1.0), 500.0, 0.97, 0.001),
        // What is under way when a window is full is refused, all of it.
        (Fixed(1.0), 50.0, 0.97, 0.006),
        (Fixed(1.0), 500.0, 0.98, 0.005),
        (Bucket(50.0), 50.0, 0.99, 0.010),
        (Bucket(500.0), 500.0, 0.99, 0.002),
        (Bucket(10.0), 50.0, 0.99, 0.010),
        // The bucket holds 20 ms, a good part of which an uneven network takes.
        (Bucket(10.0), 500.0, 0.97, 0.001),
    ] {
        let outcomes = outcomes(&minutes(kind, per_s));
        let steady = [30.0, 90.0, 150.0];
        let name = format!("{kind:?} {per_s}");
        for from in steady {
            let share = least(&outcomes, |of| of.used(from, from + 30.0));
            let touched = most(&outcomes, |of| of.refused(from, from + 30.0));
            assert!(
                share >= used && touched <= refused,
                "{name} at {from}: {share} {touched}"
            );
        }
        let [found, halved, doubled] =
            [0.0, 60.0, 120.0].map(|from| most(&outcomes, |of| of.reaches(0.95, from)));
        let slow = matches!(kind, Bucket(held) if held < per_s * 0.03);
        assert!(
            found <= if slow { 20.0 } else { 15.0 },
            "{name}: found after {found}"
        );
        assert!(
            halved <= if slow { 20.0 } else { 10.0 },
            "{name}: followed after {halved}"
        );
        assert!(doubled <= 20.0, "{name}: back after {doubled}");
    }
}

#[test]
fn the_search_for_more_than_a_hidden_limit_costs_half_a_per_cent_of_the_requests() {
    const RUNS: u32 = 8;
    for kind in [Sliding(1.0), Fixed(1.0), Bucket(10.0), Bucket(80.0)] {
        let run = minutes(kind, 80.0);
        let outcomes: Vec<Outcome> = (1..=RUNS.into()).map(|seed| run.simulate(seed)).collect();
        for from in [30.0, 90.0, 150.0] {
            let mean = |of: fn(&Outcome, f64, f64) -> f64| {
                let each = outcomes
                    .iter()
                    .map(|outcome| of(outcome, from, from + 30.0));
                each.sum::<f64>() / f64::from(RUNS)
            };
            let (used, refused) = (mean(Outcome::used), mean(Outcome::refused));
            assert!(
                used >= 0.97 && refused <= 0.005,
                "{kind:?} at {from}: {used} {refused}"
            );
        }
    }
}

/// No limit at all, and refusals for no reason.
fn stray(ceiling: f64, share: f64, retry_after: bool) -> Run {
    Run {
        ceiling,
        concurrency: 64,
        seconds: 120.0,
        service: Service {
            stray: share,
            retry_after,
            ..Service::new(Sliding(1.0), &[])
        },
    }
}

#[test]
fn refusals_for_no_reason_do_not_hold_the_rate_down() {
    for (ceiling, share, retry_after, used) in [
        (400.0, 0.001, false, 0.90),
        (400.0, 0.01, false, 0.95),
        (400.0, 0.03, false, 0.90),
        (10.0, 0.01, false, 0.93),
        (10.0, 0.03, false, 0.80),
        // Each of these stops all for a second: 0.91 and 0.77 are all there is.
        (10.0, 0.01, true, 0.75),
        (10.0, 0.03, true, 0.50),
    ] {
        let outcomes = outcomes(&stray(ceiling, share, retry_after));
        let share_used = least(&outcomes, |of| of.used(0.0, 120.0));
        assert!(
            share_used >= used,
            "{ceiling} {share} {retry_after}: {share_used}"
        );
    }
}

#[test]
fn a_limit_is_followed_among_refusals_for_no_reason() {
    for (kind, share, used, refused) in [
        (Sliding(1.0), 0.01, 0.60, 0.05),
        (Bucket(80.0), 0.01, 0.60, 0.05),
    ] {
        let mut run = halves_and_returns(kind, false, 0.03);
        run.service.stray = share;
        let [share_used, _, touched] = worst(&run);
        assert!(
            share_used >= used && touched <= refused,
            "{kind:?}: {share_used} {touched}"
        );
    }
}

#[test]
fn slow_limits_are_found_among_few_requests() {
    for (ceiling, per_s, retry_after, used, refused) in [
        (10.0, 5.0, false, 0.80, 0.05),
        (10.0, 5.0, true, 0.65, 0.06),
        (10.0, 9.0, false, 0.85, 0.05),
        (20.0, 15.0, true, 0.55, 0.08),
    ] {
        let run = Run {
            ceiling,
            concurrency: 32,
            seconds: 120.0,
            service: Service {
                retry_after,
                latency: (0.06, 0.03),
                ..Service::new(Sliding(1.0), &[(0.0, per_s)])
            },
        };
        let outcomes = outcomes(&run);
        let share = least(&outcomes, |of| of.used(0.0, 120.0));
        let touched = most(&outcomes, |of| of.refused(0.0, 120.0));
        let name = format!("{per_s} below {ceiling}, Retry-After {retry_after}");
        assert!(
            share >= used && touched <= refused,
            "{name}: {share} {touched}"
        );
    }
}

#[test]
fn services_that_nothing_was_tuned_on_are_met() {
    // Measured once: see docs/architecture.md. The floors are there so that it gets no worse.
    let floors = [0.75, 0.75, 0.95, 0.55, 0.50, 0.85];
    for ((name, run), floor) in held_out::held_out().into_iter().zip(floors) {
        let outcomes = outcomes(&run);
        let used = least(&outcomes, |of| of.used(0.0, run.seconds));
        let refused = most(&outcomes, |of| of.refused(0.0, run.seconds));
        assert!(used >= floor && refused <= 0.06, "{name}: {used} {refused}");
    }
}

#[test]
fn a_limit_by_the_minute_is_survived() {
    let run = Run {
        ceiling: 100.0,
        concurrency: 64,
        seconds: 300.0,
        service: Service::new(Fixed(60.0), &[(0.0, 10.0)]),
    };
    let outcome = run.simulate(1);
    assert!(outcome.used(0.0, 300.0) >= 0.95 && outcome.refused(0.0, 300.0) <= 0.08);
}
