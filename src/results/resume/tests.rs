//! Files that were cut, spoiled or never ours, and the time that a large one takes.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use super::recover;
use crate::{
    model::{LockFlags, MethodSet, Outcome, OutcomeKind, Row, UserRef},
    results::{Record, Records, Recovered, ResultsError, ResultsFile, Standing, WriteMode},
};

fn user(id: &str, email: &str, username: &str) -> UserRef {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UserRef {
        id: known(id),
        email: known(email),
        username: known(username),
    }
}

fn outcome(kind: OutcomeKind, error: &str) -> Outcome {
    Outcome {
        kind,
        http_status: (kind != OutcomeKind::Duplicate).then_some(200),
        flags: LockFlags {
            token: Some(false),
            sms: Some(kind == OutcomeKind::StillLocked),
            voice: None,
        },
        attempts: 2,
        duration: Duration::from_millis(1_234),
        error: error.to_owned(),
    }
}

/// Rows that are hard to write and to read.
fn rows() -> Vec<(Row, Outcome)> {
    let users = [
        user("u-1", "", ""),
        user("", "jörg@exämple.org", "Jörg, \"der\" Große"),
        user("=cmd|' /C calc'!A0", "@x", "-1"),
        user("two\nlines", "a\r\nb", "\nbegins and ends\n"),
        user("u-1", "", ""),
        user("\"", "\"\"", ",\n\",\n"),
        user("'quoted", "", "日本語"),
    ];
    let kinds = [
        OutcomeKind::Unlocked,
        OutcomeKind::StillLocked,
        OutcomeKind::Failed,
        OutcomeKind::Unlocked,
        OutcomeKind::Duplicate,
        OutcomeKind::NotFound,
        OutcomeKind::AlreadyUnlocked,
    ];
    let numbered = (1..).zip(users).zip(kinds);
    numbered
        .map(|((number, user), kind)| {
            let error = if kind.ends_well() {
                ""
            } else {
                "=why,\n\"ü\""
            };
            (Row::new(number, user, MethodSet::ALL), outcome(kind, error))
        })
        .collect()
}

fn append(results: &mut ResultsFile, (row, outcome): &(Row, Outcome)) {
    let record = Record::new(row, outcome, SystemTime::UNIX_EPOCH);
    results.append(&record).expect("room");
}

/// A whole file of these rows, and where each line of it ends, the header's first.
fn written(path: &Path, rows: &[(Row, Outcome)]) -> (Vec<u8>, Vec<usize>) {
    let (mut results, _) = ResultsFile::open(path, WriteMode::Overwrite).expect("new");
    let length = || path.metadata().expect("there").len() as usize;
    let mut ends = vec![length()];
    for row in rows {
        append(&mut results, row);
        ends.push(length());
    }
    results.close().expect("whole");
    (fs::read(path).expect("readable"), ends)
}

/// The numbers of the rows that a file has records of.
fn numbers(path: &Path) -> Vec<u64> {
    let mut records = Records::open(path).expect("results");
    let mut numbers = Vec::new();
    while let Some(record) = records.read().expect("sound") {
        numbers.push(record.row);
    }
    assert_eq!(records.torn(), None);
    numbers
}

fn resume(path: &Path) -> Result<(ResultsFile, Recovered), ResultsError> {
    ResultsFile::open(path, WriteMode::Resume)
}

