//! What a person sees: the bar, the answer to SIGUSR1, silence where it was asked for.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{
    running::until,
    world::{SignIn, World, finish},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_run_with_q_prints_nothing_at_all() {
    let scenario = "[[fault]]\nkind = \"500_json\"\nprobability = 0.2\n[token]\nlifetime_s = 2";
    let world = World::new(30, scenario).await;
    let ran = world.run(SignIn::Rsa, "-q --rate 500 --max-attempts 20");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_there_are_no_escapes() {
    let world = World::new(9, "[[fault]]\nkind = \"500_mixed\"\nprobability = 0.5").await;
    let ran = world.run(
        SignIn::Rsa,
        "-vv --rate 500 --max-attempts 2 --progress bar",
    );
    assert!(!(ran.stdout + &ran.stderr).contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_by_signal_is_answered_even_where_nothing_else_is_said() {
    let world = World::new(200, "latency_ms = 5").await;
    let run = world.start(SignIn::Rsa, "-q --rate 20");
    let recorded = || fs::read_to_string(world.path("users.results.csv")).unwrap_or_default();
    until("three rows are done", || recorded().lines().count() > 3).await;
    run.signal("USR1");
    run.says(" of 200 rows done, ").await;
    run.signal("INT");
    assert_eq!(run.end().code, 130);
}

/// `run` with its output on a pseudo-terminal of util-linux's `script`.
fn on_a_terminal(world: &World, no_color: &str) -> String {
    let program = env!("CARGO_BIN_EXE_bulk-unlock");
    let sign_in = world.sign_in(SignIn::Legacy).join(" ");
    let line = format!("{program} run users.csv --overwrite --yes --rate 40 {sign_in}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    script.env_clear().current_dir(world.folder.path());
    script
        .env("TERM", "xterm-256color")
        .env("NO_COLOR", no_color);
    script.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let ran = finish(script);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    ran.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_a_bar_and_no_color_is_obeyed() {
    let world = World::new(
        40,
        "[[fault]]\nkind = \"429\"\nnth = [5]\nretry_after_s = 1",
    )
    .await;
    // A colour is `ESC [ numbers m`; moving about and clearing is not.
    let colour = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("sound");
    let plain = on_a_terminal(&world, "1");
    assert!(!colour.is_match(&plain), "{plain:?}");
    for shown in [
        "/40 (",
        "━",
        "1 × 429",
        "as the service asked",
        "All is well",
    ] {
        assert!(plain.contains(shown), "no `{shown}` in {plain:?}");
    }
    assert!(colour.is_match(&on_a_terminal(&world, "")));
}
