//! Signing in, renewing, and being refused.

use std::time::Duration;

use crate::world::{SignIn, World, finish};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_sign_in_unlocks_and_prints_a_token() {
    for how in [SignIn::Legacy, SignIn::Rsa, SignIn::Ec, SignIn::Ready] {
        let world = World::new(5, "").await;
        let ran = world.run(how, "--rate 500");
        assert_eq!(ran.code, 0, "{how:?}: {}", ran.stderr);
        world.agree(5);
        let mut program = world.program();
        program.arg("token").args(world.sign_in(how));
        let ran = finish(program);
        assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{how:?}");
        world.write("printed.token", ran.stdout.trim());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(world.path("printed.token"), mode).expect("set");
        let mut program = world.program();
        program.args([
            "run",
            "users.csv",
            "--overwrite",
            "--rate",
            "500",
            "--token-file",
            "printed.token",
        ]);
        program.args(["--base-url", &world.simulator.base_url()]);
        assert_eq!(
            finish(program).code,
            0,
            "{how:?}: the printed token is good"
        );
    }
}

/// Tokens that live three seconds, under a job of more than twice that: no row lost, and no more
/// renewals than that takes.
async fn short_tokens(how: SignIn, scenario: &str) {
    let world = World::new(
        200,
        &format!("latency_ms = 20\n[token]\nlifetime_s = 3\n{scenario}"),
    )
    .await;
    let ran = world.run(how, "--rate 25 --yes");
    assert_eq!(ran.code, 0, "{scenario}: {}{}", ran.stdout, ran.stderr);
    world.agree(200);
    let ledger = world.simulator.ledger();
    let took = ledger.calls.last().expect("calls").at - ledger.calls[0].at;
    // Renewed when a tenth of the life is left.
    let needed = took.as_secs_f64() / 2.7;
    let renewals = ledger.of("token").count();
    assert!(
        renewals >= 3 && renewals as f64 <= needed + 2.0,
        "{scenario}: {renewals} in {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn short_tokens_rsa_told_by_401() {
    short_tokens(SignIn::Rsa, "refusal = 401").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_tokens_ec_told_by_403() {
    short_tokens(SignIn::Ec, "refusal = 403").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_tokens_that_claim_an_hour_told_by_401() {
    short_tokens(SignIn::Ec, "refusal = 401\nexpires_in = \"longer\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_tokens_that_claim_an_hour_told_by_403() {
    short_tokens(SignIn::Rsa, "refusal = 403\nexpires_in = \"longer\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_costs_no_try() {
    let world = World::new(30, "[[fault]]\nkind = \"token_revoked\"\nnth = [5]").await;
    let ran = world.run(SignIn::Rsa, "--rate 100");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.agree(30);
    assert!(
        world
            .records()
            .iter()
            .all(|record| record["attempts"] == "1")
    );
    assert_eq!(world.simulator.ledger().of("token").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_stops_the_job_early() {
    for dialect in ["application", "framework"] {
        let scenario = format!(
            "latency_ms = 30\n[token]\npermitted = false\nforbidden_dialect = \"{dialect}\""
        );
        let world = World::new(300, &scenario).await;
        let ran = world.run(SignIn::Rsa, "--rate 1000 --concurrency 8 --yes");
        assert_eq!(ran.code, 3, "{dialect}: {}", ran.stderr);
        let calls = world.simulator.ledger().of("unlock").count();
        let most = if dialect == "application" { 8 } else { 16 };
        assert!(calls <= most, "{dialect}: {calls}");
        assert!(
            world.records().is_empty(),
            "nothing was decided about any user"
        );
        let summary = world.summary();
        assert_eq!(
            (summary["status"].as_str(), summary["exit_code"].as_i64()),
            (Some("stopped"), Some(3))
        );
        assert!(
            summary["stopped_because"]
                .as_str()
                .expect("a reason")
                .contains("403")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_in_is_told_with_the_services_words() {
    for (scenario, said) in [
        ("[token]\nscope_enabled = false", "invalid_scope"),
        ("[token]\nbad_assertion_status = 400", "invalid_client"),
    ] {
        let world = World::new(3, scenario).await;
        let mut program = world.program();
        let mut sign_in = world.sign_in(SignIn::Rsa);
        if said == "invalid_client" {
            let id = sign_in
                .iter()
                .position(|word| word == "--oauth-client-id")
                .expect("given")
                + 1;
            sign_in[id] = "somebody-else".to_owned();
        }
        program.args(["run", "users.csv"]).args(sign_in);
        let ran = finish(program);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
        assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_token_that_is_refused_stops_the_job() {
    for status in [401, 403] {
        let world = World::new(50, &format!("[token]\nrefusal = {status}")).await;
        std::fs::write(&world.credentials.token_file, "not-a-good-token").expect("written");
        let ran = world.run(SignIn::Ready, "--concurrency 4 --rate 1000");
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(world.simulator.ledger().of("unlock").count() <= 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_pass_the_gate_too() {
    let world = World::new(20, "[token]\nlifetime_s = 1").await;
    let ran = world.run(SignIn::Ec, "--rate 10 --concurrency 20");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    world.agree(20);
    let most = world.simulator.ledger().most_within(Duration::from_secs(1));
    assert!(most <= 12, "{most} calls of every kind within a second");
}
