//! Locks of the kernel: one run at a time has a file, and whoever has it is named.
//!
//! A lock belongs to an open file and ends with the process, however it ends, so none is ever
//! stale. Nothing here waits.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use crate::private;

use super::holder::Holder;

/// What a lock file says begins like this.
const MARK: &str = "locked by ";

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("{path} is locked by {holder}")]
    Held {
        /// The file.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The file cannot be opened, or its file system knows no locks.
    #[error("failed to lock {path}: {source}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl LockError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Held { .. } => "wait until that run has ended, or end it",
            Self::Failed { .. } => "name a file on a local disk that you may write to",
        }
    }

    /// Whether another run has the lock.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// Whether the file system knows no locks.
    pub(super) fn is_unsupported(&self) -> bool {
        let Self::Failed { source, .. } = self else {
            return false;
        };
        let errno = Errno::from_io_error(source);
        errno.is_some_and(|errno| [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP].contains(&errno))
    }
}

/// A lock on a file that is there for it, held while this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock. The file is made where it is missing, says for people who has it, and is
    /// never removed. One that holds anything else is locked and left as it is.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = private::open(options.mode(0o644), path);
        let file = file.map_err(|source| failed(path, source))?;
        lock(&file, path)?;
        // The lock is taken, whether or not it can be written down.
        let _ = sign(&file);
        Ok(Self { _file: file })
    }
}

/// Locks an open file, for as long as it is open.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), LockError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            path: path.to_owned(),
            holder: Holder::of(file),
        }),
        Err(TryLockError::Error(source)) => Err(failed(path, source)),
    }
}

fn failed(path: &Path, source: io::Error) -> LockError {
    let path = path.to_owned();
    LockError::Failed { path, source }
}

/// Writes down who has the lock, where nothing else is written.
fn sign(mut file: &File) -> io::Result<()> {
    let mut found = Vec::new();
    file.take(MARK.len() as u64).read_to_end(&mut found)?;
    if !found.is_empty() && found != MARK.as_bytes() {
        return Ok(());
    }
    file.set_len(0)?;
    file.rewind()?;
    let holder = Holder::ourselves();
    file.write_all(format!("{MARK}{holder}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
        process::{self, Command},
    };

    use super::{Holder, Lock, LockError, lock};

    fn holder_of(path: &Path) -> Holder {
        match Lock::take(path) {
            Err(LockError::Held { holder, .. }) => holder,
            other => panic!("somebody has it: {other:?}"),
        }
    }

    #[test]
    fn a_held_lock_names_its_holder_and_is_free_again_when_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let held = Lock::take(&path).expect("free");
        let holder = holder_of(&path);
        if cfg!(target_os = "linux") {
            assert_eq!(holder.pid, Some(process::id()));
            assert!(holder.started_at.is_some());
        }
        let text = fs::read_to_string(&path).expect("readable");
        assert_eq!(text, format!("locked by {}\n", Holder::ourselves()));
        drop(held);
        drop(Lock::take(&path).expect("free again"));
        assert!(path.exists(), "it is never removed");
    }

    #[test]
    fn a_lock_ends_with_the_process_however_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let file = File::create(&path).expect("new");
        lock(&file, &path).expect("free");
        // The lock goes with the open file, which from here on only the child has.
        let mut child = Command::new("sleep")
            .arg("600")
            .stdin(file)
            .spawn()
            .expect("runs");
        holder_of(&path);
        child.kill().expect("running");
        child.wait().expect("ended");
        Lock::take(&path).expect("free");
    }

    #[test]
    fn a_file_that_holds_something_else_is_locked_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users.csv");
        for (before, after) in [
            ("user_id\n1\n", "user_id\n1\n"),
            ("locked", "locked"),
            ("", "locked by process "),
            (
                "locked by process 1, and so on, and so on, and so on, and so on\n",
                "locked by process ",
            ),
        ] {
            fs::write(&path, before).expect("written");
            Lock::take(&path).expect("free");
            let text = fs::read_to_string(&path).expect("readable");
            assert!(
                text.starts_with(after) && !text.contains("so on"),
                "{before}: {text}"
            );
        }
    }

    #[test]
    fn a_lock_in_a_folder_that_is_missing_is_a_failure_and_not_a_conflict() {
        let failed = Lock::take("/nowhere/lock".as_ref()).expect_err("no such folder");
        assert!(!failed.is_held() && !failed.is_unsupported());
    }
}
