//! When the next request may go: evenly, one slot after the other.
//!
//! The only user of `governor`, which decides (GCRA). It is shown the *slot* that a request was due
//! in, not the instant at which a timer happened to wake: a timer that is late by a millisecond
//! would otherwise lose that millisecond for good, half of the rate at 1,000/s. At most `FORGIVEN`
//! of lateness is made up for at once, so a stall does not become a burst. What it took beyond that
//! is made up for little by little, as far as the last second has room for it.
//!
//! Nothing here waits.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

/// How much of a timer's lateness is made up for.
const FORGIVEN: Duration = Duration::from_millis(3);
/// At the ceiling, who lags further behind goes this much faster until no more than `MADE_UP` is left of it; of a longer
/// stall no more than `MOST_LOST` is made up for, since a bucket that holds 20 ms of the rate fills no further meanwhile.
const FASTER: f64 = 0.015;
const MADE_UP: Duration = Duration::from_micros(500);
const MOST_LOST: Duration = Duration::from_millis(25);
/// A window opens before the even pace asks for it, by this share of it, so that a late timer does not delay the next second.
const LEEWAY: f64 = 0.001_5;
/// A window holds no more, however high the rate.
const MOST_IN_WINDOW: f64 = 10_000.0;
/// A rate that differs by less is kept as it is.
const FELT: f64 = 0.002;

type Limiter = RateLimiter<NotKeyed, InMemoryState, SlotClock, NoOpMiddleware<Nanos>>;

/// The pace. Times are counted from the same start.
#[derive(Debug)]
pub(super) struct Pacer {
    limiter: Limiter,
    clock: SlotClock,
    /// The slot that was taken last.
    last: Nanos,
    /// What the limiter goes by, and what was asked for.
    rate: f64,
    base: f64,
    burst: NonZeroU32,
    ceiling: f64,
    /// What bounds the last second where stalls are made up for; nothing is, where bursts are asked for.
    window: Option<Window>,
    /// Whether it is the window that is waited for.
    full: bool,
    /// When the next slot is due by a pace that loses nothing that somebody waits for.
    even: Duration,
    makes_up: bool,
    /// When a slot was asked for last, and whether it was waited for since.
    asked: Duration,
    waited: bool,
}

impl Pacer {
    /// Slots at so many a second, after a burst.
    pub(super) fn new(rate: f64, burst: NonZeroU32) -> Self {
        let clock = SlotClock::default();
        Self {
            limiter: limiter(rate, burst, &clock),
            last: clock.now(),
            clock,
            rate,
            base: rate,
            burst,
            ceiling: rate,
            window: (burst == NonZeroU32::MIN).then(|| Window::new(rate)),
            full: false,
            even: Duration::ZERO,
            makes_up: false,
            asked: Duration::ZERO,
            waited: false,
        }
    }

    /// Goes on at another rate, from the last slot that was taken: a slot that is being waited for
    /// comes earlier or later, and is not lost. A quota cannot be changed, and a new limiter has a
    /// fresh burst to give: it is spent.
    pub(super) fn follow(&mut self, rate: f64) {
        if rate != self.base {
            self.even = (self.even + period(rate)).saturating_sub(period(self.base));
            self.base = rate;
        }
        let makes_up = self.makes_up && self.window.is_some() && rate >= self.ceiling;
        let rate = rate * if makes_up { 1.0 + FASTER } else { 1.0 };
        if (rate / self.rate - 1.0).abs() < FELT {
            return;
        }
        self.rate = rate;
        let shown = self.clock.now();
        self.clock.set(self.last);
        self.limiter = limiter(rate, self.burst, &self.clock);
        let spent = self.limiter.check_n(self.burst);
        debug_assert!(matches!(spent, Ok(Ok(()))), "a fresh burst is whole");
        self.clock.set(shown);
    }

    /// Takes a slot now, where one is free; else says when the next one is.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let idle = now.saturating_sub(self.asked);
        if !std::mem::take(&mut self.waited) && idle > FORGIVEN {
            self.even += idle;
        }
        self.asked = now;
        self.clock.show(now.saturating_sub(FORGIVEN));
        let opens = self.window.as_ref().and_then(|window| window.opens(now));
        self.full = opens.is_some();
        if let Some(opens) = opens {
            return Err(opens);
        }
        let shown = self.clock.now();
        if let Err(refused) = self.limiter.check() {
            return Err((shown + Nanos::from(refused.wait_time_from(shown))).into());
        }
        self.last = shown;
        self.taken(now);
        Ok(())
    }

    /// A slot was taken.
    fn taken(&mut self, now: Duration) {
        if let Some(window) = &mut self.window {
            window.take(now);
        }
        let due = self.even.max(now.saturating_sub(MOST_LOST));
        let behind = now.saturating_sub(due);
        self.makes_up = behind > if self.makes_up { MADE_UP } else { FORGIVEN };
        self.even = due + period(self.base);
    }

    /// This slot was waited for.
    pub(super) fn reach(&mut self, slot: Duration) {
        self.waited = true;
        if !self.full {
            self.clock.show(slot);
        }
    }
}

