//! Files that hold secrets.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::AuthError;

/// No key or token is longer.
const LONGEST: u64 = 64 * 1024;

/// Where a file named like this is: as named, else by its base name in the folder in which the
/// service manager hands over credentials. It does so because we may not read the file itself.
#[must_use]
pub fn locate(path: &Path, credentials_directory: Option<&Path>) -> PathBuf {
    let handed_over = credentials_directory.zip(path.file_name());
    match handed_over.map(|(folder, name)| folder.join(name)) {
        Some(other) if other.exists() && !is_ours(path) => other,
        _ => path.to_owned(),
    }
}

/// Whether there is such a file, and we may read it. A pipe is not touched: it can be read once.
fn is_ours(path: &Path) -> bool {
    path.exists() && !(path.is_file() && File::open(path).is_err())
}

/// The file's text.
///
/// # Errors
/// [`AuthError`]: it cannot be read, others can read it, or it is no text.
pub fn read_secret(path: &Path) -> Result<SecretString, AuthError> {
    let failed = |source| AuthError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    refuse_exposed(path, &file.metadata().map_err(failed)?)?;
    let mut text = String::new();
    let read = file
        .take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if read as u64 > LONGEST {
        return Err(failed(io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    Ok(SecretString::from(text))
}

/// Refuses a file that holds a secret and that others can read.
///
/// # Errors
/// [`AuthError::Exposed`].
#[cfg(unix)]
pub fn refuse_exposed(path: &Path, metadata: &std::fs::Metadata) -> Result<(), AuthError> {
    use std::os::unix::fs::MetadataExt;
    let mode = metadata.mode() & 0o7777;
    // What systemd hands over lies in a folder that only the service can enter; there the bits of
    // the file's group show an access list, not a group.
    if metadata.is_file() && mode & 0o077 != 0 && !path.starts_with("/run/credentials") {
        return Err(AuthError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

/// Refuses nothing.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn refuse_exposed(_: &Path, _: &std::fs::Metadata) -> Result<(), AuthError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use secrecy::ExposeSecret;

    use super::{locate, read_secret};
    use crate::auth::AuthError;

    #[test]
    fn only_what_its_owner_alone_can_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.key");
        fs::write(&path, "secret").expect("written");
        for (mode, readable) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            match read_secret(&path) {
                Ok(text) => assert!(readable && text.expose_secret() == "secret"),
                Err(error) => {
                    assert!(!readable && matches!(error, AuthError::Exposed { .. }));
                    assert_eq!(error.hint(), format!("run: chmod 600 {}", path.display()));
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in [
            ("absent", None),
            ("odd", Some(vec![0xff; 9])),
            ("long", Some(vec![b'x'; 70_000])),
        ] {
            let path = folder.path().join(name);
            if let Some(content) = content {
                fs::write(&path, content).expect("written");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
            }
            let error = read_secret(&path).expect_err(name);
            assert!(matches!(error, AuthError::Read { .. }), "{name}");
            let text = error.to_string();
            assert!(text.contains(name) && !text.contains("xxx"), "{text}");
        }
    }

    #[test]
    fn the_service_managers_folder_is_second() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.key"), "").expect("written");
        let named = std::path::Path::new("/nowhere/a.key");
        assert_eq!(
            locate(named, Some(folder.path())),
            folder.path().join("a.key")
        );
        assert_eq!(locate(named, None), named);
    }
}
