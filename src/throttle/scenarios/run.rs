//! A run of a client against a service, one event after the other.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    time::Duration,
};

use super::server::{Counter, Service};
use crate::throttle::adaptive::{Adaptive, Feedback, Permit};

/// A client and its service.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) ceiling: f64,
    pub(super) concurrency: usize,
    pub(super) seconds: f64,
    pub(super) service: Service,
}

/// A call as the service saw it.
#[derive(Debug, Clone, Copy)]
struct Call {
    at: f64,
    refused: bool,
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Outcome {
    calls: Vec<Call>,
    run: Run,
}

/// An answer on its way: when it arrives, to which request, and how it reads.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reply {
    at: f64,
    permit: Permit,
    feedback: Feedback,
}

impl Eq for Reply {}

impl PartialOrd for Reply {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reply {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.total_cmp(&other.at)
    }
}

/// The service, and chance.
struct There<'a> {
    service: &'a Service,
    counter: Counter,
    random: fastrand::Rng,
}

impl There<'_> {
    /// A request that is sent now: how it reaches the service, and the answer.
    fn call(&mut self, now: f64, permit: Permit) -> (Call, Reply) {
        let (least, most) = self.service.latency;
        let at = self
            .service
            .handled(now + (least + self.random.f64() * most) / 2.0);
        let stray = self.random.f64() < self.service.stray;
        let taken = match stray {
            true => Err(1.0),
            false => self.counter.take(self.service, at),
        };
        let feedback = match taken {
            Ok(()) => Feedback::LetThrough,
            Err(seconds) => Feedback::Refused {
                wait: self.service.retry_after.then(|| secs(seconds.ceil())),
            },
        };
        let refused = taken.is_err();
        let back = at + (least + self.random.f64() * most) / 2.0;
        let reply = Reply {
            at: back,
            permit,
            feedback,
        };
        (Call { at, refused }, reply)
    }
}

fn secs(time: f64) -> Duration {
    Duration::from_secs_f64(time.max(0.0))
}

impl Run {
    /// The run, with this seed's chance.
    pub(super) fn simulate(&self, seed: u64) -> Outcome {
        let mut there = There {
            service: &self.service,
            counter: Counter::default(),
            random: fastrand::Rng::with_seed(seed),
        };
        let mut controller = Adaptive::new(self.ceiling);
        let (mut calls, mut replies) = (Vec::new(), BinaryHeap::<Reverse<Reply>>::new());
        let (mut slot, mut now) = (0.0_f64, 0.0_f64);
        while now < self.seconds {
            let due = slot.max(controller.not_before().as_secs_f64()).max(now);
            let next = replies.peek().map(|Reverse(reply)| reply.at);
            if replies.len() < self.concurrency && next.is_none_or(|at| due < at) {
                now = due;
                let permit = controller.sent(secs(now));
                slot = now + 1.0 / controller.rate();
                let (call, reply) = there.call(now, permit);
                calls.push(call);
                replies.push(Reverse(reply));
            } else if let Some(Reverse(reply)) = replies.pop() {
                now = reply.at.max(now);
                controller.heard(reply.permit, reply.feedback, secs(now));
            }
        }
        Outcome {
            calls,
            run: self.clone(),
        }
    }
}

impl Outcome {
    /// The share of what was allowed that was used between these seconds.
    pub(super) fn used(&self, from: f64, to: f64) -> f64 {
        let taken = self.within(from, to).filter(|call| !call.refused).count();
        let steps = 1_000;
        let step = (to - from) / f64::from(steps);
        let allowed = (0..steps).map(|n| {
            let at = from + (f64::from(n) + 0.5) * step;
            self.run.service.allowed_at(at).min(self.run.ceiling) * step
        });
        taken as f64 / allowed.sum::<f64>()
    }

    /// The share of refusals among the calls between these seconds.
    pub(super) fn refused(&self, from: f64, to: f64) -> f64 {
        let refused = self.within(from, to).filter(|call| call.refused).count();
        refused as f64 / self.within(from, to).count().max(1) as f64
    }

    /// Seconds from then until this share is used for two seconds; infinite where it never is.
    pub(super) fn reaches(&self, share: f64, from: f64) -> f64 {
        let tenths = (0..).map(|n| from + f64::from(n) / 10.0);
        let mut times = tenths.take_while(|at| at + 2.0 <= self.run.seconds);
        let reached = times.find(|at| self.used(*at, at + 2.0) >= share);
        reached.map_or(f64::INFINITY, |at| at - from)
    }

    fn within(&self, from: f64, to: f64) -> impl Iterator<Item = &Call> {
        let calls = self.calls.iter();
        calls.filter(move |call| (from..to).contains(&call.at))
    }
}
