//! Limits and faults.

use serde_json::{Value, json};

use super::{ALL, Rig};

fn always(kind: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\nevery = 1\nmost_per_user = 1000\n")
}

#[tokio::test]
async fn each_fault_answers_and_does_what_it_says() {
    // Kind; status seen; whether the flags are in the answer; whether it was done.
    for (kind, status, flags, applied) in [
        ("500_json", 500, false, false),
        ("500_html", 500, false, false),
        ("429", 429, false, false),
        ("502", 502, false, false),
        ("503", 503, false, false),
        ("504", 504, false, false),
        ("garbage", 200, false, true),
        ("no_flags", 200, false, true),
        ("redirect", 302, false, false),
        ("other_user", 200, true, false),
    ] {
        let rig = Rig::new(&always(kind)).await;
        let user = &rig.users[0];
        let (got, answer) = Rig::answer(rig.unlock(&user.id, ALL)).await;
        assert_eq!(
            (got, answer["isSmsLocked"].is_boolean()),
            (status, flags),
            "{kind}: {answer}"
        );
        assert_eq!(
            kind == "other_user",
            answer["userId"].is_string() && answer["userId"] != json!(user.id)
        );
        let locked = if applied { [false; 3] } else { user.locked };
        assert_eq!(rig.simulator.locked(&user.id), Some(locked), "{kind}");
        let ledger = rig.simulator.ledger();
        assert_eq!(
            (ledger.calls[0].applied, ledger.calls[0].status),
            (applied, Some(status)),
            "{kind}"
        );
        assert!(ledger.calls[0].fault.is_some(), "{kind}");
    }
}

#[tokio::test]
async fn a_mixed_500_leaves_something_locked_and_says_so() {
    let rig = Rig::new(&always("500_mixed")).await;
    for user in &rig.users {
        let (status, answer) = Rig::answer(rig.unlock(&user.id, ALL)).await;
        let flags = ["isTokenLocked", "isSmsLocked", "isVoiceLocked"]
            .map(|flag| answer[flag] == Value::Bool(true));
        assert_eq!((status, Some(flags)), (500, rig.simulator.locked(&user.id)));
        let count = |flags: [bool; 3]| flags.into_iter().filter(|flag| *flag).count();
        assert_eq!(count(flags), count(user.locked).min(1), "{user:?}");
        let call = rig.simulator.ledger().calls.pop().expect("a call");
        assert_eq!(
            (call.applied, call.locked),
            (flags != user.locked, Some(flags))
        );
    }
}

#[tokio::test]
async fn a_cut_connection_brings_no_answer() {
    for (kind, applied) in [("cut", false), ("applied_but_lost", true)] {
        let rig = Rig::new(&always(kind)).await;
        let error = rig
            .unlock(&rig.users[0].id, ALL)
            .send()
            .await
            .expect_err("no answer");
        assert!(
            !error.is_timeout() && !error.is_connect(),
            "{kind}: {error:?}"
        );
        let ledger = rig.simulator.ledger();
        let call = &ledger.calls[0];
        assert_eq!((call.status, call.applied), (None, applied), "{kind}");
        assert_eq!(call.locked == Some([false; 3]), applied, "{kind}");
    }
}

#[tokio::test]
async fn a_truncated_answer_begins_and_breaks_off() {
    let rig = Rig::new(&always("truncated")).await;
    let answer = rig
        .unlock(&rig.users[0].id, ALL)
        .send()
        .await
        .expect("the head of an answer");
    assert_eq!(answer.status(), 200);
    assert!(answer.content_length().expect("promised") > 50);
    answer.bytes().await.expect_err("less than promised");
    assert_eq!(rig.simulator.locked(&rig.users[0].id), Some([false; 3]));
}

#[tokio::test]
async fn faults_come_by_number_and_not_more_than_so_many_a_user() {
    let nth = "[[fault]]\nkind = \"503\"\nnth = [2, 3]\nretry_after_s = 4\n";
    let seen = statuses(&Rig::new(nth).await, 4).await;
    assert_eq!(seen, [200, 503, 503, 200]);
    let every = "[[fault]]\nkind = \"503\"\nevery = 1\nmost_per_user = 2\n";
    assert_eq!(
        statuses(&Rig::new(every).await, 4).await,
        [503, 503, 200, 200]
    );
    let rig = Rig::new(nth).await;
    let id = &rig.users[0].id;
    Rig::answer(rig.unlock(id, ALL)).await;
    let answer = rig.unlock(id, ALL).send().await.expect("an answer");
    assert_eq!(answer.headers()["retry-after"], "4");
}

