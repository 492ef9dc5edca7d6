//! How well a limit is used, one that was told and one that nobody told: `cargo bench --bench pacing`.
//!
//! The real program runs against the simulator, whose ledger says which calls the limit let through.
//!
//! - **Told**: `--rate R`, and the service takes R calls a second, for R of 50, 500 and 5,000.
//! - **Hidden**: a ceiling of 400/s, and the service takes 80 a second, then 40, then 80 again, twenty
//!   seconds each; over the whole minute and over the last ten seconds of each part.
//!
//! Words on the command line pick parts (`told`, `hidden`) and ways of counting. All figures go to
//! `target/bench/pacing.json`, too.

use std::{fs, io::Write, path::Path, process::Command, time::Duration};

use bulk_unlock::simulator::{Call, Scenario, Settings, generate, start};
use serde_json::{Value, json};

/// Seconds and calls a second of each part.
const PARTS: [(f64, f64); 3] = [(20.0, 80.0), (20.0, 40.0), (20.0, 80.0)];

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
    say(&format!(
        "{:<22} {:>8} {:>18}",
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
            let calls = run(&scenario, rate * (seconds + 3), rate, 256, seconds + 1);
            let seconds = f64::from(seconds);
            let share = Share::of(&calls, 0.0, seconds, f64::from(rate) * seconds);
            say(&format!("{name:<22} {rate:>8} {:>18}", share.shown()));
            rows.push(json!({ "kind": name, "rate": rate, "share": share.told() }));
        }
    }
    rows
}

/// A limit that it has to find, and that changes.
fn hidden(wanted: &dyn Fn(&str) -> bool) -> Vec<Value> {
    say(&format!(
        "\n{:<22} {:>18} {:>16} {:>16} {:>16}",
        "limit, hidden", "whole: used/429", "at 80, steady", "at 40, steady", "at 80 again"
    ));
    let mut rows = Vec::new();
    for (name, limit) in HIDDEN.iter().filter(|(name, _)| wanted(name)) {
        let scenario = format!(
            "latency_ms = 30\n[limit]\nrequests = 80\n{limit}\n\
             [[limit.phase]]\nafter_s = 20.0\nrequests = 40\n[[limit.phase]]\nafter_s = 40.0\nrequests = 80\n"
        );
        let calls = run(&scenario, 6_000, 400, 64, 64);
        let allowed: f64 = PARTS.iter().map(|(seconds, per_s)| seconds * per_s).sum();
        let mut shares = vec![Share::of(&calls, 0.0, 60.0, allowed)];
        let mut start = 0.0;
        for (seconds, per_s) in PARTS {
            let end = start + seconds;
            shares.push(Share::of(&calls, end - 10.0, end, 10.0 * per_s));
            start = end;
        }
        let shown: Vec<_> = shares.iter().map(Share::shown).collect();
        say(&format!(
            "{name:<22} {:>18} {:>16} {:>16} {:>16}",
            shown[0], shown[1], shown[2], shown[3]
        ));
        let told: Vec<_> = shares.iter().map(Share::told).collect();
        rows.push(json!({ "kind": name, "whole": told[0], "steady": told[1..] }));
    }
    rows
}

/// Runs the program at this ceiling for so many seconds. Returns the calls that came to the limit.
fn run(scenario: &str, users: u32, rate: u32, concurrency: u32, seconds: u32) -> Vec<Call> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let users = generate(users, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let ids: String = users.iter().map(|user| format!("{}\n", user.id)).collect();
    fs::write(folder.path().join("users.csv"), format!("user_id\n{ids}")).expect("written");
    let settings = Settings {
        port: 0,
        scenario: Scenario::from_toml(scenario).expect("a scenario"),
        users,
    };
    let simulator = runtime.block_on(start(settings)).expect("a free port");
    let keys = simulator.write_credentials(folder.path()).expect("written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-unlock"));
    program
        .current_dir(folder.path())
        .args(["run", "users.csv", "-q", "--yes", "--drain", "1s", "--rate"])
        .args([
            rate.to_string(),
            "--concurrency".to_owned(),
            concurrency.to_string(),
        ])
        .args(["--deadline".to_owned(), format!("{seconds}s")])
        .arg("--api-key-file")
        .arg(&keys.api_key_file);
    let ran = program.output().expect("the program runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(4), "{said}");
    let calls = simulator.ledger().calls;
    drop(simulator);
    runtime.shutdown_timeout(Duration::from_secs(1));
    calls
        .into_iter()
        .filter(|call| call.endpoint == "unlock")
        .collect()
}
