//! SIGINT, SIGTERM and SIGHUP: the first stops at once, in every wait there is; the second gives up the rest.

use std::{
    fs::File,
    io::BufReader,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{
    running::{Running, until},
    world::{Ran, SignIn, World},
};

/// More than a stop takes, and less than any of the waits that it cuts here.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Sends the signal; the run must then end with this code, long before what it waits for.
fn stop(running: Running, signal: &str, code: i32) -> Ran {
    running.signal(signal);
    let start = Instant::now();
    let ran = running.end();
    assert!(
        start.elapsed() < AT_ONCE,
        "{:?}: {}",
        start.elapsed(),
        ran.stderr
    );
    assert_eq!(ran.code, code, "{}", ran.stderr);
    ran
}

/// The summary that it left says that it was interrupted, and how to go on.
fn is_interrupted(world: &World, code: i32) {
    let summary = world.summary();
    assert_eq!(summary["status"], "interrupted");
    assert_eq!(summary["exit_code"], code);
    let next = summary["next"].as_str().expect("a command");
    assert!(next.contains("--resume"), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_signal_what_was_asked_is_on_record_and_resume_asks_nobody_twice() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let world = World::new(300, "latency_ms = 40").await;
        let running = world.start(SignIn::Rsa, "--rate 200 --yes");
        until("some were asked", || {
            world.simulator.ledger().of("unlock").count() > 20
        })
        .await;
        running.signal(signal);
        let start = Instant::now();
        let ran = running.end();
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        let done = world.records().len();
        assert!((1..300).contains(&done), "{done}");
        world.agree(done);
        is_interrupted(&world, code);
        let ran = world.run(SignIn::Rsa, "--rate 500 --yes --resume");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        world.agree(300);
        let calls = world.simulator.ledger().of("unlock").count();
        assert_eq!(calls, 300, "nobody was asked twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_cuts_a_wait_that_the_service_asked_for() {
    let world = World::new(
        20,
        "[[fault]]\nkind = \"429\"\nnth = [3]\nretry_after_s = 300",
    )
    .await;
    let running = world.start(SignIn::Legacy, "--rate 50");
    running.says("asks all to wait").await;
    stop(running, "TERM", 143);
    is_interrupted(&world, 143);
    world.run(SignIn::Legacy, "--rate 100 --resume");
    assert_eq!(world.records().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_cuts_a_backoff() {
    // Others are answered, so that the one user's trouble is no outage; from the tenth try on a
    // wait may be long.
    let id = &bulk_unlock::simulator::generate(1, 1)[0].id;
    let scenario = format!("[[user]]\nid = \"{id}\"\nalways = \"503\"");
    let world = World::new(8, &scenario).await;
    let running = world.start(SignIn::Legacy, "--rate 100 --max-attempts 1000");
    until("all others are done", || {
        let ledger = world.simulator.ledger();
        let of_one = ledger.of("unlock").filter(|call| call.status == Some(503));
        ledger.by_user("unlock").len() == 8 && of_one.count() >= 3
    })
    .await;
    stop(running, "INT", 130);
    assert_eq!(world.records().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_cuts_an_outage() {
    let scenario = "[[outage]]\nafter_calls = 5\nfor_s = 600.0\nkind = \"cut\"";
    let world = World::new(30, scenario).await;
    let running = world.start(SignIn::Legacy, "--rate 50");
    running.says("does not answer").await;
    stop(running, "TERM", 143);
    is_interrupted(&world, 143);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_cuts_signing_in() {
    let scenario = "[[fault]]\nkind = \"slow\"\ncalls = [\"token\"]\nnth = [1]\nslow_ms = 25000";
    let world = World::new(5, scenario).await;
    let running = world.start(SignIn::Rsa, "");
    until("it signs in", || {
        world.simulator.ledger().of("token").count() == 1
    })
    .await;
    stop(running, "TERM", 143);
    is_interrupted(&world, 143);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_between_look_up_and_unlock_leaves_the_row_for_later() {
    let world = World::new(40, "latency_ms = 60").await;
    let emails: String = world
        .users
        .iter()
        .map(|user| format!("{}\n", user.email))
        .collect();
    world.write("users.csv", &format!("email\n{emails}"));
    let running = world.start(SignIn::Legacy, "--rate 400 --concurrency 40");
    until("all are looked up", || {
        world.simulator.ledger().of("lookup").count() > 30
    })
    .await;
    stop(running, "TERM", 143);
    let done = world.records().len();
    world.agree(done);
    let ran = world.run(SignIn::Legacy, "--rate 400 --resume");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.agree(40);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_cuts_reading_from_a_pipe_that_says_nothing() {
    // With --max-users the pipe is read to its end before anything else.
    for (options, ended) in [("", true), ("--max-users 9", false)] {
        let world = World::new(2, "").await;
        let mut program = world.program();
        program
            .args(["run", "-"])
            .args(options.split_whitespace())
            .args(world.sign_in(SignIn::Legacy))
            .stdin(Stdio::piped());
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().expect("runs");
        let _silent = child.stdin.take();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let running = Running::with(child, stderr);
        // It catches the signal: a mask in hexadecimal digits, SIGTERM the 15th bit.
        let status = format!("/proc/{}/status", running.pid());
        until("it listens for signals", || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
            caught.is_some_and(|mask| mask & (1 << 14) != 0)
        })
        .await;
        if ended {
            until("there are results", || {
                world.path("stdin.results.csv").exists()
            })
            .await;
        }
        stop(running, "TERM", 143);
        let summary = std::fs::read_to_string(world.path("stdin.results.csv.json"));
        assert!(summary.expect("a summary").contains("interrupted"));
    }
}

/// A terminal's two ends; the other can be opened as often as one likes.
fn pseudo_terminal() -> (File, impl Fn() -> File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).expect("a terminal");
    grantpt(&terminal)
        .and_then(|()| unlockpt(&terminal))
        .expect("ours");
    let name = ptsname(&terminal, Vec::new()).expect("a name");
    let other_end = move || {
        let mut options = File::options();
        options.read(true).write(true);
        options
            .open(name.to_str().expect("ASCII"))
            .expect("the other end")
    };
    (File::from(terminal), other_end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_goes_away_stops_the_run_in_order() {
    let world = World::new(300, "latency_ms = 40").await;
    let (terminal, other_end) = pseudo_terminal();
    // `setsid` makes the terminal the run's own, as a login does: the kernel tells it of the end.
    let mut program = world.program_under("setsid", &["--ctty"]);
    program
        .args(["run", "users.csv", "--rate", "200", "--yes"])
        .args(["--progress", "off"])
        .args(world.sign_in(SignIn::Legacy))
        .stdin(other_end())
        .stdout(other_end())
        .stderr(other_end());
    let mut child = program.spawn().expect("runs");
    drop(program);
    until("some were asked", || {
        world.simulator.ledger().of("unlock").count() > 20
    })
    .await;
    drop(terminal);
    let ended = child.wait().expect("a child");
    assert_eq!(ended.code(), Some(129));
    let done = world.records().len();
    assert!((1..300).contains(&done), "{done}");
    world.agree(done);
    is_interrupted(&world, 129);
    let ran = world.run(SignIn::Legacy, "--rate 500 --yes --resume");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_nohup_a_hang_up_is_nothing() {
    let world = World::new(60, "latency_ms = 20").await;
    let mut program = world.program_under("nohup", &[]);
    program
        .args(["run", "users.csv", "--rate", "100"])
        .args(world.sign_in(SignIn::Legacy));
    let running = Running::of(program);
    until("some were asked", || {
        world.simulator.ledger().of("unlock").count() > 10
    })
    .await;
    running.signal("HUP");
    let ran = running.end();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.agree(60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_answers_the_question() {
    let world = World::new(150, "").await;
    let (terminal, other_end) = pseudo_terminal();
    let mut program = world.program();
    program
        .args(["run", "users.csv"])
        .args(world.sign_in(SignIn::Legacy))
        .stdin(other_end())
        .stderr(other_end())
        .stdout(Stdio::piped());
    let child = program.spawn().expect("runs");
    drop(program);
    let running = Running::with(child, BufReader::new(terminal));
    running.says("[y/N]").await;
    stop(running, "INT", 130);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
    is_interrupted(&world, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_comes_twice_at_once_is_one() {
    let world = World::new(60, "latency_ms = 1500").await;
    let running = world.start(SignIn::Legacy, "--rate 400 --concurrency 40");
    until("many are under way", || {
        world.simulator.ledger().of("unlock").count() >= 20
    })
    .await;
    running.signal("TERM");
    let ran = stop(running, "TERM", 143);
    assert!(!ran.stderr.contains("again"), "{}", ran.stderr);
    let done = world.records().len();
    assert_eq!(done, world.simulator.ledger().of("unlock").count());
    world.agree(done);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_gives_up_what_is_under_way() {
    let world = World::new(10, "latency_ms = 60000").await;
    let running = world.start(SignIn::Legacy, "--rate 100");
    until("requests are under way", || {
        world.simulator.ledger().of("unlock").count() >= 5
    })
    .await;
    running.signal("TERM");
    running.says("SIGTERM: stopping").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let ran = stop(running, "TERM", 143);
    assert!(ran.stderr.contains("SIGTERM again"), "{}", ran.stderr);
    assert_eq!(world.records().len(), 0);
    is_interrupted(&world, 143);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_gets_the_time_that_drain_says() {
    let world = World::new(10, "latency_ms = 60000").await;
    let running = world.start(SignIn::Legacy, "--rate 100 --drain 1s");
    until("requests are under way", || {
        world.simulator.ledger().of("unlock").count() >= 5
    })
    .await;
    stop(running, "TERM", 143);
    assert_eq!(world.records().len(), 0);
    is_interrupted(&world, 143);
}
