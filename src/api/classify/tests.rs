//! The table, row by row, and what holds of any flags.

use proptest::{option, prelude::any, proptest, sample::select};

use super::{Address, Refusal, lookup, refusal, sign, unlock};
use crate::{
    health::Sign,
    http::{NoReply, Reply},
    model::{Answer, LockFlags, MethodSet, OutcomeKind, Target},
};

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        body: Some(body.as_bytes().to_vec()),
        ..Reply::default()
    }
}

fn target() -> Target {
    Target {
        user_id: "Ab-1".to_owned(),
        methods: "TOKEN,SMS".parse().expect("methods"),
    }
}

fn status(id: &str, token: &str, sms: &str, voice: &str) -> String {
    format!(
        r#"{{"userId":{id},"isTokenLocked":{token},"isSmsLocked":{sms},"isVoiceLocked":{voice}}}"#
    )
}

#[test]
fn the_table() {
    use OutcomeKind::{Failed, Invalid, NotFound, StillLocked, Unlocked, Unverified};
    let me = r#""aB-1""#;
    let html = "<html>503</html>";
    for (code, body, kind, again, flags_known) in [
        (
            200,
            status(me, "false", "false", "true"),
            Unlocked,
            false,
            true,
        ),
        (
            200,
            status(me, r#""False""#, "false", "null"),
            Unlocked,
            false,
            true,
        ),
        (
            200,
            status(me, "false", "true", "false"),
            StillLocked,
            false,
            true,
        ),
        (
            200,
            status(me, "false", "null", "false"),
            Unverified,
            false,
            true,
        ),
        (
            200,
            status(me, "true", "null", "false"),
            StillLocked,
            false,
            true,
        ),
        (
            200,
            r#"{"userId":"ab-1","new":[1]}"#.to_owned(),
            Unverified,
            false,
            false,
        ),
        (
            200,
            status(r#""other""#, "false", "false", "false"),
            Failed,
            true,
            false,
        ),
        (
            200,
            status("null", "false", "false", "false"),
            Failed,
            true,
            false,
        ),
        (200, "{}".to_owned(), Failed, true, false),
        (200, "[]".to_owned(), Failed, true, false),
        (200, String::new(), Failed, true, false),
        (204, String::new(), Failed, true, false),
        (
            500,
            status(me, "false", "false", "false"),
            Unlocked,
            true,
            true,
        ),
        (
            500,
            status(me, "false", "true", "false"),
            StillLocked,
            true,
            true,
        ),
        (
            500,
            status(me, "false", "null", "false"),
            Failed,
            true,
            true,
        ),
        (
            500,
            status(r#""other""#, "false", "false", "false"),
            Failed,
            true,
            false,
        ),
        (500, html.to_owned(), Failed, true, false),
        (429, String::new(), Failed, true, false),
        (502, html.to_owned(), Failed, true, false),
        (503, html.to_owned(), Failed, true, false),
        (504, html.to_owned(), Failed, true, false),
        (400, "{}".to_owned(), Invalid, false, false),
        (404, "{}".to_owned(), NotFound, false, false),
        (302, String::new(), Failed, false, false),
        (409, "{}".to_owned(), Failed, false, false),
        (501, "{}".to_owned(), Failed, false, false),
    ] {
        let verdict = unlock(&reply(code, &body), &target());
        let got = (verdict.kind, verdict.again, verdict.flags.any_known());
        assert_eq!(got, (kind, again, flags_known), "{code} {body}");
        assert_eq!(verdict.error.is_empty(), kind == Unlocked, "{code} {body}");
    }
}

#[test]
fn what_is_still_locked_or_not_said_is_named() {
    let me = r#""ab-1""#;
    let locked = status(me, "false", "true", "true");
    let unsaid = status(me, "false", "null", "true");
    for (code, body, expected) in [
        (200, &locked, "still locked: SMS"),
        (500, &locked, "500, still locked: SMS"),
        (
            200,
            &unsaid,
            "the answer does not say whether SMS is locked",
        ),
        (
            500,
            &unsaid,
            "500, the answer does not say whether SMS is locked",
        ),
        (500, &String::new(), "500"),
        (
            500,
            &r#"{"code":"500 ILL","description":"why"}"#.to_owned(),
            "500 ILL: why",
        ),
    ] {
        let verdict = unlock(&reply(code, body), &target());
        assert_eq!(verdict.error, expected, "{code} {body}");
    }
}

#[test]
fn a_lookup_is_used_only_if_it_is_about_the_address() {
    use OutcomeKind::{Failed, Invalid, NotFound};
    let by_email = Address::Email("A@x.y");
    let by_name = Address::Username("jdoe");
    for (asked, code, body, expected) in [
        (
            by_email,
            200,
            r#"{"id":"1","emailAddress":"a@X.y","isSmsLocked":true}"#,
            Ok(Some(true)),
        ),
        (
            by_email,
            200,
            r#"{"id":"1","emailAddress":"b@x.y"}"#,
            Err((Failed, true)),
        ),
        (by_email, 200, r#"{"id":"1"}"#, Err((Failed, true))),
        (
            by_email,
            200,
            r#"{"emailAddress":"a@x.y"}"#,
            Err((Failed, true)),
        ),
        (by_email, 200, "nonsense", Err((Failed, true))),
        (
            by_name,
            200,
            r#"{"id":"1","principalUsername":"JDoe"}"#,
            Ok(None),
        ),
        (
            by_name,
            200,
            r#"{"id":"1","alternateUsername":"jdoe","principalUsername":"x"}"#,
            Ok(None),
        ),
        (
            by_name,
            200,
            r#"{"id":"1","principalUsername":""}"#,
            Ok(None),
        ),
        (
            by_name,
            200,
            r#"{"id":"1","principalUsername":"other"}"#,
            Err((Failed, true)),
        ),
        (by_name, 404, "{}", Err((NotFound, false))),
        (by_name, 400, "{}", Err((Invalid, false))),
        (by_name, 503, "", Err((Failed, true))),
        (by_name, 415, "", Err((Failed, false))),
    ] {
        let got = lookup(&reply(code, body), &asked);
        let got = got
            .map(|found| found.flags.sms)
            .map_err(|verdict| (verdict.kind, verdict.again));
        assert_eq!(got, expected, "{code} {body}");
    }
}

#[test]
fn errors_are_the_services_own_words_in_one_line() {
    for (code, body, said) in [
        (
            404,
            r#"{"code":"404 NOT_FOUND","description":"User x\nnot found"}"#,
            "404 NOT_FOUND: User x not found",
        ),
        (
            403,
            r#"{"timestamp":1,"status":403,"error":"Forbidden","message":"no","path":"/x"}"#,
            "403 Forbidden: no",
        ),
        (503, "<html>", "503"),
        (400, r#"{"code":7}"#, "400"),
    ] {
        assert_eq!(unlock(&reply(code, body), &target()).error, said);
    }
}

#[test]
fn refusals_are_told_apart() {
    let framework = r#"{"timestamp":1,"status":403,"error":"Forbidden","message":"x","path":"/y"}"#;
    for (code, body, expected) in [
        (401, "", Some(Refusal::Unauthorized)),
        (403, framework, Some(Refusal::ForbiddenToken)),
        (
            403,
            r#"{"code":"403 FORBIDDEN","description":"Bad Token"}"#,
            Some(Refusal::ForbiddenToken),
        ),
        (
            403,
            r#"{"code":"403 FORBIDDEN","description":"no"}"#,
            Some(Refusal::Forbidden),
        ),
        (403, "", Some(Refusal::Forbidden)),
        (404, "", None),
    ] {
        assert_eq!(refusal(&reply(code, body)), expected, "{code} {body}");
    }
}

#[test]
fn only_silence_and_a_500_about_nobody_speak_of_an_outage() {
    let flags = r#"{"userId":"u","isTokenLocked":true}"#;
    for (code, body, expected) in [
        (200, "", Sign::Answers),
        (404, "", Sign::Answers),
        (429, "", Sign::Answers),
        (500, flags, Sign::Answers),
        (500, "", Sign::Ill),
        (501, "", Sign::Answers),
        (502, flags, Sign::Silent),
        (503, "", Sign::Silent),
        (504, "", Sign::Silent),
        (505, "", Sign::Answers),
    ] {
        assert_eq!(sign(&Ok(reply(code, body))), expected, "{code} {body}");
    }
    for (answer, untrusted, expected) in [
        (Answer::ConnectError, false, Sign::Unreachable),
        (Answer::ConnectError, true, Sign::Untrusted),
        (Answer::Timeout, false, Sign::Silent),
        (Answer::Cut, false, Sign::Silent),
    ] {
        let error = NoReply {
            answer,
            text: String::new(),
            untrusted,
        };
        assert_eq!(sign(&Err(error)), expected, "{answer:?} {untrusted}");
    }
}

/// A flag as the service writes it.
fn written(flag: Option<bool>) -> String {
    flag.map_or("null".to_owned(), |flag| flag.to_string())
}

proptest! {
    #[test]
    fn flags_count_for_the_user_and_the_methods_that_were_asked_for(
        id in "[a-z0-9-]{1,20}",
        other in option::of("[a-z0-9-]{1,20}"),
        flags in [option::of(any::<bool>()), option::of(any::<bool>()), option::of(any::<bool>())],
        methods in select(vec!["TOKEN", "SMS", "VOICE", "TOKEN,VOICE", "SMS,VOICE", "TOKEN,SMS,VOICE"]),
        code in select(vec![200_u16, 500]),
    ) {
        let methods: MethodSet = methods.parse().expect("methods");
        let [token, sms, voice] = flags;
        let said = LockFlags { token, sms, voice };
        let target = Target { user_id: id.to_uppercase(), methods };
        let about = other.unwrap_or(id.clone());
        let body = status(&format!("{about:?}"), &written(token), &written(sms), &written(voice));
        let verdict = unlock(&reply(code, &body), &target);
        let believed = about == id;
        assert_eq!(verdict.flags, if believed { said } else { LockFlags::default() });
        let asked = || methods.iter().map(|method| said.get(method));
        let expected = match code {
            _ if believed && asked().any(|flag| flag == Some(true)) => OutcomeKind::StillLocked,
            _ if believed && asked().all(|flag| flag == Some(false)) => OutcomeKind::Unlocked,
            200 if believed => OutcomeKind::Unverified,
            _ => OutcomeKind::Failed,
        };
        assert_eq!(verdict.kind, expected);
        assert_eq!(verdict.again, code == 500 || !believed);
    }
}
