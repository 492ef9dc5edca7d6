//! `merge`: shards come together again, or it is said why not.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::world::{Ran, Record, SignIn, World, finish};

/// Runs shard I of 3.
fn shard(world: &World, index: u32, options: &str) -> Ran {
    let mut program = world.program();
    program
        .args(["run", "users.csv", "--shard", &format!("{index}/3")])
        .args(["--results", "s{shard}.csv"])
        .env("BULK_UNLOCK_RATE", "500")
        .args(options.split_whitespace())
        .args(world.sign_in(SignIn::Ready));
    finish(program)
}

fn merge(world: &World, options: &str) -> Ran {
    let mut program = world.program();
    program.arg("merge").args(options.split_whitespace());
    finish(program)
}

const ALL: &str = "s0.csv s1.csv s2.csv --results all.csv";

async fn three_shards(users: u32, scenario: &str) -> World {
    let world = World::new(users, scenario).await;
    for index in 0..3 {
        let ran = shard(&world, index, "--reason INC-1");
        assert!(ran.code <= 1, "{}", ran.stderr);
    }
    world
}

fn summary(world: &World, results: &str) -> Value {
    let text = fs::read_to_string(world.path(&format!("{results}.json")));
    serde_json::from_str(&text.expect("a summary")).expect("JSON")
}

