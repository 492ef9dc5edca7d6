//! Commands on results that exist.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::OutputFormat;

/// Options of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The results of every shard; each one's summary is read beside it (RESULTS + .json)
    #[arg(value_name = "RESULTS", required = true)]
    pub shards: Vec<PathBuf>,
    /// Where the joined results go
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub results: String,
    /// Replace a results file that exists
    #[arg(long)]
    pub overwrite: bool,
    /// Where the joined summary goes [default: the results file's name + .json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub summary: Option<String>,
    /// The report of the whole, as one page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Numbers of the whole for Prometheus
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// The metrics' label `job` [default: bulk-unlock]
    #[arg(long, value_name = "NAME")]
    pub metrics_job: Option<String>,
    /// What the summary on stdout looks like [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The results CSV of a run, also of one that was killed or is still at work
    pub results: PathBuf,
    /// The report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The run's summary [default: the results file's name + .json, where there is one]
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// What the summary on stdout looks like [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The results CSV of a run
    pub results: PathBuf,
    /// The run's summary, which holds the hash [default: the results file's name + .json]
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// What is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
}
