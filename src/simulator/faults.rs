//! What goes wrong, and what the caller then sees.

use std::collections::HashMap;

use super::{
    answer::Answer,
    limit::too_many,
    scenario::{Endpoint, Fault, FaultKind, LimitBody, Scenario},
    user::random_for,
};

/// The calls so far, which decide on faults together with the seed.
#[derive(Debug, Default)]
pub(super) struct Luck {
    calls: HashMap<Endpoint, u64>,
    subjects: HashMap<String, Met>,
}

/// What happened to the calls about one user, address or page.
#[derive(Debug, Default)]
struct Met {
    calls: u64,
    faults: u32,
}

impl Luck {
    /// Counts a call. Returns its number among its kind, from 1.
    pub(super) fn count(&mut self, endpoint: Endpoint) -> u64 {
        let calls = self.calls.entry(endpoint).or_default();
        *calls += 1;
        *calls
    }

    /// Whether the token of the next call is to be revoked. If so that call is counted, so that
    /// its repetition is another one.
    pub(super) fn revokes(&mut self, scenario: &Scenario, endpoint: Endpoint) -> bool {
        let calls = self.calls.entry(endpoint).or_default();
        let next = *calls + 1;
        let revokes = scenario.fault.iter().any(|fault| {
            fault.kind == FaultKind::TokenRevoked
                && fault.calls.contains(&endpoint)
                && fault.nth.contains(&next)
        });
        *calls += u64::from(revokes);
        revokes
    }

    /// The fault that this call meets, if any. Counts it.
    pub(super) fn draw<'a>(
        &mut self,
        scenario: &'a Scenario,
        endpoint: Endpoint,
        subject: &str,
        nth: u64,
    ) -> Option<&'a Fault> {
        let met = self.subjects.entry(subject.to_lowercase()).or_default();
        let mut random = random_for(scenario.seed, subject, met.calls);
        met.calls += 1;
        let chance = random.f64();
        let mut so_far = 0.0;
        let here = |fault: &&Fault| {
            fault.kind != FaultKind::TokenRevoked && fault.calls.contains(&endpoint)
        };
        let fault = scenario.fault.iter().filter(here).find(|fault| {
            so_far += fault.probability;
            let by_count = fault.nth.contains(&nth)
                || fault
                    .every
                    .is_some_and(|every| nth.is_multiple_of(every.max(1)));
            (by_count || chance < so_far) && met.faults < fault.most_per_user
        });
        met.faults += u32::from(fault.is_some());
        fault
    }
}

/// What comes in place of an answer, where nothing is done; `None` where this fault does something.
pub(super) fn instead(kind: FaultKind, retry_after_s: Option<u64>) -> Option<Answer> {
    let later = |answer: Answer| match retry_after_s {
        Some(seconds) => answer.header("retry-after", seconds.to_string()),
        None => answer,
    };
    Some(match kind {
        FaultKind::Json500 => {
            Answer::error(500, "500 INTERNAL_SERVER_ERROR", "Something went wrong")
        }
        FaultKind::Html500 => Answer::page(500),
        FaultKind::TooMany => later(too_many(LimitBody::Json)),
        FaultKind::BadGateway => Answer::page(502),
        FaultKind::Unavailable => later(Answer::page(503)),
        FaultKind::GatewayTimeout => Answer::page(504),
        FaultKind::Cut => Answer::none(),
        FaultKind::Redirect => {
            Answer::empty(302).header("location", "/simulator/elsewhere".to_owned())
        }
        _ => return None,
    })
}

/// What the caller sees who only asked, and who would else be answered well.
pub(super) fn asked(
    kind: Option<FaultKind>,
    retry_after_s: Option<u64>,
    well: impl FnOnce() -> Answer,
) -> Answer {
    match kind {
        Some(FaultKind::Truncated) => well().truncated(),
        Some(FaultKind::Garbage) => Answer::garbage(),
        Some(kind) => instead(kind, retry_after_s).unwrap_or_else(well),
        None => well(),
    }
}
