//! The calls that read lists, page by page: User Search and the User Event Log.
//!
//! A page is tried like any request. Nothing here walks from page to page: that is the source's.

use std::time::SystemTime;

use jiff::Timestamp;

use crate::{
    health::About,
    http::{Body, Reply, Verb},
    model::{Endpoint, Method, UserRef},
    results::timestamp,
    retry::Tried,
};

use super::{
    classify,
    client::{Api, Halt, json},
    transport::Request,
    wire::{EventsAnswer, LogEntry, SearchAnswer, SearchRequest},
};

/// Users on a page of the search; the service gives no more.
const SEARCH_PAGE: u64 = 25;
/// Entries on a page of the log.
const EVENTS_PAGE: u64 = 100;
/// A method of this user was locked.
const METHOD_LOCKED: &str = "2";

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// Pages of the list as it is now; `None` where the service does not say.
    pub pages: Option<u64>,
    /// Entries of the list as it is now; `None` where the service does not say.
    pub total: Option<u64>,
    /// Whether the service put nothing on it.
    pub empty: bool,
}

/// That a method of a user was locked, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locking {
    /// The user, by whatever name the log uses.
    pub user: UserRef,
    /// The method; `None` where the entry names none.
    pub method: Option<Locked>,
    /// When; `None` where the entry gives no time with its offset.
    pub at: Option<SystemTime>,
}

/// What was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locked {
    /// A method that the service can unlock.
    Method(Method),
    /// Something else, by the log's word.
    Other(String),
}

/// Why a list cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A stop came first.
    #[error("stopped")]
    Stopped,
    /// The service gave no page.
    #[error("the service gave no page of the {list}: {why}")]
    Refused {
        /// Which list.
        list: &'static str,
        /// What it said.
        why: String,
    },
}

impl From<Halt> for ListError {
    fn from(Halt: Halt) -> Self {
        Self::Stopped
    }
}

impl Api {
    /// One page of the users whose e-mail address contains this text, counted from 0, in the
    /// order of their addresses.
    ///
    /// # Errors
    /// [`ListError`].
    pub async fn search(&self, text: &str, page: u64) -> Result<Page<UserRef>, ListError> {
        let mut url = self.url(&["v2", "users", "search"]);
        url.query_pairs_mut()
            .append_pair("pageSize", &SEARCH_PAGE.to_string())
            .append_pair("pageNumber", &page.to_string());
        let request = Request {
            endpoint: Endpoint::Search,
            verb: Verb::Post,
            url,
            body: json(&SearchRequest { email_like: text }),
            about: About::Nobody,
        };
        self.list("search", &request, users_of).await
    }

    /// One page of what the log says was locked after one time and, where given, up to another.
    ///
    /// # Errors
    /// [`ListError`].
    pub async fn lockings(
        &self,
        after: SystemTime,
        until: Option<SystemTime>,
        page: u64,
    ) -> Result<Page<Locking>, ListError> {
        let mut url = self.url(&["v1", "usereventlog", "exportlogs"]);
        url.query_pairs_mut()
            .append_pair("startTimeAfter", &timestamp(after));
        if let Some(until) = until {
            url.query_pairs_mut()
                .append_pair("endTimeOnOrBefore", &timestamp(until));
        }
        url.query_pairs_mut()
            .append_pair("pageNumber", &page.to_string())
            .append_pair("pageSize", &EVENTS_PAGE.to_string());
        let request = Request {
            endpoint: Endpoint::Events,
            verb: Verb::Get,
            url,
            body: Body::None,
            about: About::Nobody,
        };
        self.list("event log", &request, lockings_of).await
    }

