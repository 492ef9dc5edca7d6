//! One rate for several processes, through a real `redis-server` that each test starts. Where there
//! is none these tests are skipped, unless `BULK_UNLOCK_TEST_REQUIRE_REDIS=1` makes that an error.

#![allow(
    clippy::print_stderr,
    reason = "what was measured, and what was skipped"
)]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bulk_unlock::{
    rate_store::{RateStore, RateStoreSettings},
    simulator::Ledger,
    throttle::{Ask, Granted},
};
use tempfile::TempDir;

use crate::world::{Ran, SignIn, World, finish};

const EIGHT: u32 = 8;
const RATE: f64 = 200.0;
const SECOND: Duration = Duration::from_secs(1);

/// A server on a port of its own, without anything on disk.
struct Store {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl Store {
    /// `None` where there is no `redis-server`.
    fn start(options: &[&str]) -> Option<Self> {
        Self::serve(None, options)
    }

    /// With this file of settings.
    fn start_with(settings: Option<&std::path::Path>) -> Option<Self> {
        Self::serve(settings, &[])
    }

    fn serve(settings: Option<&std::path::Path>, options: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let Some(server) = serve(&folder, port, settings, options) else {
            let required = std::env::var_os("BULK_UNLOCK_TEST_REQUIRE_REDIS").is_some();
            assert!(!required, "there is no redis-server to test with");
            eprintln!("skipped: there is no redis-server");
            return None;
        };
        Some(Self {
            server,
            port,
            folder,
        })
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn kill(&mut self) {
        self.server.kill().expect("killed");
        self.server.wait().expect("ended");
    }

    fn start_again(&mut self) {
        self.server = serve(&self.folder, self.port, None, &[]).expect("it was there before");
    }

    /// The way of one process to it.
    fn way(&self, process: &str, rate: &str) -> RateStore {
        let settings = RateStoreSettings {
            url: self.url().into(),
            password: None,
            ca_file: None,
        };
        let rate = rate.parse().expect("a rate");
        RateStore::new(&settings, "https://tenant", process, rate).expect("sound")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(
    folder: &TempDir,
    port: u16,
    settings: Option<&std::path::Path>,
    options: &[&str],
) -> Option<Child> {
    let mut server = Command::new("redis-server");
    server
        .args(settings)
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--port",
            &port.to_string(),
            "--dir",
        ])
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null());
    let server = server.spawn().ok()?;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::sleep(Duration::from_millis(10));
    }
    Some(server)
}

/// How late this machine lets a thread wake: what is sent evenly may arrive in bunches as large.
struct Stalls {
    /// About when the simulator started.
    origin: Instant,
    done: Arc<AtomicBool>,
    watch: thread::JoinHandle<Vec<(Instant, Duration)>>,
}

/// The stalls of a run: when each ended, since the simulator's start, and how long it was.
struct Stalled(Vec<(Duration, Duration)>);

impl Stalls {
    fn watch(origin: Instant) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let nap = Duration::from_millis(2);
        let watch = thread::spawn(move || {
            let mut stalls = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let asleep = Instant::now();
                thread::sleep(nap);
                let late = asleep.elapsed() - nap;
                if late > nap {
                    stalls.push((Instant::now(), late));
                }
            }
            stalls
        });
        Self {
            origin,
            done,
            watch,
        }
    }

    fn end(self) -> Stalled {
        self.done.store(true, Ordering::Relaxed);
        let stalls = self.watch.join().expect("it ends").into_iter();
        Stalled(stalls.map(|(at, late)| (at - self.origin, late)).collect())
    }
}

impl Stalled {
    fn worst(&self) -> Duration {
        self.0
            .iter()
            .map(|(_, late)| *late)
            .max()
            .unwrap_or_default()
    }

    /// What is to be used at least of this rate, if stalls between these times are time lost.
    fn nearly(&self, rate: f64, from: Duration, to: Duration) -> f64 {
        let within = self
            .0
            .iter()
            .filter(|(at, _)| (from..to + SECOND).contains(at));
        let lost: Duration = within.map(|(_, late)| *late).sum();
        let share = lost.as_secs_f64() / (to - from).as_secs_f64();
        eprintln!("of {:?} this machine stalled {lost:?}", to - from);
        rate * 0.95 * (1.0 - share).max(0.0)
    }
}

