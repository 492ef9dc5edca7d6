//! What the program promises: nothing lost, nothing pushed, nothing made up.

use std::{process::Stdio, time::Duration};

use crate::world::{SignIn, World, finish};

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_users_through_faults() {
    let scenario = include_str!("../../samples/scenarios/faults.toml");
    let world = World::new(3_000, scenario).await;
    let ran = world.run(SignIn::Rsa, "--rate 400 --yes");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    world.agree(3_000);
    let ledger = world.simulator.ledger();
    let faults = ledger
        .of("unlock")
        .filter(|call| call.fault.is_some())
        .count();
    assert!(faults > 100, "the faults were met: {faults}");
    // The pacing itself is proved in paused time. Here a busy machine may bunch what was sent
    // apart, by up to a tenth of a second.
    let most = ledger.most_within(Duration::from_secs(1));
    assert!(most <= 441, "{most} calls within a second");
    let summary = world.summary();
    let counted: u64 = summary["requests"]["unlock"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(|n| n.as_u64())
        .sum();
    assert_eq!(counted as usize, ledger.of("unlock").count());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_got_lost_are_no_failures() {
    let world = World::new(
        150,
        "[[fault]]\nkind = \"applied_but_lost\"\nprobability = 0.2",
    )
    .await;
    let ran = world.run(SignIn::Legacy, "--rate 500 --yes");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    world.agree(150);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_before_the_time_that_the_service_asked_for() {
    for header in ["seconds", "date"] {
        let scenario =
            format!("[limit]\nrequests = 5\nwindow_ms = 3000\nretry_after = \"{header}\"\n");
        let world = World::new(12, &scenario).await;
        let ran = world.run(SignIn::Legacy, "--rate 20 --concurrency 1");
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        world.agree(12);
        let calls = world.simulator.ledger().calls;
        let refused: Vec<_> = calls
            .windows(2)
            .filter(|pair| pair[0].status == Some(429))
            .collect();
        assert!(!refused.is_empty(), "the limit was met");
        for pair in refused {
            let waited = pair[1].at - pair[0].at;
            assert!(
                waited >= Duration::from_millis(1_900),
                "{header}: {waited:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_waits_for_its_next_try_holds_no_place() {
    // One wait may by chance be as short as three requests take; three of them together are not.
    let id = &bulk_unlock::simulator::generate(1, 1)[0].id;
    let scenario = format!("[[user]]\nid = \"{id}\"\nalways = \"503\"");
    let world = World::new(4, &scenario).await;
    let options = "--rate 500 --concurrency 1 --max-attempts 4";
    let ran = world.run(SignIn::Legacy, options);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let records = world.records();
    let last = records.last().expect("records");
    assert_eq!(
        (last["attempts"].as_str(), last["row"].as_str()),
        ("4", "1"),
        "the others went first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_the_job_with_what_is_done_on_record() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let world = World::new(100, "latency_ms = 40").await;
        let mut program = world.program();
        program
            .args(["run", "users.csv", "--rate", "50"])
            .args(world.sign_in(SignIn::Rsa));
        let child = program
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        while world.simulator.ledger().of("unlock").count() < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut kill = std::process::Command::new("kill");
        kill.args([signal, &child.id().to_string()]);
        assert_eq!(finish(kill).code, 0);
        let ended = tokio::task::block_in_place(|| child.wait_with_output()).expect("ends");
        assert_eq!(ended.status.code(), Some(code));
        let done = world.records().len();
        assert!((1..100).contains(&done));
        world.agree(done);
        let summary = world.summary();
        assert_eq!(
            (summary["status"].as_str(), summary["exit_code"].as_i64()),
            (Some("interrupted"), Some(i64::from(code)))
        );
        assert!(summary["next"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_ends_well_on_the_embedded_simulator() {
    let world = World::new(0, "").await;
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/users.csv");
    let mut program = world.program();
    program.args(["run", sample, "--simulate", "--rate", "200"]);
    let ran = finish(program);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let records = world.records_in("users.simulated.csv");
    assert_eq!(records.len(), 200);
    assert!(
        records.iter().any(|record| record["attempts"] != "1"),
        "a newcomer sees retries"
    );
    assert!(ran.stdout.contains("200"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_a_source_and_quiet_is_silent() {
    let world = World::new(3, "").await;
    let mut program = world.program();
    program
        .args(["run", "-", "--no-header", "-q"])
        .args(world.sign_in(SignIn::Legacy));
    let file = std::fs::File::open(world.path("ids")).or_else(|_| {
        let ids: Vec<_> = world.users.iter().map(|user| user.id.as_str()).collect();
        world.write("ids", &ids.join("\n"));
        std::fs::File::open(world.path("ids"))
    });
    program.stdin(file.expect("a file"));
    let ran = finish(program);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "")
    );
    assert_eq!(world.records_in("stdin.results.csv").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn summaries_follow_the_schema() {
    let schema = include_str!("../../docs/summary.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for (scenario, code) in [
        ("", 0),
        ("[token]\npermitted = false", 3),
        ("[[fault]]\nkind = \"404\"", 2),
    ] {
        if code == 2 {
            assert!(bulk_unlock::simulator::Scenario::from_toml(scenario).is_err());
            continue;
        }
        let world = World::new(3, scenario).await;
        assert_eq!(world.run(SignIn::Ec, "--reason INC-1").code, code);
        let summary = world.summary();
        assert!(schema.is_valid(&summary), "{summary:#}");
        assert_eq!(summary["reason"], "INC-1");
    }
}