    async fn list<T>(
        &self,
        list: &'static str,
        request: &Request,
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<T, ListError> {
        let nothing = Err("no answer".to_owned());
        let asked = self.retry.run(nothing, |_| async {
            let exchange = self.session.call(request).await.ok()?;
            let (page, again) = match &exchange.reply {
                Ok(reply) => page_of(reply, read),
                Err(error) => (Err(error.text.clone()), true),
            };
            Some(Tried::new(page, again, exchange.next))
        });
        let page = asked.await.ok_or(ListError::Stopped)?;
        page.map_err(|why| ListError::Refused { list, why })
    }
}

/// The page, or what is wrong with the answer; and whether another try may help.
/// These bytes as each kind of list.
#[cfg(any(test, fuzzing))]
pub(super) fn hostile(reply: &Reply) {
    let _ = page_of(reply, users_of);
    let _ = page_of(reply, lockings_of);
}

fn page_of<T>(reply: &Reply, read: fn(&[u8]) -> Option<T>) -> (Result<T, String>, bool) {
    match reply.status {
        200 => match reply.body.as_deref().and_then(read) {
            Some(page) => (Ok(page), false),
            None => (Err("200, but the answer cannot be read".to_owned()), true),
        },
        status => (
            Err(classify::describe(reply)),
            classify::is_transient(status),
        ),
    }
}

fn users_of(body: &[u8]) -> Option<Page<UserRef>> {
    let (elements, pages, total) = match serde_json::from_slice(body).ok()? {
        SearchAnswer::Bare(elements) => (elements, None, None),
        SearchAnswer::Wrapped {
            elements,
            total_pages,
            total_elements,
        } => (elements, total_pages, total_elements),
    };
    Some(Page {
        empty: elements.is_empty(),
        entries: elements.into_iter().map(|found| found.user()).collect(),
        pages,
        total,
    })
}

fn lockings_of(body: &[u8]) -> Option<Page<Locking>> {
    let answer: EventsAnswer = serde_json::from_slice(body).ok()?;
    Some(Page {
        empty: answer.entries.is_empty(),
        entries: answer.entries.into_iter().filter_map(locking).collect(),
        pages: answer.total_pages,
        total: answer.total_elements,
    })
}

fn locking(entry: LogEntry) -> Option<Locking> {
    if entry.code.as_deref() != Some(METHOD_LOCKED) {
        return None;
    }
    let name = entry.user.unwrap_or_default();
    let method = entry.method.filter(|word| !word.trim().is_empty());
    let at = entry.at.and_then(|at| at.trim().parse::<Timestamp>().ok());
    Some(Locking {
        at: at.and_then(|at| at.try_into().ok()),
        user: UserRef::by_form(name.trim()),
        method: method.map(|word| method_of(&word)),
    })
}

/// The log's words for methods are not published, so what counts is the word that tells a method
/// from the others. Emergency codes and hardware authenticators have tokens too, which this API
/// does not unlock.
fn method_of(words: &str) -> Locked {
    let upper = words.to_uppercase();
    let has = |part: &str| upper.contains(part);
    if has("SMS") {
        Locked::Method(Method::Sms)
    } else if has("VOICE") {
        Locked::Method(Method::Voice)
    } else if has("EMERGENCY") || has("HARDWARE") || has("SECURID") {
        Locked::Other(words.trim().to_owned())
    } else if has("TOKEN") || has("OTP") {
        Locked::Method(Method::Token)
    } else {
        Locked::Other(words.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Locked, lockings_of, method_of, page_of, users_of};
    use crate::{
        http::Reply,
        model::{Method, UserRef},
    };

    #[test]
    fn the_logs_words_for_methods() {
        for (words, method) in [
            ("SMS Tokencode", Some(Method::Sms)),
            ("Voice Tokencode", Some(Method::Voice)),
            ("Authenticate Tokencode", Some(Method::Token)),
            ("Authenticate OTP", Some(Method::Token)),
            ("TOKEN", Some(Method::Token)),
            ("SMS_OTP", Some(Method::Sms)),
            ("Approve", None),
            ("Device Biometrics", None),
            ("Emergency Access Code", None),
            ("Emergency Tokencode", None),
            ("SecurID OTP", None),
            ("Hardware Token", None),
        ] {
            let expected = method.map_or(Locked::Other(words.to_owned()), Locked::Method);
            assert_eq!(method_of(words), expected, "{words}");
        }
    }

    #[test]
    fn pages_of_the_search_in_either_shape() {
        let element = r#"{"id":"1","emailAddress":"a@x","new":[1]}"#;
        for (body, pages, total) in [
            (format!("[{element}]"), None, None),
            (format!(r#"{{"elements":[{element}]}}"#), None, None),
            (
                format!(r#"{{"totalPages":3,"totalElements":60,"elements":[{element}],"x":1}}"#),
                Some(3),
                Some(60),
            ),
        ] {
            let page = users_of(body.as_bytes()).expect(&body);
            assert_eq!((page.pages, page.total, page.empty), (pages, total, false));
            assert_eq!(page.entries[0].email.as_deref(), Some("a@x"));
        }
        assert_eq!(users_of(b"{}"), None);
        assert_eq!(users_of(b"[1]"), None);
    }

    #[test]
    fn only_lockings_are_taken_from_the_log() {
        let body = r#"{"totalPages":1,"totalElements":5,"userEventLogExportEntries":[
            {"eventCode":2,"method":"SMS Tokencode","userId":"A@x","eventLogDate":"2026-11-24T08:00:00.000Z"},
            {"eventCode":"2","userId":"00000000-0000-4000-8000-000000000000"},
            {"eventCode":2,"method":"Approve","userId":"jdoe"},
            {"eventCode":1,"method":"SMS Tokencode","userId":"b@x"},
            {"eventCode":22,"userId":"c@x"}, {}]}"#;
        let page = lockings_of(body.as_bytes()).expect("readable");
        let methods: Vec<_> = page.entries.iter().map(|entry| &entry.method).collect();
        let approve = Some(Locked::Other("Approve".to_owned()));
        assert_eq!(
            methods,
            [&Some(Locked::Method(Method::Sms)), &None, &approve]
        );
        assert_eq!(page.entries[0].user.email.as_deref(), Some("A@x"));
        assert!(page.entries[0].at.is_some() && page.entries[1].at.is_none());
        assert!(page.entries[1].user.id.is_some());
        assert_eq!(page.entries[2].user.username.as_deref(), Some("jdoe"));
    }

    #[test]
    fn what_is_no_page_says_why_and_whether_to_try_again() {
        for (status, body, said, again) in [
            (200, "<html>", "cannot be read", true),
            (429, "", "429", true),
            (503, "", "503", true),
            (
                400,
                r#"{"code":"400 BAD_REQUEST","description":"pageSize"}"#,
                "pageSize",
                false,
            ),
            (403, "{}", "403", false),
        ] {
            let reply = Reply {
                status,
                body: Some(body.as_bytes().to_vec()),
                ..Reply::default()
            };
            let (page, asked_again) = page_of::<crate::api::Page<UserRef>>(&reply, users_of);
            assert!(page.expect_err(body).contains(said), "{status}");
            assert_eq!(asked_again, again, "{status}");
        }
    }
}
