//! Where the numbers of a run go beside its results: metrics, ping, report.

use std::path::PathBuf;

use crate::{cli::ResultsArgs, http::Url};

use super::{ConfigError, Environment, values::ping_url};

/// Outputs that a run has only where they are asked for.
#[derive(Debug)]
pub struct OutputSettings {
    /// The metrics' name, placeholders and all; `None` without.
    pub metrics: Option<String>,
    /// The metrics' label `job`.
    pub metrics_job: String,
    /// The page's name, placeholders and all; `None` without.
    pub html: Option<String>,
    /// Who is told the start and the exit code; `None` where nobody is.
    pub ping: Option<PingSettings>,
}

/// Who is told the start and the exit code.
#[derive(Debug, Clone)]
pub struct PingSettings {
    /// To this the path is added.
    pub url: Url,
    /// A file with further trusted CAs.
    pub ca_file: Option<PathBuf>,
}

/// The outputs that the options and the environment name.
pub(super) fn resolve_outputs(
    args: &ResultsArgs,
    ca_file: Option<PathBuf>,
    env: &Environment,
) -> Result<OutputSettings, ConfigError> {
    let ping = env.option(args.ping.as_deref(), "ping");
    let ping = ping.map(|text| ping_url("ping", &text)).transpose()?;
    let job = env.option(args.metrics_job.as_deref(), "metrics-job");
    Ok(OutputSettings {
        metrics: env.option(args.metrics.as_deref(), "metrics"),
        metrics_job: job.unwrap_or_else(|| "bulk-unlock".to_owned()),
        html: env.option(args.html.as_deref(), "html"),
        ping: ping.map(|url| PingSettings { url, ca_file }),
    })
}
