//! The unlock call: opens a user's locks.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
};
use serde::{Deserialize, Serialize};

use super::{
    answer::Answer,
    faults::instead,
    routes::{Shared, object},
    scenario::{Endpoint, Fault, FaultKind, UserRule},
    tenant::{Account, Tenant, locked},
    user::METHODS,
    visit::{Visit, wait},
};

/// The status object of an unlock.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusObject {
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_token_locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_sms_locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_voice_locked: Option<bool>,
}

impl StatusObject {
    fn new(user_id: &str, flags: [bool; 3], missing: [bool; 3]) -> Self {
        let flag = |method: usize| (!missing[method]).then_some(flags[method]);
        Self {
            user_id: user_id.to_owned(),
            is_token_locked: flag(0),
            is_sms_locked: flag(1),
            is_voice_locked: flag(2),
        }
    }

    fn bare(user_id: &str) -> Self {
        Self::new(user_id, [false; 3], [true; 3])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlockBody {
    #[serde(rename = "unlockMethods")]
    unlock_methods: Vec<String>,
}

pub(super) async fn unlock(
    State(tenant): Shared,
    uri: Uri,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let visit = Visit::begin(&tenant, Endpoint::Unlock, &uri);
    visit.is_about(&id);
    let answer = match visit.admit(&headers, &id).await {
        Err(answer) => answer,
        Ok(()) => match asked_methods(&body) {
            Err(why) => Answer::error(400, "400 BAD_REQUEST", &why),
            Ok(_) if !is_guid(&id) => Answer::error(400, "400 BAD_REQUEST", "Invalid user ID"),
            Ok(asked) => {
                let (answer, slow) = change_locks(&tenant, &visit, &id, asked);
                wait(slow).await;
                answer
            }
        },
    };
    visit.end(answer)
}

/// The 36 characters that the service gives out; the other ways to write a UUID are not it.
fn is_guid(id: &str) -> bool {
    id.len() == 36 && uuid::Uuid::parse_str(id).is_ok()
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

/// The answer, and the fault that makes it late.
fn change_locks<'a>(
    tenant: &'a Arc<Tenant>,
    visit: &Visit<'a>,
    id: &str,
    asked: [bool; 3],
) -> (Answer, Option<&'a Fault>) {
    let nth = visit.count();
    let mut accounts = locked(&tenant.accounts);
    let account = accounts.get_mut(&id.to_lowercase());
    let Some(account) = account.filter(|account| account.is_present()) else {
        let why = format!("User {id} not found");
        return (Answer::error(404, "404 NOT_FOUND", &why), None);
    };
    let nobody = UserRule::default();
    let rule = tenant.scenario.rule(&account.user).unwrap_or(&nobody);
    if let Some(status) = rule.status {
        return (Answer::special(status), None);
    }
    let drawn = visit.draw(&account.user.id, nth);
    let kind = rule.always.or(drawn.map(|fault| fault.kind));
    let mut unlock = Unlock {
        account,
        asked,
        always_locked: named(&rule.always_locked),
        missing: named(&rule.missing_flags),
    };
    let (answer, applied) = match kind {
        Some(kind) => unlock.play(kind, drawn.and_then(|fault| fault.retry_after_s)),
        None => unlock.done(),
    };
    let flags = unlock.account.user.locked;
    visit.settle(|call| {
        let words = METHODS.iter().zip(asked).filter(|(_, asked)| *asked);
        call.methods = words.map(|(word, _)| (*word).to_owned()).collect();
        call.fault = kind.map(|kind| format!("{kind:?}"));
        call.applied = applied;
        call.locked = Some(flags);
    });
    (answer, drawn.filter(|_| kind == Some(FaultKind::Slow)))
}

/// A call that was understood, to a user who exists.
struct Unlock<'a> {
    account: &'a mut Account,
    asked: [bool; 3],
    always_locked: [bool; 3],
    missing: [bool; 3],
}

impl Unlock<'_> {
    /// Opens the locks asked for, but those that stay whatever is done.
    fn apply(&mut self, asked: [bool; 3]) {
        let locks = self.account.user.locked.iter_mut();
        for ((lock, asked), stays) in locks.zip(asked).zip(self.always_locked) {
            *lock = stays || (*lock && !asked);
        }
    }

    fn status(&self) -> StatusObject {
        StatusObject::new(
            &self.account.user.id,
            self.account.user.locked,
            self.missing,
        )
    }

    /// All goes well.
    fn done(&mut self) -> (Answer, bool) {
        self.apply(self.asked);
        (Answer::json(200, &self.status()), true)
    }

    /// The answer, and whether the locks were opened.
    fn play(&mut self, kind: FaultKind, retry_after_s: Option<u64>) -> (Answer, bool) {
        let not_done = match kind {
            FaultKind::Mixed500 => {
                // Where something was locked, the last of it stays so.
                let before = self.account.user.locked;
                let mut some = self.asked;
                if let Some(last) = (0..3).rfind(|method| self.asked[*method] && before[*method]) {
                    some[last] = false;
                }
                self.apply(some);
                return (
                    Answer::json(500, &self.status()),
                    before != self.account.user.locked,
                );
            }
            FaultKind::Done500 => {
                self.apply(self.asked);
                return (Answer::json(500, &self.status()), true);
            }
            FaultKind::Truncated => {
                let (answer, applied) = self.done();
                return (answer.truncated(), applied);
            }
            FaultKind::AppliedButLost => {
                self.apply(self.asked);
                return (Answer::none(), true);
            }
            FaultKind::Garbage => {
                self.apply(self.asked);
                return (Answer::garbage(), true);
            }
            FaultKind::NoFlags => {
                self.apply(self.asked);
                return (
                    Answer::json(200, &StatusObject::bare(&self.account.user.id)),
                    true,
                );
            }
            FaultKind::OtherUser => {
                let other = "00000000-0000-4000-8000-00000000ffff";
                Answer::json(200, &StatusObject::new(other, [false; 3], [false; 3]))
            }
            kind => match instead(kind, retry_after_s) {
                Some(answer) => answer,
                None => return self.done(),
            },
        };
        (not_done, false)
    }
}
