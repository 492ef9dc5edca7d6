//! How any request goes out: paced, sent once, told to the report, its `Retry-After` obeyed by all.
//!
//! Nothing here knows tokens or what an answer means.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    event::{Event, Events},
    health::{About, Health, Pass, Sign},
    http::{Bearer, Body, Http, NoReply, Reply, Url, Verb, timed},
    model::{Answer, Attempt, Endpoint},
    retry::Next,
    shutdown::Shutdown,
    throttle::{Feedback, Permit, Throttle},
};

use super::{Halt, classify, retry_after};

/// A wait of this length that the service asks for is told to whoever does not ask for more.
const WORTH_A_LINE: Duration = Duration::from_secs(10);

/// A request, but for its token.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) endpoint: Endpoint,
    pub(super) verb: Verb,
    pub(super) url: Url,
    pub(super) body: Body,
    pub(super) about: About,
}

/// One exchange and what it asks of the next.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) reply: Result<Reply, NoReply>,
    pub(super) next: Next,
}

/// The one way out. Clones share gate, connections and channel.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pub(super) http: Http,
    pub(super) throttle: Arc<Throttle>,
    pub(super) events: Events,
    pub(super) shutdown: Shutdown,
    pub(super) health: Health,
}

impl Transport {
    /// Waits for the right to send, which in an outage is one request's at a time. It has to be
    /// held until the request has been sent.
    pub(super) async fn pass(&self) -> Result<Pass, Halt> {
        let pass = self.shutdown.unless_stopped(self.health.pass());
        pass.await.ok_or(Halt)
    }

    /// Waits for the permit to send one request, which must then go at once.
    pub(super) async fn pace(&self) -> Result<Permit, Halt> {
        let permit = self.shutdown.unless_stopped(self.throttle.acquire());
        permit.await.ok_or(Halt)
    }

    /// The same for a request that others wait for: a token's.
    pub(super) async fn pace_urgent(&self) -> Result<Permit, Halt> {
        let permit = self.shutdown.unless_stopped(self.throttle.acquire_urgent());
        permit.await.ok_or(Halt)
    }

    /// Sends one request on this permit. A stop lets it end; an abort does not.
    pub(super) async fn send(
        &self,
        permit: Permit,
        request: &Request,
        bearer: Option<&Bearer>,
    ) -> Result<Exchange, Halt> {
        // In a box, since everything that waits for it would be as large otherwise, and is moved.
        let sending = Box::pin(
            self.http
                .send(request.verb, &request.url, bearer, &request.body),
        );
        let sent = self.shutdown.unless_aborted(timed(sending)).await;
        let (reply, latency) = sent.ok_or(Halt)?;
        let answer = match &reply {
            Ok(reply) => Answer::Status(reply.status),
            Err(error) => error.answer,
        };
        tracing::trace!(endpoint = %request.endpoint, status = %answer, latency_ms = latency.as_millis() as u64, "answered");
        self.events
            .send(Event::Attempted(Attempt {
                endpoint: request.endpoint,
                answer,
                latency,
            }))
            .await;
        let not_before = match &reply {
            Ok(reply) => self.learn(permit, reply).await,
            Err(_) => None,
        };
        let sign = classify::sign(&reply);
        let said = match &reply {
            Ok(_) if sign == Sign::Answers => String::new(),
            Ok(reply) => classify::describe(reply),
            Err(error) if sign == Sign::Untrusted => format!("{error}; {}", error.remedy()),
            Err(error) => error.text.clone(),
        };
        self.health.heard(sign, request.about, &said).await;
        if let Some(slowed_to) = self.throttle.news() {
            self.events.send(Event::Paced { slowed_to }).await;
        }
        self.throttle.away(|| self.health.away_since().is_some());
        let next = Next {
            not_before,
            unanswered: sign != Sign::Answers,
            throttled: matches!(&reply, Ok(reply) if reply.status == 429),
        };
        Ok(Exchange { reply, next })
    }

    /// What the answer says of the limit binds everybody: the rate, and a wait where one is asked
    /// for.
    async fn learn(&self, permit: Permit, reply: &Reply) -> Option<Instant> {
        let wait = retry_after::wait(reply, SystemTime::now());
        let feedback = match reply.status {
            429 => Feedback::Refused { wait },
            _ => Feedback::LetThrough,
        };
        self.throttle.heard(permit, feedback);
        let wait = wait?;
        let until = Instant::now() + wait;
        if self.throttle.hold_until(until) && wait > Duration::ZERO {
            let (status, wait_ms) = (reply.status, wait.as_millis() as u64);
            // The bar shows short ones, and a service that asks for them asks often.
            match wait >= WORTH_A_LINE {
                true => tracing::info!(status, wait_ms, "the service asks all to wait"),
                false => tracing::debug!(status, wait_ms, "the service asks all to wait"),
            }
            let until = SystemTime::now() + wait;
            self.events.send(Event::Paused { until }).await;
        }
        Some(until)
    }
}