/// The slots of about a second that were taken last: no such time holds more than the ceiling, so that stalls can
/// be made up for.
#[derive(Debug)]
struct Window {
    taken: VecDeque<Duration>,
    most: usize,
    span: Duration,
}

impl Window {
    fn new(rate: f64) -> Self {
        let most = rate.ceil().min(MOST_IN_WINDOW);
        Self {
            taken: VecDeque::new(),
            most: most as usize,
            span: Duration::from_secs_f64(most / rate * (1.0 - LEEWAY)),
        }
    }

    /// When the window has room; `None` where it has.
    fn opens(&self, now: Duration) -> Option<Duration> {
        let full = self.taken.len() >= self.most;
        let first = self.taken.front().filter(|_| full)?;
        Some(*first + self.span).filter(|opens| now < *opens)
    }

    /// A slot was taken.
    fn take(&mut self, now: Duration) {
        if self.taken.len() >= self.most {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
    }
}

fn period(rate: f64) -> Duration {
    Duration::from_secs_f64(1.0 / rate)
}

fn limiter(rate: f64, burst: NonZeroU32, clock: &SlotClock) -> Limiter {
    let quota = Quota::with_period(period(rate))
        .expect("a rate's period is never zero")
        .allow_burst(burst);
    RateLimiter::direct_with_clock(quota, clock.clone())
}

/// A clock that shows what it was told: nanoseconds since the gate was made.
#[derive(Debug, Clone, Default)]
struct SlotClock(Arc<AtomicU64>);

impl SlotClock {
    fn set(&self, time: Nanos) {
        self.0.store(time.as_u64(), Ordering::Relaxed);
    }

    /// The same, but never back.
    fn show(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Clock for SlotClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, ops::Range, time::Duration};

    use super::Pacer;

