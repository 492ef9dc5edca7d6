//! Which users, and how they are read.

use std::{num::NonZeroU64, path::Path, time::SystemTime};

use crate::{
    cli::{SourceArgs, TableArgs},
    model::MethodSet,
    shard::{Shard, ShardError, from_array_job},
    source::{
        ColumnNames, Input, Source, SourceSettings, TableFormat, parse_delimiter, parse_encoding,
    },
};

use super::{
    ConfigError, Environment,
    values::{moment, positive},
};

/// Which users, and what is to be known of them before they are unlocked.
#[derive(Debug, Clone)]
pub struct ReadSettings {
    /// Where the users are; `None` where the simulator makes them up.
    pub source: Option<Source>,
    /// The methods of a row that names none.
    pub methods: MethodSet,
    /// Whether to look every user up first.
    pub only_locked: bool,
    /// Whether a look-up also searches the identity source.
    pub search_unsynched: bool,
    /// At most this many rows.
    pub limit: Option<u64>,
    /// Which part of the rows; `None` for all.
    pub shard: Option<Shard>,
    /// A source with more users is refused.
    pub max_users: Option<u64>,
}

/// The settings that the options name.
pub(super) fn resolve_read(
    args: &SourceArgs,
    table: &TableArgs,
    env: &Environment,
) -> Result<ReadSettings, ConfigError> {
    let number = |text: &Option<String>, name| {
        let number = text
            .as_deref()
            .map(|text| positive::<NonZeroU64>(name, text));
        Ok::<_, ConfigError>(number.transpose()?.map(NonZeroU64::get))
    };
    Ok(ReadSettings {
        source: source(args, table)?,
        methods: methods(args.methods.as_deref())?,
        only_locked: args.only_locked,
        search_unsynched: args.search_unsynched,
        limit: number(&args.limit, "limit")?,
        shard: shard(args, env)?,
        max_users: number(&args.max_users, "max-users")?,
    })
}

/// The shard that was named, else the one that an array job's environment tells.
fn shard(args: &SourceArgs, env: &Environment) -> Result<Option<Shard>, ConfigError> {
    match &args.shard {
        Some(text) => {
            let shard = text.parse::<Shard>();
            let wrong = |error: ShardError| ConfigError::value("shard", error.to_string());
            shard.map(Some).map_err(wrong)
        }
        None => Ok(from_array_job(|name| env.get(name))?),
    }
}

/// The one source that was named.
fn source(args: &SourceArgs, table: &TableArgs) -> Result<Option<Source>, ConfigError> {
    let mut sources = Vec::new();
    if let Some(input) = &args.input {
        sources.push(("INPUT", Source::Table(Input::new(input), format(table)?)));
    }
    // Neither an ID nor an address holds a comma.
    let users = args.user.iter().flat_map(|said| said.split(','));
    let users: Vec<String> = users.map(str::to_owned).collect();
    if !users.is_empty() {
        sources.push(("--user", Source::Named(users)));
    }
    if let Some(text) = &args.search {
        if text.trim().is_empty() {
            let why = "an empty text would find everybody".to_owned();
            return Err(ConfigError::value("search", why));
        }
        sources.push(("--search", Source::Search(text.clone())));
    }
    if let Some(since) = &args.locked_since {
        let until = args.locked_until.as_deref();
        sources.push(("--locked-since", locked(since, until)?));
    } else if args.locked_until.is_some() {
        return Err(ConfigError::Incomplete {
            given: "locked-until",
            missing: "locked-since",
        });
    }
    if let Some(path) = &args.failed_from {
        sources.push(("--failed-from", Source::Earlier(path.clone())));
    }
    if let [(first, _), (second, _), ..] = &sources[..] {
        return Err(ConfigError::TwoSources { first, second });
    }
    Ok(sources.pop().map(|(_, source)| source))
}

fn locked(since: &str, until: Option<&str>) -> Result<Source, ConfigError> {
    let now = SystemTime::now();
    let after = moment("locked-since", since, now)?;
    if after >= now {
        return Err(ConfigError::value(
            "locked-since",
            format!("`{since}` has not come yet"),
        ));
    }
    let until = until.map(|text| moment("locked-until", text, now));
    let until = until.transpose()?.unwrap_or(now);
    if until <= after {
        return Err(ConfigError::value(
            "locked-until",
            "that is not after --locked-since".to_owned(),
        ));
    }
    Ok(Source::Locked { after, until })
}