fn shard(world: &World, store: &Store, index: u32) -> Command {
    let mut program = world.program();
    program
        .args(["run", "users.csv", "--shard", &format!("{index}/{EIGHT}")])
        .args(["--rate", "200/s", "--rate-store", &store.url()])
        .args(["--results", "s{shard}.csv", "--resume"])
        .args(world.sign_in(SignIn::Ready))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    program
}

fn signal(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    kill.args([signal, &child.id().to_string()]);
    assert_eq!(finish(kill).code, 0);
}

/// Calls a second between two times since the simulator's start.
fn rate(ledger: &Ledger, from: Duration, to: Duration) -> f64 {
    let calls = ledger.calls.iter();
    let within = calls.filter(|call| (from..to).contains(&call.at)).count();
    within as f64 / (to - from).as_secs_f64()
}

fn last(world: &World) -> Duration {
    let ledger = world.simulator.ledger();
    ledger
        .calls
        .iter()
        .map(|call| call.at)
        .max()
        .unwrap_or_default()
}

async fn calls(world: &World, count: usize) -> Duration {
    while world.simulator.ledger().calls.len() < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    last(world)
}

/// What was sent within a second is no more than the rate. Between a permit and the arrival lies a
/// wait for the processor that only the sender could see: a turn of all the processes here, or the
/// worst stall that was seen. What came within a second less that was sent within a second.
fn never_above(ledger: &Ledger, worst_stall: Duration) {
    let window = SECOND - worst_stall.max(Duration::from_millis(30));
    let (most, whole) = (ledger.most_within(window), ledger.most_within(SECOND));
    eprintln!(
        "most {most} within {window:?}, {whole} within a second, worst stall {worst_stall:?}"
    );
    assert!(most as f64 <= RATE, "{most} within {window:?}");
}

