//! How well a limit is used, one that was told and one that nobody told: `cargo bench --bench pacing`.
//!
//! The real program runs against the simulator, whose ledger says which calls the limit let through.
//!
//! - **Told**: `--rate R`, and the service takes R calls a second, for R of 50, 500 and 5,000; and `oha -q R`
//!   (cargo install oha), where it is installed, which is the one of the others that keeps a rate while it sends
//!   many requests at once.
//! - **Hidden**: a ceiling of 400/s, and the service takes 80 a second, then 40, then 80 again, a minute
//!   each; over all three and over the last half of each, and how soon 95 % of each is used. All ways of
//!   counting at the same time, which is some hundred calls a second each.
//!
//! Words on the command line pick parts (`told`, `hidden`) and ways of counting. All figures go to
//! `target/bench/pacing.json`, too.

use std::{fs, io::Write, path::Path, process::Command, thread, time::Duration};

use bulk_unlock::simulator::{Call, Credentials, Scenario, Settings, SimUser, generate, start};
use serde_json::{Value, json};

/// Seconds and calls a second of each part.
const PARTS: [(f64, f64); 3] = [(60.0, 80.0), (60.0, 40.0), (60.0, 80.0)];

const HIDDEN: [(&str, &str); 5] = [
    ("sliding", "kind = \"sliding\""),
    (
        "sliding, Retry-After",
        "kind = \"sliding\"\nretry_after = \"seconds\"",
    ),
    ("fixed", "kind = \"fixed\""),
    ("bucket of 10", "kind = \"bucket\"\nburst = 10"),
    ("gcra of 4", "kind = \"gcra\"\nburst = 4"),
];

/// A limit that is used for so many seconds has been found.
const FOUND: f64 = 2.0;

/// Rates that are told, and for how many seconds each is watched.
const TOLD: [(u32, u32); 3] = [(50, 20), (500, 20), (5_000, 10)];

/// What came between two moments.
struct Share {
    used: f64,
    refused: f64,
}

impl Share {
    fn of(calls: &[Call], from: f64, to: f64, allowed: f64) -> Self {
        let first = calls.first().map(|call| call.at).unwrap_or_default();
        let there = |call: &&Call| (from..to).contains(&(call.at - first).as_secs_f64());
        let here: Vec<_> = calls.iter().filter(there).collect();
        let refused = here.iter().filter(|call| call.refused).count();
        Self {
            used: (here.len() - refused) as f64 / allowed,
            refused: refused as f64 / here.len().max(1) as f64,
        }
    }

    fn shown(&self) -> String {
        format!("{:.1} % / {:.2} %", self.used * 100.0, self.refused * 100.0)
    }

    fn told(&self) -> Value {
        json!({ "used": self.used, "refused": self.refused })
    }
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let parts = ["told", "hidden"];
    let named = |part: &str| words.iter().any(|word| word == part);
    let all = !parts.iter().any(|part| named(part));
    let kinds: Vec<&String> = words
        .iter()
        .filter(|word| !parts.contains(&word.as_str()))
        .collect();
    let wanted =
        |name: &str| kinds.is_empty() || kinds.iter().any(|word| name.contains(word.as_str()));
    let told = if all || named("told") {
        told(&wanted)
    } else {
        vec![]
    };
    let hidden = if all || named("hidden") {
        hidden(&wanted)
    } else {
        vec![]
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder).expect("the target folder is ours");
    let text = serde_json::to_string_pretty(&json!({ "told": told, "hidden": hidden }));
    let file = folder.join("pacing.json");
    fs::write(&file, text.expect("plain values") + "\n").expect("the target folder is ours");
    say(&format!("\nwritten to {}", file.display()));
}

/// A line of the table.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A limit that the program knows.
fn told(wanted: &dyn Fn(&str) -> bool) -> Vec<Value> {
    let peer = Command::new("oha").arg("--version").output().is_ok();
    let header = if peer { "oha -q R" } else { "" };
    say(&format!(
        "{:<22} {:>8} {:>18} {header:>18}",
        "limit, told", "R", "used / 429"
    ));
    let mut rows = Vec::new();
    for (rate, seconds) in TOLD {
        let burst = (rate / 50).max(10);
        for (name, limit) in [
            ("fixed", "kind = \"fixed\"".to_owned()),
            ("bucket", format!("kind = \"bucket\"\nburst = {burst}")),
            ("sliding", "kind = \"sliding\"".to_owned()),
        ] {
            if !wanted(name) {
                continue;
            }
            let scenario = format!("latency_ms = 5\n[limit]\nrequests = {rate}\n{limit}\n");
            let calls = run(&scenario, rate * (seconds + 5), rate, 256, seconds + 3);
            let others = peer.then(|| run_oha(&scenario, rate, 256, seconds + 1));
            let seconds = f64::from(seconds);
            let share = |calls: &[Call]| Share::of(calls, 0.0, seconds, f64::from(rate) * seconds);
            let (ours, theirs) = (share(&calls), others.as_deref().map(share));
            let shown = theirs.as_ref().map(Share::shown).unwrap_or_default();
            say(&format!(
                "{name:<22} {rate:>8} {:>18} {shown:>18}",
                ours.shown()
            ));
            let theirs = theirs.map(|share| share.told());
            rows.push(json!({ "kind": name, "rate": rate, "share": ours.told(), "oha": theirs }));
        }
    }
    rows
}

