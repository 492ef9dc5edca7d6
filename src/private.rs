//! What other users of the machine must not get at: this process's memory, and the files that it
//! writes. Nothing here knows what is in either.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
    thread,
    time::Duration,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
    process::{DumpableBehavior, Resource, Rlimit, geteuid, set_dumpable_behavior, setrlimit},
};

/// How long a pipe's reader is waited for, and how often it is looked for.
const READER_WAIT: Duration = Duration::from_millis(50);
const READER_TRIES: usize = 60;

/// Keys and tokens lie in memory, so it goes into no core dump, and no other process of the same
/// user may read or trace it. A kernel that grants neither is no reason not to work.
pub fn keep_memory() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Opens an output. In a folder that everybody may write to, no link is followed and no file is
/// taken that somebody else may have put there: it would send the output to where they like, or
/// let them read it, or pass their records off as ours.
///
/// # Errors
/// What the operating system says; [`ErrorKind::PermissionDenied`] for what may be planted.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let folder = match folder_of(path).metadata() {
        Ok(folder) if is_shared(&folder) => folder,
        _ => return open_with(options, OFlags::empty(), path),
    };
    let opened = open_with(options, OFlags::NOFOLLOW, path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => planted("a link is not followed there"),
        _ => error,
    })?;
    let found = file.metadata()?;
    match !found.is_file() || is_trusted(&found, &folder) {
        true => Ok(file),
        false => Err(planted("and the file is another user's")),
    }
}

/// A pipe that nobody reads from would hold the opening up, and no signal could end it.
fn open_with(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    let found = path.metadata();
    if !found.is_ok_and(|found| found.file_type().is_fifo()) {
        return options.custom_flags(flags.bits().cast_signed()).open(path);
    }
    let flags = flags | OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed());
    for _ in 0..READER_TRIES {
        match options.open(path) {
            Ok(file) => {
                fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
                return Ok(file);
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => {
                thread::sleep(READER_WAIT);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        ErrorKind::BrokenPipe,
        "it is a pipe, and nobody reads from it",
    ))
}

/// The folder that a file of this name is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Whether a link of this name leads to where somebody else likes.
#[must_use]
pub fn is_planted_link(path: &Path) -> bool {
    let link = path.symlink_metadata();
    let folder = folder_of(path).metadata();
    let (Ok(link), Ok(folder)) = (link, folder) else {
        return false;
    };
    link.is_symlink() && is_shared(&folder)
}

fn is_shared(folder: &Metadata) -> bool {
    folder.mode() & 0o002 != 0
}

/// Ours, or of whom the folder belongs to, who can do there what they like anyway.
fn is_trusted(found: &Metadata, folder: &Metadata) -> bool {
    [geteuid().as_raw(), folder.uid()].contains(&found.uid())
}

fn planted(how: &str) -> io::Error {
    let why = format!("everybody may write to its folder, {how}; name a folder of your own");
    io::Error::new(ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions, Permissions},
        io::{self, Write},
        os::unix::fs::{PermissionsExt, chown, symlink},
    };

    use super::{geteuid, is_planted_link, open};

    fn append() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        options
    }

    #[test]
    fn a_link_is_followed_only_where_nobody_else_can_have_put_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, target) = (folder.path().join("out"), folder.path().join("target"));
        symlink(&target, &path).expect("linked");
        for (mode, refused) in [(0o700, false), (0o777, true), (0o1777, true)] {
            let _ = fs::remove_file(&target);
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).expect("ours");
            assert_eq!(open(&mut append(), &path).is_err(), refused, "{mode:o}");
            assert_eq!(
                target.exists(),
                !refused,
                "{mode:o}: nothing is made behind it"
            );
            assert_eq!(is_planted_link(&path), refused, "{mode:o}");
        }
        let error = open(&mut append(), &path).expect_err("a link").to_string();
        assert!(error.contains("folder of your own"), "{error}");
        open(&mut append(), &folder.path().join("plain")).expect("no link");
    }

    #[test]
    fn another_users_file_in_a_shared_folder_is_not_taken() {
        if !geteuid().is_root() {
            let _ = writeln!(io::stderr(), "skipped: only root can give a file away");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("ours");
        let path = folder.path().join("out");
        fs::write(&path, "planted").expect("written");
        open(&mut append(), &path).expect("ours");
        chown(&path, Some(65534), None).expect("root");
        open(&mut append(), &path).expect_err("another user's");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
        open(&mut append(), &path).expect("whoever may write here is trusted");
    }
}
