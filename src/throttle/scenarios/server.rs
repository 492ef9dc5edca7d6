//! Services with a limit, as data: what they count, how much they allow when, how they refuse.

use std::collections::VecDeque;

/// How calls are counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// So many in any window of this many seconds.
    Sliding(f64),
    /// So many in each of the windows of this many seconds that follow one another.
    Fixed(f64),
    /// A bucket that holds so many and fills evenly.
    Bucket(f64),
}

/// A service.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) kind: Kind,
    /// From which second on how many calls a second are taken.
    pub(super) allows: Vec<(f64, f64)>,
    /// Whether refused calls count as well, where windows slide.
    pub(super) refused_count: bool,
    /// Whether a refusal says, in whole seconds, when to come back.
    pub(super) retry_after: bool,
    /// The share of calls that is refused for no reason.
    pub(super) stray: f64,
    /// Seconds to the answer, and what may come on top.
    pub(super) latency: (f64, f64),
    /// From which second on it stands still, and for how long: what came meanwhile comes at once.
    pub(super) stalls: Vec<(f64, f64)>,
}

impl Service {
    pub(super) fn new(kind: Kind, allows: &[(f64, f64)]) -> Self {
        Self {
            kind,
            allows: allows.to_vec(),
            refused_count: false,
            retry_after: false,
            stray: 0.0,
            latency: (0.03, 0.0),
            stalls: vec![],
        }
    }

    /// When a call that comes at this second is seen to.
    pub(super) fn handled(&self, at: f64) -> f64 {
        let mut stalls = self.stalls.iter();
        let stall = stalls.find(|(from, long)| (*from..from + long).contains(&at));
        stall.map_or(at, |(from, long)| from + long)
    }

    /// Calls a second that are taken at this second.
    pub(super) fn allowed_at(&self, at: f64) -> f64 {
        let begun = self.allows.iter().rev().find(|(from, _)| *from <= at);
        begun.map_or(f64::INFINITY, |(_, per_s)| *per_s)
    }
}

/// What a service has counted.
#[derive(Debug, Default)]
pub(super) struct Counter {
    calls: VecDeque<f64>,
    window: u64,
    in_window: f64,
    filled: Option<(f64, f64)>,
}

impl Counter {
    /// Counts a call at this second; or says how many seconds it should have waited.
    pub(super) fn take(&mut self, service: &Service, now: f64) -> Result<(), f64> {
        let per_s = service.allowed_at(now);
        if per_s.is_infinite() {
            return Ok(());
        }
        match service.kind {
            Kind::Sliding(window) => {
                let most = (per_s * window).floor() as usize;
                while self.calls.front().is_some_and(|at| at + window <= now) {
                    self.calls.pop_front();
                }
                let place = self.calls.len().checked_sub(most);
                let wait = place.map(|place| self.calls[place] + window - now);
                if wait.is_none() || service.refused_count {
                    self.calls.push_back(now);
                }
                wait.map_or(Ok(()), Err)
            }
            Kind::Fixed(window) => {
                let here = (now / window).floor() as u64;
                if here != self.window {
                    (self.window, self.in_window) = (here, 0.0);
                }
                if self.in_window + 1.0 > per_s * window {
                    return Err((here + 1) as f64 * window - now);
                }
                self.in_window += 1.0;
                Ok(())
            }
            Kind::Bucket(most) => {
                let (held, since) = self.filled.unwrap_or((most, now));
                let held = (held + (now - since) * per_s).min(most);
                let taken = held >= 1.0 - 1e-9;
                self.filled = Some((if taken { held - 1.0 } else { held }, now));
                if taken {
                    Ok(())
                } else {
                    Err((1.0 - held) / per_s)
                }
            }
        }
    }
}
