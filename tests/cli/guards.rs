//! What makes the program refuse, ask or stop.

use std::collections::HashSet;

use crate::world::{SignIn, World};

/// A tenant in which every user of the source from this one on is unknown.
async fn unknown_from(users: u32, first: usize) -> World {
    let world = World::new(users, "").await;
    let ids: Vec<String> = (0..users as usize)
        .map(|n| match n < first {
            true => world.users[n].id.clone(),
            false => format!("00000000-0000-4000-8000-{n:012}"),
        })
        .collect();
    world.write("users.csv", &format!("id\n{}\n", ids.join("\n")));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_is_the_last() {
    let world = unknown_from(40, 3).await;
    let ran = world.run(SignIn::Rsa, "--canary 5 --rate 500");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 5);
    world.agree(5);
    let summary = world.summary();
    assert_eq!(summary["status"], "stopped");
    assert!(
        summary["stopped_because"]
            .as_str()
            .expect("why")
            .contains("--canary"),
        "{summary}"
    );
    assert!(
        summary["next"]
            .as_str()
            .expect("a command")
            .starts_with("bulk-unlock run users.csv")
    );
    assert!(ran.stdout.contains("--canary"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_lives_lets_the_others_go() {
    let world = World::new(40, "").await;
    assert_eq!(
        world
            .run(SignIn::Rsa, "--canary 5 --rate 500 --concurrency 8")
            .code,
        0
    );
    world.agree(40);
    let calls = world.simulator.ledger().calls;
    let unlocks: Vec<_> = calls
        .iter()
        .filter(|call| call.endpoint == "unlock")
        .collect();
    let first: HashSet<_> = unlocks[..5].iter().map(|call| call.user.clone()).collect();
    let canaries: HashSet<_> = world.users[..5]
        .iter()
        .map(|user| Some(user.id.clone()))
        .collect();
    assert_eq!(first, canaries);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_users_are_refused_before_the_first() {
    let world = World::new(30, "").await;
    let ran = world.run(SignIn::Rsa, "--max-users 29");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
    assert!(
        ran.stdout.contains("30 users") && ran.stdout.contains("--max-users"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        world
            .run(SignIn::Rsa, "--max-users 30 --rate 500 --overwrite")
            .code,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_stop_the_job_soon_after_the_limit() {
    for (options, least, most) in [
        ("--max-failures 10 --concurrency 4", 11, 15),
        ("--max-failures 0 --concurrency 1", 1, 2),
        ("--max-failure-rate 50% --concurrency 4", 11, 60),
    ] {
        let world = unknown_from(400, 5).await;
        let ran = world.run(SignIn::Rsa, &format!("{options} --rate 1000 --yes"));
        assert_eq!(ran.code, 4, "{options}: {}", ran.stderr);
        let failed = world
            .records()
            .iter()
            .filter(|record| record["outcome"] == "not_found")
            .count();
        assert!((least..=most).contains(&failed), "{options}: {failed}");
        let done = world.records().len();
        world.agree(done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_job_in_order() {
    let world = World::new(200, "latency_ms = 20").await;
    let ran = world.run(SignIn::Rsa, "--deadline 2s --rate 30 --yes");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let done = world.records().len();
    assert!((1..200).contains(&done), "{done}");
    world.agree(done);
    assert!(
        world.summary()["stopped_because"]
            .as_str()
            .expect("why")
            .contains("deadline")
    );
}
