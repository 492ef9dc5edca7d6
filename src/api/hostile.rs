//! What must hold of whatever is made of an answer, whoever wrote it.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::{
    http::Reply,
    model::{MethodSet, OutcomeKind, Target},
};

use super::{
    classify::{self, Address},
    lists, retry_after as after,
};

/// Whom the answers are asked about.
const ASKED: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

/// These bytes as an answer to each call, with each status.
pub(crate) fn answer(bytes: &[u8]) {
    let target = Target {
        user_id: ASKED.to_owned(),
        methods: MethodSet::ALL,
    };
    let named = is_named(bytes);
    for status in [200, 202, 302, 400, 401, 403, 404, 418, 429, 500, 503] {
        let reply = Reply {
            status,
            body: Some(bytes.to_vec()),
            ..Reply::default()
        };
        let verdict = classify::unlock(&reply, &target);
        let believed = verdict.flags.any_known() || verdict.kind == OutcomeKind::Unlocked;
        assert!(
            named || !believed,
            "believed about somebody else: {verdict:?}"
        );
        assert!(believed || verdict.kind != OutcomeKind::StillLocked);
        assert!(is_a_line(&verdict.error), "{verdict:?}");
        for address in [Address::Email("a@example.com"), Address::Username("a")] {
            if let Err(verdict) = classify::lookup(&reply, &address) {
                assert!(is_a_line(&verdict.error), "{verdict:?}");
            }
        }
        let _ = classify::refusal(&reply);
        lists::hostile(&reply);
        assert!(is_a_line(&classify::describe(&reply)));
        let _ = classify::sign(&Ok(reply));
    }
}

/// These bytes as the wait that a 429 asks for.
pub(crate) fn retry_after(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let reply = Reply {
        status: 429,
        retry_after: Some(text.clone()),
        date: Some(text),
        ..Reply::default()
    };
    let wait = after::wait(&reply, SystemTime::UNIX_EPOCH);
    let longest = Duration::from_secs(30 * 86_400);
    assert!(wait.is_none_or(|wait| wait <= longest), "{wait:?}");
}

/// Whether the user who was asked for is named at all. What is in members that nobody reads may
/// be no text, or a number beyond all bounds: then the bytes tell.
fn is_named(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => names(&value),
        Err(_) => {
            let text = String::from_utf8_lossy(bytes);
            text.to_ascii_lowercase().contains(ASKED)
        }
    }
}

/// Whether the user who was asked for is named anywhere.
fn names(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().eq_ignore_ascii_case(ASKED),
        Value::Array(values) => values.iter().any(names),
        Value::Object(members) => members.values().any(names),
        _ => false,
    }
}

/// Whether it fits into a record and onto a screen.
fn is_a_line(text: &str) -> bool {
    text.chars().count() <= 1000 && !text.contains(char::is_control)
}
