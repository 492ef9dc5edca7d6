//! The calls.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{State, rejection::FormRejection},
    http::Uri,
    routing::{get, patch, post},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    events::events,
    lookup::lookup,
    outage,
    scenario::Endpoint,
    search,
    sign_in::TokenForm,
    tenant::{Tenant, locked},
    unlock::unlock,
    visit::Visit,
};

pub(super) type Shared = State<Arc<Tenant>>;

pub(super) fn router(tenant: Arc<Tenant>) -> Router {
    Router::new()
        .route(
            "/AdminInterface/restapi/v1/users/{id}/methods",
            patch(unlock),
        )
        .route("/AdminInterface/restapi/v1/users/lookup", post(lookup))
        .route(
            "/AdminInterface/restapi/v1/users/search",
            post(search::first),
        )
        .route(
            "/AdminInterface/restapi/v2/users/search",
            post(search::paged),
        )
        .route(
            "/AdminInterface/restapi/v1/usereventlog/exportlogs",
            get(events),
        )
        .route("/oauth/token", post(token))
        .route("/simulator/ledger", get(ledger))
        .route("/simulator/users", get(users))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(tenant)
}

/// A body that is a JSON object with these members. (Left to itself serde takes an array of the
/// members' values, too.)
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let members: Map<String, Value> = serde_json::from_slice(body).ok()?;
    serde_json::from_value(Value::Object(members)).ok()
}

async fn token(
    State(tenant): Shared,
    uri: Uri,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Answer {
    let visit = Visit::begin(&tenant, Endpoint::Token, &uri);
    let admitted = visit.in_service().and_then(|()| visit.within_limit());
    let answer = match (admitted, form) {
        (Err(answer), _) => answer,
        (Ok(()), Err(_)) => Answer::json(400, &json!({"error": "invalid_request"})),
        (Ok(()), Ok(Form(form))) => visit.answer("", || tenant.give_token(&form)).await,
    };
    visit.end(answer)
}

async fn ledger(State(tenant): Shared) -> Json<Value> {
    Json(json!(locked(&tenant.ledger).calls))
}

async fn users(State(tenant): Shared) -> Json<Value> {
    let users = tenant.users().into_iter().map(|user| {
        json!({"id": user.id, "email": user.email, "username": user.username, "locked": user.locked})
    });
    Json(Value::Array(users.collect()))
}

async fn unknown(State(tenant): Shared, uri: Uri) -> Answer {
    other(&tenant, &uri, 404, "No message available")
}

async fn wrong_method(State(tenant): Shared, uri: Uri) -> Answer {
    other(&tenant, &uri, 405, "Request method is not supported")
}

/// What is no call of the API.
fn other(tenant: &Tenant, uri: &Uri, status: u16, why: &str) -> Answer {
    let place = tenant.arrive("other", uri.path());
    let away = locked(&tenant.outages).stray(&tenant.scenario.outage, tenant.since_first_call());
    let answer = match away {
        Some(kind) => outage::answer(kind),
        None => Answer::framework(status, why, uri.path()),
    };
    tenant.settle(place, |call| {
        call.outage = away.is_some();
        call.status = answer.status;
    });
    answer
}
