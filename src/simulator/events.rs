//! The User Event Log: what happened to users, a page at a time.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    event_log::SimEvent,
    routes::Shared,
    scenario::{CodeForm, Endpoint, Events},
    tenant::Tenant,
    visit::Visit,
};

const LARGEST_PAGE: usize = 100;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// What is older is gone.
const RETENTION: SignedDuration = SignedDuration::from_hours(40 * 24);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    start_time_after: Option<String>,
    end_time_on_or_before: Option<String>,
    #[serde(default)]
    page_number: usize,
    page_size: Option<i64>,
}

/// A question that was understood.
struct Span {
    after: Timestamp,
    on_or_before: Timestamp,
    number: usize,
    size: usize,
}

impl Span {
    fn of(asked: &Asked, settings: &Events, now: Timestamp) -> Result<Self, &'static str> {
        let time = |text: &String| text.parse::<Timestamp>();
        let after = match &asked.start_time_after {
            Some(text) => time(text).map_err(|_| "Invalid startTimeAfter")?,
            None if settings.strict => return Err("startTimeAfter is missing"),
            None => now - DAY,
        };
        let end = asked.end_time_on_or_before.as_ref().map(time).transpose();
        let in_range = |size: &usize| (1..=LARGEST_PAGE).contains(size);
        let size = asked
            .page_size
            .map(|size| usize::try_from(size).ok().filter(in_range));
        let size = match size {
            Some(None) if settings.strict => return Err("pageSize must be between 1 and 100"),
            size => size.flatten().unwrap_or(LARGEST_PAGE),
        };
        Ok(Self {
            after: after.max(now - RETENTION),
            on_or_before: end.map_err(|_| "Invalid endTimeOnOrBefore")?.unwrap_or(now),
            number: asked.page_number,
            size,
        })
    }
}

pub(super) async fn events(
    State(tenant): Shared,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Answer {
    let visit = Visit::begin(&tenant, Endpoint::Events, &uri);
    if let Ok(Query(asked)) = &asked {
        visit.settle(|call| call.page = Some(asked.page_number));
    }
    let answer = match visit.admit(&headers, "events").await {
        Err(answer) => answer,
        Ok(()) => match understood(&tenant, asked) {
            Err(why) => Answer::error(400, "400 BAD_REQUEST", why),
            Ok(span) => {
                // Not the times: they are others at every run.
                let subject = span.number.to_string();
                visit.answer(&subject, || page(&tenant, &span)).await
            }
        },
    };
    visit.end(answer)
}

fn understood(
    tenant: &Tenant,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Span, &'static str> {
    let Query(asked) = asked.map_err(|_| "Invalid pageSize or pageNumber")?;
    Span::of(&asked, &tenant.scenario.events, tenant.scenario.timestamp())
}

fn page(tenant: &Tenant, span: &Span) -> Answer {
    let first = tenant
        .events
        .partition_point(|event| event.at <= span.after);
    let rest = &tenant.events[first..];
    let hits = &rest[..rest.partition_point(|event| event.at <= span.on_or_before)];
    let here = hits
        .iter()
        .skip(span.number.saturating_mul(span.size))
        .take(span.size);
    let entries: Vec<_> = here
        .map(|event| entry(event, &tenant.scenario.events))
        .collect();
    let answer = json!({
        "totalPages": hits.len().div_ceil(span.size),
        "totalElements": hits.len(),
        "pageSize": span.size,
        "currentPage": span.number,
        "userEventLogExportEntries": entries,
    });
    Answer::json(200, &answer)
}

fn entry(event: &SimEvent, settings: &Events) -> Value {
    let (level, description) = match event.code {
        2 => ("notice", "Method now locked."),
        3 => (
            "notice",
            "Method unlocked - User successfully authenticated.",
        ),
        4 => (
            "notice",
            "SecurID OTP automatically unlocked - Lockout duration expired.",
        ),
        35 => ("error", "Authentication failed - Method locked."),
        103 => ("notice", "Authenticate OTP authentication succeeded."),
        _ => ("notice", "Something else."),
    };
    let code = match settings.code {
        CodeForm::Text => json!(event.code.to_string()),
        CodeForm::Number => json!(event.code),
    };
    // What an event is called depends on nothing but the event: pages do not contain it twice.
    let id = format!(
        "{}-{}-{}",
        event.at.as_millisecond(),
        event.code,
        event.user_id
    );
    let mut entry = json!({
        "eventId": id,
        "eventLogDate": format!("{:.3}", event.at),
        "eventType": "user",
        "eventLevel": level,
        "eventCategory": "Authentication",
        "serverIPAddress": "192.0.2.1",
        "tenantId": "simulated",
        "customerName": "Simulated Company",
        "userId": event.user_id,
        "sourceIPAddress": "192.0.2.7",
        "eventCode": code,
        "eventDescription": description,
        "application": "Simulated Application",
        "method": event.method,
        "deviceName": null,
        "deviceId": null,
        "policyId": null,
        "policyName": null,
        "authenticationDetails": null,
        "assuranceLevel": null,
    });
    if !settings.methods
        && let Some(members) = entry.as_object_mut()
    {
        members.remove("method");
    }
    entry
}
