//! Two runs at once: the second ends with code 6, says who has the file, and leaves it alone.

use crate::{
    running::{Running, until},
    world::{SignIn, World},
};

/// A run that has its locks and asks for a user who is long in coming.
async fn busy(world: &World, options: &str) -> Running {
    let running = world.start(SignIn::Legacy, options);
    until("it asks", || {
        world.simulator.ledger().of("unlock").count() > 0
    })
    .await;
    running
}

async fn world() -> World {
    World::new(4, "[[fault]]\nkind = \"slow\"\nslow_ms = 100000\nnth = [1]").await
}

/// What a second run with these options says, which must end with code 6 before it asks for anybody.
fn is_refused(world: &World, first: &Running, options: &str, file: &str) {
    let asked = world.simulator.ledger().calls.len();
    let ran = world.run(SignIn::Legacy, options);
    assert_eq!(ran.code, 6, "{options}: {}", ran.stderr);
    assert_eq!(world.simulator.ledger().calls.len(), asked, "{options}");
    let holder = format!(
        "{file} is locked by process {}, running since 2",
        first.pid()
    );
    assert!(ran.stderr.contains(&holder), "{options}: {}", ran.stderr);
    assert!(ran.stderr.contains("hint:"), "{options}: {}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_another_run_writes_are_left_to_it_until_it_dies() {
    let world = world().await;
    let first = busy(&world, "--rate 100 --concurrency 1 --resume").await;
    let before = std::fs::read(world.path("users.results.csv")).expect("there");
    for options in ["--resume", "--overwrite"] {
        is_refused(&world, &first, options, "users.results.csv");
    }
    let after = std::fs::read(world.path("users.results.csv")).expect("there");
    assert_eq!(before, after, "left as it was");
    first.kill();
    let ran = world.run(SignIn::Legacy, "--rate 100 --resume");
    assert_eq!(ran.code, 0, "free at once: {}", ran.stderr);
    assert_eq!(world.records().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_named_is_kept_beside_any_results_until_its_holder_dies() {
    let world = world().await;
    let first = busy(&world, "--rate 100 --concurrency 1 --lock nightly.lock").await;
    let other = "--rate 100 --lock nightly.lock --results other.csv";
    is_refused(&world, &first, other, "nightly.lock");
    assert!(!world.path("other.csv").exists());
    first.kill();
    let ran = world.run(SignIn::Legacy, other);
    assert_eq!(ran.code, 0, "free at once: {}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_free_once_its_holder_has_ended_in_order() {
    let world = World::new(2, "").await;
    for results in ["one.csv", "two.csv"] {
        let options = format!("--lock nightly.lock --results {results}");
        let ran = world.run(SignIn::Legacy, &options);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}
