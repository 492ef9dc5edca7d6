//! The calls.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{
        Path, State,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderMap, Uri, header},
    routing::{get, patch, post},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    faults::{Unlock, draw},
    limit,
    scenario::{Dialect, FaultKind, UserRule},
    search,
    sign_in::TokenForm,
    tenant::{Tenant, locked},
    user::{METHODS, SimUser, random_for},
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
        .route("/oauth/token", post(token))
        .route("/simulator/ledger", get(ledger))
        .route("/simulator/users", get(users))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(tenant)
}

/// The status object of an unlock.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusObject {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_token_locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_sms_locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_voice_locked: Option<bool>,
}

impl StatusObject {
    pub(super) fn new(user_id: &str, flags: [bool; 3], missing: [bool; 3]) -> Self {
        let flag = |method: usize| (!missing[method]).then_some(flags[method]);
        Self {
            user_id: user_id.to_owned(),
            is_token_locked: flag(0),
            is_sms_locked: flag(1),
            is_voice_locked: flag(2),
        }
    }

    pub(super) fn bare(user_id: &str) -> Self {
        Self::new(user_id, [false; 3], [true; 3])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlockBody {
    #[serde(rename = "unlockMethods")]
    unlock_methods: Vec<String>,
}

async fn unlock(
    State(tenant): Shared,
    uri: Uri,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let place = tenant.arrive("unlock", uri.path());
    let id = id.map(|Path(id)| id).unwrap_or_default();
    tenant.settle(place, |call| call.user = Some(id.clone()));
    let admitted = admit(
        &tenant,
        place,
        &headers,
        uri.path(),
        &id,
        "rsa.user.factor.manage",
    )
    .await;
    if let Err(answer) = admitted {
        return enter(&tenant, place, answer);
    }
    let answer = match asked_methods(&body) {
        Err(why) => Answer::error(400, "400 BAD_REQUEST", &why),
        Ok(_) if !is_guid(&id) => Answer::error(400, "400 BAD_REQUEST", "Invalid user ID"),
        Ok(asked) => change_locks(&tenant, place, &id, asked).await,
    };
    enter(&tenant, place, answer)
}

pub(super) fn enter(tenant: &Tenant, place: usize, answer: Answer) -> Answer {
    tenant.settle(place, |call| call.status = answer.status);
    answer
}

/// The 36 characters that the service gives out; the other ways to write a UUID are not it.
fn is_guid(id: &str) -> bool {
    id.len() == 36 && uuid::Uuid::parse_str(id).is_ok()
}

/// A body that is a JSON object with these members. (Left to itself serde takes an array of the
/// members' values, too.)
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let members: Map<String, Value> = serde_json::from_slice(body).ok()?;
    serde_json::from_value(Value::Object(members)).ok()
}

fn asked_methods(body: &[u8]) -> Result<[bool; 3], String> {
    let body: UnlockBody = object(body).ok_or("Invalid request body")?;
    if body.unlock_methods.is_empty() {
        return Err("unlockMethods must not be empty".to_owned());
    }
    if let Some(unknown) = body
        .unlock_methods
        .iter()
        .find(|word| !METHODS.contains(&word.as_str()))
    {
        return Err(format!("Unknown method {unknown}"));
    }
    Ok(METHODS.map(|method| body.unlock_methods.iter().any(|word| word == method)))
}

fn named(words: &[String]) -> [bool; 3] {
    METHODS.map(|method| words.iter().any(|word| word.eq_ignore_ascii_case(method)))
}

async fn change_locks(tenant: &Tenant, place: usize, id: &str, asked: [bool; 3]) -> Answer {
    let nth = {
        let mut calls = locked(&tenant.unlock_calls);
        *calls += 1;
        *calls
    };
    let nobody = UserRule::default();
    let rule = tenant.scenario.rule(id).unwrap_or(&nobody);
    let (answer, slow) = {
        let mut accounts = locked(&tenant.accounts);
        let Some(account) = accounts.get_mut(&id.to_lowercase()) else {
            return Answer::error(404, "404 NOT_FOUND", &format!("User {id} not found"));
        };
        if let Some(status) = rule.status {
            return Answer::error(status, &format!("{status} REFUSED"), "This user is special");
        }
        let drawn = draw(&tenant.scenario, account, nth);
        let kind = rule
            .always
            .or(drawn.map(|fault| fault.kind))
            .filter(|kind| *kind != FaultKind::TokenRevoked);
        let unlock = Unlock {
            account,
            asked,
            always_locked: named(&rule.always_locked),
            missing: named(&rule.missing_flags),
        };
        let (answer, applied) = match kind {
            Some(kind) => unlock.play(kind, drawn.and_then(|fault| fault.retry_after_s)),
            None => unlock.done(),
        };
        let flags = accounts
            .get(&id.to_lowercase())
            .map(|account| account.user.locked);
        tenant.settle(place, |call| {
            call.methods = METHODS
                .iter()
                .zip(asked)
                .filter(|(_, asked)| *asked)
                .map(|(word, _)| (*word).to_owned())
                .collect();
            call.fault = kind.map(|kind| format!("{kind:?}"));
            call.applied = applied;
            call.locked = flags;
        });
        let slow = drawn
            .filter(|_| kind == Some(FaultKind::Slow))
            .map(|fault| fault.slow_ms);
        (answer, slow)
    };
    if let Some(slow) = slow {
        tokio::time::sleep(Duration::from_millis(slow)).await;
    }
    answer
}

/// Latency, token, permission, limit: what stands before every call of the API.
pub(super) async fn admit(
    tenant: &Tenant,
    place: usize,
    headers: &HeaderMap,
    path: &str,
    about: &str,
    scope: &str,
) -> Result<(), Answer> {
    let scenario = &tenant.scenario;
    let jitter =
        random_for(scenario.seed, about, u64::MAX - place as u64).u64(..=scenario.jitter_ms);
    let latency = Duration::from_millis(scenario.latency_ms + jitter);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let revoking = scenario
        .fault
        .iter()
        .filter(|fault| fault.kind == FaultKind::TokenRevoked);
    let nth = *locked(&tenant.unlock_calls) + 1;
    for fault in revoking {
        if fault.nth.contains(&nth) {
            locked(&tenant.tokens).revoke(bearer);
            // The next call is the nth no more.
            *locked(&tenant.unlock_calls) += 1;
        }
    }
    let token = locked(&tenant.tokens).check(&tenant.keys, &tenant.audience(), scenario, bearer);
    tenant.settle(place, |call| call.token = token);
    if token.is_none() {
        return Err(Answer::framework(
            scenario.token.refusal,
            "Unable to process access token",
            path,
        ));
    }
    if !scenario.token.permitted || !locked(&tenant.tokens).covers(bearer, scope) {
        return Err(match scenario.token.forbidden_dialect {
            Dialect::Application => Answer::error(403, "403 FORBIDDEN", "Not authorized"),
            Dialect::Framework => Answer::framework(403, "Access denied", path),
        });
    }
    within_limit(tenant)
}

fn within_limit(tenant: &Tenant) -> Result<(), Answer> {
    let Some(limit) = &tenant.scenario.limit else {
        return Ok(());
    };
    let taken = locked(&tenant.window).take(limit, Instant::now());
    taken.map_err(|wait| limit::refused(limit, wait))
}

async fn token(State(tenant): Shared, form: Result<Form<TokenForm>, FormRejection>) -> Answer {
    let place = tenant.arrive("token", "/oauth/token");
    let counts = tenant
        .scenario
        .limit
        .as_ref()
        .is_some_and(|limit| limit.tokens);
    if counts && let Err(answer) = within_limit(&tenant) {
        return enter(&tenant, place, answer);
    }
    let Ok(Form(form)) = form else {
        return enter(
            &tenant,
            place,
            Answer::json(400, &json!({"error": "invalid_request"})),
        );
    };
    let mut tokens = locked(&tenant.tokens);
    let answer = tokens.give(
        &tenant.keys,
        &tenant.token_endpoint(),
        &tenant.scenario,
        &form,
    );
    enter(&tenant, place, answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LookupBody {
    email: Option<String>,
    username: Option<String>,
    #[serde(default)]
    search_unsynched: bool,
}

async fn lookup(State(tenant): Shared, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    let place = tenant.arrive("lookup", uri.path());
    let answer = match admit(
        &tenant,
        place,
        &headers,
        uri.path(),
        "lookup",
        "rsa.user.read",
    )
    .await
    {
        Ok(()) => find(&tenant, place, &headers, &body),
        Err(answer) => answer,
    };
    enter(&tenant, place, answer)
}

/// Whether the body says that it is JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
}

fn find(tenant: &Tenant, place: usize, headers: &HeaderMap, body: &[u8]) -> Answer {
    if !is_json(headers) {
        return Answer::error(
            415,
            "415 UNSUPPORTED_MEDIA_TYPE",
            "Only application/json is supported",
        );
    }
    let Ok(body) = object::<LookupBody>(body).ok_or(()) else {
        return Answer::error(400, "400 BAD_REQUEST", "Invalid request body");
    };
    let Some(asked) = body
        .email
        .as_ref()
        .or(body.username.as_ref())
        .filter(|text| !text.is_empty())
    else {
        return Answer::error(400, "400 BAD_REQUEST", "email or username must be given");
    };
    tracing::debug!(unsynched = body.search_unsynched, "lookup");
    tenant.settle(place, |call| call.user = Some(asked.clone()));
    let key = if body.email.is_some() {
        tenant.directory.with_email(asked)
    } else {
        tenant.directory.with_username(asked)
    };
    let accounts = locked(&tenant.accounts);
    match key.and_then(|key| accounts.get(key)) {
        Some(account) => Answer::json(200, &details(&account.user)),
        None => Answer::error(404, "404 NOT_FOUND", &format!("User {asked} not found")),
    }
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

async fn ledger(State(tenant): Shared) -> Json<Value> {
    Json(json!(locked(&tenant.ledger).calls))
}

async fn users(State(tenant): Shared) -> Json<Value> {
    let accounts = locked(&tenant.accounts);
    let everybody = tenant.directory.like("");
    let users = everybody.into_iter().filter_map(|key| accounts.get(key)).map(|account| {
        let user = &account.user;
        json!({"id": user.id, "email": user.email, "username": user.username, "locked": user.locked})
    });
    Json(Value::Array(users.collect()))
}

async fn unknown(State(tenant): Shared, uri: Uri) -> Answer {
    let place = tenant.arrive("other", uri.path());
    enter(
        &tenant,
        place,
        Answer::framework(404, "No message available", uri.path()),
    )
}

async fn wrong_method(State(tenant): Shared, uri: Uri) -> Answer {
    let place = tenant.arrive("other", uri.path());
    enter(
        &tenant,
        place,
        Answer::framework(405, "Request method is not supported", uri.path()),
    )
}