fn format(args: &TableArgs) -> Result<TableFormat, ConfigError> {
    let delimiter = args.delimiter.as_deref().map(parse_delimiter).transpose();
    let encoding = args.encoding.as_deref().map(parse_encoding).transpose();
    Ok(TableFormat {
        header: !args.no_header,
        delimiter: delimiter.map_err(|error| ConfigError::value("delimiter", error.to_string()))?,
        encoding: encoding.map_err(|error| ConfigError::value("encoding", error.to_string()))?,
        columns: ColumnNames {
            id: args.id_column.clone(),
            email: args.email_column.clone(),
            username: args.username_column.clone(),
            methods: args.methods_column.clone(),
        },
    })
}

fn methods(text: Option<&str>) -> Result<MethodSet, ConfigError> {
    let parsed = text.map(str::parse::<MethodSet>).transpose();
    let parsed = parsed.map_err(|error| ConfigError::value("methods", error.to_string()))?;
    Ok(parsed.unwrap_or(MethodSet::ALL))
}

impl ReadSettings {
    /// What to read, from this source where none was named.
    #[must_use]
    pub fn settings(&self, source: Source) -> SourceSettings {
        SourceSettings {
            source: self.source.clone().unwrap_or(source),
            methods: self.methods,
            limit: self.limit,
            shard: self.shard,
        }
    }

    /// The file that the users come from; `None` where they come from elsewhere.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.source {
            Some(Source::Table(Input::File(path), _) | Source::Earlier(path)) => Some(path),
            Some(Source::Table(..)) => Some(Path::new("-")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, resolve_read};
    use crate::{
        cli::{SourceArgs, TableArgs},
        config::ConfigError,
        source::Source,
    };

    #[test]
    fn there_is_one_source() {
        let mut args = SourceArgs {
            search: Some("@y".to_owned()),
            ..SourceArgs::default()
        };
        let read = resolve_read(&args, &TableArgs::default(), &Environment::default())
            .expect("one source");
        assert!(matches!(read.source, Some(Source::Search(text)) if text == "@y"));
        args.user = vec!["a".to_owned()];
        let two = resolve_read(&args, &TableArgs::default(), &Environment::default());
        assert!(matches!(two, Err(ConfigError::TwoSources { .. })));
    }

    #[test]
    fn a_shard_that_was_named_comes_before_an_array_job() {
        let array = [("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETION_COUNT", "4")];
        let read = |typed: Option<&str>, env: &[(&str, &str)]| {
            let args = SourceArgs {
                shard: typed.map(str::to_owned),
                ..SourceArgs::default()
            };
            let read = resolve_read(&args, &TableArgs::default(), &Environment::of(env))?;
            Ok::<_, ConfigError>(read.shard.map(|shard| shard.to_string()))
        };
        for (typed, env, shard) in [
            (None, &[][..], None),
            (None, &array, Some("1/4")),
            (Some("3/4"), &array, Some("3/4")),
            (Some("0/1"), &array[..1], Some("0/1")),
        ] {
            let read = read(typed, env).expect("a shard");
            assert_eq!(read.as_deref(), shard, "{typed:?} {env:?}");
        }
        let half = read(None, &array[..1]);
        assert!(matches!(half, Err(ConfigError::Array(_))), "{half:?}");
        assert!(read(Some("4/4"), &[]).is_err());
    }

    #[test]
    fn a_window_of_time_has_its_start_before_its_end() {
        let typed = |since: Option<&str>, until: Option<&str>| SourceArgs {
            locked_since: since.map(str::to_owned),
            locked_until: until.map(str::to_owned),
            ..SourceArgs::default()
        };
        let read = |args| resolve_read(&args, &TableArgs::default(), &Environment::default());
        assert!(read(typed(Some("2h"), Some("1h"))).is_ok());
        assert!(read(typed(Some("1h"), Some("2h"))).is_err());
        assert!(read(typed(None, Some("2h"))).is_err());
    }
}
