//! User Details: finds one user by address or login name.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri, header},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    faults::asked,
    routes::{Shared, object},
    scenario::{Endpoint, FaultKind},
    tenant::{Tenant, locked},
    user::SimUser,
    visit::{Visit, wait},
};

/// The lock flags of User Details.
pub(super) const FLAGS: [&str; 5] = [
    "isTokenLocked",
    "isSmsLocked",
    "isVoiceLocked",
    "isFingerprintLocked",
    "isApproveLocked",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LookupBody {
    email: Option<String>,
    username: Option<String>,
    #[serde(default)]
    search_unsynched: bool,
}

impl LookupBody {
    /// The name asked for.
    fn name(&self) -> &str {
        let name = self.email.as_ref().or(self.username.as_ref());
        name.map(String::as_str).unwrap_or_default()
    }
}

pub(super) async fn lookup(
    State(tenant): Shared,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let visit = Visit::begin(&tenant, Endpoint::Lookup, &uri);
    let answer = match visit.admit(&headers, "lookup").await {
        Err(answer) => answer,
        Ok(()) => match understood(&headers, &body) {
            Err(answer) => answer,
            Ok(body) => {
                visit.is_about(body.name());
                find(&tenant, &visit, &body).await
            }
        },
    };
    visit.end(answer)
}

/// Whether the body says that it is JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
}

fn understood(headers: &HeaderMap, body: &[u8]) -> Result<LookupBody, Answer> {
    if !is_json(headers) {
        let why = "Only application/json is supported";
        return Err(Answer::error(415, "415 UNSUPPORTED_MEDIA_TYPE", why));
    }
    let bad = |why| Answer::error(400, "400 BAD_REQUEST", why);
    let body: LookupBody = object(body).ok_or_else(|| bad("Invalid request body"))?;
    if body.name().is_empty() {
        return Err(bad("email or username must be given"));
    }
    Ok(body)
}

async fn find(tenant: &Tenant, visit: &Visit<'_>, body: &LookupBody) -> Answer {
    let name = body.name();
    tracing::debug!(unsynched = body.search_unsynched, "lookup");
    let key = if body.email.is_some() {
        tenant.directory.with_email(name)
    } else {
        tenant.directory.with_username(name)
    };
    let found = key.and_then(|key| {
        let accounts = locked(&tenant.accounts);
        accounts.get(key).map(|account| account.user.clone())
    });
    let rule = found.as_ref().and_then(|user| tenant.scenario.rule(user));
    if let Some(status) = rule.and_then(|rule| rule.lookup_status) {
        return Answer::special(status);
    }
    let drawn = visit.draw(&format!("lookup {name}"), visit.count());
    let always = rule.and_then(|rule| rule.lookup_always);
    let kind = always.or(drawn.map(|fault| fault.kind));
    visit.settle(|call| call.fault = kind.map(|kind| format!("{kind:?}")));
    wait(drawn.filter(|_| kind == Some(FaultKind::Slow))).await;
    let retry_after_s = drawn.and_then(|fault| fault.retry_after_s);
    asked(kind, retry_after_s, || match (found, kind) {
        (Some(user), Some(FaultKind::OtherUser)) => {
            Answer::json(200, &details(&tenant.somebody_else(&user)))
        }
        (Some(user), Some(FaultKind::NoFlags)) => Answer::json(200, &without_flags(details(&user))),
        (Some(user), _) => Answer::json(200, &details(&user)),
        (None, _) => Answer::error(404, "404 NOT_FOUND", &format!("User {name} not found")),
    })
}

fn without_flags(mut details: Value) -> Value {
    if let Some(members) = details.as_object_mut() {
        members.retain(|member, _| !FLAGS.contains(&member.as_str()));
    }
    details
}

/// User Details, as captured answers show them.
pub(super) fn details(user: &SimUser) -> Value {
    json!({
        "id": user.id,
        "emailAddress": user.email,
        "firstName": "Simulated",
        "lastName": user.username,
        "creationDate": "2024-01-15T09:30:00.000Z",
        "identitySource": "Simulated Directory",
        "userStatus": "Enabled",
        "highRiskUser": false,
        "markDeleted": false,
        "markDeletedAt": null,
        "markDeletedBy": null,
        "isTokenLocked": user.locked[0],
        "isSmsLocked": user.locked[1],
        "isVoiceLocked": user.locked[2],
        "isFingerprintLocked": false,
        "isApproveLocked": false,
        "lastSyncTime": "2026-01-02T03:04:05.000Z",
        "emergencyAccessStatus": "Disabled",
        "offlineEmergencyAccessStatus": "Disabled",
        "principalUsername": user.username,
        "alternateUsername": "",
        "smsNumber": "+15550100",
        "voiceNumber": "+15550100",
    })
}
