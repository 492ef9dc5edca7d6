//! A long job through every fault of the simulator at once. By hand: `cargo test --release --test cli soak -- --ignored
//! --nocapture`, with `BULK_UNLOCK_TEST_USERS` for other numbers than a million, and
//! `BULK_UNLOCK_TEST_SEED` for other faults at other times.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    time::{Duration, Instant},
};

use crate::world::{SignIn, World};

/// Every fault that strikes by chance, and an outage of each kind.
const FAULTS: [&str; 17] = [
    "500_json",
    "500_html",
    "429",
    "502",
    "503",
    "504",
    "cut",
    "truncated",
    "garbage",
    "redirect",
    "other_user",
    "no_flags",
    "500_mixed",
    "500_done",
    "applied_but_lost",
    "slow",
    "token_revoked",
];
const OUTAGES: [&str; 7] = ["cut", "refuse", "429", "500", "502", "503", "504"];
const CONCURRENCY: usize = 32;
/// Dedupe keeps 13 bytes a user.
const BYTES_PER_USER: u64 = 14;
const SLACK: u64 = 16 << 20;

fn scenario(users: u32, seed: u32) -> String {
    let mut scenario = format!("seed = {seed}\n[token]\nlifetime_s = 20.0\n");
    for kind in FAULTS {
        let when = match kind {
            "token_revoked" => "nth = [50, 500, 5000, 50000]",
            "slow" => "probability = 0.001\nslow_ms = 1500",
            _ => "probability = 0.004",
        };
        scenario += &format!("[[fault]]\nkind = \"{kind}\"\n{when}\n");
    }
    for (n, kind) in (1..).zip(OUTAGES) {
        let after = users / 8 * n;
        scenario += &format!("[[outage]]\nkind = \"{kind}\"\nafter_calls = {after}\nfor_s = 4.0\n");
    }
    scenario
}

/// Memory in bytes and open files of a process; `None` when it has ended.
fn taken(pid: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some((kib << 10, files))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes three minutes with a million users and --release"]
async fn memory_and_files_stay_flat_and_the_ledger_agrees() {
    let asked = |name, usual: u32| {
        let value = std::env::var(name).ok();
        value.map_or(usual, |value| value.parse().expect("a number"))
    };
    let users = asked("BULK_UNLOCK_TEST_USERS", 1_000_000);
    let seed = asked("BULK_UNLOCK_TEST_SEED", 7);
    let world = World::new(users, &scenario(users, seed)).await;
    let options = format!("-q --rate 100000 --concurrency {CONCURRENCY} --max-attempts 20");
    let start = Instant::now();
    let running = world.start(SignIn::Rsa, &options);
    let mut samples = Vec::new();
    while let Some(sample) = taken(running.pid()) {
        samples.push(sample);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let took = start.elapsed();
    let ran = tokio::task::block_in_place(|| running.end());
    let quarter = samples.len() / 4;
    let most = |part: &[(u64, usize)]| {
        let memory = part.iter().map(|sample| sample.0).max().unwrap_or_default();
        (
            memory,
            part.iter().map(|sample| sample.1).max().unwrap_or_default(),
        )
    };
    let (early, late) = (
        most(&samples[quarter / 2..quarter * 2]),
        most(&samples[quarter * 2..]),
    );
    let _ = writeln!(
        io::stderr(),
        "seed {seed}: {users} users in {took:?}, code {}: memory {} KiB, then {} KiB; files {}, then {}",
        ran.code,
        early.0 >> 10,
        late.0 >> 10,
        early.1,
        late.1
    );
    assert!([0, 1].contains(&ran.code), "{} {}", ran.code, ran.stderr);
    assert!(
        late.0 <= early.0 + SLACK + u64::from(users) * BYTES_PER_USER,
        "memory grows"
    );
    assert!(late.1 <= CONCURRENCY + 40 && early.1 > 0, "files stay open");
    check(&world, users as usize);
}

/// As [`World::agree`], in one pass.
fn check(world: &World, users: usize) {
    let mut reader = csv::Reader::from_path(world.path("users.results.csv")).expect("there");
    let ledger = world.simulator.ledger();
    let mut applied: HashMap<&str, bool> = HashMap::new();
    for call in ledger.of("unlock") {
        let user = call.user.as_deref().unwrap_or_default();
        *applied.entry(user).or_default() |= call.applied;
    }
    let mut kinds: HashMap<String, usize> = HashMap::new();
    let mut seen = HashMap::new();
    for record in reader.records() {
        let record = record.expect("whole");
        let (id, outcome) = (record[1].to_owned(), record[5].to_owned());
        let received = applied.get(id.as_str()).copied();
        assert!(received.is_some(), "{id} was never asked for");
        if outcome == "unlocked" {
            assert_eq!(received, Some(true), "{id} was not unlocked");
            let locked = world.simulator.locked(&id).expect("known");
            let said = [7, 8, 9].map(|column| &record[column] == "true");
            assert_eq!(said, locked, "{id}");
        }
        *kinds.entry(outcome).or_default() += 1;
        assert!(seen.insert(id, ()).is_none(), "a user twice");
    }
    let _ = writeln!(io::stderr(), "{kinds:?}, {} calls", ledger.calls.len());
    assert_eq!(seen.len(), users, "one record a user");
}
