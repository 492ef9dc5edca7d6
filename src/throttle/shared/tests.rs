use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::throttle::{Feedback, Throttle, ThrottleSettings};

use super::{
    Ask, Granted, Store,
    slots::{Next, Slots, is_over},
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn granted(permits: u32, wait_ms: u64) -> Granted {
    Granted {
        permits,
        wait: ms(wait_ms),
        apart: ms(5),
        cuts: 0,
        rate: 200.0,
        slowed: false,
        rest: Duration::ZERO,
        processes: 4,
        ahead: ms(500),
    }
}

fn slot(next: Next) -> Instant {
    match next {
        Next::Slot(at) => at,
        other => panic!("no slot: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn slots_come_in_blocks_and_those_that_were_missed_are_gone() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    assert_eq!(slots.next(start), Next::Nothing);
    let ask = slots.ask(30, start + ms(5)).expect("somebody waits");
    assert_eq!(ask.wanted, 10, "a twentieth of a second's");
    slots.take(granted(10, 100), start + ms(5), start + ms(5));
    assert_eq!(slot(slots.next(start + ms(5))), start + ms(105));
    assert_eq!(slot(slots.next(start + ms(105))), start + ms(110));
    // Stopped for a tenth of a second: most of the block is over.
    let late = start + ms(173);
    assert_eq!(
        slot(slots.next(late)),
        start + ms(150),
        "as late as timers are"
    );
    assert!(is_over(start + ms(105), late) && !is_over(start + ms(150), late));
    assert_eq!(slots.next(start + ms(300)), Next::Nothing);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_much_later_gives_no_slots() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    slots.take(granted(10, 100), start, start + ms(400));
    assert_eq!(slots.next(start + ms(400)), Next::Nothing);
}

#[tokio::test(start_paused = true)]
async fn without_the_store_a_process_goes_by_its_part_once_all_slots_are_over() {
    let start = Instant::now();
    let mut slots = Slots::new(8, Some(granted(0, 0)), start);
    slots.take(granted(10, 100), start, start);
    let ask = Ask {
        wanted: 10,
        refused: Some(3),
        rest: None,
        away: None,
        parts: None,
    };
    assert_eq!(slots.lost(ask, start + ms(50)), Some(8));
    assert_eq!(slots.lost(ask, start + ms(60)), None, "said once");
    assert_eq!(slots.next(start + ms(60)), Next::Rest(start + ms(650)));
    assert_eq!(slots.next(start + ms(650)), Next::Alone(8));
    let again = slots
        .ask(5, start + ms(700))
        .expect("it looks for the store");
    assert_eq!(
        (again.wanted, again.parts, again.refused),
        (0, Some(8), Some(3))
    );
    assert!(slots.take(granted(0, 0), start + ms(700), start + ms(700)));
    assert_eq!(slots.next(start + ms(700)), Next::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_rest_binds_slots_that_were_given_out_before_and_is_told() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    slots.take(granted(10, 0), start, start);
    slots.rest_until(start + ms(2_000));
    assert_eq!(slots.next(start), Next::Rest(start + ms(2_000)));
    let told = slots.ask(0, start).expect("news").rest;
    assert_eq!(told, Some(ms(2_000)));
    assert_eq!(
        slots.next(start + ms(2_000)),
        Next::Nothing,
        "no slot is left over"
    );
    // Another process was told of one.
    let rest = Granted {
        rest: ms(300),
        ..granted(5, 10)
    };
    slots.take(rest, start + ms(2_000), start + ms(2_000));
    assert_eq!(slots.next(start + ms(2_001)), Next::Rest(start + ms(2_300)));
}

#[tokio::test(start_paused = true)]
async fn who_has_nothing_to_send_asks_for_nothing_but_is_heard_of() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    assert_eq!(slots.ask(0, start).expect("a pulse").wanted, 0);
    let until = slots.ask(0, start).expect_err("nothing to ask");
    assert_eq!(until, start + ms(400));
    assert!(slots.away(true) && !slots.away(true));
    assert_eq!(slots.ask(0, start).expect("news").away, Some(true));
    assert!(slots.ask(0, start).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_fall_a_marked_rise_and_the_return_are_told_once() {
    let now = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), now);
    for (rate, slowed, news) in [
        (200.0, false, None),
        (170.0, true, Some(Some(170.0))),
        (172.0, true, None),
        (180.0, true, Some(Some(180.0))),
        (150.0, true, Some(Some(150.0))),
        (200.0, false, Some(None)),
    ] {
        let heard = Granted {
            rate,
            slowed,
            ..granted(0, 0)
        };
        slots.take(heard, now, now);
        assert_eq!(slots.news(), news, "{rate}");
        assert_eq!(slots.news(), None, "{rate}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_good_for_as_long_as_timers_are_late() {
    let start = Instant::now();
    assert!(!is_over(start, start + ms(25)) && is_over(start, start + ms(26)));
    let mut slots = Slots::new(1, Some(granted(2, 0)), start);
    assert_eq!(slot(slots.next(start + ms(25))), start);
    let mut slots = Slots::new(1, Some(granted(2, 0)), start);
    assert_eq!(slot(slots.next(start + ms(26))), start + ms(5));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_as_half_the_time_it_took() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    slots.take(granted(10, 100), start + ms(10), start + ms(50));
    assert_eq!(slot(slots.next(start + ms(50))), start + ms(130));
}

#[tokio::test(start_paused = true)]
async fn more_is_asked_for_shortly_before_what_there_is_ends() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(10, 100)), start);
    slots.ask(0, start).expect("a pulse");
    // Ten slots from 100 ms on, 5 ms apart, end at 150 ms.
    assert_eq!(slots.ask(30, start + ms(80)), Err(start + ms(90)));
    assert_eq!(slots.ask(30, start + ms(90)).expect("time").wanted, 10);
    // As many as have slots wait: there is nothing to ask for, not even then.
    let until = slots.ask(10, start + ms(95)).expect_err("enough");
    assert_eq!(until, start + ms(490), "the next pulse");
    slots.next(start + ms(100));
    let until = slots
        .ask(10, start + ms(100))
        .expect_err("one has its slot");
    assert_eq!(until, start + ms(490));
    slots.used();
    let ask = slots.ask(10, start + ms(101)).expect("one more waits");
    assert_eq!(ask.wanted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_had_nothing_is_asked_again_when_it_may_have() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    slots.ask(0, start).expect("a pulse");
    slots.take(granted(0, 30), start, start + ms(10));
    assert_eq!(slots.ask(5, start + ms(20)), Err(start + ms(40)));
    assert_eq!(slots.ask(5, start + ms(40)).expect("time").wanted, 5);
    slots.take(granted(0, 0), start + ms(40), start + ms(40));
    assert_eq!(
        slots.ask(5, start + ms(41)),
        Err(start + ms(45)),
        "not at once"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_store_was_not_told_it_is_told_with_the_next_question() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    slots.ask(0, start).expect("a pulse");
    slots.refused(3);
    slots.refused(2);
    slots.rest_until(start + ms(500));
    slots.away(true);
    for _ in 0..2 {
        let ask = slots.ask(0, start).expect("news");
        assert_eq!(
            (ask.refused, ask.rest, ask.away),
            (Some(3), Some(ms(500)), Some(true))
        );
        slots.missed(ask);
    }
    slots.ask(0, start).expect("news");
    let ask = slots.ask(0, start + ms(400)).expect("a pulse");
    slots.missed(ask);
    assert!(slots.ask(0, start + ms(400)).is_err(), "nothing was missed");
    for (refused, rest) in [(true, false), (false, true)] {
        if refused {
            slots.refused(4);
        }
        if rest {
            slots.rest_until(start + ms(900));
        }
        let ask = slots.ask(0, start + ms(401)).expect("news of one kind");
        assert_eq!((ask.refused.is_some(), ask.rest.is_some()), (refused, rest));
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_rest_binds_and_a_shorter_one_is_no_news() {
    let start = Instant::now();
    let mut slots = Slots::new(1, Some(granted(0, 0)), start);
    slots.ask(0, start).expect("a pulse");
    assert!(!slots.rests(start));
    slots.rest_until(start + ms(500));
    slots.ask(0, start).expect("news");
    for until in [400, 500] {
        slots.rest_until(start + ms(until));
        assert!(slots.ask(0, start).is_err(), "{until}");
    }
    assert!(slots.rests(start + ms(499)) && !slots.rests(start + ms(500)));
    slots.rest_until(start + ms(600));
    let told = slots.ask(0, start).expect("news").rest;
    assert_eq!(told, Some(ms(600)));
}

#[tokio::test(start_paused = true)]
async fn how_often_the_rate_was_cut_is_the_stores_to_say() {
    let now = Instant::now();
    let cut = Granted {
        cuts: 7,
        ..granted(0, 0)
    };
    let slots = Slots::new(1, Some(cut), now);
    assert_eq!(slots.cuts(), 7);
}

/// A store of 100 a second whose next slot lies at least so far ahead; the permits that it has
/// given, and until when.
fn store(given: &Arc<Mutex<(u32, Instant)>>, ahead: Duration) -> Store {
    let given = Arc::clone(given);
    Box::new(move |ask| {
        let given = Arc::clone(&given);
        Box::pin(async move {
            sleep(ms(1)).await;
            let now = Instant::now();
            let mut given = given.lock().expect("whole");
            let start = given.1.max(now + ahead);
            let apart = ms(10);
            *given = (given.0 + ask.wanted, start + apart * ask.wanted);
            Ok(Granted {
                permits: ask.wanted,
                wait: start - now,
                apart,
                rate: 100.0,
                ..granted(0, 0)
            })
        })
    })
}

fn throttle(given: &Arc<Mutex<(u32, Instant)>>, ahead: Duration) -> Throttle {
    let settings = ThrottleSettings {
        rate: "100".parse().expect("a rate"),
        burst: NonZeroU32::MIN,
    };
    Throttle::shared(settings, store(given, ahead), 1, Some(granted(0, 0)))
}

#[tokio::test(start_paused = true)]
async fn one_request_at_a_time_costs_one_permit_each() {
    let given = Arc::new(Mutex::new((0, Instant::now())));
    // Others have the slots before.
    let throttle = throttle(&given, ms(100));
    for _ in 0..50 {
        throttle.acquire().await;
        sleep(ms(250)).await;
    }
    assert_eq!(given.lock().expect("whole").0, 50);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_use_the_whole_rate_and_never_more() {
    let start = Instant::now();
    let given = Arc::new(Mutex::new((0, start)));
    let throttle = Arc::new(throttle(&given, Duration::ZERO));
    let mut tasks = JoinSet::new();
    for _ in 0..300 {
        let throttle = Arc::clone(&throttle);
        tasks.spawn(async move {
            throttle.acquire().await;
            start.elapsed()
        });
    }
    let mut times = tasks.join_all().await;
    times.sort_unstable();
    let last = times.last().expect("permits");
    assert!((ms(2_985)..ms(3_100)).contains(last), "{last:?}");
    for (n, at) in times.iter().enumerate().skip(100) {
        assert!(*at - times[n - 100] >= ms(999), "{n}");
    }
    let asked = given.lock().expect("whole").0;
    assert!((300..=305).contains(&asked), "{asked}");
}

/// A gate of 200 a second, or a tenth of it alone, whose store answers this; and what the store was told.
fn told(answer: Arc<Mutex<Option<Granted>>>) -> (Throttle, Arc<Mutex<Vec<Ask>>>) {
    let asks = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asks);
    let store: Store = Box::new(move |ask| {
        heard.lock().expect("whole").push(ask);
        let answer = *answer.lock().expect("whole");
        Box::pin(async move { answer.ok_or_else(|| "away".to_owned()) })
    });
    let settings = ThrottleSettings {
        rate: "200".parse().expect("a rate"),
        burst: NonZeroU32::MIN,
    };
    (
        Throttle::shared(settings, store, 10, Some(granted(0, 0))),
        asks,
    )
}

#[tokio::test(start_paused = true)]
async fn all_who_share_the_rate_are_told_of_refusals_rests_and_silence_and_hear_what_it_became() {
    let answer = Arc::new(Mutex::new(Some(granted(5, 0))));
    let (throttle, asks) = told(Arc::clone(&answer));
    let permit = throttle.acquire().await;
    assert_eq!(throttle.news(), None);
    assert!(
        asks.lock()
            .expect("whole")
            .iter()
            .all(|ask| ask.refused.is_none())
    );
    let next = || {
        asks.lock().expect("whole").clear();
        let asks = Arc::clone(&asks);
        async move {
            sleep(ms(1)).await;
            asks.lock().expect("whole").first().copied()
        }
    };

    *answer.lock().expect("whole") = Some(Granted {
        rate: 150.0,
        slowed: true,
        cuts: 1,
        ..granted(0, 0)
    });
    let told = next();
    throttle.heard(permit, Feedback::LetThrough);
    assert_eq!(told.await, None, "that is no news");
    let told = next();
    throttle.heard(permit, Feedback::Refused { wait: None });
    assert_eq!(told.await.expect("at once").refused, Some(0));
    assert_eq!(throttle.news(), Some(Some(150.0)));

    let told = next();
    throttle.hold_until(Instant::now() + ms(2_000));
    assert_eq!(told.await.expect("at once").rest, Some(ms(2_000)));
    let told = next();
    throttle.away(|| true);
    assert_eq!(told.await.expect("at once").away, Some(true));
    let told = next();
    throttle.away(|| true);
    assert_eq!(told.await, None, "told before");
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_gate_goes_on_at_its_part() {
    let (throttle, asks) = told(Arc::default());
    let start = Instant::now();
    for _ in 0..11 {
        throttle.acquire().await;
    }
    // Once all slots that anybody may hold are over, 0.6 s after the store fell silent: 20 a second.
    let took = start.elapsed();
    assert!((ms(1_080)..ms(1_200)).contains(&took), "{took:?}");
    let parts: Vec<_> = asks
        .lock()
        .expect("whole")
        .iter()
        .map(|ask| ask.parts)
        .collect();
    assert_eq!((parts[0], parts[1]), (None, Some(10)));
}
