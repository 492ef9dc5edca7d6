//! A service that goes away and comes back: rows are held, nobody is given up.

use std::time::Duration;

use axum::{http::StatusCode, response::IntoResponse};

use crate::{
    answers::answering,
    world::{SignIn, World},
};

/// Twelve seconds without the service, in the middle of a job.
async fn twelve_seconds_of(kind: &str) {
    let scenario =
        format!("latency_ms = 10\n[[outage]]\nafter_s = 1.0\nfor_s = 12.0\nkind = \"{kind}\"\n");
    let world = World::new(400, &scenario).await;
    let ran = world.run(SignIn::Rsa, "--rate 100 --max-attempts 4 --yes");
    assert_eq!(ran.code, 0, "{kind}: {}\n{}", ran.stdout, ran.stderr);
    world.agree(400);
    let ledger = world.simulator.ledger();
    let start = ledger.of("unlock").next().expect("calls").at;
    let away: Vec<_> = ledger.calls.iter().filter(|call| call.outage).collect();
    assert!(
        !away.is_empty() && away.len() <= 60,
        "{kind}: {} requests meanwhile",
        away.len()
    );
    let late = away
        .iter()
        .filter(|call| call.at > start + Duration::from_secs(3));
    assert!(
        late.count() <= 8,
        "{kind}: one probe at a time, a few seconds apart"
    );
    let last = away.last().expect("calls").at;
    let back = ledger
        .calls
        .iter()
        .filter(|call| !call.outage && call.at > last && call.at < last + Duration::from_secs(8));
    assert!(back.count() >= 250, "{kind}: back at speed");
    assert!(
        ran.stderr.contains("does not answer") && ran.stderr.contains("answers again"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections() {
    twelve_seconds_of("cut").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_503() {
    twelve_seconds_of("503").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_500() {
    twelve_seconds_of("500").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_lasts_too_long_ends_the_job_and_blames_nobody() {
    let scenario = "[[outage]]\nafter_calls = 20\nfor_s = 600.0\nkind = \"503\"\n";
    let world = World::new(100, scenario).await;
    let ran = world.run(SignIn::Rsa, "--rate 100 --max-attempts 2 --max-outage 3s");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let records = world.records();
    assert!((15..=20).contains(&records.len()), "{}", records.len());
    assert!(records.iter().all(|record| record["outcome"] == "unlocked"));
    assert!(
        world.summary()["stopped_because"]
            .as_str()
            .expect("why")
            .contains("--max-outage")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_waits_for_the_service_too() {
    let scenario = "[[outage]]\nafter_s = 0.0\nfor_s = 3.0\nkind = \"cut\"\ntokens = false\n";
    let world = World::new(1, scenario).await;
    let ran = world.run(SignIn::Rsa, "--max-attempts 1");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_on_whom_the_service_always_fails_is_given_up_alone() {
    for fault in ["cut", "503", "500_html"] {
        let id = &bulk_unlock::simulator::generate(1, 1)[0].id;
        let world = World::new(
            12,
            &format!("[[user]]\nid = \"{id}\"\nalways = \"{fault}\""),
        )
        .await;
        let ran = world.run(SignIn::Legacy, "--rate 200 --max-attempts 3");
        assert_eq!(ran.code, 1, "{fault}: {}", ran.stderr);
        world.agree(12);
        let failed: Vec<_> = world
            .records()
            .into_iter()
            .filter(|record| record["outcome"] == "failed")
            .collect();
        assert_eq!(
            (
                failed.len(),
                &failed[0]["user_id"],
                failed[0]["attempts"].as_str()
            ),
            (1, id, "3")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_on_its_only_user_and_on_all_else_is_away() {
    let world = World::new(0, "").await;
    world.write("ids.csv", "user_id\n3f2504e0-4f89-11d3-9a0c-0305e82c3301\n");
    let base = answering(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
    let ran = world.run_against(
        &base,
        "a-token-of-the-usual-length",
        "ids.csv --max-attempts 2 --max-outage 1s",
    );
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stdout.contains("has not answered"), "{}", ran.stdout);
}
