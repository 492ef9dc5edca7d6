//! The configuration file: TOML, with `[profiles.NAME]`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use toml::de::{DeTable, DeValue};

use crate::auth::refuse_exposed;

use super::{
    ConfigError, Environment,
    level::{Level, Said},
    options::{CONFIG, Opt, PROFILE, TOKEN, configurable, nearest},
    origin::Origin,
    said::{Base, from_toml},
};

/// No configuration is longer: what is, is another file, such as the list of users.
const LONGEST: usize = 1 << 20;
/// The table of profiles.
const PROFILES: &str = "profiles";

/// A file that was read and checked: its top level, and its profiles by name.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) top: Level,
    pub(super) profiles: BTreeMap<String, Level>,
}

/// The file that was named, else the first that is there; `None` where there is none.
pub(super) fn find(
    named: Option<&Path>,
    env: &Environment,
) -> Result<Option<ConfigFile>, ConfigError> {
    if let Some(path) = named {
        return read(path, env).map(Some);
    }
    for path in env.config_files() {
        match read(&path, env) {
            Err(ConfigError::File { source, .. }) if is_missing(&source) => {}
            read => return read.map(Some),
        }
    }
    Ok(None)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn read(path: &Path, env: &Environment) -> Result<ConfigFile, ConfigError> {
    let failed = |source| ConfigError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut text = Vec::new();
    let mut start = file.by_ref().take(LONGEST as u64 + 1);
    start.read_to_end(&mut text).map_err(failed)?;
    if text.len() > LONGEST {
        let path = path.to_owned();
        return Err(ConfigError::TooLarge { path });
    }
    let text = String::from_utf8(text);
    let text = text.map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let full = fs::canonicalize(path).map_err(failed)?;
    let base = Base {
        folder: full.parent().unwrap_or(Path::new("/")).to_owned(),
        home: env.home(),
    };
    let read = parse(path, &text, &base)?;
    if read.levels().any(|level| level.token.is_some()) {
        refuse_exposed(path, &file.metadata().map_err(failed)?)?;
    }
    Ok(read)
}

impl ConfigFile {
    fn levels(&self) -> impl Iterator<Item = &Level> {
        self.profiles.values().chain([&self.top])
    }
}

fn parse(path: &Path, text: &str, base: &Base) -> Result<ConfigFile, ConfigError> {
    // The library's own message would show the line, which may hold a token.
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: line_of(text, error.span()),
        why: error.message().to_owned(),
    })?;
    let reader = Reader {
        path,
        text,
        base,
        options: configurable(),
    };
    let mut profiles = BTreeMap::new();
    let named = table.get_ref().iter();
    for (key, value) in named.filter(|(key, _)| key.get_ref() == PROFILES) {
        let all = reader.table(PROFILES, key.span(), value.get_ref())?;
        for (name, value) in all {
            let profile = reader.table(name.get_ref(), name.span(), value.get_ref())?;
            let level = reader.level(profile, Some(name.get_ref()))?;
            profiles.insert(name.get_ref().to_string(), level);
        }
    }
    Ok(ConfigFile {
        path: path.to_owned(),
        top: reader.level(table.get_ref(), None)?,
        profiles,
    })
}

/// This text as a file: whatever it holds, there is a file or one complaint of bearable length.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(text: &str) {
    if let Err(error) = parse(Path::new("config.toml"), text, &Base::default()) {
        let said = error.to_string().chars().count();
        assert!(
            said <= text.chars().count() + 1000,
            "a complaint of {said} characters"
        );
    }
}

/// The line, from 1, at which something starts.
fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(text.len(), |span| span.start);
    let before = text.as_bytes().get(..start).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    base: &'a Base,
    options: BTreeMap<String, Opt>,
}

