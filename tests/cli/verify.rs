//! `verify`: results are what their run wrote, or they are not.

use std::fs;

use serde_json::Value;

use crate::world::{Ran, SignIn, World, finish};

fn verify(world: &World, options: &[&str]) -> Ran {
    let mut program = world.program();
    program.args(["verify", "users.results.csv"]).args(options);
    finish(program)
}

fn sha256sum(world: &World, name: &str) -> String {
    let mut program = std::process::Command::new("sha256sum");
    program.arg(world.path(name));
    finish(program).stdout[..64].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_the_hashes_of_what_it_read_and_wrote() {
    let world = World::new(9, "").await;
    let run = || {
        let ran = world.run(SignIn::Legacy, "--overwrite --rate 500");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        world.summary()["hashes"].clone()
    };
    let hashes = run();
    assert_eq!(hashes["source"], sha256sum(&world, "users.csv"));
    assert_eq!(hashes["results"], sha256sum(&world, "users.results.csv"));
    let again = run();
    assert_eq!(again["configuration"], hashes["configuration"]);
    assert_ne!(again["results"], hashes["results"], "other times");
    let ran = world.run(SignIn::Legacy, "--overwrite --rate 501");
    assert_eq!(ran.code, 0);
    assert_ne!(
        world.summary()["hashes"]["configuration"],
        hashes["configuration"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_whole_is_told_from_what_was_altered_cut_or_added_to() {
    let world = World::new(9, "").await;
    assert_eq!(world.run(SignIn::Legacy, "--rate 500").code, 0);
    let ran = verify(&world, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("whole and unaltered: 9 records"),
        "{}",
        ran.stdout
    );
    let whole = fs::read_to_string(world.path("users.results.csv")).expect("results");
    let last = whole.lines().last().expect("a record").to_owned();
    for (text, why) in [
        (whole.replacen(",unlocked,", ",not_found,", 1), "altered"),
        (whole[..whole.len() - 7].to_owned(), "not whole"),
        (
            whole
                .replace(&format!("{last}\r\n"), "")
                .replace(&format!("{last}\n"), ""),
            "holds 8 records",
        ),
        (format!("{whole}{last}\n"), "holds 10 records"),
    ] {
        world.write("users.results.csv", &text);
        let ran = verify(&world, &["--output", "json"]);
        assert_eq!(ran.code, 1, "{why}: {}{}", ran.stdout, ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(found["verified"], false);
        let said = found["why"].as_str().expect("why");
        assert!(said.contains(why), "{why}: {said}");
    }
    fs::remove_file(world.path("users.results.csv.json")).expect("there");
    let ran = verify(&world, &[]);
    assert_eq!(ran.code, 5, "{}", ran.stdout);
    for part in ["users.results.csv.json", "name it with --summary"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_gone_on_with_is_verified_as_a_whole() {
    let world = World::new(30, "").await;
    assert_eq!(world.run(SignIn::Legacy, "--rate 500 --limit 10").code, 0);
    assert_eq!(world.run(SignIn::Legacy, "--rate 500 --resume").code, 0);
    let ran = verify(&world, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("30 records"), "{}", ran.stdout);
}
