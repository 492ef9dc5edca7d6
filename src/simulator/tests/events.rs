//! The event log.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Rig;

const NONE: &str = "[events]\nautomatic = false\n";

async fn ask(rig: &Rig, query: &[(&str, String)]) -> (u16, Value) {
    let url = format!("{}/v1/usereventlog/exportlogs", rig.simulator.base_url());
    let mut url: reqwest::Url = url.parse().expect("a URL");
    for (name, value) in query {
        url.query_pairs_mut().append_pair(name, value);
    }
    Rig::answer(rig.client.get(url).bearer_auth(&rig.token)).await
}

/// Everything of the last day.
async fn all(rig: &Rig) -> Vec<Value> {
    let mut entries = Vec::new();
    for number in 0.. {
        let (status, answer) = ask(rig, &[("pageNumber", number.to_string())]).await;
        assert_eq!(status, 200, "{answer}");
        let page = answer["userEventLogExportEntries"].as_array();
        entries.extend(page.expect("a list").clone());
        if number + 1 >= answer["totalPages"].as_u64().expect("a number") {
            assert_eq!(answer["totalElements"], entries.len());
            break;
        }
    }
    entries
}

fn time(entry: &Value) -> Timestamp {
    let text = entry["eventLogDate"].as_str().expect("text");
    text.parse().expect("a time")
}

#[tokio::test]
async fn each_lock_has_its_event() {
    let rig = Rig::new("").await;
    let entries = all(&rig).await;
    let now = Timestamp::now();
    for user in &rig.users {
        let words = ["Authenticate Tokencode", "SMS Tokencode", "Voice Tokencode"];
        for (word, locked) in words.into_iter().zip(user.locked) {
            let of = |code: &str| {
                let wanted = |entry: &&Value| {
                    entry["userId"] == user.id
                        && entry["method"] == word
                        && entry["eventCode"] == code
                };
                entries.iter().filter(wanted).collect::<Vec<_>>()
            };
            let locks = of("2");
            assert_eq!(locks.len(), usize::from(locked), "{user:?} {word}");
            assert!(locked || of("35").is_empty(), "{user:?} {word}");
            assert!(!locked || of("3").is_empty(), "{user:?} {word}");
            for event in locks {
                let ago = now.duration_since(time(event));
                assert!(ago > SignedDuration::ZERO, "{event}");
                assert!(time(event) > now - SignedDuration::from_mins(20), "{event}");
                assert!(of("35").iter().all(|refused| time(refused) >= time(event)));
            }
        }
        let body = json!({"email": user.email}).to_string();
        let (_, details) = Rig::answer(rig.post("/v1/users/lookup", &body)).await;
        let approve = entries
            .iter()
            .any(|entry| entry["userId"] == user.id && entry["method"] == "Approve");
        assert_eq!(details["isApproveLocked"], approve);
    }
    assert!(entries.is_sorted_by_key(time));
    let codes: std::collections::BTreeSet<_> = entries
        .iter()
        .map(|entry| entry["eventCode"].as_str().expect("text"))
        .collect();
    assert_eq!(
        codes.into_iter().collect::<Vec<_>>(),
        ["103", "2", "3", "35"]
    );
    assert!(
        entries
            .iter()
            .any(|entry| entry["method"] == "Emergency Tokencode")
    );
    let known = rig.simulator.events();
    assert_eq!(known.len(), entries.len());
    for (event, entry) in known.iter().zip(&entries) {
        assert_eq!(
            (event.at, json!(event.user_id)),
            (time(entry), entry["userId"].clone())
        );
    }
}

#[tokio::test]
async fn the_same_seed_tells_the_same_story() {
    let (one, other) = (Rig::new("").await, Rig::new("").await);
    let told = |rig: &Rig| {
        let last = rig.simulator.events().last().expect("events").at;
        let event = |event: &crate::simulator::SimEvent| {
            let ago = last.duration_since(event.at);
            (event.user.clone(), event.code, event.method.clone(), ago)
        };
        rig.simulator.events().iter().map(event).collect::<Vec<_>>()
    };
    assert_eq!(told(&one), told(&other));
}

