//! What the environment says. Nobody else reads it.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// Every long option of `run` can be given as this prefix and its name in capitals.
pub(super) const PREFIX: &str = "BULK_UNLOCK_";
/// Variables like this are for the project's own tests.
const OF_TESTS: &str = "BULK_UNLOCK_TEST_";

/// The variable of a long option.
pub(super) fn variable(option: &str) -> String {
    format!("{PREFIX}{}", option.to_ascii_uppercase().replace('-', "_"))
}

/// What the environment says, read once.
#[derive(Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's environment.
    #[must_use]
    pub fn read() -> Self {
        let text = |text: OsString| text.to_string_lossy().into_owned();
        Self(
            std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether output may be coloured, as far as the environment goes.
    #[must_use]
    pub fn allows_colour(&self) -> bool {
        self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    /// Who runs this, and where: `user@host`.
    #[must_use]
    pub fn operator(&self) -> String {
        let user = self
            .get("USER")
            .or_else(|| self.get("LOGNAME"))
            .unwrap_or("unknown");
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = self.get("HOSTNAME").unwrap_or(host.trim());
        format!("{user}@{}", if host.is_empty() { "unknown" } else { host })
    }

    /// Whether requests may have to go by way of a proxy.
    #[must_use]
    pub fn names_a_proxy(&self) -> bool {
        let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        names.iter().any(|name| self.get(name).is_some())
    }

    /// Where systemd hands over credentials.
    pub(super) fn credentials_directory(&self) -> Option<PathBuf> {
        self.get("CREDENTIALS_DIRECTORY").map(PathBuf::from)
    }

    /// The user's own folder.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// Where a configuration file is looked for, the first that is there being read.
    pub(super) fn config_files(&self) -> Vec<PathBuf> {
        let own = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let own = own.or_else(|| Some(self.home()?.join(".config")));
        own.into_iter()
            .chain([PathBuf::from("/etc")])
            .map(|folder| folder.join("bulk-unlock").join("config.toml"))
            .collect()
    }

    /// The variables that begin like ours.
    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        let ours = self.0.keys().map(String::as_str);
        ours.filter(|name| name.starts_with(PREFIX) && !name.starts_with(OF_TESTS))
    }
}

#[cfg(test)]
impl Environment {
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(owned.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, variable};

    #[test]
    fn the_file_is_the_users_or_the_machines() {
        let paths = |pairs: &[(&str, &str)]| -> Vec<String> {
            let files = Environment::of(pairs).config_files().into_iter();
            files.map(|path| path.display().to_string()).collect()
        };
        let etc = "/etc/bulk-unlock/config.toml";
        let home = ("HOME", "/home/me");
        assert_eq!(paths(&[]), [etc]);
        assert_eq!(
            paths(&[home]),
            ["/home/me/.config/bulk-unlock/config.toml", etc]
        );
        assert_eq!(
            paths(&[home, ("XDG_CONFIG_HOME", "/x")]),
            ["/x/bulk-unlock/config.toml", etc]
        );
    }

    #[test]
    fn variables_are_named_after_their_options() {
        assert_eq!(variable("max-failure-rate"), "BULK_UNLOCK_MAX_FAILURE_RATE");
    }
}