fn merge(world: &World) -> Ran {
    let mut program = world.program();
    let shards = (0..EIGHT).map(|index| format!("s{index}.csv"));
    program
        .arg("merge")
        .args(shards)
        .args(["--results", "all.csv"]);
    finish(program)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_go_by_one_rate_and_use_it() {
    let Some(store) = Store::start(&[]) else {
        return;
    };
    let origin = Instant::now();
    let world = World::new(2_400, "").await;
    let stalls = Stalls::watch(origin);
    let children: Vec<_> = (0..EIGHT)
        .map(|index| shard(&world, &store, index).spawn().expect("runs"))
        .collect();
    for child in children {
        let ended = tokio::task::block_in_place(|| child.wait_with_output()).expect("ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{said}");
        assert!(!said.contains("WARN"), "{said}");
    }
    let stalled = stalls.end();
    let ledger = world.simulator.ledger();
    never_above(&ledger, stalled.worst());
    // Until the first shard runs out of rows.
    let (from, to) = (ledger.calls[200].at, ledger.calls[1_800].at);
    let used = rate(&ledger, from, to);
    let least = stalled.nearly(RATE, from, to);
    assert!(used >= least, "{used}/s of {RATE}, at least {least}");
    assert_eq!(merge(&world).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_a_pause_and_a_store_that_is_away_do_not_push_the_service() {
    let Some(mut store) = Store::start(&[]) else {
        return;
    };
    let origin = Instant::now();
    let world = World::new(11_200, "").await;
    let stalls = Stalls::watch(origin);
    let mut children: Vec<_> = (0..EIGHT)
        .map(|index| shard(&world, &store, index).spawn().expect("runs"))
        .collect();
    let begun = calls(&world, 200).await;
    let killing = calls(&world, 700).await;
    for mut child in children.drain(4..) {
        child.kill().expect("killed");
        child.wait().expect("ended");
    }
    let pausing = calls(&world, 1_300).await;
    signal(&children[0], "-STOP");
    let going_on = calls(&world, 1_900).await;
    signal(&children[0], "-CONT");
    let away = calls(&world, 2_200).await;
    store.kill();
    tokio::time::sleep(5 * SECOND).await;
    let back = last(&world);
    store.start_again();
    let whole_again = back + 6 * SECOND;
    while last(&world) < whole_again + 3 * SECOND {
        let ended = children
            .iter_mut()
            .any(|child| child.try_wait().is_ok_and(|code| code.is_some()));
        assert!(!ended, "a process ended early");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ledger = world.simulator.ledger();
    let stalled = stalls.end();
    never_above(&ledger, stalled.worst());
    for (phase, from, to, full) in [
        ("all", begun, killing, RATE),
        ("four killed", killing + SECOND, pausing, RATE),
        ("one paused", pausing + SECOND, going_on, RATE),
        ("going on", going_on, away, RATE),
        (
            "without the store",
            away + 2 * SECOND,
            back,
            RATE * 4.0 / 8.0,
        ),
        ("with it again", whole_again, whole_again + 3 * SECOND, RATE),
    ] {
        let used = rate(&ledger, from, to);
        eprintln!("{phase}: {used:.1}/s of {full} in {:?}", to - from);
        let least = stalled.nearly(full, from, to);
        assert!(
            used >= least,
            "{phase}: {used}/s of {full}, at least {least}"
        );
        let slack = 1.03 + stalled.worst().as_secs_f64() / (to - from).as_secs_f64();
        assert!(used <= full * slack, "{phase}: {used}/s of {full}");
    }
    for mut child in children {
        signal(&child, "-TERM");
        let ended = tokio::task::block_in_place(|| child.wait()).expect("ends");
        assert_eq!(ended.code(), Some(143));
        let mut said = String::new();
        let mut stderr = child.stderr.take().expect("piped");
        std::io::Read::read_to_string(&mut stderr, &mut said).expect("UTF-8");
        assert_eq!(
            said.matches("the rate store does not answer").count(),
            1,
            "said once: {said}"
        );
        assert_eq!(
            said.matches("the rate store answers again").count(),
            1,
            "{said}"
        );
    }
    // What was cut is taken up again, and all come together.
    assert_eq!(merge(&world).code, 4);
    for index in 0..EIGHT {
        let mut again = world.program();
        again
            .args([
                "run",
                "users.csv",
                "--shard",
                &format!("{index}/{EIGHT}"),
                "--rate",
                "5000/s",
            ])
            .args(["--results", "s{shard}.csv", "--resume"])
            .args(world.sign_in(SignIn::Ready));
        assert_eq!(finish(again).code, 0);
    }
    let merged = merge(&world);
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    let users: std::collections::BTreeSet<_> = world
        .records_in("all.csv")
        .into_iter()
        .map(|record| record["user_id"].clone())
        .collect();
    assert_eq!(users.len(), 11_200, "every user stands once");
}

fn ask(wanted: u32) -> Ask {
    Ask {
        wanted,
        ..Ask::NOTHING
    }
}

async fn asked(store: &RateStore, ask: Ask) -> Granted {
    store.ask(ask).await.expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_two_processes_follow_each_other() {
    let Some(store) = Store::start(&[]) else {
        return;
    };
    let (one, other) = (store.way("one", "10/s"), store.way("other", "10/s"));
    let started = Instant::now();
    let first = asked(&one, ask(2)).await;
    assert_eq!((first.permits, first.wait), (2, Duration::ZERO));
    let apart = first.apart;
    assert!((100..105).contains(&apart.as_millis()), "{apart:?}");
    let second = asked(&other, ask(2)).await;
    assert_eq!((second.permits, second.processes), (2, 2));
    let slot = started.elapsed() + second.wait;
    assert!(
        slot >= 2 * apart - Duration::from_millis(1) && second.wait <= 2 * apart,
        "{second:?}"
    );
    // Half a second lies ahead: whoever asks now is told when to ask again.
    let third = asked(&one, ask(2)).await;
    let fourth = asked(&one, ask(2)).await;
    assert_eq!((third.permits, fourth.permits), (2, 0));
    assert!(fourth.wait > Duration::ZERO);
    // Another tenant's rate is another one.
    let settings = RateStoreSettings {
        url: store.url().into(),
        password: None,
        ca_file: None,
    };
    let tenant = RateStore::new(
        &settings,
        "https://other",
        "x",
        "10/s".parse().expect("a rate"),
    );
    assert_eq!(
        asked(&tenant.expect("sound"), ask(1)).await.wait,
        Duration::ZERO
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_hears_of_the_service_binds_all() {
    let Some(store) = Store::start(&[]) else {
        return;
    };
    let (one, other) = (store.way("one", "100/s"), store.way("other", "100/s"));
    let full = asked(&one, ask(1)).await.rate;
    let refused = |cuts| Ask {
        refused: Some(cuts),
        ..Ask::NOTHING
    };
    let cut = asked(&one, refused(0)).await;
    assert!(cut.rate < 0.9 * full && cut.cuts == 1, "{cut:?}");
    assert_eq!(
        asked(&other, refused(0)).await.rate,
        cut.rate,
        "it was sent before the cut"
    );
    assert_eq!(asked(&other, ask(1)).await.rate, cut.rate);
    let rest = Ask {
        rest: Some(Duration::from_secs(60)),
        ..Ask::NOTHING
    };
    asked(&one, rest).await;
    let held = asked(&other, ask(1)).await;
    assert!(held.rest > Duration::from_secs(50), "{held:?}");
    assert!(
        held.permits == 0 || held.wait > Duration::from_secs(50),
        "{held:?}"
    );
    let away = |away| Ask {
        away: Some(away),
        ..ask(5)
    };
    let third = RateStoreSettings {
        url: store.url().into(),
        password: None,
        ca_file: None,
    };
    let way = |process| {
        let rate = "100/s".parse().expect("a rate");
        RateStore::new(&third, "https://another", process, rate).expect("sound")
    };
    let (one, other) = (way("one"), way("other"));
    assert_eq!(
        asked(&one, away(true)).await.permits,
        1,
        "one request looks for it"
    );
    assert_eq!(asked(&other, ask(5)).await.permits, 0, "for all");
    asked(&one, away(false)).await;
    assert_eq!(asked(&other, ask(5)).await.permits, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_alone_gets_no_more_than_its_part() {
    let Some(store) = Store::start(&[]) else {
        return;
    };
    let back = |process: &str| {
        let way = store.way(process, "100/s");
        async move {
            let parts = Ask {
                parts: Some(4),
                ..Ask::NOTHING
            };
            asked(&way, parts).await
        }
    };
    for (n, process) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let came = back(process).await;
        let share = 100.0 * 0.975 * (n + 1) as f64 / 4.0;
        let rate = 1.0 / came.apart.as_secs_f64();
        assert!((rate - share).abs() < 1.0, "{process}: {rate} of {share}");
        assert_eq!(came.processes, 4, "the others are not gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_or_is_not_there_is_told_at_the_start() {
    let Some(store) = Store::start(&["--requirepass", "hidden-word"]) else {
        return;
    };
    let world = World::new(12, "").await;
    world.write("password", "hidden-word\n");
    let mut open = fs::metadata(world.path("password"))
        .expect("there")
        .permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o600);
    fs::set_permissions(world.path("password"), open).expect("set");
    let run = |url: &str, options: &str| {
        let mut program = world.program();
        program
            .args([
                "run",
                "users.csv",
                "--rate",
                "100",
                "--overwrite",
                "--rate-store",
                url,
            ])
            .args(options.split_whitespace())
            .args(world.sign_in(SignIn::Ready));
        finish(program)
    };
    let with_file = run(&store.url(), "--rate-store-password-file password");
    assert_eq!(with_file.code, 0, "{}", with_file.stderr);
    let inside = format!("redis://:hidden-word@127.0.0.1:{}", store.port);
    let stopped = run(&inside, "-vv --deadline 1ms");
    assert_eq!(stopped.code, 4, "{}", stopped.stderr);
    let summary = world.summary().to_string();
    let told = [&stopped.stdout, &stopped.stderr, &summary];
    assert!(
        told.iter().all(|text| !text.contains("hidden-word")),
        "{told:?}"
    );
    assert!(summary.contains("redis://:PASSWORD@127.0.0.1"), "{summary}");
    for (url, options, code, said) in [
        (store.url().as_str(), "", 2, "refuses this"),
        ("redis://127.0.0.1:1", "", 2, "does not answer"),
        (
            "redis://127.0.0.1:1",
            "--shard 0/2 --results x.csv",
            0,
            "1/2 of --rate",
        ),
        ("http://127.0.0.1", "", 2, "redis://"),
    ] {
        let ran = run(url, options);
        assert_eq!(ran.code, code, "{url}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{url}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_one_process_meets_slows_all_and_the_summary_says_so() {
    let Some(store) = Store::start(&[]) else {
        return;
    };
    let world = World::new(240, "[limit]\nrequests = 40\nwindow_ms = 1000").await;
    let run = |index: u32| {
        let mut program = world.program();
        program
            .args(["run", "users.csv", "--shard", &format!("{index}/2")])
            .args(["--rate", "80/s", "--rate-store", &store.url()])
            .args(["--results", "s{shard}.csv"])
            .args(world.sign_in(SignIn::Ready))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        program.spawn().expect("runs")
    };
    for mut child in [run(0), run(1)] {
        let ended = tokio::task::block_in_place(|| child.wait()).expect("ends");
        assert_eq!(ended.code(), Some(0));
    }
    for index in 0..2 {
        let text = fs::read_to_string(world.path(&format!("s{index}.csv.json")));
        let summary: serde_json::Value =
            serde_json::from_str(&text.expect("a summary")).expect("JSON");
        let slowest = summary["throttled"]["slowest_rate"]
            .as_f64()
            .expect("a rate");
        assert!(slowest < 70.0, "shard {index}: {slowest}");
    }
}

/// A CA, and what it signed for this machine: their files in this folder.
fn certificates(folder: &std::path::Path) {
    let key = || rcgen::KeyPair::generate().expect("a key");
    let (ca_key, key) = (key(), key());
    let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("sound");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let signed = ca.self_signed(&ca_key).expect("signed");
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let names = vec!["localhost".to_owned()];
    let server = rcgen::CertificateParams::new(names).expect("sound");
    let server = server.signed_by(&key, &issuer).expect("signed");
    for (name, text) in [
        ("ca.pem", signed.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_tls_serves_a_user_who_may_do_no_more_than_needed() {
    let world = World::new(12, "").await;
    certificates(world.folder.path());
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let page = include_str!("../../docs/scaling.md");
    let rights = page
        .split("needs `")
        .nth(1)
        .and_then(|rest| rest.split('`').next());
    let rights = rights.expect("the page names them").replace("\\|", "|");
    let file = |name: &str| world.path(name).display().to_string();
    let rules = format!(
        "user default on nopass ~* +@all\nuser unlock on >hidden-word {rights}\ntls-port {port}\ntls-auth-clients no\n\
         tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    );
    world.write("redis.conf", &rules);
    // Beside it a port without TLS, which tells when the server is up.
    let Some(_store) = Store::start_with(Some(&world.path("redis.conf"))) else {
        return;
    };
    let run = |ca: &[&str]| {
        let mut program = world.program();
        program
            .args(["run", "users.csv", "--rate", "100", "--overwrite", "-q"])
            .env(
                "BULK_UNLOCK_RATE_STORE",
                format!("rediss://unlock:hidden-word@localhost:{port}"),
            )
            .args(ca)
            .args(world.sign_in(SignIn::Ready));
        finish(program)
    };
    let trusted = run(&["--ca-file", "ca.pem"]);
    assert_eq!((trusted.code, trusted.stderr.as_str()), (0, ""));
    let unknown = run(&[]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("certificate"), "{}", unknown.stderr);
    assert!(
        !unknown.stderr.contains("hidden-word"),
        "{}",
        unknown.stderr
    );
}
