//! Every row of the outcome table, as the program records it.

use axum::response::IntoResponse;

use crate::{
    answers::answering,
    world::{Record, SignIn, World},
};

/// The record of one row.
fn row(records: &[Record], number: usize) -> &Record {
    let found = records
        .iter()
        .find(|record| record["row"] == number.to_string());
    found.unwrap_or_else(|| panic!("row {number} is recorded"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_and_the_exit_code_of_a_job_with_failures() {
    let users = bulk_unlock::simulator::generate(9, 1);
    let rule = |n: usize, rest: &str| format!("[[user]]\nid = \"{}\"\n{rest}\n", users[n].id);
    let scenario = [
        rule(1, r#"always_locked = ["SMS"]"#),
        rule(2, r#"missing_flags = ["VOICE"]"#),
        rule(3, "status = 403"),
        rule(4, r#"always = "500_html""#),
        rule(5, r#"always = "other_user""#),
        rule(6, r#"always = "garbage""#),
        rule(7, r#"always = "no_flags""#),
        rule(8, r#"always = "redirect""#),
    ]
    .concat();
    let mut world = World::new(9, &scenario).await;
    world.users = users;
    let [unlocked, ..] = &world.users[..] else {
        panic!("nine users");
    };
    let mut rows: Vec<String> = world.users.iter().map(|user| user.id.clone()).collect();
    rows.extend([
        unlocked.id.to_uppercase(),
        "00000000-0000-4000-8000-000000000000".to_owned(),
        "not-a-guid".to_owned(),
        "..".to_owned(),
        "a/b?c".to_owned(),
        "=cmd()".to_owned(),
    ]);
    world.write("users.csv", &format!("User Id\n{}\n", rows.join("\n")));
    let ran = world.run(SignIn::Ec, "--max-attempts 2 --rate 500");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let records = world.records();
    for (number, outcome, status, attempts) in [
        (1, "unlocked", "200", "1"),
        (2, "still_locked", "200", "1"),
        (3, "unverified", "200", "1"),
        (4, "forbidden", "403", "1"),
        (5, "failed", "500", "2"),
        (6, "failed", "200", "2"),
        (7, "failed", "200", "2"),
        (8, "unverified", "200", "1"),
        (9, "failed", "302", "1"),
        (10, "duplicate", "", "0"),
        (11, "not_found", "404", "1"),
        (12, "invalid", "400", "1"),
        (13, "invalid", "", "0"),
        (14, "invalid", "400", "1"),
        (15, "invalid", "400", "1"),
    ] {
        let record = row(&records, number);
        let got = (
            record["outcome"].as_str(),
            record["http_status"].as_str(),
            record["attempts"].as_str(),
        );
        assert_eq!(got, (outcome, status, attempts), "row {number}: {record:?}");
        assert_eq!(
            record["error"].is_empty(),
            outcome == "unlocked",
            "row {number}: {record:?}"
        );
    }
    assert_eq!(records.len(), 15);
    assert_eq!(row(&records, 2)["is_sms_locked"], "true");
    assert_eq!(row(&records, 3)["is_voice_locked"], "");
    assert_eq!(row(&records, 15)["user_id"], "'=cmd()");
    assert!(row(&records, 9)["error"].contains("redirected"));
    let ledger = world.simulator.ledger();
    let paths: Vec<_> = ledger.of("unlock").map(|call| call.path.as_str()).collect();
    assert!(
        paths
            .iter()
            .any(|path| path.ends_with("/users/a%2Fb%3Fc/methods")),
        "{paths:?}"
    );
    assert!(!paths.iter().any(|path| path.contains("..")), "{paths:?}");
    // Where the last user left is answered by nothing but 500, somebody else is asked whether the
    // service is there: whether that happens depends on the waits, which are random.
    let astray = |path: &str| !path.ends_with("/v1/users/lookup");
    let others = ledger.of("other").filter(|call| astray(&call.path));
    assert_eq!(others.count(), 0, "nothing went astray");
    let summary = world.summary();
    assert_eq!(summary["status"], "complete");
    assert_eq!(summary["rows"]["by_outcome"]["failed"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_after_the_last_try_counts_by_its_flags() {
    for (fault, code, outcome) in [
        ("500_done", 0, "unlocked"),
        ("500_mixed", 1, "still_locked"),
    ] {
        let id = &bulk_unlock::simulator::generate(1, 1)[0].id;
        let scenario =
            format!("[[user]]\nid = \"{id}\"\nalways = \"{fault}\"\nalways_locked = [\"SMS\"]\n");
        let scenario = match fault {
            "500_done" => scenario.replace("[\"SMS\"]", "[]"),
            _ => scenario,
        };
        let world = World::new(1, &scenario).await;
        let ran = world.run(SignIn::Legacy, "--max-attempts 2");
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let records = world.records();
        let record = &records[0];
        assert_eq!(
            (record["outcome"].as_str(), record["http_status"].as_str()),
            (outcome, "500")
        );
        assert_eq!(record["attempts"], "2");
        let locked = world.simulator.locked(id).expect("known");
        assert_eq!(record["is_sms_locked"], locked[1].to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_methods_asked_for_are_unlocked_and_limit_is_kept() {
    let world = World::new(20, "").await;
    let ran = world.run(
        SignIn::Ready,
        "--methods sms --limit 5 --rate 500 --output json",
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let records = world.records();
    assert_eq!(records.len(), 5);
    for record in records {
        let user = world
            .users
            .iter()
            .find(|user| user.id == record["user_id"])
            .expect("known");
        let locked = world.simulator.locked(&user.id).expect("known");
        assert_eq!(locked, [user.locked[0], false, user.locked[2]]);
        assert_eq!(record["is_token_locked"], user.locked[0].to_string());
    }
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON on stdout");
    assert_eq!(printed, world.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_rows_is_complete() {
    let world = World::new(1, "").await;
    world.write("users.csv", "user_id\n");
    let ran = world.run(SignIn::Rsa, "");
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("there are no rows"), "{}", ran.stderr);
    assert!(world.simulator.ledger().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let world = World::new(0, "").await;
    let id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
    world.write("users.csv", &format!("user_id\n{id}\n"));
    for (length, outcome) in [(1_000_000, "unlocked"), (1 << 20, "failed")] {
        let base = answering(move |_| {
            let flags = r#""isTokenLocked":false,"isSmsLocked":false,"isVoiceLocked":false"#;
            let answer = format!(r#"{{"userId":"{id}",{flags}}}"#);
            (answer + &" ".repeat(length)).into_response()
        });
        let token = "a-token-of-the-usual-length";
        world.run_against(&base.await, token, "users.csv --max-attempts 1");
        let records = world.records();
        assert_eq!(row(&records, 1)["outcome"], outcome, "{records:?}");
        let why = &row(&records, 1)["error"];
        assert_eq!(why.contains("too long"), outcome == "failed", "{why}");
    }
}
