//! What was given altogether: typed, in the environment, in a configuration file.
//!
//! What was not typed is put in where the command line's definition has its defaults, and then the
//! command line is read again. So whoever reads the arguments need not ask where they come from.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsString,
    path::PathBuf,
};

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, parser::ValueSource};

use crate::{cli::Cli, http::Url};

use super::{
    ConfigError, Environment,
    environment::variable,
    file::{self, ConfigFile},
    level::{self, Level},
    options::{CONFIG, Opt, PROFILE, Reach, TOKEN, configurable, nearest, options_of},
    origin::Origin,
};

/// Instead of a secret.
const HIDDEN: &str = "(hidden)";
/// Options whose URLs may hold a secret.
const SECRET_URLS: [&str; 2] = ["ping", "rate-store"];

/// What was given, and where each value comes from.
#[derive(Debug)]
pub struct Given {
    /// The command line, filled up.
    pub cli: Cli,
    /// Where the values come from that are not defaults, by the options' long names.
    pub origins: BTreeMap<String, Origin>,
    /// What was said, by the options' long names, as far as everybody may see it.
    pub values: BTreeMap<String, String>,
    /// The profile that is taken.
    pub profile: Option<String>,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// Variables that look like ours and are not, each with the one that is most like it.
    pub unknown_variables: Vec<(String, String)>,
}

/// Why the program cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// What was typed makes no sense, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// What stands in the environment or the file makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Given {
    /// Reads the command line, the environment and the configuration file.
    ///
    /// # Errors
    /// [`GivenError`].
    pub fn read(typed: &[OsString], env: &Environment) -> Result<Self, GivenError> {
        let matches = Cli::command().try_get_matches_from(typed)?;
        let (command, own) = matches.subcommand().expect("clap asks for a command");
        let options = options_of(command);
        let by_hand = typed_ids(own, command);
        let file = read_file(own, command, env)?;
        let mut levels = vec![level::of_environment(&options, env)?];
        let profile = profile(own, file.as_ref(), env)?;
        if let Some(file) = &file {
            let chosen = profile.as_ref().and_then(|name| file.profiles.get(name));
            levels.extend(chosen.cloned());
            levels.push(file.top.clone());
        }
        let known: HashSet<&String> = options.iter().map(|option| &option.id).collect();
        for level in &mut levels {
            level.said.retain(|id, _| known.contains(id));
        }
        let joined = level::join(&by_hand, levels);
        let origins = origins(&options, &by_hand, &joined);
        let values = values(&options, own, &by_hand, &joined);
        let filled = fill_up(Cli::command(), command, &joined).try_get_matches_from(typed);
        let mut cli = Cli::from_arg_matches(&filled?)?;
        if let Some(connection) = cli.command.connection_mut() {
            connection.token = joined.token.map(|(token, _)| token);
        }
        Ok(Self {
            cli,
            origins,
            values,
            profile,
            file: file.map(|file| file.path),
            unknown_variables: unknown_variables(env),
        })
    }

    /// The error, with the place of the value that it is about.
    #[must_use]
    pub fn placed(&self, error: ConfigError) -> ConfigError {
        match error {
            ConfigError::Value { option, why } => match self.origins.get(option) {
                Some(origin @ (Origin::Variable { .. } | Origin::File { .. })) => {
                    let origin = origin.clone();
                    ConfigError::Placed { origin, why }
                }
                _ => ConfigError::Value { option, why },
            },
            error => error,
        }
    }
}

/// What was typed, by the names in the command line's definition.
fn typed_ids(own: &ArgMatches, command: &str) -> HashSet<String> {
    let root = Cli::command();
    let arguments = root.find_subcommand(command).map(Command::get_arguments);
    root.get_arguments()
        .chain(arguments.into_iter().flatten())
        .map(|arg| arg.get_id().to_string())
        .filter(|id| own.value_source(id) == Some(ValueSource::CommandLine))
        .collect()
}

/// The file that was named, or the first that is there.
fn read_file(
    own: &ArgMatches,
    command: &str,
    env: &Environment,
) -> Result<Option<ConfigFile>, ConfigError> {
    if Reach::of(command) == Reach::EnvironmentOnly {
        return Ok(None);
    }
    let typed = own.get_one::<PathBuf>(CONFIG).cloned();
    let named = typed.or_else(|| env.get(&variable(CONFIG)).map(PathBuf::from));
    file::find(named.as_deref(), env)
}

