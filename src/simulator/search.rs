//! User Search: a page of the users whose e-mail address contains a text.

use axum::{
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answer::Answer,
    details::Details,
    routes::{Shared, object},
    scenario::{Endpoint, SearchShape},
    tenant::{Tenant, locked},
    user::SimUser,
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

/// A page of hits, and what there is to say of all of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_pages: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_elements: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_page: Option<usize>,
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
    answer(&tenant, &uri, paging, &headers, &body, SearchShape::Array).await
}

/// Version 2: any page, counted from 0.
pub(super) async fn paged(
    State(tenant): Shared,
    uri: Uri,
    paging: AskedPage,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let shape = tenant.scenario.search.shape;
    answer(&tenant, &uri, paging, &headers, &body, shape).await
}

async fn answer(
    tenant: &Tenant,
    uri: &Uri,
    paging: AskedPage,
    headers: &HeaderMap,
    body: &[u8],
    shape: SearchShape,
) -> Answer {
    let visit = Visit::begin(tenant, Endpoint::Search, uri);
    let understood = understood(paging, body);
    if let Ok((part, paging)) = &understood {
        visit.is_about(part);
        visit.settle(|call| call.page = Some(paging.number));
    }
    let answer = match (visit.admit(headers, "search").await, understood) {
        (Err(answer), _) => answer,
        (Ok(()), Err(why)) => Answer::error(400, "400 BAD_REQUEST", why),
        (Ok(()), Ok((part, paging))) => {
            let well = || {
                let page = page(tenant, &part, &paging);
                tenant.turn_page();
                match shape {
                    SearchShape::Envelope => Answer::json(200, &page),
                    SearchShape::Array => Answer::json(200, &page.elements),
                }
            };
            let subject = format!("{part} {}", paging.number);
            visit.answer(&subject, well).await
        }
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
    let (scenario, accounts) = (&tenant.scenario, locked(&tenant.accounts));
    let hits = tenant.directory.like(part);
    let hits: Vec<_> = hits
        .into_iter()
        .filter_map(|key| accounts.get(key))
        .filter(|account| account.is_present())
        .map(|account| &account.user)
        .collect();
    let here = hits
        .iter()
        .skip(paging.number.saturating_mul(paging.size))
        .take(paging.size);
    let settings = &scenario.search;
    let element = |user: &&SimUser| Details::of(user, scenario).in_search(settings.flags);
    Envelope {
        total_pages: settings.totals.then(|| hits.len().div_ceil(paging.size)),
        total_elements: settings.totals.then_some(hits.len()),
        page_size: settings.extra.then_some(paging.size),
        current_page: settings.extra.then_some(paging.number),
        elements: here.map(element).collect(),
    }
}
