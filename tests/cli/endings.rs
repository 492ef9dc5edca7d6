//! Whatever ends a run, its code, its summary and its metrics say so.

use std::fs;

use bulk_unlock::results::Lock;
use serde_json::Value;

use crate::{
    running::until,
    world::{Ran, SignIn, World, finish},
};

const OUTPUTS: &str = "--yes --summary summary.json --metrics metrics.prom";

/// The run ended with this code; so say its summary, which follows the schema, and its metrics.
fn agrees(ending: &str, world: &World, ran: &Ran, code: i32, status: &str) {
    assert_eq!(ran.code, code, "{ending}: {}{}", ran.stdout, ran.stderr);
    let text = fs::read_to_string(world.path("summary.json"));
    let text = text.unwrap_or_else(|error| panic!("{ending}: {error}: {}", ran.stderr));
    let summary: Value = serde_json::from_str(&text).expect("JSON");
    let schema = include_str!("../../docs/summary.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    assert!(schema.is_valid(&summary), "{ending}: {summary:#}");
    assert_eq!(summary["exit_code"], code, "{ending}");
    assert_eq!(summary["status"], status, "{ending}");
    assert_eq!(
        summary["stopped_because"].is_null(),
        status == "complete",
        "{ending}: {summary:#}"
    );
    let metrics = fs::read_to_string(world.path("metrics.prom")).expect("metrics");
    let told = format!("bulk_unlock_exit_code{{job=\"bulk-unlock\"}} {code}\n");
    assert!(metrics.contains(&told), "{ending}: {metrics}");
}

/// A run of this many users in this scenario, with these options.
async fn ends(ending: &str, users: u32, scenario: &str, options: &str, code: i32, status: &str) {
    let world = World::new(users, scenario).await;
    let ran = world.run(SignIn::Rsa, &format!("{OUTPUTS} {options}"));
    agrees(ending, &world, &ran, code, status);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_job() {
    let gone = bulk_unlock::simulator::generate(1, 1)[0].id.clone();
    let gone = format!("[[user]]\nid = \"{gone}\"\nstatus = 404\n");
    let away = "[[outage]]\nafter_s = 0.0\nfor_s = 600.0\nkind = \"503\"\ntokens = false\n";
    for (ending, users, scenario, options, code, status) in [
        ("complete", 3, "", "", 0, "complete"),
        ("empty", 0, "", "", 0, "complete"),
        ("partial", 3, gone.as_str(), "", 1, "complete"),
        ("guard", 3, "", "--max-users 2", 4, "stopped"),
        (
            "deadline",
            60,
            "latency_ms = 20",
            "--rate 5 --deadline 2s",
            4,
            "stopped",
        ),
        ("outage", 9, away, "--max-outage 1s", 4, "stopped"),
        ("refused", 3, "[token]\npermitted = false", "", 3, "stopped"),
        ("disk full", 3, "", "--results /dev/full", 5, "stopped"),
    ] {
        ends(ending, users, scenario, options, code, status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_job() {
    ends("configuration", 3, "", "--rate fast", 2, "stopped").await;
    let world = World::new(3, "").await;
    world.write("bad.toml", "reat = 3\n");
    let ran = world.run(SignIn::Rsa, &format!("{OUTPUTS} --config bad.toml"));
    agrees("configuration file", &world, &ran, 2, "stopped");
    fs::remove_file(world.path("summary.json")).expect("there");
    world.write("users.csv", "user_id\n\"never closed\n");
    let ran = world.run(SignIn::Rsa, OUTPUTS);
    agrees("bad source", &world, &ran, 5, "stopped");
    let _lock = Lock::take(&world.path("lock")).expect("free");
    let ran = world.run(SignIn::Rsa, &format!("{OUTPUTS} --lock lock"));
    agrees("lock", &world, &ran, 6, "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_signals() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let world = World::new(300, "latency_ms = 20").await;
        let running = world.start(SignIn::Rsa, &format!("{OUTPUTS} --rate 50"));
        until("some were asked", || {
            world.simulator.ledger().of("unlock").count() > 5
        })
        .await;
        running.signal(signal);
        agrees(signal, &world, &running.end(), code, "interrupted");
    }
}

/// Only a program that was built for tests can be asked for a fault.
#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn by_a_fault_of_the_program() {
    let world = World::new(60, "").await;
    let mut program = world.program();
    program
        .args(["run", "users.csv"])
        .args(world.sign_in(SignIn::Rsa))
        .args(OUTPUTS.split(' '))
        .args(["--rate", "200"])
        .env("BULK_UNLOCK_TEST_PANIC", "1");
    let ran = finish(program);
    agrees("panic", &world, &ran, 5, "stopped");
    let ran = world.run(SignIn::Rsa, "--resume --yes --rate 500");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut ids: Vec<_> = world
        .records()
        .into_iter()
        .map(|record| record["user_id"].clone())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 60, "each user once");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_stay_keep_their_summary() {
    let world = World::new(3, "").await;
    assert_eq!(world.run(SignIn::Rsa, "").code, 0);
    let summary = world.summary();
    let ran = world.run(SignIn::Rsa, "");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert_eq!(world.summary(), summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_are_replaced_take_their_summary_with_them() {
    let world = World::new(60, "latency_ms = 20").await;
    assert_eq!(world.run(SignIn::Rsa, "--rate 500").code, 0);
    let asked = || world.simulator.ledger().of("unlock").count();
    let running = world.start(SignIn::Rsa, "--rate 50 --overwrite");
    until("some were asked again", || asked() > 65).await;
    running.kill();
    assert!(!world.path("users.results.csv.json").exists());
    assert_eq!(world.run(SignIn::Rsa, "--rate 500 --resume").code, 0);
    assert_eq!(world.summary()["rows"]["done"], 60);
}
