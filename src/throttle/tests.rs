//! The gate in paused time.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::ProptestConfig, proptest};
use tokio::{
    task::JoinSet,
    time::{Instant, advance},
};

use super::{Feedback, Throttle, ThrottleSettings};

fn throttle(rate: &str, burst: u32) -> Throttle {
    Throttle::new(ThrottleSettings {
        rate: rate.parse().expect("a rate"),
        burst: NonZeroU32::new(burst).expect("a burst"),
    })
}

/// When each of `n` requests may go, in seconds since the first moment, from many tasks.
async fn grants(throttle: Throttle, n: usize) -> Vec<f64> {
    let throttle = Arc::new(throttle);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..n {
        let throttle = Arc::clone(&throttle);
        tasks.spawn(async move {
            throttle.acquire().await;
            start.elapsed().as_secs_f64()
        });
    }
    let mut times = tasks.join_all().await;
    times.sort_by(f64::total_cmp);
    times
}

fn most_in_a_second(times: &[f64]) -> usize {
    let within = |from: f64| {
        times
            .iter()
            .filter(|at| (from..from + 1.0).contains(at))
            .count()
    };
    times.iter().map(|at| within(*at)).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn no_second_carries_more_than_rate_and_burst_and_little_is_lost() {
    for (rate, burst) in [
        (5, 1),
        (10, 1),
        (10, 4),
        (50, 1),
        (200, 1),
        (500, 1),
        (500, 20),
    ] {
        let times = grants(throttle(&format!("{rate}/s"), burst), rate as usize * 4).await;
        let most = if burst == 1 { rate } else { rate + burst };
        assert!(most_in_a_second(&times) <= most as usize, "{rate} {burst}");
        let took = times.last().expect("grants");
        assert!(*took < 4.0 * 1.02 + 0.01, "{rate} {burst} took {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_rates_are_spread_evenly() {
    let times = grants(throttle("30/m", 1), 4).await;
    for pair in times.windows(2) {
        assert!((1.99..2.02).contains(&(pair[1] - pair[0])), "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_passes_before_a_deadline_even_one_set_while_somebody_waits() {
    let throttle = Arc::new(throttle("10/s", 1));
    let start = Instant::now();
    throttle.acquire().await;
    assert!(throttle.hold_until(start + Duration::from_secs(5)), "new");
    assert!(
        !throttle.hold_until(start + Duration::from_secs(5)),
        "the same"
    );
    assert!(
        !throttle.hold_until(start + Duration::from_secs(2)),
        "never shortened"
    );
    let waiter = tokio::spawn({
        let throttle = Arc::clone(&throttle);
        async move {
            throttle.acquire().await;
            start.elapsed()
        }
    });
    advance(Duration::from_secs(4)).await;
    throttle.hold_until(start + Duration::from_secs(9));
    let passed = waiter.await.expect("the waiter ends");
    assert!(
        passed >= Duration::from_secs(9) && passed < Duration::from_millis(9200),
        "{passed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_lower_the_rate_of_what_follows() {
    let throttle = throttle("100/s", 1);
    for _ in 0..400 {
        let permit = throttle.acquire().await;
        advance(Duration::from_millis(1)).await;
        throttle.heard(permit, Feedback::Refused { wait: None });
    }
    let slowed_to = throttle.news().flatten().expect("news");
    assert!(slowed_to < 50.0, "{slowed_to}");
    throttle.acquire().await;
    let start = Instant::now();
    throttle.acquire().await;
    let pace = start.elapsed().as_secs_f64() * slowed_to;
    assert!((0.9..1.1).contains(&pace), "{pace} at {slowed_to}");
}

#[tokio::test(start_paused = true)]
async fn a_part_is_that_part_of_the_rate_and_stays_while_the_parts_do() {
    let throttle = throttle("80/s", 1);
    let part = throttle.part(4);
    assert!((part.rate().per_s() - 20.0).abs() < 1e-9);
    assert!(Arc::ptr_eq(&part, &throttle.part(4)));
    let other = throttle.part(2);
    assert!((other.rate().per_s() - 40.0).abs() < 1e-9);
    assert!(Arc::ptr_eq(&other, &throttle.part(2)));
}

#[tokio::test(start_paused = true)]
async fn an_urgent_request_passes_the_queue() {
    let throttle = Arc::new(throttle("10/s", 1));
    let start = Instant::now();
    let mut queue = JoinSet::new();
    for _ in 0..50 {
        let throttle = Arc::clone(&throttle);
        queue.spawn(async move { throttle.acquire().await });
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    throttle.acquire_urgent().await;
    assert!(
        start.elapsed() < Duration::from_millis(250),
        "{:?}",
        start.elapsed()
    );
    queue.join_all().await;
    assert!(
        start.elapsed() > Duration::from_secs(5),
        "it took a permit all the same"
    );
}

#[tokio::test(start_paused = true)]
async fn idling_saves_up_no_more_than_the_burst() {
    let throttle = throttle("10/s", 3);
    advance(Duration::from_secs(60)).await;
    let times = grants(throttle, 6).await;
    assert!(times[2] < 0.01 && times[3] > 0.05, "{times:?}");
}

/// What a job may meet, step by step: so many milliseconds of nothing to do, requests, refusals, waits that
/// are asked for. When each request went, in seconds.
async fn sent(rate: u32, burst: u32, steps: &[(u8, u16)]) -> Vec<f64> {
    let throttle = throttle(&format!("{rate}/s"), burst);
    let start = Instant::now();
    let (mut sent, mut not_before) = (Vec::new(), start);
    for (step, ms) in steps {
        let time = Duration::from_millis(u64::from(*ms));
        match step {
            0 => advance(time).await,
            1 => {
                not_before = not_before.max(Instant::now() + time);
                throttle.hold_until(Instant::now() + time);
            }
            _ => {
                let permit = throttle.acquire().await;
                assert!(Instant::now() >= not_before, "sent in a wait");
                sent.push(start.elapsed().as_secs_f64());
                let feedback = match step {
                    2 => Feedback::Refused { wait: None },
                    3 => Feedback::Refused { wait: Some(time) },
                    _ => Feedback::LetThrough,
                };
                throttle.heard(permit, feedback);
            }
        }
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_comes_no_second_carries_more_than_the_ceiling_and_the_burst(
        rate in 1..400_u32,
        burst in 1..5_u32,
        steps in vec((0..60_u8, 0..1_500_u16), 1..800),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let times = runtime.expect("a runtime").block_on(sent(rate, burst, &steps));
        let most = if burst == 1 { rate } else { rate + burst };
        assert!(most_in_a_second(&times) <= most as usize, "{rate}/s, burst {burst}");
    }
}
