//! From the end of a job to its summary and the exit code.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use crate::{
    cli::{GlobalArgs, OutputFormat},
    config::{ConfigError, Environment, Given, RunSettings},
    error::AppError,
    fingerprint,
    private::folder_of,
    report::{
        Charts, Digest, Hashes, JoinError, Latency, Rows, Status, Summary, Throttled, Told,
        metrics, render, write_atomically, write_for_all,
    },
    results::{
        PathError, Placeholders, Records, ResultsError, WriteMode, default_path, expand, timestamp,
    },
    shard::Shard,
    shutdown::{CancelReason, Signal},
    source::{Input, Source},
};

use super::{apart::apart, job::JobEnd, report::write_page};

/// The identity of this run.
pub(super) struct Started {
    /// On the wall clock.
    pub(super) at: SystemTime,
    /// On a clock that nobody sets.
    pub(super) clock: Instant,
    run_id: String,
    /// The hash of what was set.
    configuration: Option<String>,
}

impl Started {
    pub(super) fn now() -> Self {
        Self {
            at: SystemTime::now(),
            clock: Instant::now(),
            run_id: uuid::Uuid::now_v7().to_string(),
            configuration: None,
        }
    }

    /// Now, with what was set.
    pub(super) fn with(given: &Given) -> Self {
        let lines = given.values.iter();
        let lines: String = lines
            .map(|(option, value)| format!("{option} = {value}\n"))
            .collect();
        Self {
            configuration: Some(fingerprint::of_text(&lines)),
            ..Self::now()
        }
    }

    /// What is known when nothing has been read or written.
    pub(super) fn hashes(&self) -> Hashes {
        Hashes {
            configuration: self.configuration.clone(),
            ..Hashes::default()
        }
    }

    /// Names this run; no two share it.
    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }
}

/// The outputs as they were named, placeholders and all, and what their usual names follow from.
pub(super) struct Names<'a> {
    pub(super) results: Option<&'a str>,
    pub(super) summary: Option<&'a str>,
    pub(super) metrics: Option<&'a str>,
    pub(super) html: Option<&'a str>,
    pub(super) simulated: bool,
    pub(super) shard: Option<Shard>,
    /// The file that the users are read from.
    pub(super) input: Option<&'a Path>,
}

impl<'a> Names<'a> {
    pub(super) fn of(settings: &'a RunSettings) -> Self {
        Self {
            results: settings.results.as_deref(),
            summary: settings.summary.as_deref(),
            metrics: settings.outputs.metrics.as_deref(),
            html: settings.outputs.html.as_deref(),
            simulated: settings.simulate.is_some(),
            shard: settings.read.shard,
            input: settings.read.file(),
        }
    }
}

/// Where the outputs go.
pub(super) struct Outputs {
    /// The results CSV.
    pub(super) results: PathBuf,
    /// The summary.
    pub(super) summary: PathBuf,
    /// The metrics, where they are asked for.
    pub(super) metrics: Option<PathBuf>,
    /// The page, where it is asked for.
    pub(super) html: Option<PathBuf>,
}

impl Outputs {
    pub(super) fn of(
        names: &Names<'_>,
        profile: Option<&str>,
        started: &Started,
    ) -> Result<Self, PathError> {
        let values = Placeholders {
            started_at: started.at,
            run_id: started.run_id.clone(),
            profile: profile.unwrap_or("default").to_owned(),
            shard: names.shard.map_or(0, Shard::index).to_string(),
        };
        let ending = if names.simulated {
            ".simulated.csv"
        } else {
            ".results.csv"
        };
        let ending = match names.shard {
            Some(shard) => format!(".shard-{}-of-{}{ending}", shard.index(), shard.count()),
            None => ending.to_owned(),
        };
        let expanded = |template: Option<&str>| {
            let expanded = template.map(|template| expand(template, &values));
            expanded.transpose()
        };
        let results = expanded(names.results)?;
        let results = results.unwrap_or_else(|| default_path(names.input, &ending));
        Ok(Self {
            summary: expanded(names.summary)?.unwrap_or_else(|| beside(&results)),
            metrics: expanded(names.metrics)?,
            html: expanded(names.html)?,
            results,
        })
    }

