//! One call on its way: entered when it comes, admitted or turned away, settled when it goes.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Uri, header};

use super::{
    answer::Answer,
    faults::asked,
    ledger::Call,
    limit, outage,
    scenario::{Dialect, Endpoint, Fault, FaultKind, OutageKind},
    tenant::{Tenant, locked},
    user::random_for,
};

/// A call that has arrived and is not answered yet.
pub(super) struct Visit<'a> {
    tenant: &'a Tenant,
    endpoint: Endpoint,
    path: &'a str,
    /// In the ledger.
    place: usize,
    /// Met on arrival.
    outage: Option<OutageKind>,
}

impl<'a> Visit<'a> {
    /// Enters a call that has just arrived.
    pub(super) fn begin(tenant: &'a Tenant, endpoint: Endpoint, uri: &'a Uri) -> Self {
        if endpoint != Endpoint::Token {
            tenant.calls_have_begun();
        }
        let asked = uri.path_and_query();
        let place = tenant.arrive(
            endpoint.word(),
            asked.map_or(uri.path(), |asked| asked.as_str()),
        );
        let outage = locked(&tenant.outages).meet(
            &tenant.scenario.outage,
            endpoint,
            tenant.since_first_call(),
        );
        tenant.settle(place, |call| call.outage = outage.is_some());
        Self {
            tenant,
            endpoint,
            path: uri.path(),
            place,
            outage,
        }
    }

    pub(super) const fn path(&self) -> &'a str {
        self.path
    }

    /// Enters more of it.
    pub(super) fn settle(&self, enter: impl FnOnce(&mut Call)) {
        self.tenant.settle(self.place, enter);
    }

    /// Enters whom or what it is about.
    pub(super) fn is_about(&self, subject: &str) {
        self.settle(|call| call.user = Some(subject.to_owned()));
    }

    /// Enters the answer.
    pub(super) fn end(&self, answer: Answer) -> Answer {
        self.settle(|call| call.status = answer.status);
        answer
    }

    /// Whether the service is there at all.
    pub(super) fn in_service(&self) -> Result<(), Answer> {
        self.outage.map_or(Ok(()), |kind| Err(outage::answer(kind)))
    }

    /// Outage, latency, token, permission, limit: what stands before every call of the API.
    pub(super) async fn admit(&self, headers: &HeaderMap, about: &str) -> Result<(), Answer> {
        if self.outage.is_some() {
            // For the ledger: with this token the call would have been let in.
            let _ = self.sign_in(headers);
        }
        self.in_service()?;
        let scenario = &self.tenant.scenario;
        let jitter = random_for(scenario.seed, about, u64::MAX - self.place as u64)
            .u64(..=scenario.jitter_ms);
        let latency = Duration::from_millis(scenario.latency_ms + jitter);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        self.sign_in(headers)?;
        self.within_limit()
    }

    fn sign_in(&self, headers: &HeaderMap) -> Result<(), Answer> {
        let (tenant, scenario) = (self.tenant, &self.tenant.scenario);
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = bearer
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default();
        let mut tokens = locked(&tenant.tokens);
        if locked(&tenant.luck).revokes(scenario, self.endpoint) {
            tokens.revoke(bearer);
        }
        let token = tokens.check(&tenant.keys, &tenant.audience(), scenario, bearer);
        self.settle(|call| call.token = token);
        if token.is_none() {
            let why = "Unable to process access token";
            return Err(Answer::framework(scenario.token.refusal, why, self.path));
        }
        if scenario.token.permitted && tokens.covers(bearer, self.endpoint.scope()) {
            return Ok(());
        }
        Err(match scenario.token.forbidden_dialect {
            Dialect::Application => Answer::error(403, "403 FORBIDDEN", "Not authorized"),
            Dialect::Framework => Answer::framework(403, "Access denied", self.path),
        })
    }

    /// Counts the call, or turns it away.
    pub(super) fn within_limit(&self) -> Result<(), Answer> {
        let (tenant, limit) = (self.tenant, self.tenant.scenario.limit.as_ref());
        if self.endpoint == Endpoint::Token && !limit.is_some_and(|limit| limit.tokens) {
            return Ok(());
        }
        let since = tenant.since_first_call().unwrap_or_default();
        let mut counter = locked(&tenant.counter);
        // Read while nobody else can: what is taken and what is entered are in the same order.
        let (now, at) = (Instant::now(), tenant.uptime());
        let taken = limit.map_or(Ok(()), |limit| counter.take(limit, since, now));
        drop(counter);
        self.settle(|call| {
            call.admitted = taken.is_ok().then_some(at);
            call.refused = taken.is_err();
        });
        match (taken, limit) {
            (Err(wait), Some(limit)) => Err(limit::refused(limit, wait, tenant.scenario.now())),
            _ => Ok(()),
        }
    }

    /// Counts a call that was understood. Returns its number among its kind.
    pub(super) fn count(&self) -> u64 {
        locked(&self.tenant.luck).count(self.endpoint)
    }

    /// The fault that the call meets, which is the `nth` of its kind.
    pub(super) fn draw(&self, subject: &str, nth: u64) -> Option<&'a Fault> {
        let scenario = &self.tenant.scenario;
        locked(&self.tenant.luck).draw(scenario, self.endpoint, subject, nth)
    }

    /// The answer to a question that was understood: the good one, unless a fault comes between.
    pub(super) async fn answer(&self, subject: &str, well: impl FnOnce() -> Answer) -> Answer {
        let fault = self.draw(&format!("{} {subject}", self.endpoint.word()), self.count());
        let kind = fault.map(|fault| fault.kind);
        self.settle(|call| call.fault = kind.map(|kind| format!("{kind:?}")));
        wait(fault.filter(|fault| fault.kind == FaultKind::Slow)).await;
        asked(kind, fault.and_then(|fault| fault.retry_after_s), well)
    }
}

/// Lets the time of a slow answer pass.
pub(super) async fn wait(slow: Option<&Fault>) {
    if let Some(fault) = slow {
        tokio::time::sleep(Duration::from_millis(fault.slow_ms)).await;
    }
}
