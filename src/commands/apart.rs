//! Files that are written must be no others that are read or written.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{config::ConfigError, private::folder_of};

/// Which file a path is, whatever it is called: two names can be links to one.
#[derive(PartialEq)]
pub(super) enum Place {
    /// On this device, with this number there.
    There(u64, u64),
    /// Yet to be made.
    Here(PathBuf),
}

impl Place {
    /// `None` where the path can be no file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if let Ok(found) = path.metadata() {
            return Some(Self::There(found.dev(), found.ino()));
        }
        let folder = folder_of(path).canonicalize().ok();
        let path = folder.and_then(|folder| Some(folder.join(path.file_name()?)));
        path.map(Self::Here)
    }
}

/// Refuses a file that would replace another, each with the option that names it; an input has
/// none. What is no file, such as `/dev/null`, replaces nothing.
pub(super) fn apart(named: &[(&'static str, &Path)]) -> Result<(), ConfigError> {
    let places: Vec<_> = named.iter().map(|(_, path)| Place::of(path)).collect();
    for (n, (option, path)) in named.iter().enumerate() {
        let device = path.metadata().is_ok_and(|found| !found.is_file());
        if !device && places[n].is_some() && places[..n].contains(&places[n]) {
            let first = places.iter().position(|place| *place == places[n]);
            let path = path.display();
            let why = match first.map_or("", |first| named[first].0) {
                "" => format!("the users are read from {path}; name another file"),
                other => format!("{path} is --{other} already; name another file"),
            };
            return Err(ConfigError::value(option, why));
        }
    }
    Ok(())
}