    /// Refuses to write over the file that the users are read from, or over another output.
    pub(super) fn spare(&self, source: Option<&Path>) -> Result<(), ConfigError> {
        // A file can stand behind standard input too: `run - < users.csv`.
        let source = match source {
            Some(path) if path == Path::new("-") => Some(Path::new("/dev/stdin")),
            other => other,
        };
        let named = [
            ("", source),
            ("results", Some(self.results.as_path())),
            ("summary", Some(&self.summary)),
            ("metrics", self.metrics.as_deref()),
            ("html", self.html.as_deref()),
        ];
        let named = named
            .into_iter()
            .filter_map(|(name, path)| Some((name, path?)));
        apart(&named.collect::<Vec<_>>())
    }

    /// What would be in the way at the end should be known before the first request.
    pub(super) fn check(&self, mode: WriteMode, shard: Option<Shard>) -> Result<(), AppError> {
        if let (WriteMode::Resume, Some(asked)) = (mode, shard)
            && self.results.exists()
            && let Ok(told) = Told::read(&beside(&self.results))
            && told.shard().is_some_and(|held| held != asked)
        {
            return Err(AppError::from(JoinError::OtherShard {
                results: self.results.clone(),
                held: told.shard_or_whole(),
                asked,
            }));
        }
        let there = self.results.metadata();
        if mode == WriteMode::CreateNew && there.is_ok_and(|found| found.is_file()) {
            return Err(ResultsError::Exists(self.results.clone()).into());
        }
        let others = [
            Some(self.summary.as_path()),
            self.metrics.as_deref(),
            self.html.as_deref(),
        ];
        others.into_iter().flatten().try_for_each(replaceable)
    }

    /// Takes away the summary of results that have just been replaced: it would pass for these
    /// results' own if this run were killed.
    pub(super) fn forget_replaced(&self, mode: WriteMode) {
        let earlier = beside(&self.results);
        if mode == WriteMode::Overwrite && self.summary == earlier && earlier.is_file() {
            // What cannot be removed will be replaced at the end, as always.
            let _ = std::fs::remove_file(earlier);
        }
    }

    /// Writes the page, where it is asked for.
    fn write_page(&self, summary: &Summary) -> Result<(), AppError> {
        let Some(html) = &self.html else {
            return Ok(());
        };
        let digest = match Records::open(&self.results) {
            Ok(mut records) => Digest::of(&mut records)?,
            // A run that was stopped before its first row leaves no results.
            Err(error) if error.is_missing() => Digest::default(),
            Err(error) => return Err(error.into()),
        };
        let summary = serde_json::to_value(summary).expect("numbers and texts are JSON");
        write_page(html, &digest, Some(&summary), &self.results)
    }

    /// Writes the metrics, where they are asked for.
    fn write_metrics(&self, summary: &Summary, job: &str) -> Result<(), AppError> {
        let path = self.metrics.as_deref();
        path.map_or(Ok(()), |path| write_metrics(path, summary, job))
    }
}

/// The summary of these results, where no other name is given.
pub(super) fn beside(results: &Path) -> PathBuf {
    let mut path = results.as_os_str().to_owned();
    path.push(".json");
    PathBuf::from(path)
}

/// Replaces the file of metrics. What it had that this run does not tell stays.
pub(super) fn write_metrics(path: &Path, summary: &Summary, job: &str) -> Result<(), AppError> {
    let earlier = std::fs::read_to_string(path).unwrap_or_default();
    let written = write_for_all(path, &metrics(summary, job, &earlier));
    written.map_err(|source| AppError::Output {
        path: path.to_owned(),
        source,
    })
}

/// Whether this file can be replaced, or made.
pub(super) fn replaceable(path: &Path) -> Result<(), AppError> {
    let folder = folder_of(path);
    let failed = |source| AppError::Output {
        path: path.to_path_buf(),
        source,
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(failed(io::Error::from(io::ErrorKind::IsADirectory)))
        }
        Ok(metadata) if !metadata.is_file() => Ok(()),
        _ => tempfile::tempfile_in(folder).map(drop).map_err(failed),
    }
}

/// The exit code of what was stopped for this reason.
pub(super) const fn code_of(reason: &CancelReason) -> u8 {
    match reason {
        CancelReason::ReportFailed | CancelReason::SourceFailed(_) | CancelReason::Broken(_) => 5,
        CancelReason::Refused(_) => 3,
        CancelReason::Guard(_) => 4,
        CancelReason::Interrupt(signal) | CancelReason::SecondInterrupt(signal) => {
            signal.exit_code()
        }
    }
}