/// The profile that was named, and is there; `None` where none was named.
fn profile(
    own: &ArgMatches,
    file: Option<&ConfigFile>,
    env: &Environment,
) -> Result<Option<String>, ConfigError> {
    let typed = own.get_one::<String>(PROFILE).cloned();
    let named = typed
        .or_else(|| env.get(&variable(PROFILE)).map(str::to_owned))
        .or_else(|| file?.top.said.get(PROFILE)?.texts.first().cloned());
    let Some(name) = named else { return Ok(None) };
    match file {
        None => Err(ConfigError::NoFile {
            name,
            looked_for: env.config_files(),
        }),
        Some(file) if !file.profiles.contains_key(&name) => Err(ConfigError::NoProfile {
            name,
            path: file.path.clone(),
            others: file.profiles.keys().cloned().collect(),
        }),
        Some(_) => Ok(Some(name)),
    }
}

fn origins(options: &[Opt], typed: &HashSet<String>, joined: &Level) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    for Opt { id, long, .. } in options {
        let typed = typed.contains(id).then(|| Origin::Flag {
            option: long.clone(),
        });
        let said = || joined.said.get(id).map(|said| said.origin.clone());
        if let Some(origin) = typed.or_else(said) {
            origins.insert(long.clone(), origin);
        }
    }
    let token = joined.token.as_ref();
    origins.extend(token.map(|(_, origin)| (TOKEN.to_owned(), origin.clone())));
    origins
}

fn values(
    options: &[Opt],
    own: &ArgMatches,
    typed: &HashSet<String>,
    joined: &Level,
) -> BTreeMap<String, String> {
    let by_hand = |id: &str| -> Option<Vec<String>> {
        let raw = own.try_get_raw(id).ok().flatten()?;
        Some(
            raw.map(|text| text.to_string_lossy().into_owned())
                .collect(),
        )
    };
    let said = options.iter().filter_map(|Opt { id, long, .. }| {
        let texts = match typed.contains(id) {
            true => by_hand(id)?,
            false => joined.said.get(id)?.texts.clone(),
        };
        let shown = match &texts[..] {
            [] => "off".to_owned(),
            texts => texts.join(", "),
        };
        Some((long.clone(), shown_of(long, &shown)))
    });
    let token = joined.token.iter();
    said.chain(token.map(|_| (TOKEN.to_owned(), HIDDEN.to_owned())))
        .collect()
}

/// A value as everybody may see it: a URL may hold a password, or be one as a whole.
fn shown_of(option: &str, value: &str) -> String {
    if !SECRET_URLS.contains(&option) {
        return value.to_owned();
    }
    let Ok(url) = value.parse::<Url>() else {
        return HIDDEN.to_owned();
    };
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}://{host}{port}/{HIDDEN}", url.scheme())
}

/// The definition, with what was said of its options as their defaults.
fn fill_up(root: Command, command: &str, joined: &Level) -> Command {
    let of_root: HashSet<String> = root
        .get_arguments()
        .map(|arg| arg.get_id().to_string())
        .collect();
    let mut root = root;
    for (id, said) in joined
        .said
        .iter()
        .filter(|(_, said)| !said.texts.is_empty())
    {
        let texts = said.texts.clone();
        root = match of_root.contains(id) {
            true => root.mut_arg(id, |arg| arg.default_values(texts)),
            false => root.mut_subcommand(command, |own| {
                own.mut_arg(id, |arg| arg.default_values(texts))
            }),
        };
    }
    root
}

fn unknown_variables(env: &Environment) -> Vec<(String, String)> {
    let mut known: Vec<String> = configurable().values().map(Opt::variable).collect();
    known.push(variable(TOKEN));
    let ours = env
        .ours()
        .filter(|name| !known.iter().any(|known| known == name));
    ours.map(|name| {
        let nearest = nearest(name, known.iter().map(String::as_str)).unwrap_or_default();
        (name.to_owned(), nearest.to_owned())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::shown_of;

    #[test]
    fn secrets_in_urls_are_hidden() {
        for (option, value, shown) in [
            ("rate", "10/s", "10/s"),
            (
                "ping",
                "https://hc-ping.com/uuid?x=1",
                "https://hc-ping.com/(hidden)",
            ),
            (
                "rate-store",
                "rediss://me:secret@store:6380/2",
                "rediss://store:6380/(hidden)",
            ),
            ("ping", "uuid", "(hidden)"),
        ] {
            assert_eq!(shown_of(option, value), shown);
        }
    }
}