async fn statuses(rig: &Rig, calls: usize) -> Vec<u16> {
    let mut seen = Vec::new();
    for _ in 0..calls {
        seen.push(Rig::answer(rig.unlock(&rig.users[0].id, ALL)).await.0);
    }
    seen
}

#[tokio::test]
async fn chance_does_not_depend_on_the_order_of_calls() {
    let scenario = "seed = 5\n[[fault]]\nkind = \"503\"\nprobability = 0.5\n";
    let (one, other) = (Rig::new(scenario).await, Rig::new(scenario).await);
    let mut seen = Vec::new();
    for user in &one.users {
        seen.push(Rig::answer(one.unlock(&user.id, ALL)).await.0);
    }
    let mut backwards = Vec::new();
    for user in other.users.iter().rev() {
        backwards.push(Rig::answer(other.unlock(&user.id, ALL)).await.0);
    }
    backwards.reverse();
    assert_eq!(seen, backwards);
    assert!(seen.contains(&200) && seen.contains(&503));
}

#[tokio::test]
async fn a_limit_is_kept_and_told() {
    for (retry_after, body) in [("none", "json"), ("seconds", "html"), ("date", "empty")] {
        let limit = format!(
            "[limit]\nrequests = 2\nwindow_ms = 60000\nretry_after = \"{retry_after}\"\nbody = \"{body}\"\n"
        );
        let rig = Rig::new(&limit).await;
        assert_eq!(statuses(&rig, 4).await, [200, 200, 429, 429]);
        let answer = rig
            .unlock(&rig.users[0].id, ALL)
            .send()
            .await
            .expect("an answer");
        let told = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().expect("text").to_owned());
        match retry_after {
            "none" => assert_eq!(told, None),
            "seconds" => {
                assert!((1..=60).contains(&told.expect("told").parse::<u64>().expect("a number")))
            }
            _ => assert!(httpdate::parse_http_date(&told.expect("told")).is_ok()),
        }
        let text = answer.text().await.expect("a body");
        let expected = [
            text.contains("TOO_MANY"),
            text.contains("<html>"),
            text.is_empty(),
        ];
        assert_eq!(
            expected,
            ["json", "html", "empty"].map(|one| one == body),
            "{text}"
        );
        let token = rig
            .client
            .post(format!("{}/token", rig.simulator.issuer()))
            .form(&[("a", "b")]);
        assert_eq!(
            Rig::answer(token).await.0,
            400,
            "the token endpoint does not count"
        );
    }
}

#[tokio::test]
async fn the_ledger_tells_who_was_let_through() {
    let rig =
        Rig::new("[limit]\nrequests = 2\nwindow_ms = 60000\nkind = \"gcra\"\nburst = 2\n").await;
    assert_eq!(statuses(&rig, 4).await, [200, 200, 429, 429]);
    let url = format!("{}/v1/users/lookup", rig.simulator.base_url());
    let unknown = rig.client.post(url).bearer_auth("x.y.z");
    assert_eq!(Rig::answer(unknown).await.0, 403);
    let ledger = rig.simulator.ledger();
    let seen: Vec<_> = ledger
        .calls
        .iter()
        .map(|call| (call.admitted.is_some(), call.refused))
        .collect();
    let (through, refused) = ((true, false), (false, true));
    assert_eq!(seen, [through, through, refused, refused, (false, false)]);
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(
        (ledger.accepted_within(hour), ledger.most_within(hour)),
        (2, 5)
    );
}

#[tokio::test]
async fn special_users_are_special() {
    let id = super::generate(1, 1)[0].id.clone();
    for (rule, status, expected) in [
        ("status = 403", 403, json!({"isSmsLocked": null})),
        (
            "always_locked = [\"SMS\", \"TOKEN\"]",
            200,
            json!({"isSmsLocked": true, "isVoiceLocked": false}),
        ),
        (
            "missing_flags = [\"VOICE\"]",
            200,
            json!({"isSmsLocked": false, "isVoiceLocked": null}),
        ),
        ("always = \"500_json\"", 500, json!({"isSmsLocked": null})),
    ] {
        let rig = Rig::new(&format!("[[user]]\nid = \"{id}\"\n{rule}\n")).await;
        for (user, status) in [(&id, status), (&rig.users[1].id, 200)] {
            let (got, answer) = Rig::answer(rig.unlock(user, ALL)).await;
            assert_eq!(got, status, "{rule}");
            for (flag, value) in expected.as_object().expect("an object") {
                assert!(*user != id || &answer[flag] == value, "{rule}: {answer}");
            }
        }
    }
}
