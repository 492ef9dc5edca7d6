//! One source, several processes, each with its own part of the users.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::{Ran, SignIn, World, finish};

/// A source with users by ID, address and login, some of them twice, and a row without a user.
async fn mixed() -> World {
    let world = World::new(60, "").await;
    let mut table = "id,mail,login,other\n".to_owned();
    for (n, user) in world.users.iter().enumerate() {
        table += &match n % 3 {
            0 => format!("{},,,x\n", user.id),
            1 => format!(",{},,x\n", user.email),
            _ => format!(",,{},x\n", user.username),
        };
    }
    table += &format!("{},,,x\n,,,x\n", world.users[0].id.to_uppercase());
    table += &format!(",{},,x\n", world.users[1].email.to_uppercase());
    world.write("users.csv", &table);
    world
}

fn run(world: &World, options: &str, environment: &[(&str, &str)]) -> Ran {
    let mut program = world.program();
    program
        .args(["run", "users.csv"])
        .env("BULK_UNLOCK_RATE", "500")
        .args(options.split_whitespace())
        .args(world.sign_in(SignIn::Ready))
        .envs(environment.iter().copied());
    finish(program)
}

fn summary(world: &World, results: &str) -> Value {
    let text = std::fs::read_to_string(world.path(&format!("{results}.json")));
    serde_json::from_str(&text.expect("a summary")).expect("JSON")
}

/// Row and outcome of each record, by row.
fn outcomes(world: &World, results: &str) -> BTreeSet<(u64, String)> {
    let records = world.records_in(results);
    let outcome = |record: crate::world::Record| {
        let row = record["row"].parse().expect("a number");
        (row, record["outcome"].clone())
    };
    let rows: BTreeSet<_> = records.iter().cloned().map(outcome).collect();
    assert_eq!(rows.len(), records.len(), "each row once");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_do_together_what_one_run_does() {
    let world = mixed().await;
    assert_eq!(
        run(&world, "--results whole.csv", &[]).code,
        1,
        "a row without a user"
    );
    let whole = outcomes(&world, "whole.csv");
    assert_eq!(whole.len(), 63);
    let mut together = BTreeSet::new();
    let mut total = 0;
    for index in 0..4 {
        let ran = run(&world, &format!("--shard {index}/4"), &[]);
        assert!(ran.code <= 1, "{}", ran.stderr);
        let results = format!("users.shard-{index}-of-4.results.csv");
        let own = outcomes(&world, &results);
        let summary = summary(&world, &results);
        assert_eq!(summary["shard"], format!("{index}/4"));
        assert_eq!(summary["rows"]["total"], own.len());
        total += own.len();
        together.extend(own);
    }
    assert_eq!(total, 63, "no row is two shards'");
    assert_eq!(together, whole);
    let one = run(&world, "--shard 0/1 --results one.csv", &[]);
    assert_eq!(one.code, 1, "{}", one.stderr);
    assert_eq!(outcomes(&world, "one.csv"), whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_job_tells_the_shard_and_flags_come_first() {
    let world = World::new(20, "").await;
    let slurm = [
        ("SLURM_ARRAY_TASK_ID", "2"),
        ("SLURM_ARRAY_TASK_MIN", "1"),
        ("SLURM_ARRAY_TASK_COUNT", "3"),
    ];
    let ran = run(&world, "--results {shard}.csv", &slurm);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(summary(&world, "1.csv")["shard"], "1/3");
    let ran = run(&world, "--results {shard}.csv --shard 2/3", &slurm);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(summary(&world, "2.csv")["shard"], "2/3");
    let ran = run(&world, "", &slurm[..2]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("SLURM_ARRAY_TASK_COUNT is not"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--shard"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_limits_and_plans_are_split_alike() {
    let world = World::new(50, "").await;
    let count = |options: &str| -> usize {
        let rows = (0..3).map(|index| {
            let results = format!("--shard {index}/3 --overwrite --results s{index}.csv");
            let ran = run(&world, &format!("{results} {options}"), &[]);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            outcomes(&world, &format!("s{index}.csv")).len()
        });
        rows.sum()
    };
    assert_eq!(count("--limit 20"), 20);
    let search = |index: u32| {
        let mut program = world.program();
        program
            .args(["run", "--search", "@", "--rate", "500", "--shard"])
            .args([&format!("{index}/3"), "--results", "found{shard}.csv"])
            .args(world.sign_in(SignIn::Ready));
        let ran = finish(program);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        outcomes(&world, &format!("found{index}.csv"))
    };
    let found: Vec<_> = (0..3).flat_map(search).collect();
    assert_eq!(found.len(), 50);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 50);
    let plan = |index: u32| {
        let mut program = world.program();
        program
            .args(["plan", "users.csv", "--output", "json", "--shard"])
            .arg(format!("{index}/3"))
            .args(world.sign_in(SignIn::Ready));
        let plan: Value = serde_json::from_str(&finish(program).stdout).expect("JSON");
        assert_eq!(plan["shard"], format!("{index}/3"));
        plan["rows"].as_u64().expect("a number")
    };
    assert_eq!((0..3).map(plan).sum::<u64>(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_goes_on_where_it_was_stopped() {
    let world = mixed().await;
    let environment = [("CLOUD_RUN_TASK_INDEX", "0"), ("CLOUD_RUN_TASK_COUNT", "2")];
    let stopped = run(
        &world,
        "--canary 5 --max-failures 0 --deadline 200ms --rate 20",
        &environment,
    );
    assert_eq!(stopped.code, 4, "{}", stopped.stderr);
    let results = "users.shard-0-of-2.results.csv";
    let next = summary(&world, results)["next"].to_string();
    assert!(next.contains("--resume --shard 0/2"), "{next}");
    let ran = run(&world, "--resume --shard 0/2", &[]);
    assert!(ran.code <= 1, "{}", ran.stderr);
    let total = summary(&world, results)["rows"]["total"].as_u64();
    assert_eq!(total, Some(outcomes(&world, results).len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_does_not_go_on_with_the_results_of_another() {
    let world = World::new(12, "").await;
    assert_eq!(run(&world, "--shard 0/3 --results all.csv", &[]).code, 0);
    let before = std::fs::read(world.path("all.csv")).expect("results");
    let ran = run(&world, "--shard 1/3 --results all.csv --resume", &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("holds shard 0/3"), "{}", ran.stderr);
    assert!(ran.stderr.contains("{shard}"), "{}", ran.stderr);
    assert_eq!(
        std::fs::read(world.path("all.csv")).expect("results"),
        before
    );
    assert_eq!(
        run(&world, "--shard 0/3 --results all.csv --resume", &[]).code,
        0
    );
}
