//! Room on the disk, reserved ahead of what is written: no request is sent whose record could not
//! be written.
//!
//! The file does not look longer for it. Nothing here writes a record.

use std::{fs::File, io, num::NonZeroUsize};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
    process::{Resource, getrlimit},
};

/// Room for one record, in bytes: many times what one takes.
const RECORD: u64 = 1024;
/// Records that may be on their way to the file, beside those of requests under way.
const ON_THE_WAY: u64 = 1280;

/// What is reserved beyond the file's end.
#[derive(Debug)]
pub(super) struct Reserve {
    /// How much is to be kept ready, in bytes; 0 where nothing is reserved.
    ahead: u64,
    /// The offset up to which there is room.
    end: u64,
}

impl Reserve {
    /// Nothing is reserved.
    pub(super) const NONE: Self = Self { ahead: 0, end: 0 };

    /// More than any disk has.
    #[cfg(test)]
    pub(super) const TOO_MUCH: Self = Self {
        ahead: 1 << 62,
        end: 0,
    };

    /// Enough for the records of this many requests under way. Nothing is reserved yet.
    pub(super) fn for_requests(concurrency: NonZeroUsize) -> Self {
        let records = u64::try_from(concurrency.get()).unwrap_or(u64::MAX);
        let ahead = records.saturating_add(ON_THE_WAY).saturating_mul(RECORD);
        Self { ahead, end: 0 }
    }

    /// Whether there is room that would have to be given back.
    pub(super) const fn holds_any(&self, length: u64) -> bool {
        self.end > length
    }

    /// Reserves anew where less than half is left beyond a file of this length. After a failure
    /// nothing more is reserved.
    ///
    /// # Errors
    /// What the operating system says: mostly that the disk is full, or that a quota is used up.
    pub(super) fn top_up(&mut self, file: &File, length: u64) -> io::Result<()> {
        if self.ahead == 0 || self.end >= length.saturating_add(self.ahead / 2) {
            return Ok(());
        }
        match self.reserve(file, length) {
            Ok(()) => self.end = length + self.ahead,
            // Asked again with the next record.
            Err(Errno::INTR) => {}
            Err(errno) => {
                self.ahead = 0;
                if !is_unsupported(errno) {
                    return Err(errno.into());
                }
            }
        }
        Ok(())
    }

    fn reserve(&self, file: &File, length: u64) -> Result<(), Errno> {
        fallocate(file, FallocateFlags::KEEP_SIZE, length, self.ahead)?;
        match length.saturating_add(self.ahead) > longest() {
            true => Err(Errno::FBIG),
            false => Ok(()),
        }
    }
}

/// How long a file may become: `ulimit -f`. A reservation that is not seen in the file's length is not
/// held against it.
fn longest() -> u64 {
    getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX)
}

/// Whether there is nothing to reserve: a pipe, or a file system that cannot.
fn is_unsupported(errno: Errno) -> bool {
    let unsupported = [
        Errno::OPNOTSUPP,
        Errno::NOSYS,
        Errno::INVAL,
        Errno::SPIPE,
        Errno::NODEV,
    ];
    unsupported.contains(&errno)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, num::NonZeroUsize, os::unix::fs::MetadataExt};

    use super::Reserve;

    fn reserve(concurrency: usize) -> Reserve {
        Reserve::for_requests(NonZeroUsize::new(concurrency).expect("not zero"))
    }

    #[test]
    fn the_reserve_grows_with_the_requests_under_way() {
        for (concurrency, ahead) in [(1, 1_311_744), (32, 1_343_488), (4_096, 5_505_024)] {
            assert_eq!(reserve(concurrency).ahead, ahead, "{concurrency}");
        }
    }

    #[test]
    fn room_is_reserved_without_making_the_file_longer_and_topped_up_when_half_is_used() {
        let file = tempfile::tempfile().expect("a file");
        let mut reserve = reserve(1);
        reserve.top_up(&file, 0).expect("room");
        let length = |file: &File| file.metadata().expect("open").len();
        assert_eq!((length(&file), reserve.end), (0, reserve.ahead));
        assert!(file.metadata().expect("open").blocks() * 512 >= reserve.ahead);
        let half = reserve.ahead / 2;
        reserve.top_up(&file, half).expect("room");
        assert_eq!(reserve.end, reserve.ahead, "half is left");
        reserve.top_up(&file, half + 1).expect("room");
        assert_eq!(reserve.end, half + 1 + reserve.ahead);
        assert!(reserve.holds_any(half + 1) && !reserve.holds_any(reserve.end));
    }

    #[test]
    fn what_cannot_be_reserved_is_left() {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("Linux");
        let mut reserve = reserve(1);
        reserve.top_up(&full, 0).expect("no failure");
        assert_eq!((reserve.ahead, reserve.end), (0, 0));
        let mut none = Reserve::NONE;
        none.top_up(&full, 0).expect("nothing is asked for");
    }

    #[test]
    fn a_failure_is_told_once() {
        // Opened for reading only, it takes no reserve.
        let file = File::open("/proc/self/exe").expect("Linux");
        let mut reserve = reserve(1);
        reserve.top_up(&file, 0).expect_err("read-only");
        reserve.top_up(&file, 0).expect("told once");
    }
}
