//! Lists that need no file: named users, a search, the event log, what failed before.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{Record, SignIn, World, finish};

/// Runs the program with these words and signs it in.
fn run(world: &World, words: &[&str]) -> crate::world::Ran {
    let mut program = world.program();
    program.args(words).args(world.sign_in(SignIn::Rsa));
    finish(program)
}

fn ids(records: &[Record]) -> BTreeSet<&str> {
    records
        .iter()
        .map(|record| record["user_id"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_named_one_by_one() {
    let world = World::new(3, "").await;
    let (id, email) = (&world.users[0].id, &world.users[1].email);
    let ran = run(
        &world,
        &[
            "run",
            "--user",
            id,
            "--user",
            email,
            "--user",
            "..",
            "--user",
            "",
            "--results",
            "r.csv",
        ],
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let records = world.records_in("r.csv");
    let outcomes: BTreeMap<_, _> = records
        .iter()
        .map(|record| (record["row"].as_str(), record["outcome"].as_str()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("1", "unlocked"),
            ("2", "unlocked"),
            ("3", "invalid"),
            ("4", "invalid")
        ]
        .into()
    );
    let asked = world.simulator.ledger().of("unlock").count();
    assert_eq!(asked, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_pages_through_all() {
    for (shape, pages) in [("envelope", 6), ("array", 14)] {
        let world = World::new(
            130,
            &format!("[search]\nshape = \"{shape}\"\nflags = false"),
        )
        .await;
        let ran = run(
            &world,
            &[
                "run",
                "--search",
                "@example",
                "--rate",
                "1000",
                "--results",
                "r.csv",
            ],
        );
        assert_eq!(ran.code, 0, "{shape}: {}", ran.stdout);
        let records = world.records_in("r.csv");
        assert_eq!((records.len(), ids(&records).len()), (130, 130));
        let ledger = world.simulator.ledger();
        assert_eq!(ledger.of("search").count(), pages, "{shape}");
        assert_eq!(ledger.of("lookup").count(), 0, "a hit has its ID");
        assert_eq!(ledger.of("unlock").count(), 130);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_misses_nobody_who_was_there_throughout() {
    let gone = ["user0001@example.com", "user0030@example.com"];
    let scenario = format!("[[search.churn]]\nafter_pages = 2\nremove = {gone:?}");
    let world = World::new(130, &scenario).await;
    let ran = run(
        &world,
        &[
            "run",
            "--search",
            "@example",
            "--rate",
            "1000",
            "--results",
            "r.csv",
        ],
    );
    assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
    let records = world.records_in("r.csv");
    let found = ids(&records);
    for user in &world.users {
        if !gone.contains(&user.email.as_str()) {
            assert!(
                found.contains(user.id.as_str()),
                "{} was missed",
                user.email
            );
        }
    }
    assert_eq!(records.len(), found.len(), "nobody twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_log_names_exactly_who_was_locked_in_the_window() {
    let users = bulk_unlock::simulator::generate(260, 1);
    for form in ["id", "email", "username", "mixed"] {
        let mut scenario = format!("[events]\nautomatic = false\nuser_id = \"{form}\"\n");
        let mut expected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (n, user) in users.iter().enumerate() {
            let (method, ago) = (["SMS", "TOKEN", "VOICE"][n % 3], n as u32);
            scenario += &format!(
                "[[event]]\nuser = {:?}\nmethod = {method:?}\nminutes_ago = {ago}\n",
                user.id
            );
            if (30..150).contains(&ago) {
                expected.entry(&user.id).or_default().insert(method);
            }
        }
        scenario += &format!(
            "[[event]]\nuser = {:?}\nmethod = \"VOICE\"\nminutes_ago = 60\n",
            users[31].id
        );
        expected.entry(&users[31].id).or_default().insert("VOICE");
        scenario += &format!(
            "[[event]]\nuser = {:?}\nmethod = \"APPROVE\"\nminutes_ago = 60\n",
            users[2].id
        );
        scenario += &format!(
            "[[event]]\nuser = {:?}\ncode = 103\nmethod = \"SMS\"\nminutes_ago = 60\n",
            users[3].id
        );
        let world = World::new(260, &scenario).await;
        let ran = run(
            &world,
            &[
                "run",
                "--locked-since",
                "149m30s",
                "--locked-until",
                "29m30s",
                "--rate",
                "1000",
                "--results",
                "r.csv",
                "--yes",
            ],
        );
        assert_eq!(ran.code, 0, "{form}: {}", ran.stderr);
        let records = world.records_in("r.csv");
        let got: BTreeMap<&str, BTreeSet<&str>> = records
            .iter()
            .map(|record| {
                (
                    record["user_id"].as_str(),
                    record["methods"].split('|').collect(),
                )
            })
            .collect();
        assert_eq!(got, expected, "{form}");
        assert_eq!(records.len(), got.len(), "each user once");
        assert!(world.simulator.ledger().of("events").count() >= 2, "paged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_before_is_a_source() {
    let users = bulk_unlock::simulator::generate(6, 1);
    let scenario = format!(
        "[[user]]\nid = \"{}\"\nalways_locked = [\"SMS\"]\n",
        users[4].id
    );
    let world = World::new(6, &scenario).await;
    let rows: Vec<_> = world
        .users
        .iter()
        .map(|user| format!("{},SMS", user.id))
        .collect();
    world.write(
        "users.csv",
        &format!(
            "id,methods\n{}\n,SMS\n=bad,TOKEN\n00000000-0000-4000-8000-000000000000,VOICE\n",
            rows.join("\n")
        ),
    );
    assert_eq!(world.run(SignIn::Rsa, "").code, 1);
    let ran = run(
        &world,
        &[
            "run",
            "--failed-from",
            "users.results.csv",
            "--results",
            "again.csv",
        ],
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let again = world.records_in("again.csv");
    let mut got: Vec<_> = again
        .iter()
        .map(|record| {
            (
                record["user_id"].as_str(),
                record["methods"].as_str(),
                record["outcome"].as_str(),
            )
        })
        .collect();
    got.sort_unstable();
    assert_eq!(
        got,
        [
            ("", "SMS", "invalid"),
            ("'=bad", "TOKEN", "invalid"),
            ("00000000-0000-4000-8000-000000000000", "VOICE", "not_found"),
            (users[4].id.as_str(), "SMS", "still_locked")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_the_log_is_told_what_it_takes() {
    let world = World::new(3, "[token]\nscopes = [\"rsa.user.factor.manage\"]").await;
    for (words, scope) in [
        (["--locked-since", "2h"], "rsa.audit.user"),
        (["--search", "user"], "rsa.user.read"),
        (["--user", "user0001@example.com"], "rsa.user.read"),
    ] {
        for command in ["plan", "run"] {
            let mut program = world.program();
            program.arg(command).args(words);
            program.args(world.sign_in(SignIn::Rsa));
            match command {
                "plan" => program.arg("--lookup"),
                _ => program.args(["--results", "r.csv", "--overwrite"]),
            };
            let ran = finish(program);
            assert_eq!(ran.code, 3, "{command} {words:?}: {}", ran.stderr);
            let said = ran.stdout + &ran.stderr;
            assert!(said.contains(scope), "{command} {words:?}: {said}");
        }
    }
    assert_eq!(world.simulator.ledger().by_user("unlock").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_find_everybody_is_refused() {
    let world = World::new(3, "").await;
    for (words, said) in [
        (["--search", " "], "an empty text would find everybody"),
        (["--locked-since", "2099-01-01"], "has not come yet"),
    ] {
        let ran = run(&world, &["run", words[0], words[1]]);
        assert_eq!(ran.code, 2, "{words:?}");
        assert!(ran.stderr.contains(said), "{words:?}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_are_refused_and_the_simulator_serves_every_one() {
    let world = World::new(1, "").await;
    let ran = run(&world, &["run", "users.csv", "--search", "x"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("INPUT and --search are two sources"),
        "{}",
        ran.stderr
    );
    for words in [
        &["--search", "user00"][..],
        &["--locked-since", "2h"],
        &["--user", "somebody@example.com"],
        &["users.csv"],
    ] {
        let mut program = world.program();
        program
            .args([
                "run",
                "--simulate",
                "--rate",
                "500",
                "--limit",
                "10",
                "--yes",
            ])
            .args(words);
        let ran = finish(program);
        assert_eq!(ran.code, 0, "{words:?}: {}{}", ran.stderr, ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_names_each_source_and_follows_its_schema() {
    let world = World::new(4, "").await;
    let schema = include_str!("../../docs/summary.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    world.write("bad.csv", "id\n00000000-0000-4000-8000-000000000000\n");
    for (words, named) in [
        ("users.csv", "^users\\.csv$"),
        ("-", "^standard input$"),
        ("--user a@x --user b@x", "^a@x, b@x$"),
        (
            "--user a@x --user b@x --user c@x --user d@x",
            "^4 users, named one by one$",
        ),
        ("--search user00", "^search for `user00`$"),
        (
            "--locked-since 2h",
            "^event log, locked from 20[-0-9]{8}T[0-9:.]{12}Z to 20[-0-9]{8}T[0-9:.]{12}Z$",
        ),
        ("bad.csv --results bad.results.csv", "^bad\\.csv$"),
        (
            "--failed-from bad.results.csv",
            "^failures of bad\\.results\\.csv$",
        ),
        ("--simulate=7", "^7 users, named one by one$"),
    ] {
        let mut program = world.program();
        program
            .args(["run", "--output", "json", "--summary", "s.json"])
            .args(words.split(' '));
        if !words.contains("--results") && !words.contains("--simulate") {
            program.args(["--results", "r.csv", "--overwrite"]);
        }
        if !words.contains("--simulate") {
            program.args(world.sign_in(SignIn::Rsa));
        }
        let ran = finish(program);
        let summary: serde_json::Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{words}: {}", ran.stderr));
        assert!(schema.is_valid(&summary), "{words}: {summary:#}");
        let source = summary["source"].as_str().expect("text");
        let named = regex::Regex::new(named).expect("a pattern");
        assert!(named.is_match(source), "{words}: {source}");
    }
}
