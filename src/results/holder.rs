//! Who holds a lock, as far as the kernel tells: a process and its start.
//!
//! Nothing here takes a lock.

use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    process,
};

use jiff::Timestamp;
use rustix::fs::{major, minor};

/// Clock ticks a second in `/proc`: 100 on each platform that this is built for.
const TICKS: i64 = 100;

/// A process that holds a lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process ID; `None` where it cannot be told.
    pub pid: Option<u32>,
    /// When it was started, in whole seconds; `None` where it cannot be told.
    pub started_at: Option<Timestamp>,
}

impl Holder {
    /// The process that has this file's lock.
    pub(super) fn of(file: &File) -> Self {
        Self::new(locked_by(file))
    }

    /// This process.
    pub(super) fn ourselves() -> Self {
        Self::new(Some(process::id()))
    }

    fn new(pid: Option<u32>) -> Self {
        let started_at = pid.and_then(started_at);
        Self { pid, started_at }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pid) = self.pid else {
            return f.write_str("another process");
        };
        write!(f, "process {pid}")?;
        match self.started_at {
            Some(started_at) => write!(f, ", running since {started_at}"),
            None => Ok(()),
        }
    }
}

/// The process that `/proc/locks` names for this file.
fn locked_by(file: &File) -> Option<u32> {
    let file = file.metadata().ok()?;
    let (device, inode) = (file.dev(), file.ino());
    let place = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    locked_in(&fs::read_to_string("/proc/locks").ok()?, &place)
}

/// Lines look like `1: FLOCK  ADVISORY  WRITE 812 08:02:1048 0 EOF`. A process that cannot be
/// seen from here, as it lives in another container, has the number 0.
fn locked_in(locks: &str, place: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [_, "FLOCK", _, _, pid, at, ..] if at == place => {
                pid.parse().ok().filter(|pid| *pid != 0)
            }
            _ => None,
        }
    })
}

/// When a process was started.
fn started_at(pid: u32) -> Option<Timestamp> {
    let process = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let machine = fs::read_to_string("/proc/stat").ok()?;
    started_in(&process, &machine)
}

/// The start, in ticks since the machine's, is the 22nd field; the second, a name in brackets, may
/// hold blanks and brackets.
fn started_in(process: &str, machine: &str) -> Option<Timestamp> {
    let (_, fields) = process.rsplit_once(')')?;
    let ticks: i64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let booted = machine
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    let booted: i64 = booted.trim().parse().ok()?;
    Timestamp::from_second(booted.checked_add(ticks / TICKS)?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Holder, locked_in, started_in};

    #[test]
    fn the_holder_is_read_from_what_the_kernel_lists() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:02:10 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 812 08:02:10 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 9 08:02:11 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 0 08:02:12 0 EOF\n\
                     nonsense\n";
        for (place, pid) in [
            ("08:02:10", Some(812)),
            ("08:02:1", None),
            ("08:02:11", None),
            ("08:02:12", None),
        ] {
            assert_eq!(locked_in(locks, place), pid, "{place}");
        }
    }

    #[test]
    fn the_start_is_the_machines_and_the_ticks_since() {
        let fields = |ticks: &str| format!("1 (a) b) S {} {ticks} 0", "0 ".repeat(18).trim());
        let machine = "cpu 1 2\nbtime 1700000000\nctxt 5\n";
        let started = started_in(&fields("1250"), machine).expect("told");
        assert_eq!(started.to_string(), "2023-11-14T22:13:32Z");
        for (process, machine) in [
            ("", machine),
            (fields("x").as_str(), machine),
            (fields("1").as_str(), "btime x"),
            (fields("1").as_str(), ""),
        ] {
            assert_eq!(started_in(process, machine), None, "{process}");
        }
    }

    #[test]
    fn a_holder_is_named_as_far_as_it_is_known() {
        let started_at = Timestamp::from_second(1_700_000_000).ok();
        for (pid, started_at, text) in [
            (None, None, "another process"),
            (Some(812), None, "process 812"),
            (
                Some(812),
                started_at,
                "process 812, running since 2023-11-14T22:13:20Z",
            ),
        ] {
            assert_eq!(Holder { pid, started_at }.to_string(), text);
        }
    }
}
