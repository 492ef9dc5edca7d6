//! The part of the summary that pictures are drawn from.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    results::timestamp,
    stats::{Stats, Timeline},
};

/// What pictures are drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// Over time; `None` where nothing happened.
    pub timeline: Option<TimelineChart>,
    /// How long requests took; `None` where none was sent.
    pub latency: Option<Histogram>,
    /// What look-ups found before anything was sent; `None` where nobody was looked up.
    pub locks_before: Option<LocksBefore>,
}

/// Steps of equal length; the lists have one number a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineChart {
    /// When the first step begins.
    pub started_at: String,
    /// How long a step is, in seconds.
    pub step_s: f64,
    /// Requests that ended.
    pub requests: Vec<u64>,
    /// Those of them that were answered with 429.
    pub responses_429: Vec<u64>,
    /// Rows that became final.
    pub rows: Vec<u64>,
    /// How long all waited, as the service had asked, in seconds.
    pub paused_s: Vec<f64>,
    /// How long the service did not answer, in seconds.
    pub away_s: Vec<f64>,
}

/// How many took how long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// The upper ends of the classes, in milliseconds; the first begins at 0.
    pub up_to_ms: Vec<u64>,
    /// How many are in each class.
    pub counts: Vec<u64>,
}

/// Users who were looked up, and how many of them had which lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocksBefore {
    /// Users who were looked up.
    pub looked_up: u64,
    /// How many of them were locked, by method.
    pub locked: BTreeMap<String, u64>,
}

impl Charts {
    /// The pictures of these numbers, of a run that ended now.
    #[must_use]
    pub fn of(stats: &Stats, now: SystemTime) -> Self {
        let mut timeline = stats.timeline.clone();
        if timeline.start().is_some() {
            timeline.advance(now);
        }
        let mut latency = Histogram::default();
        for (length, count) in stats.latencies() {
            latency.add(length, count);
        }
        let (looked_up, locked) = stats.looked_up();
        let locked = locked.map(|(method, count)| (method.to_string(), count));
        Self {
            timeline: TimelineChart::of(&timeline),
            latency: (!latency.counts.is_empty()).then_some(latency),
            locks_before: (looked_up > 0).then(|| LocksBefore {
                looked_up,
                locked: locked.into_iter().collect(),
            }),
        }
    }
}

impl TimelineChart {
    /// The steps as lists; `None` before the first event.
    #[must_use]
    pub fn of(line: &Timeline) -> Option<Self> {
        let steps = line.steps();
        let seconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
        Some(Self {
            started_at: timestamp(line.start()?),
            step_s: line.step().as_secs_f64(),
            requests: steps.iter().map(|step| step.requests).collect(),
            responses_429: steps.iter().map(|step| step.responses_429).collect(),
            rows: steps.iter().map(|step| step.rows).collect(),
            paused_s: steps.iter().map(|step| seconds(step.paused)).collect(),
            away_s: steps.iter().map(|step| seconds(step.away)).collect(),
        })
    }
}

impl Histogram {
    /// Counts this many that took so long. Classes end at 1, 2, 5, 10, … milliseconds.
    pub fn add(&mut self, length: Duration, count: u64) {
        let ms = length.as_micros().div_ceil(1000);
        while self
            .up_to_ms
            .last()
            .is_none_or(|last| u128::from(*last) < ms)
        {
            self.up_to_ms.push(class_end(self.up_to_ms.len()));
            self.counts.push(0);
        }
        let class = self.up_to_ms.partition_point(|end| u128::from(*end) < ms);
        self.counts[class] += count;
    }
}

fn class_end(class: usize) -> u64 {
    let decade = u32::try_from(class / 3).unwrap_or(0).min(18);
    [1, 2, 5][class % 3] * 10_u64.pow(decade)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Histogram;

    #[test]
    fn classes_end_at_one_two_and_five() {
        let mut histogram = Histogram::default();
        for (ms, count) in [(0, 1), (1, 1), (2, 4), (3, 2), (5, 1), (6, 7), (100, 1)] {
            histogram.add(Duration::from_millis(ms), count);
        }
        histogram.add(Duration::from_micros(1_001), 1);
        assert_eq!(histogram.up_to_ms, [1, 2, 5, 10, 20, 50, 100]);
        assert_eq!(histogram.counts, [2, 5, 3, 7, 0, 0, 1]);
    }
}
