//! `verify`: whether a results file is the one that its run wrote, whole and unaltered.

use std::path::Path;

use serde::Serialize;

use crate::{
    cli::{OutputFormat, VerifyArgs},
    error::AppError,
    fingerprint,
    report::{Digest, Told},
    results::{Records, ResultsError},
};

use super::ending::beside;

/// What is found of one file.
#[derive(Debug, Serialize)]
struct Findings {
    results: String,
    summary: String,
    run_id: String,
    /// Whole, the run's, and unaltered.
    verified: bool,
    /// What speaks against it; empty where nothing does.
    why: String,
    records: u64,
    sha256: String,
}

pub(super) fn run(args: &VerifyArgs) -> Result<u8, AppError> {
    let path = &args.results;
    let summary_path = args.summary.clone().unwrap_or_else(|| beside(path));
    let told = Told::read(&summary_path).map_err(|source| ResultsError::Summary {
        path: summary_path.clone(),
        source,
    })?;
    let digest = Digest::of(&mut Records::open(path)?);
    let read = |source| ResultsError::Read {
        path: path.clone(),
        source,
    };
    let sha256 = fingerprint::of_file(path).map_err(read)?;
    let sha256 = sha256.unwrap_or_default();
    let (records, why) = match digest {
        Ok(digest) => (digest.tally.done(), objection(&digest, &told, &sha256)),
        Err(error) => (0, Some(error.to_string())),
    };
    let findings = Findings {
        results: path.display().to_string(),
        summary: summary_path.display().to_string(),
        run_id: told.run_id,
        verified: why.is_none(),
        why: why.unwrap_or_default(),
        records,
        sha256,
    };
    let text = match args.output {
        Some(OutputFormat::Json) => {
            let text = serde_json::to_string_pretty(&findings);
            text.expect("texts and numbers are JSON") + "\n"
        }
        Some(OutputFormat::Text) | None => findings.in_words(path),
    };
    super::print(&text)?;
    Ok(u8::from(!findings.verified))
}

/// What speaks against these records' being what the run wrote; `None` where nothing does.
fn objection(digest: &Digest, told: &Told, sha256: &str) -> Option<String> {
    if let Some(torn) = &digest.torn {
        let line = torn.line;
        return Some(format!(
            "it ends in the middle of line {line}: it is not whole"
        ));
    }
    let Some(hash) = told
        .hashes
        .as_ref()
        .and_then(|hashes| hashes.results.as_deref())
    else {
        return Some(
            "the summary tells no hash of the results: that run did not write them".to_owned(),
        );
    };
    let done = digest.tally.done();
    if told.rows.done != done {
        let rows = told.rows.done;
        return Some(format!("it holds {done} records, and its run left {rows}"));
    }
    (hash != sha256).then(|| "it was altered after its run: the hash differs".to_owned())
}

impl Findings {
    fn in_words(&self, path: &Path) -> String {
        let path = path.display();
        match self.verified {
            true => format!(
                "{path} is what run {} wrote, whole and unaltered: {} records.\n\
                 sha256 {}\n",
                self.run_id, self.records, self.sha256
            ),
            false => format!(
                "{path} is not what run {} wrote: {}.\n  summary {}\n  sha256  {}\n",
                self.run_id, self.why, self.summary, self.sha256
            ),
        }
    }
}