fn by_row(records: Vec<Record>) -> BTreeMap<u64, Record> {
    let count = records.len();
    let row = |record: Record| (record["row"].parse().expect("a number"), record);
    let rows: BTreeMap<_, _> = records.into_iter().map(row).collect();
    assert_eq!(rows.len(), count, "each row once");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shards_did_stands_in_one_file_with_one_summary() {
    let world = three_shards(60, "[[fault]]\nkind = \"503\"\nprobability = 0.1").await;
    let ran = merge(
        &world,
        &format!("{ALL} --html all.html --metrics all.prom --metrics-job m"),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let metrics = fs::read_to_string(world.path("all.prom")).expect("metrics");
    let unlocked = "bulk_unlock_rows{outcome=\"unlocked\",job=\"m\"} 60\n";
    assert!(metrics.contains(unlocked), "{metrics}");
    let page = fs::read_to_string(world.path("all.html")).expect("a page");
    assert!(page.contains("all.csv"), "{page}");
    let same = merge(&world, &format!("{ALL} --overwrite --html all.csv"));
    assert_eq!(same.code, 2, "{}", same.stderr);
    let merged = world.records_in("all.csv");
    let times = merged.iter().map(|record| record["finished_at"].clone());
    assert!(times.is_sorted(), "in the order of completion");
    let parts = (0..3).flat_map(|n| world.records_in(&format!("s{n}.csv")));
    assert_eq!(by_row(merged), by_row(parts.collect()));
    let whole = summary(&world, "all.csv");
    let schema = include_str!("../../docs/summary.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    assert!(schema.is_valid(&whole), "{whole:#}");
    assert_eq!(
        (&whole["rows"]["total"], &whole["rows"]["done"]),
        (&60.into(), &60.into())
    );
    assert_eq!(whole["reason"], "INC-1");
    let sent = whole["requests"]["unlock"].as_object().expect("counts");
    let sent: u64 = sent.values().filter_map(Value::as_u64).sum();
    assert_eq!(sent as usize, world.simulator.ledger().of("unlock").count());
    let shards = [0, 1, 2].map(|n| summary(&world, &format!("s{n}.csv")));
    let retries = shards.iter().filter_map(|shard| shard["retries"].as_u64());
    assert_eq!(whole["retries"], retries.sum::<u64>());
    assert_eq!(merge(&world, ALL).code, 5, "it exists");
    let ran = merge(&world, &format!("{ALL} s0.csv.json --overwrite -q"));
    assert_eq!(
        (ran.code, ran.stdout, ran.stderr),
        (0, String::new(), String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_that_of_all() {
    let world = World::new(9, "").await;
    let table = fs::read_to_string(world.path("users.csv")).expect("users");
    world.write("users.csv", &(table + "nobody-of-ours\n"));
    for index in 0..3 {
        shard(&world, index, "");
    }
    let ran = merge(&world, ALL);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(summary(&world, "all.csv")["exit_code"], 1);
    assert!(ran.stdout.contains("nobody-of-ours"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_missing_or_there_twice_is_named() {
    let world = three_shards(12, "").await;
    for (options, code, said) in [
        ("s0.csv s2.csv --results x.csv", 4, "1/3"),
        (
            "s0.csv s1.csv s1.csv s2.csv --results x.csv",
            2,
            "are both shard 1/3",
        ),
        (
            "s0.csv s1.csv s2.csv --results s1.csv --overwrite",
            2,
            "to be read and to be written",
        ),
        (
            "s0.csv s1.csv nowhere.csv --results x.csv",
            5,
            "nowhere.csv",
        ),
        ("s0.csv s1.csv users.csv --results x.csv", 4, "users.csv"),
    ] {
        let ran = merge(&world, options);
        assert_eq!(ran.code, code, "{options}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{options}: {}", ran.stderr);
        assert!(!world.path("x.csv").exists(), "nothing is written");
    }
    world.write("users.csv", "user_id\n");
    let mut other = world.program();
    other
        .args(["run", "users.csv", "--shard", "2/4", "--results", "s3.csv"])
        .args(world.sign_in(SignIn::Ready));
    assert_eq!(finish(other).code, 0);
    let ran = merge(&world, "s0.csv s1.csv s3.csv --results x.csv");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the number of shards is `3`"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_is_taken_up_again_as_the_merge_says() {
    let world = three_shards(60, "").await;
    let whole = fs::read(world.path("s1.csv")).expect("results");
    // Killed while it wrote: no summary, or that of a run before, and half a record at the end.
    for old_summary in [true, false] {
        fs::write(world.path("s1.csv"), &whole[..whole.len() - 40]).expect("cut");
        if !old_summary {
            fs::remove_file(world.path("s1.csv.json")).expect("removed");
        }
        let ran = merge(&world, ALL);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(ran.stderr.contains("s1.csv"), "{}", ran.stderr);
        assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
        assert!(!world.path("all.csv").exists());
        assert_eq!(shard(&world, 1, "--resume").code, 0);
        let ran = merge(&world, &format!("{ALL} --overwrite"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(by_row(world.records_in("all.csv")).len(), 60);
        fs::remove_file(world.path("all.csv")).expect("removed");
    }
    fs::remove_file(world.path("s2.csv")).expect("removed");
    let stopped = shard(&world, 2, "--resume --deadline 100ms --rate 1");
    assert_eq!(stopped.code, 4, "{}", stopped.stderr);
    let ran = merge(&world, ALL);
    assert_eq!(ran.code, 4);
    assert!(
        ran.stderr.contains("bulk-unlock run users.csv --shard 2/3"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_named_in_two_ways_is_found_and_said() {
    let world = World::new(24, "").await;
    let mut table = "id,mail\n".to_owned();
    for user in &world.users {
        table += &format!("{},\n,{}\n", user.id, user.email);
    }
    world.write("users.csv", &table);
    for index in 0..3 {
        assert_eq!(shard(&world, index, "").code, 0);
    }
    let ran = merge(&world, ALL);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let records = by_row(world.records_in("all.csv"));
    assert_eq!(records.len(), 48);
    let unlocked = |row: u64| records[&row]["outcome"] == "unlocked";
    let twice = (1..=24)
        .filter(|n| unlocked(2 * n - 1) && unlocked(2 * n))
        .count();
    assert!(twice > 0, "some user is in two shards");
    assert!(
        ran.stderr
            .contains(&format!("{twice} users stand in several shards")),
        "{}",
        ran.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_did_the_same_rows_are_refused() {
    let world = three_shards(12, "").await;
    let told = fs::read_to_string(world.path("s0.csv.json")).expect("a summary");
    let done = world.records_in("s0.csv").len();
    fs::copy(world.path("s0.csv"), world.path("s1.csv")).expect("copied");
    world.write("s1.csv.json", &told.replace("\"0/3\"", "\"1/3\""));
    let ran = merge(&world, ALL);
    assert!(done > 0);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("stands in s0.csv and in s1.csv"),
        "{}",
        ran.stderr
    );
}
