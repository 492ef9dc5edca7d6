//! Bad input gets one clear message, and nothing is sent.

use crate::world::{Ran, SignIn, World, finish};

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_named_with_its_remedy() {
    let world = World::new(2, "").await;
    world.write("exists.csv", "mine");
    world.write("names.csv", "name,phone\nx,y\n");
    world.write("latin.csv", "user_id\nM\u{fc}ller\n");
    std::fs::write(world.path("latin.csv"), b"user_id\nM\xfcller\n").expect("written");
    let key = world.credentials.api_key_file.display().to_string();
    let cases: &[(&str, i32, &[&str])] = &[
        (
            "run missing.csv --api-key-file KEY",
            5,
            &["missing.csv", "No such file"],
        ),
        ("run users.csv", 2, &["no credentials", "--simulate"]),
        ("run", 2, &["no users"]),
        (
            "run users.csv --api-key-file KEY --methods PUSH",
            2,
            &["`PUSH`", "TOKEN, SMS and VOICE"],
        ),
        (
            "run users.csv --api-key-file KEY --rate 0",
            2,
            &["--rate", "above zero"],
        ),
        (
            "run users.csv --api-key-file KEY --burst 0",
            2,
            &["--burst", "above zero"],
        ),
        (
            "run users.csv --api-key-file KEY --concurrency 0",
            2,
            &["--concurrency", "above zero"],
        ),
        (
            "run users.csv --api-key-file KEY --max-attempts 0",
            2,
            &["--max-attempts", "above zero"],
        ),
        (
            "run users.csv --api-key-file KEY --timeout soon",
            2,
            &["--timeout", "30s"],
        ),
        (
            "run users.csv --api-key-file KEY --results exists.csv",
            5,
            &["exists.csv exists", "--overwrite"],
        ),
        (
            "run users.csv --api-key-file KEY --results no/such/r.csv",
            5,
            &["no/such/r.csv", "folder that exists"],
        ),
        (
            "run users.csv --api-key-file KEY --results /dev/full --summary s.json",
            5,
            &["/dev/full", "No space left"],
        ),
        (
            "run users.csv --api-key-file KEY --results {day}.csv",
            2,
            &["{day}", "{date}"],
        ),
        (
            "run users.csv --api-key-file KEY --summary no/such/s.json",
            5,
            &["no/such/s.json"],
        ),
        (
            "run names.csv --api-key-file KEY",
            5,
            &["names.csv", "user IDs", "name,phone", "--no-header"],
        ),
        (
            "run latin.csv --api-key-file KEY",
            5,
            &["latin.csv", "line 2", "UTF-8"],
        ),
        (
            "run users.csv --base-url http://example.com/x --token-file TOKEN",
            2,
            &["unencrypted", "https://"],
        ),
        ("run users.csv --token-file TOKEN", 2, &["--base-url"]),
        (
            "run users.csv --api-key-file KEY --token-file TOKEN",
            2,
            &["two ways to sign in"],
        ),
        (
            "run users.csv --oauth-issuer https://x/oauth",
            2,
            &["--oauth-client-id"],
        ),
        ("run users.csv --bogus", 2, &["--bogus"]),
    ];
    for (line, code, parts) in cases {
        let token = world.credentials.token_file.display().to_string();
        let line = line
            .replace("KEY", &key)
            .replace("TOKEN", &token)
            .replace(&format!("{token}, SMS"), "TOKEN, SMS");
        let mut program = world.program();
        program.args(line.split_whitespace());
        let ran = finish(program);
        assert_eq!(ran.code, *code, "{line}: {}", ran.stderr);
        for part in *parts {
            assert!(
                ran.stderr.contains(part),
                "{line}: `{part}` is not in: {}",
                ran.stderr
            );
        }
        assert_eq!(ran.stdout, "", "{line}");
    }
    assert!(
        world.simulator.ledger().calls.is_empty(),
        "nothing was sent"
    );
    assert_eq!(
        std::fs::read_to_string(world.path("exists.csv")).expect("readable"),
        "mine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_can_read_is_refused_with_the_chmod_to_run() {
    let world = World::new(1, "").await;
    let key = &world.credentials.api_key_file;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(key, mode).expect("set");
    let ran = world.run(SignIn::Legacy, "");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains(&format!("chmod 600 {}", key.display())),
        "{}",
        ran.stderr
    );
}

/// `token`, which reads nothing but the configuration, with this as the file.
fn token_with(world: &World, config: &str) -> Ran {
    let mut program = world.program();
    program.args(["token", "--config", config]);
    finish(program)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_a_token_that_others_can_read_is_refused_and_not_shown() {
    let world = World::new(1, "").await;
    let base_url = world.simulator.base_url();
    let config = world.path("c.toml").display().to_string();
    let text = format!("base-url = \"{base_url}\"\ntoken = \"a-secret-word\"\n");
    world.write("c.toml", &text);
    for (mode, code) in [(0o640, 2), (0o604, 2), (0o600, 0)] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&config, mode).expect("set");
        let ran = token_with(&world, &config);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let told = ran.stderr.contains(&format!("chmod 600 {config}"));
        assert_eq!(told, code == 2, "{}", ran.stderr);
        assert!(!ran.stderr.contains("a-secret-word"), "{}", ran.stderr);
        assert_eq!(ran.stdout.contains("a-secret-word"), code == 0);
    }
    assert!(world.simulator.ledger().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_of_any_size_is_not_read() {
    let world = World::new(1, "").await;
    // Cut after so many bytes this would be no text.
    world.write("c.toml", &format!("# {}", "ä".repeat(1 << 20)));
    for config in ["c.toml", "/dev/zero"] {
        let ran = token_with(&world, config);
        assert_eq!(ran.code, 2, "{config}: {}", ran.stderr);
        let said = format!("{config} is larger than 1 MiB");
        assert!(ran.stderr.contains(&said), "{config}: {}", ran.stderr);
    }
    world.write(
        "c.toml",
        &format!("# {}\nnothing = 1", "x".repeat((1 << 20) - 20)),
    );
    let ran = token_with(&world, "c.toml");
    assert!(ran.stderr.contains("line 2: `nothing`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_come_from_the_environment_too_and_flags_come_first() {
    let world = World::new(5, "").await;
    let mut program = world.program();
    program
        .args(["run", "users.csv", "--limit", "2", "--api-key-file"])
        .arg(&world.credentials.api_key_file);
    program
        .env("BULK_UNLOCK_LIMIT", "4")
        .env("BULK_UNLOCK_METHODS", "SMS")
        .env("BULK_UNLOCK_REASON", "from the timer");
    assert_eq!(finish(program).code, 0);
    let records = world.records();
    assert_eq!((records.len(), records[0]["methods"].as_str()), (2, "SMS"));
    assert_eq!(world.summary()["reason"], "from the timer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_says_where_its_temporary_folder_would_be() {
    let world = World::new(1, "").await;
    let mut program = world.program();
    program.args(["run", "users.csv", "--simulate"]);
    program.env("TMPDIR", world.path("missing"));
    let ran = finish(program);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for part in ["missing", "TMPDIR"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}