    /// When `n` slots are taken by somebody who always wants the next, in milliseconds.
    fn taken(pacer: &mut Pacer, from: Duration, n: usize) -> Vec<u128> {
        let mut now = from;
        let mut next = || {
            while let Err(slot) = pacer.take(now) {
                now = now.max(slot);
                pacer.reach(slot);
            }
            now.as_millis()
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn another_rate_goes_on_from_the_last_slot_without_a_burst() {
        for burst in [1, 20] {
            let burst = NonZeroU32::new(burst).expect("not zero");
            let mut pacer = Pacer::new(100.0, burst);
            let before = taken(&mut pacer, Duration::ZERO, burst.get() as usize + 2);
            assert_eq!(before.last(), Some(&20));
            pacer.follow(10.0);
            let slow = taken(&mut pacer, Duration::from_millis(20), 2);
            assert_eq!(slow, [120, 220], "burst {burst}");
            pacer.follow(100.0);
            let quick = taken(&mut pacer, Duration::from_millis(220), 3);
            assert_eq!(quick, [230, 240, 250], "burst {burst}");
        }
    }

    #[test]
    fn a_rate_that_changes_during_the_wait_for_a_slot_costs_no_slot() {
        for burst in [1, 20] {
            let burst = NonZeroU32::new(burst).expect("not zero");
            let mut pacer = Pacer::new(200.0, burst);
            taken(&mut pacer, Duration::ZERO, burst.get() as usize);
            pacer.follow(100.0);
            let (mut rate, mut slots) = (100.0, 0);
            let mut time = Duration::ZERO;
            while slots < 100 {
                rate *= 1.003;
                pacer.follow(rate);
                match pacer.take(time) {
                    Ok(()) => slots += 1,
                    Err(slot) => {
                        time = time.max(slot);
                        pacer.reach(slot);
                    }
                }
            }
            // Two changes a slot, from 100/s up to 182/s.
            assert!((680..760).contains(&time.as_millis()), "{time:?}");
        }
    }

    #[test]
    fn late_timers_lose_nothing_and_a_stall_is_no_burst() {
        let mut pacer = Pacer::new(5_000.0, NonZeroU32::MIN);
        let mut taken_by = |now: Duration| {
            let mut taken = 0;
            loop {
                match pacer.take(now) {
                    Ok(()) => taken += 1,
                    Err(slot) if slot <= now => pacer.reach(slot),
                    Err(_) => return taken,
                }
            }
        };
        let mut taken = 0;
        for ms in (0..=1_000).step_by(2) {
            taken += taken_by(Duration::from_millis(ms));
        }
        assert_eq!(taken, 5_001);
        let after_a_stall = taken_by(Duration::from_millis(1_100));
        assert!((15..=16).contains(&after_a_stall), "{after_a_stall}");
    }

    const SECOND: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_millis(700);

    /// When slots are taken in this time by somebody who always wants the next. With `stalls`, ten
    /// milliseconds of each 700 are lost to one.
    fn taken_within(pacer: &mut Pacer, rate: f64, time: Range<u32>, stalls: bool) -> Vec<Duration> {
        let (mut now, mut times) = (SECOND * time.start, Vec::new());
        let mut next_stall = now + EVERY;
        while now < SECOND * time.end {
            pacer.follow(rate);
            match pacer.take(now) {
                Ok(()) => times.push(now),
                Err(slot) => {
                    now = now.max(slot);
                    if stalls && now >= next_stall {
                        now += Duration::from_millis(10);
                        next_stall += EVERY;
                    }
                    pacer.reach(slot);
                }
            }
        }
        times
    }

    #[test]
    fn what_stalls_took_is_made_up_for_little_by_little_at_the_ceiling_only() {
        let pacer = || Pacer::new(1_000.0, NonZeroU32::MIN);
        // Each second ten milliseconds are lost beyond those that are forgiven.
        let at_the_ceiling = taken_within(&mut pacer(), 1_000.0, 0..100, true).len();
        assert!(
            (99_850..=100_000).contains(&at_the_ceiling),
            "{at_the_ceiling}"
        );
        let below = taken_within(&mut pacer(), 500.0, 0..100, true).len();
        assert!((49_450..=49_550).contains(&below), "{below}");
    }

    #[test]
    fn no_second_has_more_than_the_ceiling_while_stalls_are_made_up_for() {
        let times = taken_within(
            &mut Pacer::new(1_000.0, NonZeroU32::MIN),
            1_000.0,
            0..60,
            true,
        );
        let within = |from: &Duration| {
            let end = *from + SECOND;
            times.iter().filter(|at| (*from..end).contains(*at)).count()
        };
        // A thousand, and those of the time by which a window opens early, after 3 ms that are forgiven.
        let most = times.iter().step_by(10).map(within).max();
        assert!(
            most.is_some_and(|most| (1_000..=1_005).contains(&most)),
            "{most:?}"
        );
    }

    #[test]
    fn a_burst_comes_after_idling_and_not_again_and_again() {
        for (rate, burst) in [(10.0, 20), (100.0, 20), (1.0, 60), (5.0, 1)] {
            let mut pacer = Pacer::new(rate, NonZeroU32::new(burst).expect("not zero"));
            let times = taken(&mut pacer, Duration::ZERO, burst as usize + 100);
            let later = &times[burst as usize..];
            let even = 1_000.0 / rate;
            for pair in later.windows(2) {
                let gap = (pair[1] - pair[0]) as f64;
                assert!(
                    (gap - even).abs() < even * 0.02 + 2.0,
                    "{rate} {burst}: {gap} ms"
                );
            }
        }
    }

    #[test]
    fn after_a_rest_the_pace_is_even_at_once_though_somebody_gave_up_waiting_before_it() {
        let mut pacer = Pacer::new(100.0, NonZeroU32::MIN);
        taken(&mut pacer, Duration::ZERO, 100);
        let now = Duration::from_millis(995);
        let given_up = pacer.take(now).expect_err("not yet");
        assert!(given_up > now);
        let rested = Duration::from_secs(10);
        let times = taken(&mut pacer, rested, 4);
        assert_eq!(times, [10_000, 10_007, 10_017, 10_027], "3 ms are forgiven");
    }

    #[test]
    fn no_rate_is_exceeded_while_stalls_are_made_up_for_however_high_it_is() {
        let rate = 100_000.0;
        let mut pacer = Pacer::new(rate, NonZeroU32::MIN);
        let times = taken_within(&mut pacer, rate, 0..4, true);
        let within = |from: &Duration| {
            let end = *from + SECOND;
            let after = times.partition_point(|at| *at < end);
            after - times.partition_point(|at| *at < *from)
        };
        let most = times.iter().step_by(1_000).map(within).max();
        assert!(most.is_some_and(|most| most <= 100_151), "{most:?}");
    }

    #[test]
    fn who_wants_nothing_for_a_while_has_nothing_to_make_up_for() {
        let mut pacer = Pacer::new(1_000.0, NonZeroU32::MIN);
        taken(&mut pacer, Duration::ZERO, 10);
        let later = taken(&mut pacer, Duration::from_secs(60), 1_001);
        assert_eq!(
            later.last(),
            Some(&60_998),
            "three that are forgiven, less what a full window took, and no more"
        );
    }
}
