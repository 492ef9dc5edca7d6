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

/// The settings that the options and the environment name.
pub(super) fn resolve_read(
    args: &SourceArgs,
    table: &TableArgs,
    env: &Environment,
) -> Result<ReadSettings, ConfigError> {
    let number = |typed: &Option<String>, name| {
        let text = env.option(typed.as_deref(), name);
        let number = text.map(|text| positive::<NonZeroU64>(name, &text));
        Ok::<_, ConfigError>(number.transpose()?.map(NonZeroU64::get))
    };
    Ok(ReadSettings {
        source: source(args, table, env)?,
        methods: methods(env.option(args.methods.as_deref(), "methods"))?,
        only_locked: env.switch(args.only_locked, "only-locked")?,
        search_unsynched: env.switch(args.search_unsynched, "search-unsynched")?,
        limit: number(&args.limit, "limit")?,
        shard: shard(args, env)?,
        max_users: number(&args.max_users, "max-users")?,
    })
}

/// The shard that was named, else the one that an array job's environment tells.
fn shard(args: &SourceArgs, env: &Environment) -> Result<Option<Shard>, ConfigError> {
    match env.option(args.shard.as_deref(), "shard") {
        Some(text) => {
            let shard = text.parse::<Shard>();
            let wrong = |error: ShardError| ConfigError::value("shard", error.to_string());
            shard.map(Some).map_err(wrong)
        }
        None => Ok(from_array_job(|name| env.get(name))?),
    }
}

/// The one source that was named. One that was typed hides those that the environment names.
fn source(
    args: &SourceArgs,
    table: &TableArgs,
    env: &Environment,
) -> Result<Option<Source>, ConfigError> {
    let typed = args.input.is_some()
        || !args.user.is_empty()
        || args.search.is_some()
        || args.locked_since.is_some()
        || args.failed_from.is_some();
    let nothing = Environment::default();
    let others = if typed { &nothing } else { env };
    let mut sources = Vec::new();
    if let Some(input) = &args.input {
        sources.push((
            "INPUT",
            Source::Table(Input::new(input), format(table, env)?),
        ));
    }
    let users: Vec<String> = match others.option(None, "user") {
        Some(text) if args.user.is_empty() => {
            let named = text.split(',').filter(|name| !name.trim().is_empty());
            named.map(str::to_owned).collect()
        }
        // Neither an ID nor an address holds a comma.
        _ => args
            .user
            .iter()
            .flat_map(|typed| typed.split(',').map(str::to_owned))
            .collect(),
    };
    if !users.is_empty() {
        sources.push(("--user", Source::Named(users)));
    }
    if let Some(text) = others.option(args.search.as_deref(), "search") {
        if text.trim().is_empty() {
            let why = "an empty text would find everybody".to_owned();
            return Err(ConfigError::value("search", why));
        }
        sources.push(("--search", Source::Search(text)));
    }
    if let Some(since) = others.option(args.locked_since.as_deref(), "locked-since") {
        let until = env.option(args.locked_until.as_deref(), "locked-until");
        sources.push(("--locked-since", locked(&since, until)?));
    } else if args.locked_until.is_some() {
        return Err(ConfigError::Incomplete {
            given: "locked-until",
            missing: "locked-since",
        });
    }
    if let Some(path) = others.path(args.failed_from.as_ref(), "failed-from") {
        sources.push(("--failed-from", Source::Earlier(path)));
    }
    if let [(first, _), (second, _), ..] = &sources[..] {
        return Err(ConfigError::TwoSources { first, second });
    }
    Ok(sources.pop().map(|(_, source)| source))
}

fn locked(since: &str, until: Option<String>) -> Result<Source, ConfigError> {
    let now = SystemTime::now();
    let after = moment("locked-since", since, now)?;
    if after >= now {
        return Err(ConfigError::value(
            "locked-since",
            format!("`{since}` has not come yet"),
        ));
    }
    let until = until.map(|text| moment("locked-until", &text, now));
    let until = until.transpose()?.unwrap_or(now);
    if until <= after {
        return Err(ConfigError::value(
            "locked-until",
            "that is not after --locked-since".to_owned(),
        ));
    }
    Ok(Source::Locked { after, until })
}

fn format(args: &TableArgs, env: &Environment) -> Result<TableFormat, ConfigError> {
    let text = |typed: &Option<String>, name| env.option(typed.as_deref(), name);
    let between = text(&args.delimiter, "delimiter");
    let encoded = text(&args.encoding, "encoding");
    Ok(TableFormat {
        header: !env.switch(args.no_header, "no-header")?,
        delimiter: between
            .map(|text| parse_delimiter(&text))
            .transpose()
            .map_err(|error| ConfigError::value("delimiter", error.to_string()))?,
        encoding: encoded
            .map(|text| parse_encoding(&text))
            .transpose()
            .map_err(|error| ConfigError::value("encoding", error.to_string()))?,
        columns: ColumnNames {
            id: text(&args.id_column, "id-column"),
            email: text(&args.email_column, "email-column"),
            username: text(&args.username_column, "username-column"),
            methods: text(&args.methods_column, "methods-column"),
        },
    })
}

fn methods(text: Option<String>) -> Result<MethodSet, ConfigError> {
    let parsed = text.map(|text| text.parse::<MethodSet>()).transpose();
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
    fn there_is_one_source_and_what_was_typed_comes_first() {
        let env = Environment::of(&[("BULK_UNLOCK_SEARCH", "@x"), ("BULK_UNLOCK_USER", "a, b")]);
        let table = TableArgs::default();
        let both = resolve_read(&SourceArgs::default(), &table, &env);
        assert!(matches!(both, Err(ConfigError::TwoSources { .. })));
        let typed = SourceArgs {
            search: Some("@y".to_owned()),
            ..SourceArgs::default()
        };
        let read = resolve_read(&typed, &table, &env).expect("one source");
        assert!(matches!(read.source, Some(Source::Search(text)) if text == "@y"));
        let typed = SourceArgs {
            search: Some("@y".to_owned()),
            user: vec!["a".to_owned()],
            ..SourceArgs::default()
        };
        let two = resolve_read(&typed, &table, &Environment::default());
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
        let named = [("BULK_UNLOCK_SHARD", "2/4"), array[0], array[1]];
        for (typed, env, shard) in [
            (None, &[][..], None),
            (None, &array, Some("1/4")),
            (None, &named, Some("2/4")),
            (Some("3/4"), &named, Some("3/4")),
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
