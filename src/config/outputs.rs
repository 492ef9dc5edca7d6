//! Where the numbers of a run go beside its results: metrics, ping, report.

use std::path::PathBuf;

use crate::{
    cli::{ConnectionArgs, ResultsArgs},
    http::Url,
};

use super::{ConfigError, values::ping_url};

/// Outputs that a run has only where they are asked for.
#[derive(Debug)]
pub struct OutputSettings {
    /// The metrics' name, placeholders and all; `None` without.
    pub metrics: Option<String>,
    /// The metrics' label `job`.
    pub metrics_job: String,
    /// The page's name, placeholders and all; `None` without.
    pub html: Option<String>,
}

/// Who is told the start and the exit code.
#[derive(Debug, Clone)]
pub struct PingSettings {
    /// To this the path is added.
    pub url: Url,
    /// A file with further trusted CAs.
    pub ca_file: Option<PathBuf>,
}

/// The outputs that the options name.
pub(super) fn resolve_outputs(args: &ResultsArgs) -> OutputSettings {
    let job = args.metrics_job.clone();
    OutputSettings {
        metrics: args.metrics.clone(),
        metrics_job: job.unwrap_or_else(|| "bulk-unlock".to_owned()),
        html: args.html.clone(),
    }
}

/// Who is told the start and the exit code; `None` where nobody is.
///
/// # Errors
/// [`ConfigError`]: no URL that can be told.
pub fn resolve_ping(
    args: &ResultsArgs,
    connection: &ConnectionArgs,
) -> Result<Option<PingSettings>, ConfigError> {
    let url = args.ping.as_deref().map(|text| ping_url("ping", text));
    let ca_file = connection.ca_file.clone();
    Ok(url.transpose()?.map(|url| PingSettings { url, ca_file }))
}
