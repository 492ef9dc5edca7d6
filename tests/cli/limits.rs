//! A limit that nobody told the program: it is found, followed, and shown.

use crate::world::{SignIn, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_limit_slows_everybody_down_and_is_told() {
    let world = World::new(150, "latency_ms = 5\n[limit]\nrequests = 30\n").await;
    let ran = world.run(SignIn::Legacy, "--rate 1000 --yes --progress lines");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    world.agree(150);
    let summary = world.summary();
    let throttled = &summary["throttled"];
    let rate = |name: &str| throttled[name].as_f64().expect("a number");
    assert!(rate("slowest_rate") < 100.0, "{throttled}");
    assert!(rate("slowest_rate") <= rate("final_rate"), "{throttled}");
    let ledger = world.simulator.ledger();
    let refused = ledger.of("unlock").filter(|call| call.refused).count();
    assert_eq!(throttled["responses_429"], refused);
    assert!((1..150).contains(&refused), "{refused} refused");
    let log = &ran.stderr;
    assert!(log.contains("the service refuses requests (429)"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_refusals_for_no_reason_hardly_slow_anybody_down() {
    let scenario = "[[fault]]\nkind = \"429\"\nprobability = 0.02\n";
    let world = World::new(100, scenario).await;
    let ran = world.run(SignIn::Legacy, "--rate 15 --yes");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    world.agree(100);
    let summary = world.summary();
    let throttled = &summary["throttled"];
    assert!(throttled["responses_429"].as_u64() > Some(0), "{throttled}");
    let slowest = throttled["slowest_rate"].as_f64().expect("a number");
    assert!(slowest >= 9.0, "{throttled}");
}
