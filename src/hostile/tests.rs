//! Ten thousand spoilt inputs of each kind, made from sound ones by a seeded generator: the same in
//! each run. The fuzzers in `tests/fuzz` look further.

use std::{fs, path::Path};

use super::{answer, configuration, results, retry_after, source};

const SPOILT: u64 = 10_000;
/// Longer ones take long to read ten thousand times, and hold nothing that shorter ones do not.
const LONGEST: u64 = 1024;

/// What parsers stumble over.
const STUMBLING: [&[u8]; 16] = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\"",
    b"\r",
    b"\n\n",
    b",,,,",
    b"\\u0000",
    b"[[[[[[[[",
    b"{\"a\":",
    b"null",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"NaN",
    b"\xf0\x9f\x92\xa9",
];

fn inputs(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).expect("there").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let short = |file: &fs::DirEntry| {
        let found = file.metadata().expect("there");
        found.is_file() && found.len() <= LONGEST
    };
    let files = files.iter().filter(|file| short(file));
    files
        .map(|file| fs::read(file.path()).expect("readable"))
        .collect()
}

/// One of the inputs with up to eight wounds.
fn spoilt(random: &mut fastrand::Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let one = |random: &mut fastrand::Rng| inputs[random.usize(..inputs.len())].clone();
    let mut bytes = one(random);
    for _ in 0..random.usize(1..=8) {
        let (from, to) = (random.usize(..=bytes.len()), random.usize(..=bytes.len()));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 64));
        match random.u8(..6) {
            0 if from < bytes.len() => bytes[from] ^= 1 << random.u8(..8),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let again = bytes[from..to].to_vec();
                bytes.splice(to..to, again);
            }
            3 => {
                let other = one(random);
                let half = random.usize(..=other.len());
                bytes.splice(from.., other[half..].iter().copied());
            }
            4 => bytes.truncate(to),
            _ => {
                let what = STUMBLING[random.usize(..STUMBLING.len())];
                bytes.splice(from..from, what.iter().copied());
            }
        }
    }
    bytes
}

/// Each input as it is, then spoilt ones. A panic names the seed that leads to it.
fn withstands(folder: &str, read: fn(&[u8])) {
    let inputs = inputs(folder);
    assert!(inputs.len() >= 3, "{folder} has too few");
    inputs.iter().for_each(|bytes| read(bytes));
    for seed in 0..SPOILT {
        let bytes = spoilt(&mut fastrand::Rng::with_seed(seed), &inputs);
        if std::panic::catch_unwind(|| read(&bytes)).is_err() {
            let shown = String::from_utf8_lossy(&bytes);
            panic!("{folder}, seed {seed}: {shown:?}");
        }
    }
}

#[test]
fn ten_thousand_spoilt_sources() {
    withstands("tests/sources", source);
}

#[test]
fn ten_thousand_spoilt_answers() {
    withstands("tests/fuzz/corpus/answer", answer);
}

#[test]
fn ten_thousand_spoilt_results() {
    withstands("tests/fuzz/corpus/results", results);
}

#[test]
fn ten_thousand_spoilt_configurations() {
    withstands("tests/fuzz/corpus/configuration", configuration);
}

#[test]
fn ten_thousand_spoilt_waits() {
    withstands("tests/fuzz/corpus/retry_after", retry_after);
}