fn exit_code(end: &JobEnd) -> u8 {
    match &end.reason {
        Some(reason) => code_of(reason),
        None if end.failure.is_some() => 5,
        None if end.stats.not_well() > 0 => 1,
        None => 0,
    }
}

/// Why the job stopped, as people say it; `None` where it did not.
fn stopped_because(end: &JobEnd) -> Option<String> {
    match (&end.reason, &end.failure) {
        (Some(CancelReason::ReportFailed) | None, Some(failure)) => Some(failure.to_string()),
        (reason, _) => reason.as_ref().map(ToString::to_string),
    }
}

pub(super) fn summarize(
    end: &JobEnd,
    settings: &RunSettings,
    source: String,
    outputs: &Outputs,
    started: &Started,
    base_url: String,
    env: &Environment,
) -> Summary {
    let stats = &end.stats;
    let exit_code = exit_code(end);
    let status = Status::of(exit_code);
    let ceiling = settings.pace.throttle.rate.per_s();
    let rate = |found: Option<f64>| found.map_or(ceiling, |rate| (rate * 100.0).round() / 100.0);
    Summary {
        run_id: started.run_id.clone(),
        version: env!("CARGO_PKG_VERSION"),
        status,
        exit_code,
        reason: settings.reason.clone(),
        source,
        results: outputs.results.display().to_string(),
        base_url,
        methods: settings.read.methods,
        started_at: timestamp(started.at),
        finished_at: timestamp(SystemTime::now()),
        duration_s: (started.clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        // Before its end it is not known what the source does not hold.
        rows: Rows::of(
            stats,
            if status == Status::Complete {
                end.left
            } else {
                0
            },
        ),
        requests: Summary::requests_of(stats),
        retries: stats.retries,
        throttled: Throttled {
            responses_429: stats.answers(429),
            slowest_rate: rate(stats.slowest),
            final_rate: rate(stats.slowed_to),
        },
        latency_ms: Latency::of(stats),
        shard: settings.read.shard.map(|shard| shard.to_string()),
        operator: env.operator(),
        hashes: started.hashes(),
        stopped_because: stopped_because(end),
        next: next_command(status, end, settings, outputs),
        charts: Some(Charts::of(stats, SystemTime::now())),
    }
}

/// The command to go on, where the job did not come to its end: what was typed, with `--resume` and
/// with all that would mean something else by then as it is now.
fn next_command(
    status: Status,
    end: &JobEnd,
    settings: &RunSettings,
    outputs: &Outputs,
) -> Option<String> {
    if status == Status::Complete || settings.simulate.is_some() {
        return None;
    }
    let source = settings.read.source.as_ref();
    let mut pinned = Vec::new();
    if let Some(Source::Locked { after, until }) = source {
        pinned.push(("--locked-since", timestamp(*after)));
        pinned.push(("--locked-until", timestamp(*until)));
    }
    if let Some(users) = end.too_many {
        pinned.push(("--max-users", users.to_string()));
    }
    // An array job's environment is not at hand where this is typed.
    if let Some(shard) = settings.read.shard {
        pinned.push(("--shard", shard.to_string()));
    }
    if settings.results.is_some() {
        pinned.push(("--results", outputs.results.display().to_string()));
    }
    let typed = std::env::args_os().skip(1);
    let typed = typed.map(|word| word.to_string_lossy().into_owned());
    let again = match source {
        Some(Source::Table(Input::Stdin, _)) => ", with the same standard input",
        Some(Source::Table(input, _)) if input.is_stream() => ", with the same input",
        _ => "",
    };
    Some(going_on(typed, &pinned) + again)
}

/// These words as a command that resumes, with the values of some options replaced.
fn going_on(typed: impl Iterator<Item = String>, pinned: &[(&str, String)]) -> String {
    let mut words = vec!["bulk-unlock".to_owned()];
    let mut typed = typed;
    while let Some(word) = typed.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        if matches!(name, "--overwrite" | "--resume") {
            continue;
        }
        // Whoever knows it could tell the monitor anything.
        if name == "--ping" {
            if value.is_none() {
                typed.next();
            }
            words.extend(["--ping".to_owned(), "URL".to_owned()]);
            continue;
        }
        if let Some((option, now)) = pinned.iter().find(|(option, _)| *option == name) {
            if value.is_none() {
                typed.next();
            }
            words.extend([(*option).to_owned(), quoted(now)]);
            continue;
        }
        words.push(quoted(&without_password(&word)));
    }
    words.push("--resume".to_owned());
    for (option, value) in pinned {
        if !words.iter().any(|word| word == option) {
            words.extend([(*option).to_owned(), quoted(value)]);
        }
    }
    words.join(" ")
}

