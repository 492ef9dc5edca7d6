//! The shard that a scheduler's array job gives to each of its processes.
//!
//! Nothing is guessed: a variable that is missing or makes no sense ends the run, since a process
//! that took itself for the whole would do everybody's work again.

use super::Shard;

/// How a scheduler tells a process which one of how many it is.
struct Engine {
    name: &'static str,
    /// Which one this process is.
    index: &'static str,
    /// How many there are. Any of these will do; the first is the one that is documented.
    counts: &'static [&'static str],
    /// The lowest index, where they need not count from 0.
    first: Option<&'static str>,
    /// From one index to the next, where that need not be 1.
    step: Option<&'static str>,
}

const ENGINES: [Engine; 4] = [
    Engine {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        // Kubernetes itself does not tell it: the manifest has to.
        counts: &["JOB_COMPLETION_COUNT", "JOB_COMPLETIONS"],
        first: None,
        step: None,
    },
    Engine {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        counts: &["SLURM_ARRAY_TASK_COUNT"],
        first: Some("SLURM_ARRAY_TASK_MIN"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
    },
    Engine {
        name: "AWS Batch",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        counts: &["AWS_BATCH_JOB_ARRAY_SIZE"],
        first: None,
        step: None,
    },
    Engine {
        name: "Cloud Run",
        index: "CLOUD_RUN_TASK_INDEX",
        counts: &["CLOUD_RUN_TASK_COUNT"],
        first: None,
        step: None,
    },
];

/// An array job's environment that does not say which shard this is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// One variable of several.
    #[error(
        "{given} is set, and {missing} is not: that is half of what {engine} tells an array job"
    )]
    Half {
        /// The engine.
        engine: &'static str,
        /// The variable that is set.
        given: &'static str,
        /// The variable that it needs.
        missing: &'static str,
    },
    /// A variable that is no number.
    #[error("{variable} is `{value}`, which is no whole number")]
    Number {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// An index that is not one of so many.
    #[error(
        "{variable} is {index}, which is none of the {count} that {counted_by} counts without a gap"
    )]
    Range {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        index: u32,
        /// How many there are.
        count: u32,
        /// The variable that says so.
        counted_by: &'static str,
    },
    /// Two engines.
    #[error("{0} and {1} are both set, and name different shards")]
    Two(&'static str, &'static str),
}

/// The shard that the environment of an array job names; `None` outside of one, and in one of a
/// single process.
///
/// # Errors
/// [`ArrayError`], naming the variable.
pub fn from_array_job<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
) -> Result<Option<Shard>, ArrayError> {
    let mut found: Option<(&Engine, Shard)> = None;
    for engine in &ENGINES {
        let Some(shard) = engine.shard(&get)? else {
            continue;
        };
        match found {
            Some((first, other)) if other != shard => {
                return Err(ArrayError::Two(first.index, engine.index));
            }
            _ => found = Some((engine, shard)),
        }
    }
    let shards = found.map(|(_, shard)| shard);
    Ok(shards.filter(|shard| shard.count() > 1))
}

impl Engine {
    fn shard<'a>(
        &self,
        get: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Option<Shard>, ArrayError> {
        let number = |variable: &'static str| {
            let value = get(variable);
            let number = value.map(|value| value.trim().parse::<u32>()).transpose();
            number.map_err(|_| ArrayError::Number {
                variable,
                value: value.unwrap_or_default().to_owned(),
            })
        };
        let half = |given, missing| ArrayError::Half {
            engine: self.name,
            given,
            missing,
        };
        let counted_by = self.counts.iter().copied().find(|name| get(name).is_some());
        let count = counted_by.map(number).transpose()?.flatten();
        let (index, count) = match (number(self.index)?, count) {
            (Some(index), Some(count)) => (index, count),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(half(self.index, self.counts[0])),
            (None, Some(_)) => return Err(half(counted_by.unwrap_or_default(), self.index)),
        };
        let first = match self.first {
            Some(variable) => number(variable)?.ok_or_else(|| half(self.index, variable))?,
            None => 0,
        };
        let step = self.step.map(number).transpose()?.flatten().unwrap_or(1);
        let place = index
            .checked_sub(first)
            .filter(|offset| step > 0 && offset % step == 0)
            .and_then(|offset| Shard::new(offset / step, count));
        place.map(Some).ok_or(ArrayError::Range {
            variable: self.index,
            index,
            count,
            counted_by: counted_by.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::from_array_job;

    fn shard(environment: &str) -> Result<Option<String>, String> {
        let pairs: Vec<_> = environment
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let get = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| *value)
        };
        let shard = from_array_job(get).map_err(|error| error.to_string())?;
        Ok(shard.map(|shard| shard.to_string()))
    }

