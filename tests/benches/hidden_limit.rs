//! How well a limit that nobody told is found: `cargo bench --bench hidden_limit`.
//!
//! The real program runs with a ceiling of 400/s against the simulator, whose limit is 80 calls a
//! second, then 40, then 80 again, twenty seconds each. From the simulator's ledger: the share of
//! what was allowed that was used, and the share of answers that were refusals, over the whole
//! minute and over the last ten seconds of each part. Words on the command line pick scenarios.

use std::{io::Write, process::Command, time::Duration};

use bulk_unlock::simulator::{Call, Scenario, Settings, generate, start};

/// Seconds and calls a second of each part.
const PARTS: [(f64, f64); 3] = [(20.0, 80.0), (20.0, 40.0), (20.0, 80.0)];

const SCENARIOS: [(&str, &str); 5] = [
    ("sliding", "kind = \"sliding\""),
    (
        "sliding, Retry-After",
        "kind = \"sliding\"\nretry_after = \"seconds\"",
    ),
    ("fixed", "kind = \"fixed\""),
    ("bucket of 10", "kind = \"bucket\"\nburst = 10"),
    ("gcra of 4", "kind = \"gcra\"\nburst = 4"),
];

/// What came between two moments.
struct Share {
    used: f64,
    refused: f64,
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted =
        |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let mut out = std::io::stdout().lock();
    let _ = writeln!(
        out,
        "{:<22} {:>18} {:>16} {:>16} {:>16}",
        "limit", "whole: used/429", "at 80, steady", "at 40, steady", "at 80 again"
    );
    for (name, limit) in SCENARIOS.iter().filter(|(name, _)| wanted(name)) {
        let calls = run(limit);
        let first = calls.first().map(|call| call.at).unwrap_or_default();
        let between = |from: f64, to: f64, allowed: f64| {
            let there = |call: &&Call| {
                let at = (call.at - first).as_secs_f64();
                (from..to).contains(&at)
            };
            let here: Vec<_> = calls.iter().filter(there).collect();
            let refused = here.iter().filter(|call| call.refused).count();
            Share {
                used: (here.len() - refused) as f64 / allowed,
                refused: refused as f64 / here.len().max(1) as f64,
            }
        };
        let show = |share: Share| {
            format!(
                "{:.1} % / {:.2} %",
                share.used * 100.0,
                share.refused * 100.0
            )
        };
        let allowed: f64 = PARTS.iter().map(|(seconds, per_s)| seconds * per_s).sum();
        let mut columns = vec![show(between(0.0, 60.0, allowed))];
        let mut start = 0.0;
        for (seconds, per_s) in PARTS {
            let end = start + seconds;
            columns.push(show(between(end - 10.0, end, 10.0 * per_s)));
            start = end;
        }
        let _ = writeln!(
            out,
            "{name:<22} {:>18} {:>16} {:>16} {:>16}",
            columns[0], columns[1], columns[2], columns[3]
        );
    }
}

/// Runs the program for a minute. Returns the calls that came to the limit.
fn run(limit: &str) -> Vec<Call> {
    let scenario = format!(
        "latency_ms = 30\n[limit]\nrequests = 80\n{limit}\n\
         [[limit.phase]]\nafter_s = 20.0\nrequests = 40\n[[limit.phase]]\nafter_s = 40.0\nrequests = 80\n"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let users = generate(6_000, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let ids: String = users.iter().map(|user| format!("{}\n", user.id)).collect();
    std::fs::write(folder.path().join("users.csv"), format!("user_id\n{ids}")).expect("written");
    let scenario = Scenario::from_toml(&scenario).expect("a scenario");
    let settings = Settings {
        port: 0,
        scenario,
        users,
    };
    let simulator = runtime.block_on(start(settings)).expect("a free port");
    let keys = simulator.write_credentials(folder.path()).expect("written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-unlock"));
    program
        .current_dir(folder.path())
        .args([
            "run",
            "users.csv",
            "-q",
            "--yes",
            "--rate",
            "400",
            "--concurrency",
            "64",
        ])
        .args(["--deadline", "64s", "--drain", "1s", "--api-key-file"])
        .arg(&keys.api_key_file);
    let ran = program.output().expect("the program runs");
    assert_eq!(
        ran.status.code(),
        Some(4),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let calls = simulator.ledger().calls;
    drop(simulator);
    runtime.shutdown_timeout(Duration::from_secs(1));
    calls
        .into_iter()
        .filter(|call| call.endpoint == "unlock")
        .collect()
}
