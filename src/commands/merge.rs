//! `merge`: the results of all shards in one file, with one summary and one exit code.
//!
//! Nothing is written before all shards are known to be whole and to be those of one job. The files
//! are read twice and in step, record by record; 16 bytes a record are kept to find users who
//! stand in two of them.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fs::File,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use crate::{
    cli::{GlobalArgs, MergeArgs, OutputFormat},
    config::Environment,
    error::AppError,
    fingerprint,
    report::{
        Digest, JoinError, Joined, Part, Told, numbers, render, summary_of_all, whole,
        write_atomically,
    },
    results::{
        InSeveral, Placeholders, Record, Records, ResultsError, ResultsFile, Users, WriteMode,
        expand,
    },
    stats::{Failure, Tally},
};

use super::{
    apart::{Place, apart},
    ending::{Started, beside, replaceable, write_metrics},
    report::write_page,
};

/// So many users who stand in two shards are named.
const NAMED: u64 = 20;

pub(super) fn run(
    args: &MergeArgs,
    global: &GlobalArgs,
    env: &Environment,
) -> Result<u8, AppError> {
    let started = Started::now();
    let paths = shards_named(&args.shards);
    let (results, summary_path) = outputs(args, &started, &paths)?;
    let mut users = Users::default();
    let mut parts = Vec::new();
    for (number, path) in (0..).zip(paths) {
        parts.push(survey(path, number, &mut users)?);
    }
    let (parts, told): (Vec<_>, Vec<_>) = whole(parts)?.into_iter().unzip();
    let several = users.in_several();
    if several.count() > 0 {
        tell_of_several(&parts, &several)?;
    }
    let tally = copy(&parts, &results, args.overwrite)?;
    let stats = numbers(&told, tally);
    let joined = Joined {
        run_id: started.run_id().to_owned(),
        results: results.display().to_string(),
        sha256: fingerprint::of_file(&results).ok().flatten(),
    };
    let summary = summary_of_all(&told, &stats, joined);
    let written = write_atomically(&summary_path, &summary.to_json());
    written.map_err(|source| AppError::Output {
        path: summary_path,
        source,
    })?;
    if let Some(html) = &args.html {
        let digest = Digest::of(&mut Records::open(&results)?)?;
        let document = serde_json::to_value(&summary).expect("numbers and texts are JSON");
        write_page(html, &digest, Some(&document), &results)?;
    }
    if let Some(path) = &args.metrics {
        let job = args.metrics_job.as_deref().unwrap_or("bulk-unlock");
        write_metrics(path, &summary, job)?;
    }
    match args.output {
        Some(OutputFormat::Json) => super::print(&summary.to_json())?,
        _ if global.quiet && summary.exit_code == 0 => {}
        _ => {
            let styled = env.allows_colour() && io::stdout().is_terminal();
            super::print(&render(&summary, &stats, styled))?;
        }
    }
    Ok(summary.exit_code)
}

/// The files, without the summaries that `shards/*` also names.
fn shards_named(named: &[PathBuf]) -> Vec<PathBuf> {
    let summaries: Vec<_> = named.iter().map(|path| beside(path)).collect();
    let results = named.iter().filter(|path| !summaries.contains(path));
    results.cloned().collect()
}

/// Where results and summary go: not where any are read.
fn outputs(
    args: &MergeArgs,
    started: &Started,
    inputs: &[PathBuf],
) -> Result<(PathBuf, PathBuf), AppError> {
    let values = Placeholders {
        started_at: started.at,
        run_id: started.run_id().to_owned(),
        profile: "default".to_owned(),
        shard: "all".to_owned(),
    };
    let results = expand(&args.results, &values)?;
    let summary = match &args.summary {
        Some(template) => expand(template, &values)?,
        None => beside(&results),
    };
    let read: Vec<_> = inputs
        .iter()
        .flat_map(|path| [Place::of(path), Place::of(&beside(path))])
        .flatten()
        .collect();
    let pages = [
        ("html", args.html.as_deref()),
        ("metrics", args.metrics.as_deref()),
    ];
    let pages = pages
        .into_iter()
        .filter_map(|(option, path)| Some((option, path?)));
    let replaced: Vec<_> = [("summary", summary.as_path())]
        .into_iter()
        .chain(pages)
        .collect();
    let written: Vec<_> = [("results", results.as_path())]
        .into_iter()
        .chain(replaced.clone())
        .collect();
    apart(&written)?;
    replaced
        .iter()
        .try_for_each(|(_, path)| replaceable(path))?;
    for (_, output) in written {
        if Place::of(output).is_some_and(|place| read.contains(&place)) {
            return Err(JoinError::OutputIsInput(output.to_owned()).into());
        }
    }
    if !args.overwrite && results.metadata().is_ok_and(|found| found.is_file()) {
        return Err(ResultsError::Exists(results).into());
    }
    Ok((results, summary))
}

