//! What an answer means: one pure table of status and body.
//!
//! Nothing here sends, waits or remembers. An answer counts only if it is about the user that was
//! asked for, and carries the flags.

use crate::{
    auth,
    health::Sign,
    http::{NoReply, Reply},
    model::{Answer, Found, LockFlags, OutcomeKind, Target},
};

use super::wire::{ErrorBody, UnlockStatus, UserDetails};

/// What an answer to the PATCH means for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the row ends as, if this answer is the last.
    pub kind: OutcomeKind,
    /// The flags that the answer reports for this user.
    pub flags: LockFlags,
    /// Whether another try may give a better answer.
    pub again: bool,
    /// One line; empty when all is well.
    pub error: String,
}

/// What a user is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// An e-mail address.
    Email(&'a str),
    /// A login name.
    Username(&'a str),
}

/// Whether an answer refuses the request's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The token is not accepted.
    Unauthorized,
    /// A 403 in the shape that the service uses when it cannot take the token.
    ForbiddenToken,
    /// Any other 403: mostly a missing permission.
    Forbidden,
}

/// Whether this answer refuses the sender rather than answering.
pub(crate) fn refusal(reply: &Reply) -> Option<Refusal> {
    match reply.status {
        401 => Some(Refusal::Unauthorized),
        403 if speaks_of_token(reply) => Some(Refusal::ForbiddenToken),
        403 => Some(Refusal::Forbidden),
        _ => None,
    }
}

/// What an exchange says of the service's health; `body` of a 500 tells whether it knew the user.
pub(crate) fn sign(reply: &Result<Reply, NoReply>) -> Sign {
    match reply {
        Ok(reply) if matches!(reply.status, 502..=504) => Sign::Silent,
        Ok(reply) if reply.status == 500 && !carries_flags(reply) => Sign::Ill,
        Ok(_) => Sign::Answers,
        Err(error) if error.untrusted => Sign::Untrusted,
        Err(error) if error.answer == Answer::ConnectError => Sign::Unreachable,
        Err(_) => Sign::Silent,
    }
}

fn carries_flags(reply: &Reply) -> bool {
    let body = reply.body.as_deref().unwrap_or_default();
    let status = serde_json::from_slice::<UnlockStatus>(body);
    status.is_ok_and(|status| status.flags().any_known())
}

fn speaks_of_token(reply: &Reply) -> bool {
    let body = error_body(reply);
    let sentence = body.message.or(body.description).unwrap_or_default();
    body.path.is_some() || sentence.to_ascii_lowercase().contains("token")
}

/// Whether another try of any call may help: the service is busy, ill or out of reach.
pub(crate) const fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// The verdict on an answer to `PATCH users/{id}/methods`.
pub(crate) fn unlock(reply: &Reply, target: &Target) -> Verdict {
    match reply.status {
        200 => done(reply, target),
        500 => internal_error(reply, target),
        400 => verdict(OutcomeKind::Invalid, describe(reply)),
        403 => verdict(OutcomeKind::Forbidden, describe(reply)),
        404 => verdict(OutcomeKind::NotFound, describe(reply)),
        status => Verdict {
            again: is_transient(status) || (200..300).contains(&status),
            ..verdict(OutcomeKind::Failed, describe(reply))
        },
    }
}

/// What an answer to `POST users/lookup` means: the user, or the verdict where there is none.
pub(crate) fn lookup(reply: &Reply, asked: &Address<'_>) -> Result<Found, Verdict> {
    let unusable = |why: &str| Verdict {
        again: true,
        ..verdict(OutcomeKind::Failed, format!("look-up: 200, but {why}"))
    };
    let refused = |kind| verdict(kind, format!("look-up: {}", describe(reply)));
    match reply.status {
        200 => details_of(reply, asked).map_err(unusable),
        400 => Err(refused(OutcomeKind::Invalid)),
        403 => Err(refused(OutcomeKind::Forbidden)),
        404 => Err(refused(OutcomeKind::NotFound)),
        status => Err(Verdict {
            again: is_transient(status) || (200..300).contains(&status),
            ..refused(OutcomeKind::Failed)
        }),
    }
}