    #[test]
    fn each_engine_tells_in_its_own_way() {
        for (environment, expected) in [
            ("", None),
            ("JOB_COMPLETION_INDEX=3 JOB_COMPLETION_COUNT=8", Some("3/8")),
            ("JOB_COMPLETION_INDEX=0 JOB_COMPLETIONS=8", Some("0/8")),
            (
                "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=8",
                Some("0/8"),
            ),
            (
                "SLURM_ARRAY_TASK_ID=8 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=8",
                Some("7/8"),
            ),
            (
                "SLURM_ARRAY_TASK_ID=14 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=2",
                Some("2/4"),
            ),
            (
                "AWS_BATCH_JOB_ARRAY_INDEX=1 AWS_BATCH_JOB_ARRAY_SIZE=2",
                Some("1/2"),
            ),
            (
                "CLOUD_RUN_TASK_INDEX=9 CLOUD_RUN_TASK_COUNT=10",
                Some("9/10"),
            ),
            ("CLOUD_RUN_TASK_INDEX=0 CLOUD_RUN_TASK_COUNT=1", None),
            (
                "CLOUD_RUN_TASK_INDEX=1 CLOUD_RUN_TASK_COUNT=2 JOB_COMPLETION_INDEX=1 JOB_COMPLETIONS=2",
                Some("1/2"),
            ),
        ] {
            assert_eq!(
                shard(environment),
                Ok(expected.map(str::to_owned)),
                "{environment}"
            );
        }
    }

    #[test]
    fn half_of_it_is_refused_and_the_variable_named() {
        for (environment, named) in [
            ("JOB_COMPLETION_INDEX=3", "JOB_COMPLETION_COUNT is not"),
            ("JOB_COMPLETION_COUNT=3", "JOB_COMPLETION_INDEX is not"),
            (
                "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_MIN=1",
                "SLURM_ARRAY_TASK_COUNT is not",
            ),
            (
                "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=1",
                "SLURM_ARRAY_TASK_MIN is not",
            ),
            (
                "AWS_BATCH_JOB_ARRAY_SIZE=3",
                "AWS_BATCH_JOB_ARRAY_INDEX is not",
            ),
            ("CLOUD_RUN_TASK_INDEX=3", "CLOUD_RUN_TASK_COUNT is not"),
            (
                "CLOUD_RUN_TASK_INDEX=x CLOUD_RUN_TASK_COUNT=3",
                "CLOUD_RUN_TASK_INDEX is `x`",
            ),
            (
                "CLOUD_RUN_TASK_INDEX=3 CLOUD_RUN_TASK_COUNT=3",
                "CLOUD_RUN_TASK_INDEX is 3",
            ),
            (
                "CLOUD_RUN_TASK_INDEX=0 CLOUD_RUN_TASK_COUNT=0",
                "CLOUD_RUN_TASK_INDEX is 0",
            ),
            (
                "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=3",
                "SLURM_ARRAY_TASK_ID is 7",
            ),
            (
                "CLOUD_RUN_TASK_INDEX=0 CLOUD_RUN_TASK_COUNT=2 JOB_COMPLETION_INDEX=1 JOB_COMPLETIONS=2",
                "CLOUD_RUN_TASK_INDEX",
            ),
        ] {
            let refused = shard(environment).expect_err(environment);
            assert!(refused.contains(named), "{environment}: {refused}");
        }
    }
}