/// A limit that it has to find, and that changes.
fn hidden(wanted: &dyn Fn(&str) -> bool) -> Vec<Value> {
    say(&format!(
        "\n{:<22} {:>16} {:>24} {:>24} {:>24}",
        "limit, hidden", "all: used / 429", "80: steady, 95 % after", "40", "80 again"
    ));
    let found: Vec<_> = thread::scope(|scope| {
        let kinds = HIDDEN.into_iter().filter(|(name, _)| wanted(name));
        let runs: Vec<_> = kinds
            .map(|(name, limit)| (name, scope.spawn(move || found(limit))))
            .collect();
        let ended = runs.into_iter();
        ended
            .map(|(name, run)| (name, run.join().expect("a run ends")))
            .collect()
    });
    let mut rows = Vec::new();
    for (name, (whole, parts)) in found {
        let [first, second, third] = parts.each_ref().map(|(share, after)| match after {
            Some(after) => format!("{} {after:>4.1} s", share.shown()),
            None => format!("{}  never", share.shown()),
        });
        say(&format!(
            "{name:<22} {:>16} {first:>24} {second:>24} {third:>24}",
            whole.shown()
        ));
        let parts =
            parts.map(|(share, after)| json!({ "share": share.told(), "found_after_s": after }));
        rows.push(json!({ "kind": name, "whole": whole.told(), "steady": parts }));
    }
    rows
}

/// What is used and refused over all and in the last half of each part, and seconds until the part's limit is used.
fn found(limit: &str) -> (Share, [(Share, Option<f64>); 3]) {
    let [(first, high), (second, low), (third, again)] = PARTS;
    let scenario = format!(
        "latency_ms = 30\n[limit]\nrequests = {high}\n{limit}\n\
         [[limit.phase]]\nafter_s = {first:?}\nrequests = {low}\n\
         [[limit.phase]]\nafter_s = {:?}\nrequests = {again}\n",
        first + second
    );
    let all = first + second + third;
    let allowed: f64 = PARTS.iter().map(|(seconds, per_s)| seconds * per_s).sum();
    let calls = run(&scenario, allowed as u32 + 1_000, 400, 64, all as u32 + 4);
    let mut start = 0.0;
    let parts = PARTS.map(|(seconds, per_s)| {
        let (from, end) = (start, start + seconds);
        start = end;
        let steady = Share::of(&calls, end - seconds / 2.0, end, per_s * seconds / 2.0);
        let tenths = (0..).map(|n| f64::from(n) / 10.0);
        let used = |after: &f64| {
            let from = from + after;
            Share::of(&calls, from, from + FOUND, per_s * FOUND).used >= 0.95
        };
        let after = tenths
            .take_while(|after| after + FOUND <= seconds)
            .find(used);
        (steady, after)
    });
    (Share::of(&calls, 0.0, all, allowed), parts)
}

/// Whom a client asks, and how it signs in.
struct Service<'a> {
    base_url: String,
    keys: Credentials,
    users: &'a [SimUser],
    /// Where its files are.
    folder: &'a Path,
}

/// Runs the program at this ceiling for so many seconds, its start and its last second, which is for what is under way,
/// included. Returns the calls that came to the limit.
fn run(scenario: &str, users: u32, rate: u32, concurrency: u32, seconds: u32) -> Vec<Call> {
    calls(scenario, users, |service| {
        let ids = service.users.iter().map(|user| format!("{}\n", user.id));
        let list = format!("user_id\n{}", ids.collect::<String>());
        fs::write(service.folder.join("users.csv"), list).expect("written");
        let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-unlock"));
        program
            .args(["run", "users.csv", "-q", "--yes", "--drain", "1s"])
            .arg("--api-key-file")
            .arg(&service.keys.api_key_file)
            .args(["--rate".to_owned(), rate.to_string()])
            .args(["--concurrency".to_owned(), concurrency.to_string()])
            .args(["--deadline".to_owned(), format!("{seconds}s")]);
        (program, 4)
    })
}

/// The same of `oha`, which asks for one user again and again.
fn run_oha(scenario: &str, rate: u32, concurrency: u32, seconds: u32) -> Vec<Call> {
    calls(scenario, 1, |service| {
        let token = fs::read_to_string(&service.keys.token_file).expect("written");
        let url = format!(
            "{}/v1/users/{}/methods",
            service.base_url, service.users[0].id
        );
        let mut oha = Command::new("oha");
        oha.args(["--no-tui", "--output-format", "quiet", "-m", "PATCH"])
            .args(["-d", r#"{"unlockMethods":["TOKEN","SMS","VOICE"]}"#])
            .args(["-H", "Content-Type: application/json"])
            .args([
                "-H".to_owned(),
                format!("Authorization: Bearer {}", token.trim()),
            ])
            .args(["-q".to_owned(), rate.to_string()])
            .args(["-c".to_owned(), concurrency.to_string()])
            .args(["-z".to_owned(), format!("{seconds}s"), url]);
        (oha, 0)
    })
}

/// What a client asks of a service with this limit. Its exit code is what is expected.
fn calls(
    scenario: &str,
    users: u32,
    client: impl FnOnce(&Service<'_>) -> (Command, i32),
) -> Vec<Call> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let users = generate(users, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        port: 0,
        scenario: Scenario::from_toml(scenario).expect("a scenario"),
        users: users.clone(),
    };
    let simulator = runtime.block_on(start(settings)).expect("a free port");
    let (mut client, code) = client(&Service {
        base_url: simulator.base_url(),
        keys: simulator.write_credentials(folder.path()).expect("written"),
        users: &users,
        folder: folder.path(),
    });
    let ran = client.current_dir(folder.path()).output();
    let ran = ran.expect("the client runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(code), "{said}");
    let calls = simulator.ledger().calls;
    drop(simulator);
    runtime.shutdown_timeout(Duration::from_secs(1));
    calls
        .into_iter()
        .filter(|call| call.endpoint == "unlock")
        .collect()
}