/// The user, where the answer is about the address that was asked for. A login name has many
/// forms, so one that the answer does not give at all is taken on trust.
fn details_of(reply: &Reply, asked: &Address<'_>) -> Result<Found, &'static str> {
    let body = reply
        .body
        .as_deref()
        .ok_or("the answer is too long to read")?;
    let details: UserDetails =
        serde_json::from_slice(body).map_err(|_| "the answer cannot be read")?;
    let names = [&details.principal_username, &details.alternate_username];
    let names: Vec<_> = names
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    let about_the_asked = match asked {
        Address::Email(email) => details
            .email
            .as_ref()
            .is_some_and(|found| found.trim().eq_ignore_ascii_case(email)),
        Address::Username(_) if names.is_empty() => true,
        Address::Username(username) => {
            let mut known = names.into_iter().chain(&details.email);
            known.any(|found| found.trim().eq_ignore_ascii_case(username))
        }
    };
    if !about_the_asked {
        return Err("the answer is about another user");
    }
    details
        .found()
        .ok_or("the answer does not give the user's ID")
}

fn verdict(kind: OutcomeKind, error: String) -> Verdict {
    Verdict {
        kind,
        flags: LockFlags::default(),
        again: false,
        error,
    }
}

fn done(reply: &Reply, target: &Target) -> Verdict {
    match status_of(reply, target) {
        Ok(flags) => Verdict {
            flags,
            ..by_flags(flags, target, OutcomeKind::Unverified)
        },
        Err(why) => Verdict {
            again: true,
            ..verdict(OutcomeKind::Failed, format!("200, but {why}"))
        },
    }
}

fn internal_error(reply: &Reply, target: &Target) -> Verdict {
    let flags = status_of(reply, target).unwrap_or_default();
    let last = if flags.any_known() {
        by_flags(flags, target, OutcomeKind::Failed)
    } else {
        verdict(OutcomeKind::Failed, describe(reply))
    };
    let error = match last.kind {
        OutcomeKind::Unlocked => String::new(),
        _ if last.error.starts_with("500") => last.error,
        _ => format!("500, {}", last.error),
    };
    Verdict {
        flags,
        again: true,
        error,
        ..last
    }
}

/// What the flags say of the methods asked for; `unknown` where they do not say it of all.
fn by_flags(flags: LockFlags, target: &Target, unknown: OutcomeKind) -> Verdict {
    let named = |wanted: Option<bool>| {
        let methods = target
            .methods
            .iter()
            .filter(|method| flags.get(*method) == wanted);
        let names: Vec<_> = methods.map(crate::model::Method::as_str).collect();
        names.join(", ")
    };
    match flags.any_locked(target.methods) {
        Some(false) => verdict(OutcomeKind::Unlocked, String::new()),
        Some(true) => verdict(
            OutcomeKind::StillLocked,
            format!("still locked: {}", named(Some(true))),
        ),
        None => verdict(
            unknown,
            format!("the answer does not say whether {} is locked", named(None)),
        ),
    }
}

/// The flags, where the body is the status object of this very user.
fn status_of(reply: &Reply, target: &Target) -> Result<LockFlags, String> {
    let body = reply
        .body
        .as_deref()
        .ok_or("the answer is too long to read")?;
    let status: UnlockStatus =
        serde_json::from_slice(body).map_err(|_| "the answer cannot be read".to_owned())?;
    match &status.user_id {
        Some(id) if id.eq_ignore_ascii_case(&target.user_id) => Ok(status.flags()),
        Some(_) => Err("the answer is about another user".to_owned()),
        None => Err("the answer does not say which user it is about".to_owned()),
    }
}

/// What an answer says, in one line: the service's own words where they can be read, but for
/// tokens.
pub(crate) fn describe(reply: &Reply) -> String {
    let said = match &reply.redirect_host {
        Some(host) => {
            let status = reply.status;
            format!("{status}: redirected to {host}, which is not followed")
        }
        None => own_words(reply),
    };
    let said = match &reply.carried {
        Some(token) => token.taken_out_of(said),
        None => said,
    };
    auth::told(&said)
}

fn own_words(reply: &Reply) -> String {
    let status = reply.status;
    let body = error_body(reply);
    let code = body
        .code
        .filter(|code| code.starts_with(&status.to_string()));
    let head = code.unwrap_or_else(|| match body.error {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    });
    match body.description.or(body.message) {
        Some(sentence) => format!("{head}: {sentence}"),
        None => head,
    }
}

fn error_body(reply: &Reply) -> ErrorBody {
    let body = reply.body.as_deref().unwrap_or_default();
    serde_json::from_slice(body).unwrap_or_default()
}

#[cfg(test)]
mod tests;
