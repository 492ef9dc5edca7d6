//! What makes the program refuse, ask or stop.

use std::{
    collections::HashSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};

use bulk_unlock::simulator::SimUser;

use crate::world::{Ran, SignIn, World, finish};

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
async fn a_canary_that_is_the_whole_source_stops_nothing() {
    let world = unknown_from(3, 1).await;
    let ran = world.run(SignIn::Rsa, "--canary 3");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert_eq!(world.summary()["status"], "complete");
    world.agree(3);
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
async fn a_job_whose_last_row_is_one_failure_too_many_is_complete() {
    let world = unknown_from(3, 1).await;
    let ran = world.run(SignIn::Rsa, "--max-failures 1 --concurrency 1 --rate 500");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let summary = world.summary();
    assert_eq!(summary["status"], "complete");
    assert_eq!(summary["next"], serde_json::Value::Null);
    world.agree(3);
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

/// Does what the summary says would go on.
fn go_on(world: &World, next: &str) -> Ran {
    let rest = next.strip_prefix("bulk-unlock ").expect("a command");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec \"$0\" {rest}")])
        .arg(env!("CARGO_BIN_EXE_bulk-unlock"))
        .current_dir(world.folder.path());
    finish(shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stopped_an_incident_goes_on_with_the_same_incident() {
    let world = World::new(30, "").await;
    let mut program = world.program();
    program
        .args(["run", "--locked-since=2h", "--results", "it's {date}.csv"])
        .args(["--summary", "s.json", "--rate", "500", "--max-users", "1"])
        .args(world.sign_in(SignIn::Rsa));
    let ran = finish(program);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
    let summary = fs::read_to_string(world.path("s.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    let next = summary["next"].as_str().expect("a command");
    let window = summary["source"].as_str().expect("text");
    let (since, until) = window
        .strip_prefix("event log, locked from ")
        .and_then(|times| times.split_once(" to "))
        .expect("two times");
    for part in [
        format!("--locked-since {since}"),
        format!("--locked-until {until}"),
    ] {
        assert!(next.contains(&part), "{part} is not in {next}");
    }
    assert!(!next.contains("2h") && !next.contains("{date}"), "{next}");
    let ran = go_on(&world, next);
    assert_eq!(ran.code, 0, "{next}: {}{}", ran.stdout, ran.stderr);
    let locked = |user: &&SimUser| user.locked.contains(&true);
    let locked = world.users.iter().filter(locked).count();
    assert_eq!(world.simulator.ledger().by_user("unlock").len(), locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_guard_says_how_to_go_on() {
    for (options, code) in [
        ("--max-users 4", 0),
        ("--canary 3", 1),
        ("--max-failures 1 --concurrency 1", 1),
    ] {
        let world = match code {
            0 => World::new(20, "").await,
            _ => unknown_from(20, 1).await,
        };
        let ran = world.run(SignIn::Legacy, &format!("{options} --rate 500"));
        assert_eq!(ran.code, 4, "{options}: {}", ran.stderr);
        let summary = world.summary();
        let next = summary["next"].as_str().expect("a command");
        assert!(ran.stdout.contains(next), "{options}: {}", ran.stdout);
        let mut ran = go_on(&world, next);
        // Each go stops again while rows keep failing, and each gets on.
        for _ in 0..20 {
            if ran.code != 4 {
                break;
            }
            ran = go_on(&world, next);
        }
        assert_eq!(ran.code, code, "{options}: {next}: {}", ran.stderr);
        world.agree(20);
    }
}

/// The program on a terminal, where this is typed.
fn on_terminal(world: &World, options: &str, typed: &str) -> Ran {
    let key = world.credentials.api_key_file.display();
    let program = env!("CARGO_BIN_EXE_bulk-unlock");
    let line = format!("'{program}' run users.csv --api-key-file '{key}' --rate 1000 {options}");
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .current_dir(world.folder.path())
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tokio::task::block_in_place(|| {
        let mut script = script.spawn().expect("script runs");
        let mut keys = script.stdin.take().expect("piped");
        keys.write_all(typed.as_bytes()).expect("typed");
        let ended = script.wait_with_output().expect("an end");
        drop(keys);
        Ran {
            code: ended.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::new(),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_more_than_a_hundred_users_are_asked_about() {
    let question = "Unlock TOKEN, SMS, VOICE for 101 users (users.csv) at";
    for (users, options, typed, code, unlocks, asked) in [
        (101, "", "n\n", 4, 0, true),
        (101, "", "\n", 4, 0, true),
        (101, "", "y\n", 0, 101, true),
        (101, "--yes", "", 0, 101, false),
        (100, "", "", 0, 100, false),
    ] {
        let world = World::new(users, "").await;
        let ran = on_terminal(&world, options, typed);
        let case = format!("{users} {options} {typed:?}: {}", ran.stdout);
        assert_eq!(ran.code, code, "{case}");
        assert_eq!(ran.stdout.contains(question), asked, "{case}");
        let ledger = world.simulator.ledger();
        assert_eq!(ledger.of("unlock").count(), unlocks, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_are_not_written_over() {
    let world = World::new(3, "").await;
    std::os::unix::fs::symlink("users.csv", world.path("link.csv")).expect("a link");
    let before = fs::read_to_string(world.path("users.csv")).expect("users");
    for (options, option) in [
        ("--results users.csv --overwrite", "--results"),
        ("--results link.csv --overwrite", "--results"),
        ("--results ./users.csv --resume", "--results"),
        ("--summary users.csv", "--summary"),
    ] {
        let ran = world.run(SignIn::Legacy, options);
        assert_eq!(ran.code, 2, "{options}: {}", ran.stderr);
        assert!(ran.stderr.contains(option), "{options}: {}", ran.stderr);
        let after = fs::read_to_string(world.path("users.csv")).expect("users");
        assert_eq!(after, before, "{options}");
    }
    // What failed before would be gone before it is read.
    assert_eq!(world.run(SignIn::Legacy, "").code, 0);
    let mut program = world.program();
    program
        .args(["run", "--failed-from", "users.results.csv", "--overwrite"])
        .args(["--results", "users.results.csv"])
        .args(world.sign_in(SignIn::Legacy));
    assert_eq!(finish(program).code, 2);
    assert_eq!(world.records().len(), 3);
}
