//! The results file: modes, locks, failures, quoting.

use std::{fs, num::NonZeroUsize, os::unix::fs::MetadataExt, path::Path, time::SystemTime};

use proptest::prelude::{any, proptest};

use super::{
    Arc, ErrorKind, OpenOptions, OpenOptionsExt, Record, ResultsError, ResultsFile, WriteMode,
};
use crate::model::{MethodSet, Outcome, OutcomeKind, Row, UserRef};

fn record(id: &str) -> Record {
    let row = Row::new(1, UserRef::by_id(id), MethodSet::ALL);
    let outcome = Outcome::without_request(OutcomeKind::Invalid, "why");
    Record::new(&row, &outcome, SystemTime::UNIX_EPOCH)
}

#[test]
fn a_file_that_exists_is_kept_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    ResultsFile::open(&path, WriteMode::CreateNew).expect("new");
    let again = ResultsFile::open(&path, WriteMode::CreateNew);
    assert!(matches!(again, Err(ResultsError::Exists(_))));
    let (mut file, _) = ResultsFile::open(&path, WriteMode::Overwrite).expect("replaced");
    file.append(&record("a")).expect("written");
    file.sync().expect("synced");
    let text = std::fs::read_to_string(&path).expect("readable");
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with("row,user_id,email,username,methods,outcome,http_status,"));
}

fn begun(folder: &tempfile::TempDir) -> ResultsFile {
    let path = folder.path().join("r.csv");
    ResultsFile::open(&path, WriteMode::Overwrite)
        .expect("free")
        .0
}

#[test]
fn one_run_has_the_file_and_the_other_does_not_touch_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = begun(&folder);
    first.append(&record("a")).expect("written");
    let second = ResultsFile::open(first.path(), WriteMode::Overwrite);
    assert!(matches!(second, Err(ResultsError::Lock(error)) if error.is_held()));
    first.sync().expect("whole");
    first.close().expect("whole");
    begun(&folder);
}

#[test]
fn a_file_that_is_moved_removed_or_replaced_is_noticed() {
    for change in [
        |path: &Path| fs::rename(path, path.with_extension("old")),
        |path: &Path| fs::remove_file(path),
        |path: &Path| {
            fs::rename(path, path.with_extension("old")).and_then(|()| fs::write(path, "x"))
        },
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut results = begun(&folder);
        results.sync().expect("there");
        change(results.path()).expect("changed");
        let noticed = results.sync();
        assert!(
            matches!(noticed, Err(ResultsError::Vanished(_))),
            "{noticed:?}"
        );
    }
}

#[test]
fn a_file_that_is_cut_is_noticed_and_nothing_is_written_behind_the_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut results = begun(&folder);
    results.append(&record("a")).expect("written");
    fs::write(results.path(), "row,us").expect("cut");
    for noticed in [results.sync(), results.check_length()] {
        assert!(
            matches!(noticed, Err(ResultsError::Truncated { length: 6, .. })),
            "{noticed:?}"
        );
    }
    let text = fs::read_to_string(results.path()).expect("readable");
    assert_eq!(text, "row,us");
}

#[test]
fn the_reserve_is_given_back_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut results = begun(&folder);
    results.reserve(NonZeroUsize::MIN).expect("room");
    results.append(&record("a")).expect("written");
    results.top_up().expect("room");
    let path = results.path().to_owned();
    let blocks = || path.metadata().expect("there").blocks();
    assert!(blocks() > 2_000);
    results.close().expect("whole");
    assert!(blocks() < 100, "{}", blocks());
    assert_eq!(
        fs::read_to_string(&path).expect("readable").lines().count(),
        2
    );
}

#[test]
fn where_no_more_can_be_reserved_records_still_go_to_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut results = begun(&folder);
    results.use_up_for_test();
    let told = results.top_up();
    assert!(
        matches!(told, Err(ResultsError::Reserve { .. })),
        "{told:?}"
    );
    results.append(&record("a")).expect("written");
    results.top_up().expect("told once");
    results.close().expect("whole");
}

#[test]
fn a_disk_that_fails_is_told_and_what_has_no_disk_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.csv");
    let (mut results, _) = ResultsFile::open(&path, WriteMode::CreateNew).expect("new");
    // Opened as no more than a place, it can be neither written to nor brought to the disk.
    let place = rustix::fs::OFlags::PATH.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(place)
        .open(&path);
    results.file = Arc::new(file.expect("ours"));
    results.dirty = true;
    assert!(matches!(results.sync(), Err(ResultsError::Write { .. })));
    let (pipe, _end) = std::io::pipe().expect("a pipe");
    results.file = Arc::new(std::os::fd::OwnedFd::from(pipe).into());
    results.length = None;
    results.dirty = true;
    results.sync().expect("a pipe has no disk");
}

#[test]
fn a_folder_is_no_results_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for mode in [WriteMode::CreateNew, WriteMode::Overwrite] {
        let made = ResultsFile::open(folder.path(), mode);
        assert!(matches!(made, Err(ResultsError::Open { .. })), "{made:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    for mode in [WriteMode::CreateNew, WriteMode::Overwrite] {
        let full = ResultsFile::open("/dev/full".as_ref(), mode);
        let Err(ResultsError::Write { source, .. }) = full else {
            panic!("nothing fits");
        };
        assert_eq!(source.kind(), ErrorKind::StorageFull);
    }
}

#[test]
fn fields_are_quoted_as_rfc_4180_says() {
    for (field, written) in [
        ("plain", "plain"),
        ("", ""),
        ("a,b", "\"a,b\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("two\nlines", "\"two\nlines\""),
        ("two\r\nlines", "\"two\r\nlines\""),
        ("ünïcode", "ünïcode"),
    ] {
        let mut line = Vec::new();
        super::encode(&mut line, &["1", field, "z"]);
        assert_eq!(
            String::from_utf8(line).expect("UTF-8"),
            format!("1,{written},z\n")
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_read_back_as_one_record(id in any::<String>()) {
        let mut line = Vec::new();
        super::encode(&mut line, record(&id).fields());
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_slice());
        let records: Vec<_> = reader.records().collect::<Result<_, _>>().expect("CSV");
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].iter().collect::<Vec<_>>(), record(&id).fields().each_ref());
        let unquoted = line.split(|byte| *byte == b'"').step_by(2).flatten();
        assert_eq!(unquoted.filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(line.last(), Some(&b'\n'));
    }
}
