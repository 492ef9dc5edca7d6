//! Results that somebody else moves, removes, replaces or cuts while a run writes them: it stops with
//! code 5 and says what to do, and doing that goes on.

use std::{
    fs::{self, File},
    path::Path,
};

use crate::{
    running::until,
    world::{SignIn, World},
};

const RESULTS: &str = "users.results.csv";

/// Meddles with the results of a run that has recorded some rows. The run must stop and say this.
async fn meddled(meddle: impl Fn(&Path), told: &str, to_do: &str) -> World {
    let world = World::new(400, "latency_ms = 10").await;
    let path = world.path(RESULTS);
    let running = world.start(SignIn::Legacy, "--rate 50 --yes");
    until("some are recorded", || {
        fs::read(&path).is_ok_and(|text| text.len() > 800)
    })
    .await;
    meddle(&path);
    let ran = running.end();
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(told) && ran.stderr.contains(to_do),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("Stopped after"), "{}", ran.stdout);
    let asked = world.simulator.ledger().of("unlock").count();
    assert!(asked < 400, "it stopped early: {asked}");
    world
}

/// Goes on, with every user recorded at the end.
fn goes_on(world: &World) {
    let ran = world.run(SignIn::Legacy, "--rate 800 --yes --resume");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.records().len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn removed() {
    let remove = |path: &Path| fs::remove_file(path).expect("removed");
    let world = meddled(remove, "was moved, removed or replaced", "--resume").await;
    goes_on(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_away_and_put_back() {
    let away = |path: &Path| path.with_extension("away");
    let moved = |path: &Path| fs::rename(path, away(path)).expect("moved");
    let world = meddled(moved, "was moved, removed or replaced", "put it back").await;
    let path = world.path(RESULTS);
    fs::rename(away(&path), &path).expect("put back");
    goes_on(&world);
    let asked = world.simulator.ledger().of("unlock").count();
    assert!(
        asked <= 400 + 32,
        "only those under way were asked twice: {asked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_by_a_copy() {
    let replace = |path: &Path| {
        let copy = path.with_extension("copy");
        fs::copy(path, &copy).expect("copied");
        fs::rename(copy, path).expect("replaced");
    };
    let world = meddled(replace, "was moved, removed or replaced", "--resume").await;
    goes_on(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut() {
    let cut = |path: &Path| {
        let file = File::options().write(true).open(path).expect("there");
        file.set_len(500).expect("cut");
    };
    let world = meddled(cut, "was cut", "say --resume").await;
    goes_on(&world);
}
