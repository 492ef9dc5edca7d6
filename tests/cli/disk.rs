//! A disk that fills up, or may only be read: no request is sent whose record could not be written.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::SystemTime,
};

use bulk_unlock::{
    model::{MethodSet, Outcome, OutcomeKind, Row, UserRef},
    results::{Record, ResultsError, ResultsFile, WriteMode},
};

use crate::world::{SignIn, World, finish};

/// A file system of its own, in memory, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where we may not mount one, unless `BULK_UNLOCK_TEST_REQUIRE_MOUNT` is set.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let path = folder.join("disk");
        fs::create_dir(&path).expect("made");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size}"));
        let mounted = mount.args(["tmpfs".as_ref(), path.as_os_str()]).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        let required = std::env::var_os("BULK_UNLOCK_TEST_REQUIRE_MOUNT").is_some();
        assert!(!required, "a file system can be mounted");
        let _ = writeln!(io::stderr(), "skipped: no file system can be mounted here");
        None
    }

    fn make_read_only(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,ro"]).arg(&self.0);
        assert!(mount.status().is_ok_and(|status| status.success()));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_the_start_lets_nothing_be_sent() {
    let world = World::new(3, "").await;
    let Some(_disk) = SmallDisk::mount(world.folder.path(), "64k") else {
        return;
    };
    let ran = world.run(SignIn::Ready, "--results disk/r.csv --summary r.json");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("failed to reserve room for disk/r.csv"));
    assert_eq!(world.simulator.ledger().calls.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_stops_the_job_with_all_that_was_sent_on_record() {
    let world = World::new(400, "latency_ms = 30").await;
    let Some(_disk) = SmallDisk::mount(world.folder.path(), "1400k") else {
        return;
    };
    // Half of the room is used up by rows that need no request, between some that do.
    let mut rows = String::from("user_id\n");
    for user in &world.users {
        rows.push_str(&format!("{}\n", user.id));
        rows.push_str(&"one-and-the-same-user\n".repeat(40));
    }
    world.write("users.csv", &rows);
    let ran = world.run(SignIn::Ready, "--results disk/r.csv --rate 1000 --yes");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("failed to reserve room for disk/r.csv"));
    let text = fs::read_to_string(world.path("disk/r.csv")).expect("results");
    assert!(text.ends_with("Z\n"), "the last line is whole");
    let records = world.records_in("disk/r.csv");
    let ledger = world.simulator.ledger();
    let sent = ledger.by_user("unlock");
    assert!((1..400).contains(&sent.len()), "{} were sent", sent.len());
    for user in sent.keys() {
        assert!(
            records.iter().any(|record| &record["user_id"] == user),
            "{user} was sent and is not recorded"
        );
    }
    let summary = fs::read_to_string(world.path("disk/r.csv.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["rows"]["done"], records.len());
    // As the message says: copied to another disk, the file can be gone on with there.
    assert!(
        ran.stderr.contains("copy it to another disk"),
        "{}",
        ran.stderr
    );
    fs::copy(world.path("disk/r.csv"), world.path("elsewhere.csv")).expect("copied");
    let ran = world.run(
        SignIn::Ready,
        "--results elsewhere.csv --resume --rate 1000 --yes",
    );
    assert_eq!(ran.code, 1, "one user is invalid: {}", ran.stderr);
    assert_eq!(world.records_in("elsewhere.csv").len(), 400 * 41);
    let sent = world.simulator.ledger().of("unlock").count();
    assert_eq!(sent, 401, "nobody was asked twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_may_only_be_read_lets_nothing_be_sent() {
    let world = World::new(3, "").await;
    let Some(disk) = SmallDisk::mount(world.folder.path(), "64k") else {
        return;
    };
    disk.make_read_only();
    for (outputs, named) in [
        ("--results disk/r.csv --summary r.json", "disk/r.csv"),
        ("--results r.csv --summary disk/r.json", "disk/r.json"),
        ("--results r.csv --lock disk/lock", "disk/lock"),
    ] {
        let ran = world.run(SignIn::Ready, outputs);
        assert_eq!(ran.code, 5, "{outputs}: {}", ran.stderr);
        let told = ran.stderr.contains(named) && ran.stderr.contains("Read-only");
        assert!(told && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
    assert_eq!(world.simulator.ledger().calls.len(), 0);
}

#[test]
fn a_record_that_does_not_fit_leaves_no_half_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path(), "64k") else {
        return;
    };
    let path = disk.0.join("r.csv");
    let (mut results, _) = ResultsFile::open(&path, WriteMode::CreateNew).expect("new");
    let row = Row::new(1, UserRef::by_id("x".repeat(300)), MethodSet::ALL);
    let outcome = Outcome::without_request(OutcomeKind::Unlocked, "");
    let record = Record::new(&row, &outcome, SystemTime::now());
    let written = (0..1_000).find_map(|_| results.append(&record).err());
    assert!(matches!(written, Some(ResultsError::Write { .. })), "full");
    let text = fs::read_to_string(&path).expect("readable");
    assert!(text.lines().count() > 100 && text.ends_with("Z\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_nobody_reads_is_refused_and_one_with_a_reader_has_all_records() {
    let world = World::new(3, "").await;
    let pipe = world.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    let ran = world.run(SignIn::Ready, "--results pipe --summary r.json");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let why = "failed to open pipe: it is a pipe, and nobody reads from it";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert_eq!(world.simulator.ledger().calls.len(), 0);

    let reader = thread::spawn(move || fs::read_to_string(pipe));
    let ran = world.run(SignIn::Ready, "--results pipe --summary r.json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let read = reader.join().expect("ends").expect("readable");
    assert_eq!(read.lines().count(), 4, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_size_of_files_is_an_error_and_no_end_by_a_signal() {
    let world = World::new(3, "").await;
    let mut limited = Command::new("prlimit");
    limited.args(["--fsize=65536", "--"]);
    let program = world.program();
    limited
        .arg(program.get_program())
        .args(["run", "users.csv"]);
    limited.args(world.sign_in(SignIn::Ready));
    limited.current_dir(world.folder.path());
    let ran = finish(limited);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let why = "users.results.csv: File too large";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert_eq!(world.simulator.ledger().calls.len(), 0);
}