/// The word; of a store's URL with a password in it, without that.
fn without_password(word: &str) -> String {
    let parts = word.split_once("://").and_then(|(scheme, rest)| {
        let (signed_in, place) = rest.rsplit_once('@')?;
        let (user, _) = signed_in.split_once(':')?;
        let store = scheme.ends_with("redis") || scheme.ends_with("rediss");
        store.then(|| format!("{scheme}://{user}:PASSWORD@{place}"))
    });
    parts.unwrap_or_else(|| word.to_owned())
}

/// A word as a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-=:,@%+".contains(c));
    if plain && !text.is_empty() {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A run that came to an end, whatever end.
pub(super) struct Ended {
    pub(super) summary: Summary,
    pub(super) end: JobEnd,
    pub(super) outputs: Outputs,
    pub(super) settings: RunSettings,
}

impl Ended {
    /// Writes what there is to tell, and returns the exit code.
    pub(super) fn finish(self, global: &GlobalArgs, env: &Environment) -> Result<u8, AppError> {
        let Self {
            mut summary,
            end,
            outputs,
            settings,
        } = self;
        if summary.rows.total == Some(0) {
            let whose = match &summary.shard {
                Some(shard) => format!(" of shard {shard}"),
                None => String::new(),
            };
            tracing::warn!("there are no rows{whose}: {}", summary.source);
        }
        summary.hashes.results = fingerprint::of_file(&outputs.results).ok().flatten();
        let written = write_atomically(&outputs.summary, &summary.to_json());
        let drawn = outputs.write_page(&summary);
        let measured = outputs.write_metrics(&summary, &settings.outputs.metrics_job);
        let silent = global.quiet && summary.exit_code == 0;
        let printed = match settings.output {
            OutputFormat::Json => super::print(&summary.to_json()),
            OutputFormat::Text if silent => Ok(()),
            OutputFormat::Text => {
                let styled = env.allows_colour() && io::stdout().is_terminal();
                super::print(&render(&summary, &end.stats, styled))
            }
        };
        // After a hang-up there may be no terminal left to print to.
        if end.reason != Some(CancelReason::Interrupt(Signal::Hangup)) {
            printed?;
        }
        if let Some(failure) = &end.failure {
            tracing::error!("{failure}; {}", failure.hint());
        }
        written.map_err(|source| AppError::Output {
            path: outputs.summary.clone(),
            source,
        })?;
        measured?;
        drawn?;
        Ok(summary.exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::{going_on, quoted};

    #[test]
    fn a_command_goes_on_with_what_was_meant_when_it_was_typed() {
        let pinned = [
            ("--locked-since", "2026-11-24T06:00:00.000Z".to_owned()),
            ("--max-users", "30".to_owned()),
            ("--results", "my results.csv".to_owned()),
        ];
        let since = "--locked-since 2026-11-24T06:00:00.000Z";
        let others = "--max-users 30 --results 'my results.csv'";
        for (typed, next) in [
            (
                "run --locked-since 2h --max-users 5 --results {date}.csv --overwrite -q",
                format!("run {since} {others} -q --resume"),
            ),
            (
                "run --locked-since=2h --max-users=5 --results={date}.csv --resume -q",
                format!("run {since} {others} -q --resume"),
            ),
            (
                "run --locked-since 2h -q",
                format!("run {since} -q --resume {others}"),
            ),
            ("run -q", format!("run -q --resume {since} {others}")),
            (
                "run --ping https://hc.example/secret -q",
                format!("run --ping URL -q --resume {since} {others}"),
            ),
            (
                "run --ping=https://hc.example/secret -q",
                format!("run --ping URL -q --resume {since} {others}"),
            ),
        ] {
            let words = typed.split(' ').map(str::to_owned);
            assert_eq!(
                going_on(words, &pinned),
                format!("bulk-unlock {next}"),
                "{typed}"
            );
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (path, text) in [
            ("a/b.csv", "a/b.csv"),
            ("my list.csv", "'my list.csv'"),
            ("", "''"),
            ("$(x)", "'$(x)'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(path), text);
        }
    }
}
