//! The metrics file after runs that end well and runs that do not.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, process::Command};

use crate::world::{SignIn, World};

/// The value of one series; `None` where there is no such series.
fn value(text: &str, series: &str) -> Option<f64> {
    let lines = text.lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    values.next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_the_summary_s_numbers() {
    let world = World::new(30, "[[fault]]\nkind = \"429\"\nprobability = 0.2\n").await;
    let options = "--rate 500 --metrics m.prom --metrics-job a\"b";
    assert_eq!(world.run(SignIn::Ec, options).code, 0);
    let text = fs::read_to_string(world.path("m.prom")).expect("metrics");
    let summary = world.summary();
    let of = |name: &str, labels: &str| value(&text, &format!("{name}{{{labels}job=\"a\\\"b\"}}"));
    for (outcome, count) in summary["rows"]["by_outcome"].as_object().expect("counts") {
        let found = of("bulk_unlock_rows", &format!("outcome=\"{outcome}\","));
        assert_eq!(found, count.as_f64(), "{text}");
    }
    let mut series = 0;
    for (endpoint, answers) in summary["requests"].as_object().expect("calls") {
        for (status, count) in answers.as_object().expect("counts") {
            let labels = format!("endpoint=\"{endpoint}\",status=\"{status}\",");
            let found = of("bulk_unlock_requests", &labels);
            assert_eq!(found, count.as_f64(), "{text}");
            series += 1;
        }
    }
    assert!(series >= 3, "200 and 429 of unlock, 200 of token: {text}");
    for (name, expected) in [
        ("bulk_unlock_retries", summary["retries"].as_f64()),
        (
            "bulk_unlock_duration_seconds",
            summary["duration_s"].as_f64(),
        ),
        ("bulk_unlock_exit_code", Some(0.0)),
    ] {
        assert_eq!(of(name, ""), expected, "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_success_is_kept_by_runs_that_fail_and_anybody_may_read_it() {
    let world = World::new(3, "").await;
    let read = || fs::read_to_string(world.path("m.prom")).expect("metrics");
    let time = |text: &str, of: &str| {
        let series = format!("bulk_unlock_last_{of}_timestamp_seconds{{job=\"bulk-unlock\"}}");
        value(text, &series).expect("a time")
    };
    let options = "--rate 500 --overwrite --metrics m.prom";
    assert_eq!(world.run(SignIn::Ec, options).code, 0);
    let good = read();
    assert_eq!(time(&good, "success"), time(&good, "run"));

    world.write(
        "users.csv",
        "user_id\n00000000-0000-4000-8000-000000000000\n",
    );
    assert_eq!(world.run(SignIn::Ec, options).code, 1);
    let bad = read();
    assert_eq!(time(&bad, "success"), time(&good, "success"));
    assert!(time(&bad, "run") > time(&good, "run"));
    assert_eq!(
        value(&bad, "bulk_unlock_exit_code{job=\"bulk-unlock\"}"),
        Some(1.0)
    );

    let mode = fs::metadata(world.path("m.prom"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_cannot_be_written_are_known_before_the_first_request() {
    let world = World::new(3, "").await;
    let ran = world.run(SignIn::Ec, "--metrics nowhere/m.prom");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("nowhere/m.prom"), "{}", ran.stderr);
    assert!(world.simulator.ledger().calls.is_empty());
}

/// Prometheus's own checker, where it is installed; `.ci/run` installs it and says that it must be.
fn promtool(arguments: &[&str], input: &str) {
    use std::{io::Write, process::Stdio};
    let mut command = Command::new("promtool");
    let command = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = command.stderr(Stdio::piped()).spawn() else {
        let required = std::env::var_os("BULK_UNLOCK_TEST_REQUIRE_PROMTOOL");
        assert!(
            required.is_none(),
            "promtool is not installed (Debian: prometheus)"
        );
        return;
    };
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("taken");
    drop(stdin);
    let output = child.wait_with_output().expect("ended");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{arguments:?}: {said}");
    assert!(!said.contains("error"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_accepts_metrics_and_rules() {
    let world = World::new(5, "[[fault]]\nkind = \"500_html\"\nprobability = 0.2\n").await;
    world.run(SignIn::Ec, "--rate 500 --metrics m.prom");
    let text = fs::read_to_string(world.path("m.prom")).expect("metrics");
    promtool(&["check", "metrics"], &text);
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/prometheus");
    promtool(
        &[
            "check",
            "rules",
            &format!("{samples}/bulk-unlock.rules.yml"),
        ],
        "",
    );
    promtool(
        &[
            "test",
            "rules",
            &format!("{samples}/bulk-unlock.rules.test.yml"),
        ],
        "",
    );
}

/// Every word in a text that is named as our metrics are.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("bulk_unlock_"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_rules_name_metrics_that_exist() {
    let world = World::new(2, "").await;
    world.run(SignIn::Ec, "--metrics m.prom");
    let text = fs::read_to_string(world.path("m.prom")).expect("metrics");
    let there = names(&text);
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");
    let dashboard = fs::read_to_string(format!("{samples}/grafana/bulk-unlock.json"));
    let dashboard = dashboard.expect("the dashboard");
    let json: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(
        json["panels"]
            .as_array()
            .is_some_and(|panels| panels.len() >= 6)
    );
    let rules = fs::read_to_string(format!("{samples}/prometheus/bulk-unlock.rules.yml"));
    let rules = rules.expect("the rules");
    for (file, text) in [("dashboard", &dashboard), ("rules", &rules)] {
        let named = names(text);
        let unknown: Vec<_> = named.difference(&there).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
        assert!(named.len() >= 3, "{file}: {named:?}");
    }
    let unseen: Vec<_> = there.difference(&names(&dashboard)).copied().collect();
    assert!(
        unseen.is_empty(),
        "the dashboard shows every metric: {unseen:?}"
    );
}