impl Reader<'_> {
    fn level(&self, table: &DeTable<'_>, profile: Option<&str>) -> Result<Level, ConfigError> {
        let mut level = Level::default();
        for (key, value) in table {
            let (name, span, value) = (key.get_ref().as_ref(), key.span(), value.get_ref());
            let origin = Origin::File {
                path: self.path.to_owned(),
                line: line_of(self.text, Some(span.clone())),
                option: name.to_owned(),
                profile: profile.map(str::to_owned),
            };
            let placed = |why| ConfigError::Placed {
                origin: origin.clone(),
                why,
            };
            match (name, self.options.get(name)) {
                (PROFILES, _) if profile.is_none() => {}
                (CONFIG, _) => {
                    return Err(placed("a file cannot name another".to_owned()));
                }
                (PROFILE, _) if profile.is_some() => {
                    return Err(placed("a profile cannot name another".to_owned()));
                }
                (TOKEN, _) => {
                    let DeValue::String(token) = value else {
                        return Err(placed("a token is a text".to_owned()));
                    };
                    level.token = Some((SecretString::from(token.as_ref()), origin));
                }
                (_, Some(option)) => {
                    let texts = from_toml(option, value, self.base).map_err(placed)?;
                    // As in the environment, an empty text says nothing.
                    if value.as_str() != Some("") {
                        level.said.insert(option.id.clone(), Said { texts, origin });
                    }
                }
                (_, None) => return Err(self.unknown(name, span, profile)),
            }
        }
        Ok(level)
    }

    fn table<'v>(
        &self,
        name: &str,
        span: Range<usize>,
        value: &'v DeValue<'v>,
    ) -> Result<&'v DeTable<'v>, ConfigError> {
        value.as_table().ok_or_else(|| ConfigError::Syntax {
            path: self.path.to_owned(),
            line: line_of(self.text, Some(span)),
            why: format!("`{name}` is no table; a profile stands as [profiles.NAME]"),
        })
    }

    fn unknown(&self, key: &str, span: Range<usize>, profile: Option<&str>) -> ConfigError {
        let others = [TOKEN, PROFILES];
        let others = others.into_iter().filter(|_| profile.is_none());
        let names = self.options.keys().map(String::as_str);
        let names = names.filter(|name| *name != CONFIG).chain(others);
        ConfigError::UnknownKey {
            path: self.path.to_owned(),
            line: line_of(self.text, Some(span)),
            key: key.to_owned(),
            nearest: nearest(key, names).unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ConfigFile, parse};
    use crate::config::{ConfigError, said::Base};

    fn file(text: &str) -> Result<ConfigFile, ConfigError> {
        parse(Path::new("/etc/c.toml"), text, &Base::default())
    }

    #[test]
    fn a_file_has_a_top_level_and_profiles() {
        let read = file("rate = 5\n[profiles.prod]\nresume = true\n[profiles.test]\n");
        let read = read.expect("sound");
        assert_eq!(read.top.said["rate"].texts, ["5"]);
        assert_eq!(read.profiles["prod"].said["resume"].texts, ["true"]);
        assert!(read.profiles["test"].said.is_empty());
        let place = read.profiles["prod"].said["resume"].origin.place();
        assert_eq!(place, "profile prod, /etc/c.toml line 3");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, said) in [
            (
                "rate = 5\nmax_attempts = 3",
                "/etc/c.toml, line 2: `max_attempts` is no option; did you mean `max-attempts`?",
            ),
            (
                "\n[profiles.x]\nraet = 3",
                "/etc/c.toml, line 3: `raet` is no option; did you mean `rate`?",
            ),
            (
                "[profile.x]\nrate = 3",
                "/etc/c.toml, line 1, profile: this is a table, and should be a text or a number",
            ),
            (
                "[prod]\nrate = 3",
                "/etc/c.toml, line 1: `prod` is no option; did you mean `profile`?",
            ),
            (
                "resume = \"yes\"",
                "/etc/c.toml, line 1, resume: this is a text, and should be true or false",
            ),
            (
                "profiles = 3",
                "/etc/c.toml, line 1: `profiles` is no table; a profile stands as [profiles.NAME]",
            ),
            (
                "config = \"x\"",
                "/etc/c.toml, line 1, config: a file cannot name another",
            ),
            (
                "[profiles.x]\nprofile = \"y\"",
                "/etc/c.toml, line 2, profile: a profile cannot name another",
            ),
            ("rate = ", "/etc/c.toml, line 1: "),
            ("rate = 1\nrate = 2", "/etc/c.toml, line 2: "),
        ] {
            let error = file(text).expect_err(text).to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_broken_line_does_not_give_its_token_away() {
        let error = file("token = \"abc\nrate = 1").expect_err("not closed");
        assert!(!format!("{error} {error:?}").contains("abc"), "{error:?}");
    }
}