#[test]
fn a_file_cut_at_any_byte_loses_nothing_whole_and_keeps_nothing_torn() {
    // In memory, where that is at hand: a disk would be asked to keep each of thousands of files.
    let memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = memory.expect("a folder");
    let path = folder.path().join("r.csv");
    let rows = rows();
    let (bytes, ends) = written(&path, &rows);
    for (length, zeros) in (0..=bytes.len()).flat_map(|length| [(length, 0), (length, 5_000)]) {
        let header_is_whole = length >= ends[0];
        if zeros > 0 && !header_is_whole {
            continue;
        }
        let mut cut = bytes[..length].to_vec();
        cut.extend(vec![0; zeros]);
        fs::write(&path, &cut).expect("written");
        let whole = ends.iter().filter(|end| **end <= length).count();
        let kept = whole.checked_sub(1).map_or(0, |whole| ends[whole]);
        let (mut results, mut recovered) = resume(&path).expect("ours");
        let torn = recovered.torn.map_or(0, |torn| torn.bytes) as usize;
        assert_eq!(torn, cut.len() - kept, "cut at {length}");
        assert_eq!(recovered.tally.done(), whole.saturating_sub(1) as u64);
        for row in &rows {
            match recovered.done.settle(&row.0) {
                Standing::Recorded => {}
                Standing::Fresh | Standing::Repeats => append(&mut results, row),
            }
        }
        results.close().expect("whole");
        let mut numbers = numbers(&path);
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7], "cut at {length}");
    }
}

#[test]
fn what_was_written_is_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    let rows = rows();
    written(&path, &rows);
    let mut records = Records::open(&path).expect("results");
    for (row, outcome) in &rows {
        let record = records.read().expect("sound").expect("there");
        assert_eq!(
            (record.row, record.user(), record.methods),
            (row.number, row.user.clone(), row.methods)
        );
        assert_eq!(
            (record.kind, record.http_status, record.flags),
            (outcome.kind, outcome.http_status, outcome.flags)
        );
        assert_eq!(
            (record.attempts, record.duration),
            (outcome.attempts, outcome.duration)
        );
        assert_eq!(record.error, outcome.error.replace('\n', " "));
        assert_eq!(record.finished_at, "1970-01-01T00:00:00.000Z");
    }
    assert_eq!(records.read().expect("the end"), None);
    let (_, recovered) = resume(&path).expect("ours");
    assert_eq!(recovered.tally.failures().len(), 3);
    assert_eq!(recovered.tally.failures()[0].user, "jörg@exämple.org");
}

#[test]
fn a_file_that_is_missing_or_empty_is_begun() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    let begin = [
        (|path: &Path| fs::remove_file(path)) as fn(&Path) -> io::Result<()>,
        |path| fs::write(path, ""),
        |path| fs::write(path, "row,user"),
        |path| fs::write(path, [0; 40]),
    ];
    for (n, begin) in begin.iter().enumerate() {
        fs::write(&path, "").expect("written");
        begin(&path).expect("done");
        let (_, recovered) = resume(&path).expect("begun");
        assert_eq!(recovered.torn.is_some(), n > 1);
        assert_eq!(numbers(&path), [0_u64; 0]);
    }
}

#[test]
fn other_line_ends_are_as_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    let rows = &rows()[..2];
    let (bytes, _) = written(&path, rows);
    let text = String::from_utf8(bytes)
        .expect("UTF-8")
        .replace('\n', "\r\n");
    fs::write(&path, &text).expect("written");
    let (mut results, recovered) = resume(&path).expect("ours");
    assert_eq!((recovered.torn, recovered.tally.done()), (None, 2));
    append(&mut results, &rows[0]);
    drop(results);
    assert_eq!(numbers(&path), [1, 2, 1]);
    fs::write(&path, &text[..text.len() - 1]).expect("written");
    let (_, recovered) = resume(&path).expect("ours");
    assert_eq!(recovered.tally.done(), 1, "its line end is torn");
}