/// Reads one shard's summary, and its results once.
fn survey(path: PathBuf, number: u32, users: &mut Users) -> Result<Part, AppError> {
    let told = match Told::read(&beside(&path)) {
        Ok(told) => Some(told),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => {
            let path = beside(&path);
            return Err(ResultsError::Read { path, source }.into());
        }
    };
    let mut records = match Records::open(&path) {
        // A run that was killed in its first moment.
        Err(ResultsError::NotResults { .. }) if told.is_none() => {
            return Ok(Part {
                results: path,
                told,
                records: 0,
            });
        }
        records => records?,
    };
    let mut count = 0;
    while let Some(record) = records.read()? {
        users.add(number, &record);
        count += 1;
    }
    Ok(Part {
        results: path,
        told,
        records: count,
    })
}

/// Says which users stand in several shards.
///
/// # Errors
/// [`JoinError::SameRow`], where that is because two shards have done the same row.
fn tell_of_several(parts: &[Part], several: &InSeveral) -> Result<(), AppError> {
    let mut first: HashMap<usize, (&Path, u64)> = HashMap::new();
    let mut told = 0;
    for part in parts {
        let mut records = Records::open(&part.results)?;
        while let Some(record) = records.read()? {
            let Some(user) = several.find(&record) else {
                continue;
            };
            let (other, row) = *first.entry(user).or_insert((&part.results, record.row));
            if other == part.results {
                continue;
            }
            if row == record.row {
                return Err(AppError::from(JoinError::SameRow {
                    row,
                    user: record.user().to_string(),
                    first: other.to_owned(),
                    second: part.results.clone(),
                }));
            }
            told += 1;
            if told <= NAMED {
                tracing::warn!(
                    "{} stands in two shards, since the source names it in two ways: row {row} in {} and row {} in {}",
                    record.user(),
                    other.display(),
                    record.row,
                    part.results.display()
                );
            }
        }
    }
    tracing::warn!(
        "{} stand in several shards; each shard asked for them once, which does no harm",
        match several.count() {
            1 => "1 user".to_owned(),
            count => format!("{count} users"),
        }
    );
    Ok(())
}

/// Joins the records in the order of their completion. Returns them, counted.
fn copy(parts: &[Part], results: &Path, overwrite: bool) -> Result<Tally, AppError> {
    let mode = match overwrite {
        true => WriteMode::Overwrite,
        false => WriteMode::CreateNew,
    };
    let mut readers = Vec::new();
    for part in parts {
        readers.push(Records::open(&part.results)?);
    }
    let (mut file, _) = ResultsFile::open(results, mode)?;
    let mut tally = Tally::default();
    let mut next = BinaryHeap::new();
    for (number, reader) in readers.iter_mut().enumerate() {
        next.extend(advance(reader, number, &mut tally)?);
    }
    while let Some(Reverse(Next { record, reader, .. })) = next.pop() {
        file.append(&record)?;
        next.extend(advance(&mut readers[reader], reader, &mut tally)?);
    }
    file.close()?;
    Ok(tally)
}

/// The record that a reader is at. The earliest comes first, of two of one time that of the first
/// shard.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    finished_at: String,
    reader: usize,
    record: Record,
}

fn advance(
    records: &mut Records<File>,
    reader: usize,
    tally: &mut Tally,
) -> Result<Option<Reverse<Next>>, ResultsError> {
    let Some(record) = records.read()? else {
        return Ok(None);
    };
    tally.add(record.kind, || Failure {
        row: record.row,
        user: record.user().to_string(),
        kind: record.kind,
        error: record.error.to_owned(),
    });
    Ok(Some(Reverse(Next {
        finished_at: record.finished_at.to_owned(),
        reader,
        record: Record::again(&record),
    })))
}
