//! This program beside others that can send the same requests: `cargo bench --bench compare`.
//!
//! It needs GNU time, and names and skips those of the others that are not installed: `oha` (cargo
//! install oha), `wrk`, `curl`, `xargs`, and in Python (`BENCH_PYTHON`, else `python3`) aiohttp with
//! uvloop, and requests. Each round runs all of them one after the other; a ratio is taken within
//! a round, and the median of seven rounds is told. Words on the command line pick parts
//! (`throughput`, `memory`, `start`, `resume`); `quick` makes it three rounds and shorter lists.
//! All figures go to `target/bench/compare.json`, too.

mod job;
mod measure;
mod peers;
mod server;
mod single;
mod throughput;

use std::{fs, io::Write, path::Path};

use job::Yard;
use serde_json::{Map, Value};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Extent {
    rounds: usize,
    /// A long list has so many rows.
    long: u64,
    /// A round's run takes about so long, in seconds, where latency decides.
    seconds: u64,
}

type Part = fn(&Yard, Extent) -> Value;

const PARTS: [(&str, Part); 4] = [
    ("throughput", throughput::measure),
    ("memory", single::memory),
    ("start", single::start),
    ("resume", single::resume),
];

fn main() {
    server::serve_if_asked();
    job::build();
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let asked = |word: &str| words.iter().any(|said| said == word);
    let extent = match asked("quick") {
        true => Extent {
            rounds: 3,
            long: 100_000,
            seconds: 1,
        },
        false => Extent {
            rounds: 7,
            long: 1_000_000,
            seconds: 2,
        },
    };
    let all = PARTS.iter().all(|(name, _)| !asked(name));
    let yard = Yard::new();
    let mut figures = Map::new();
    figures.insert("machine".to_owned(), machine());
    for (name, measure) in PARTS.iter().filter(|(name, _)| all || asked(name)) {
        figures.insert((*name).to_owned(), measure(&yard, extent));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder).expect("the target folder is ours");
    let file = folder.join("compare.json");
    let text = serde_json::to_string_pretty(&figures).expect("plain values");
    fs::write(&file, text + "\n").expect("the target folder is ours");
    say(&format!("\nwritten to {}", file.display()));
}

/// Where this was measured, and how busy it was.
fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|rest| rest.trim_start_matches(['\t', ' ', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    say(&format!(
        "{cores} cores, {}, load {}",
        model.unwrap_or("?"),
        load.join(" ")
    ));
    serde_json::json!({ "cores": cores, "model": model, "load_before": load })
}

/// A line of the table.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