#[test]
fn what_no_run_wrote_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    let (bytes, _) = written(&path, &rows()[..3]);
    let ours = String::from_utf8(bytes).expect("UTF-8");
    let header = &ours[..=ours.find('\n').expect("a header")];
    let record = ours.lines().nth(1).expect("a record");
    for (spoiled, told) in [
        ("user_id\n1\n".to_owned(), "begins with `user_id`"),
        (
            format!("\u{feff}{ours}"),
            "begins with `\\u{feff}row,user_id",
        ),
        (
            ours.replace("row,user_id", "user_id,row"),
            "begins with `user_id,row",
        ),
        (ours.replace(',', ";"), "begins with `row;user_id"),
        ("\0".repeat(1_000), "begins with `\\0"),
        (
            format!("{header}note\n{record}\n"),
            "at line 2: it has 1 columns instead of 14",
        ),
        (
            format!("{header}{record},\n{record}\n"),
            "at line 2: it has 15 columns",
        ),
        (
            format!("{header}{record}\n\0\0\0\n{record}\n"),
            "at line 3: it has 1",
        ),
        (
            format!("{header}{}\n{record}\n", record.replace(".000Z", "")),
            "at line 2: its finished_at is not a time",
        ),
        (
            format!(
                "{header}{record}\n{}\n{record}\n",
                record.replace("u-1", "\"u-1")
            ),
            "at line 3: a quote in it is never closed",
        ),
        (
            format!("{header}{}\n", record.replace("unlocked", "done")),
            "its outcome cannot be `done`",
        ),
        (
            format!("{header}{}\n", record.replace("false", "FALSE")),
            "its is_token_locked cannot be `FALSE`",
        ),
        (
            format!("{header}{}\n", record.replace("TOKEN", "PUSH")),
            "its methods cannot be `PUSH",
        ),
        (format!("{header}x{record}\n"), "its row cannot be `x1`"),
    ] {
        fs::write(&path, &spoiled).expect("written");
        let refused = resume(&path).expect_err(told);
        assert!(refused.to_string().contains(told), "{refused}");
        assert!(!refused.hint().is_empty());
        assert_eq!(
            fs::read_to_string(&path).expect("readable"),
            spoiled,
            "{told}"
        );
    }
    let latin = [
        header.as_bytes(),
        b"1,j\xf6rg",
        &record.as_bytes()["1,u-1".len()..],
        b"\n",
    ]
    .concat();
    fs::write(&path, latin).expect("written");
    let refused = resume(&path).expect_err("not UTF-8");
    assert!(
        refused
            .to_string()
            .contains("at line 2: its user_id is not UTF-8"),
        "{refused}"
    );
}

#[test]
#[ignore = "takes its time; run it with --release"]
fn a_million_records_are_read_back_within_three_seconds() {
    const RECORDS: u64 = 1_000_000;
    let folder = tempfile::tempdir().expect("a folder");
    for (what, mail) in [
        ("only IDs", ""),
        ("IDs, addresses and logins", "@example.org"),
    ] {
        let path = folder.path().join(what);
        let mut file = io::BufWriter::new(File::create(&path).expect("new"));
        writeln!(file, "{}", crate::results::COLUMNS.join(",")).expect("room");
        for n in 0..RECORDS {
            let id = uuid::Uuid::from_u64_pair(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n);
            let name = if mail.is_empty() {
                String::new()
            } else {
                format!("user{n}")
            };
            let email = format!("{name}{mail}");
            writeln!(
                file,
                "{n},{id},{email},{name},TOKEN|SMS|VOICE,unlocked,200,false,false,false,1,52,,2026-11-24T02:03:04.567Z"
            )
            .expect("room");
        }
        file.into_inner().expect("room").sync_all().expect("a disk");
        let bytes = path.metadata().expect("there").len();
        let start = Instant::now();
        let (recovered, _) = recover(&File::open(&path).expect("there"), &path).expect("sound");
        let took = start.elapsed();
        let mut done = recovered.done;
        let start = Instant::now();
        for n in 0..RECORDS {
            let id = uuid::Uuid::from_u64_pair(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n);
            let row = Row::new(n, UserRef::by_id(id.to_string()), MethodSet::ALL);
            assert_eq!(done.settle(&row), Standing::Recorded);
        }
        let settled = start.elapsed();
        assert_eq!(done.left(), 0);
        let _ = writeln!(
            io::stderr(),
            "{what}: {bytes} bytes read back in {took:?} into {} bytes, all settled in {settled:?}",
            done.bytes()
        );
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}
