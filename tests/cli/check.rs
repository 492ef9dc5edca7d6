//! `check`: a line for each thing that a run takes, and nothing changed at the service.

use serde_json::Value;

use crate::world::{Ran, SignIn, World, finish};

/// `check` with these options.
fn check(world: &World, sign_in: SignIn, options: &[&str]) -> Ran {
    let mut program = world.program();
    program
        .arg("check")
        .args(world.sign_in(sign_in))
        .args(options);
    finish(program)
}

/// The verdict of each check, by its name.
fn verdicts(ran: &Ran) -> Vec<(String, String)> {
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let checks = found["checks"].as_array().expect("checks");
    let text = |check: &Value, name: &str| check[name].as_str().expect("a text").to_owned();
    checks
        .iter()
        .map(|check| (text(check, "name"), text(check, "verdict")))
        .collect()
}

fn verdict(ran: &Ran, name: &str) -> String {
    let verdicts = verdicts(ran).into_iter();
    let mut named = verdicts.filter(|(found, _)| found == name);
    named
        .next()
        .unwrap_or_else(|| panic!("{name}: {}", ran.stdout))
        .1
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_for_every_way_to_sign_in_and_nobody_is_unlocked() {
    let world = World::new(3, "").await;
    for sign_in in [SignIn::Rsa, SignIn::Ec, SignIn::Legacy] {
        let ran = check(&world, sign_in, &["--output", "json"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        for (name, verdict) in verdicts(&ran) {
            // What a legacy key's role allows nobody says.
            let known = name != "unlocking" || sign_in != SignIn::Legacy;
            assert_eq!(verdict, if known { "ok" } else { "warn" }, "{name}");
        }
        for name in [
            "configuration",
            "key",
            "dns",
            "tls",
            "clock",
            "sign-in",
            "look-ups",
            "rate",
        ] {
            assert_eq!(verdict(&ran, name), "ok");
        }
    }
    let ledger = world.simulator.ledger();
    assert_eq!(ledger.of("unlock").count(), 0);
    assert!(ledger.of("lookup").count() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_named_with_its_remedy() {
    let world = World::new(1, "[token]\nscopes = [\"rsa.user.read\"]\n").await;
    let ran = check(&world, SignIn::Rsa, &[]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    let said = "FAIL  unlocking      the token is good for nothing but: rsa.user.read\n";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("-> enable the scope rsa.user.factor.manage")
    );
    let world = World::new(1, "[token]\nscopes = [\"rsa.user.factor.manage\"]\n").await;
    let ran = check(&world, SignIn::Rsa, &["--output", "json"]);
    assert_eq!(
        ran.code, 0,
        "whoever has IDs needs no look-up: {}",
        ran.stdout
    );
    assert_eq!(verdict(&ran, "look-ups"), "warn");
    assert_eq!(verdict(&ran, "unlocking"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_and_a_wrong_clock_fail() {
    let world = World::new(1, "[token]\npermitted = false\n").await;
    let ran = check(&world, SignIn::Legacy, &["--output", "json"]);
    assert_eq!((ran.code, verdict(&ran, "look-ups").as_str()), (3, "fail"));
    let world = World::new(1, "clock_skew_s = 900\n").await;
    let ran = check(&world, SignIn::Rsa, &["--output", "json"]);
    assert_eq!((ran.code, verdict(&ran, "clock").as_str()), (3, "fail"));
    assert_eq!(
        world.simulator.ledger().of("token").count(),
        0,
        "not even tried"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_value_is_shown_with_its_origin_and_no_secret_is() {
    let world = World::new(1, "").await;
    world.write(
        "config.toml",
        "rate = \"20/s\"\nmax-users = 500\nping = \"https://hc.example/canary-uuid\"\n[profiles.a]\nresume = true\n",
    );
    let mut program = world.program();
    program
        .args([
            "check",
            "--config",
            "config.toml",
            "--profile",
            "a",
            "--concurrency",
            "4",
        ])
        .args(world.sign_in(SignIn::Rsa))
        .env("BULK_UNLOCK_TIMEOUT", "9s")
        .env("BULK_UNLOCK_RAET", "1");
    let ran = finish(program);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    for part in [
        "config.toml, profile a",
        "BULK_UNLOCK_RAET is no variable of this program",
        "did you mean BULK_UNLOCK_RATE?",
        "at most 20.0/s (config.toml line 1), 4 requests at once",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    for (option, value, origin) in [
        ("rate", "20/s", "config.toml line 1"),
        ("max-users", "500", "config.toml line 2"),
        ("resume", "true", "profile a, config.toml line 5"),
        ("timeout", "9s", "environment, BULK_UNLOCK_TIMEOUT"),
        ("concurrency", "4", "flag"),
    ] {
        let line = ran.stdout.lines().find(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.first() == Some(&option) && words.get(1) == Some(&value)
        });
        assert!(
            line.is_some_and(|line| line.ends_with(origin)),
            "{option}: {}",
            ran.stdout
        );
    }
    assert!(
        !format!("{}{}", ran.stdout, ran.stderr).contains("canary"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_makes_no_sense_fails_first() {
    let world = World::new(1, "").await;
    for (text, part) in [
        (
            "reat = 3\n",
            "line 1: `reat` is no option; did you mean `rate`?",
        ),
        ("rate = \"fast\"\n", "line 1, rate: `fast` is not a rate"),
        ("rate = [\n", "line "),
    ] {
        world.write("config.toml", text);
        let ran = check(&world, SignIn::Rsa, &["--config", "config.toml"]);
        assert_eq!(ran.code, 2, "{text}");
        assert!(
            ran.stdout.starts_with("FAIL  configuration  config.toml"),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert_eq!(world.simulator.ledger().calls.len(), 0);
}
