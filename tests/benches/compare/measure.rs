//! What one run of a command took: time, CPU and memory, by GNU time. Nothing here compares.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::job::on_core;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// From the start to the end of the process.
    pub(crate) wall: Duration,
    /// User and system time, of its children too, in seconds.
    pub(crate) cpu: f64,
    /// The most memory that it, or one of its children, had resident, in MiB.
    pub(crate) peak_mib: f64,
}

/// Runs a command on the first core.
///
/// # Panics
/// Where it fails.
pub(crate) fn run(words: &[String], token: &str, report: &Path) -> Took {
    let mut command = on_core(0, "/usr/bin/time");
    command.args(["--quiet", "--format", "%U %S %M", "--output"]);
    command.arg(report).args(words);
    let start = Instant::now();
    let ended = quiet(&mut command, token);
    let wall = start.elapsed();
    assert!(ended, "failed: {}", words.join(" "));
    let said = fs::read_to_string(report).expect("GNU time reports");
    let numbers: Vec<f64> = said
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [user, system, peak_kib] = numbers[..] else {
        panic!("GNU time said: {said}");
    };
    Took {
        wall,
        cpu: user + system,
        peak_mib: peak_kib / 1024.0,
    }
}

fn quiet(command: &mut Command, token: &str) -> bool {
    let status = command
        .env("BENCH_TOKEN", token)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.expect("the command can be run").success()
}

/// The middle one.
///
/// # Panics
/// Where there is none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