#[tokio::test]
async fn a_span_excludes_its_start_and_includes_its_end() {
    let event = |minutes: u32| format!("[[event]]\nuser = \"user0001\"\nminutes_ago = {minutes}\n");
    let rig = Rig::new(&format!("{NONE}{}{}{}", event(30), event(20), event(10))).await;
    let times: Vec<_> = rig
        .simulator
        .events()
        .iter()
        .map(|event| event.at)
        .collect();
    for (start, end, count) in [
        (times[0], times[2], 2),
        (times[0], times[1], 1),
        (times[2], times[2], 0),
        (times[0] - SignedDuration::from_millis(1), times[0], 1),
        (times[2], times[0], 0),
    ] {
        // Any offset will do.
        let end = end.display_with_offset(jiff::tz::offset(-5));
        let query = [
            ("startTimeAfter", start.to_string()),
            ("endTimeOnOrBefore", end.to_string()),
        ];
        let (status, answer) = ask(&rig, &query).await;
        assert_eq!(
            (status, &answer["totalElements"]),
            (200, &json!(count)),
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn pages_are_counted_from_zero_and_hold_a_hundred_at_most() {
    let rig = Rig::new("").await;
    let total = rig.simulator.events().len();
    assert!((50..100).contains(&total), "{total}");
    for (size, told, pages) in [
        ("7", 7, total.div_ceil(7)),
        ("100", 100, 1),
        ("101", 100, 1),
        ("0", 100, 1),
        ("-1", 100, 1),
    ] {
        let (status, answer) = ask(&rig, &[("pageSize", size.to_owned())]).await;
        assert_eq!(
            (status, &answer["pageSize"], &answer["totalPages"]),
            (200, &json!(told), &json!(pages)),
            "{size}"
        );
    }
    let query = [
        ("pageSize", "7".to_owned()),
        ("pageNumber", "99".to_owned()),
    ];
    let (_, answer) = ask(&rig, &query).await;
    assert_eq!(
        (&answer["currentPage"], &answer["userEventLogExportEntries"]),
        (&json!(99), &json!([]))
    );
    assert_eq!(
        rig.simulator
            .ledger()
            .calls
            .last()
            .and_then(|call| call.page),
        Some(99)
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused() {
    let gently = Rig::new("").await;
    let strictly = Rig::new("[events]\nstrict = true\n").await;
    let start = ("startTimeAfter", "2026-01-01T00:00:00.125-05:30".to_owned());
    let with = |name, value: &str| vec![start.clone(), (name, value.to_owned())];
    for (strict, query, status) in [
        (false, vec![], 200),
        (true, vec![], 400),
        (true, vec![start.clone()], 200),
        (true, with("pageSize", "101"), 400),
        (true, with("pageSize", "0"), 400),
        (true, with("pageSize", "100"), 200),
        (false, with("pageSize", "many"), 400),
        (false, with("pageNumber", "-1"), 400),
        (false, with("endTimeOnOrBefore", "yesterday"), 400),
        (
            false,
            vec![("startTimeAfter", "2026-01-01T00:00:00".to_owned())],
            400,
        ),
        // A plus sign that was not encoded arrives as a blank.
        (
            false,
            vec![("startTimeAfter", "2026-01-01T00:00:00 01:00".to_owned())],
            400,
        ),
        (
            false,
            vec![("startTimeAfter", "2026-01-01T00:00:00+01:00".to_owned())],
            200,
        ),
    ] {
        let rig = if strict { &strictly } else { &gently };
        assert_eq!(ask(rig, &query).await.0, status, "{strict} {query:?}");
    }
}

#[tokio::test]
async fn the_log_speaks_as_the_scenario_says() {
    let named = "[[event]]\nuser = \"user0001\"\nmethod = \"VOICE\"\n\
        [[event]]\nuser = \"USER0001@example.com\"\ncode = 35\nmethod = \"FIDO\"\n\
        [[event]]\nuser = \"stranger\"\ncode = 3\n";
    for (settings, user, code, voice) in [
        ("", 0, json!("2"), json!("Voice Tokencode")),
        (
            "user_id = \"email\"\nmethod_words = \"otp\"",
            1,
            json!("2"),
            json!("Voice OTP"),
        ),
        (
            "user_id = \"username\"\ncode = \"number\"",
            2,
            json!(2),
            json!("Voice Tokencode"),
        ),
        ("method_words = \"plain\"", 0, json!("2"), json!("VOICE")),
        ("methods = false", 0, json!("2"), Value::Null),
    ] {
        let rig = Rig::new(&format!("{NONE}{settings}\n{named}")).await;
        let entries = all(&rig).await;
        let names = [
            &rig.users[0].id,
            &rig.users[0].email,
            &rig.users[0].username,
        ];
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| entry["userId"].as_str().expect("text"))
            .collect();
        assert_eq!(seen, [names[user], names[user], "stranger"], "{settings}");
        assert_eq!(
            (&entries[0]["eventCode"], &entries[0]["method"]),
            (&code, &voice)
        );
        assert_eq!(
            entries[0].get("method").is_some(),
            settings != "methods = false"
        );
        let strangers = &rig.simulator.events()[2];
        assert_eq!(
            (strangers.user.as_ref(), strangers.method.as_ref()),
            (None, None)
        );
    }
    let rig = Rig::new("[events]\nuser_id = \"mixed\"\n").await;
    let forms: std::collections::BTreeSet<_> = rig
        .simulator
        .events()
        .iter()
        .map(|event| (event.user_id.contains('@'), event.user_id.contains('-')))
        .collect();
    assert_eq!(forms.len(), 3);
}

#[tokio::test]
async fn what_is_old_is_gone() {
    let day = 24 * 60;
    let event = |days: u32| {
        format!(
            "[[event]]\nuser = \"user0001\"\nminutes_ago = {}\n",
            days * day
        )
    };
    let rig = Rig::new(&format!("{NONE}{}{}{}", event(41), event(39), event(2))).await;
    let since = |days: i64| {
        let start = Timestamp::now() - SignedDuration::from_hours(24 * days);
        vec![("startTimeAfter", start.to_string())]
    };
    for (query, count) in [(vec![], 0), (since(3), 1), (since(60), 2)] {
        assert_eq!(
            ask(&rig, &query).await.1["totalElements"],
            count,
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn the_log_has_a_scope_of_its_own() {
    let rig = Rig::new("[token]\npermitted = false\n").await;
    assert_eq!(ask(&rig, &[]).await.0, 403);
    let call = rig.simulator.ledger().calls.remove(0);
    assert_eq!((call.endpoint, call.page), ("events", Some(0)));
}
