//! User Details: finds one user by address or login name.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri, header},
};
use serde::Deserialize;

use super::{
    answer::Answer,
    details::Details,
    faults::asked,
    routes::{Shared, object},
    scenario::{Dialect, Endpoint, FaultKind, Lookup},
    tenant::Tenant,
    visit::{Visit, wait},
};

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
    let understood = understood(&headers, &body);
    if let Ok(body) = &understood {
        visit.is_about(body.name());
    }
    let answer = match (visit.admit(&headers, "lookup").await, understood) {
        (Err(answer), _) | (Ok(()), Err(answer)) => answer,
        (Ok(()), Ok(body)) => find(&tenant, &visit, &body).await,
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
    let (name, settings) = (body.name(), &tenant.scenario.lookup);
    let key = if body.email.is_some() {
        tenant.directory.with_email(name)
    } else {
        tenant.directory.with_username(name)
    };
    let mut found = key.and_then(|key| tenant.present(key));
    if found.is_none() && body.search_unsynched {
        // Whoever is not found takes as long as who is: the identity source is asked.
        tokio::time::sleep(Duration::from_millis(settings.unsynched_delay_ms)).await;
        found = key.and_then(|key| tenant.synchronise(key));
    }
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
    asked(kind, retry_after_s, || {
        let Some(user) = found else {
            return not_found(settings, name, visit.path());
        };
        let user = match kind {
            Some(FaultKind::OtherUser) => tenant.somebody_else(&user),
            _ => user,
        };
        let mut details = Details::of(&user, &tenant.scenario);
        if kind == Some(FaultKind::NoFlags) {
            details.without_flags();
        }
        Answer::json(200, &details.in_lookup(settings))
    })
}

fn not_found(settings: &Lookup, name: &str, path: &str) -> Answer {
    let why = format!("User {name} not found");
    match settings.not_found {
        Dialect::Application => Answer::error(404, "404 NOT_FOUND", &why),
        Dialect::Framework => Answer::framework(404, &why, path),
    }
}
