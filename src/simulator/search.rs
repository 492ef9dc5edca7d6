//! User Search: a page of the users whose e-mail address contains a text.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answer::Answer,
    lookup::details,
    routes::{Shared, object},
    scenario::Endpoint,
    tenant::{Tenant, locked},
    visit::Visit,
};

const LARGEST_PAGE: usize = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchBody {
    #[serde(rename = "emailLike")]
    email_like: String,
}

#[derive(Deserialize)]
pub(super) struct Paging {
    #[serde(rename = "pageSize", default = "largest_page")]
    size: usize,
    #[serde(rename = "pageNumber", default)]
    number: usize,
}

const fn largest_page() -> usize {
    LARGEST_PAGE
}

type AskedPage = Result<Query<Paging>, QueryRejection>;

/// What version 2 wraps its page in.
#[derive(Serialize)]
struct Envelope {
    #[serde(rename = "totalPages")]
    total_pages: usize,
    #[serde(rename = "totalElements")]
    total_elements: usize,
    elements: Vec<Value>,
}

/// Version 1: the first page, as a bare array.
pub(super) async fn first(
    State(tenant): Shared,
    uri: Uri,
    paging: AskedPage,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    answer(tenant, &uri, paging, &headers, &body, |envelope| {
        Answer::json(200, &envelope.elements)
    })
    .await
}

/// Version 2: any page, counted from 0.
pub(super) async fn paged(
    State(tenant): Shared,
    uri: Uri,
    paging: AskedPage,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    answer(tenant, &uri, paging, &headers, &body, |envelope| {
        Answer::json(200, &envelope)
    })
    .await
}

async fn answer(
    tenant: Arc<Tenant>,
    uri: &Uri,
    paging: AskedPage,
    headers: &HeaderMap,
    body: &[u8],
    render: fn(Envelope) -> Answer,
) -> Answer {
    let visit = Visit::begin(&tenant, Endpoint::Search, uri);
    let answer = match visit.admit(headers, "search").await {
        Err(answer) => answer,
        Ok(()) => match understood(paging, body) {
            Err(why) => Answer::error(400, "400 BAD_REQUEST", why),
            Ok((part, paging)) => {
                visit.is_about(&part);
                visit.settle(|call| call.page = Some(paging.number));
                let subject = format!("{part} {}", paging.number);
                let well = || render(page(&tenant, &part, &paging));
                visit.answer(&subject, well).await
            }
        },
    };
    visit.end(answer)
}

fn understood(paging: AskedPage, body: &[u8]) -> Result<(String, Paging), &'static str> {
    let asked: SearchBody = object(body).ok_or("Invalid request body")?;
    let Query(paging) = paging.map_err(|_| "Invalid pageSize or pageNumber")?;
    if asked.email_like.is_empty() {
        return Err("emailLike must not be empty");
    }
    if !(1..=LARGEST_PAGE).contains(&paging.size) {
        return Err("pageSize must be between 1 and 25");
    }
    Ok((asked.email_like, paging))
}

fn page(tenant: &Tenant, part: &str, paging: &Paging) -> Envelope {
    let hits = tenant.directory.like(part);
    let accounts = locked(&tenant.accounts);
    let here = hits
        .iter()
        .skip(paging.number.saturating_mul(paging.size))
        .take(paging.size);
    Envelope {
        total_pages: hits.len().div_ceil(paging.size),
        total_elements: hits.len(),
        elements: here
            .filter_map(|key| accounts.get(*key))
            .map(|account| details(&account.user))
            .collect(),
    }
}
