//! Faults of calls that ask: lookups, searches, sign-in.

use serde_json::{Value, json};

use super::Rig;
use crate::simulator::Scenario;

fn always(kind: &str, call: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\ncalls = [\"{call}\"]\nevery = 1\nmost_per_user = 1000\n")
}

/// A good call of this kind.
fn call(rig: &Rig, call: &str) -> reqwest::RequestBuilder {
    match call {
        "lookup" => {
            let body = json!({"email": rig.users[0].email}).to_string();
            rig.post("/v1/users/lookup", &body)
        }
        "search" => rig.post("/v2/users/search", r#"{"emailLike":"user"}"#),
        "events" => {
            let base = rig.simulator.base_url();
            let url = format!("{base}/v1/usereventlog/exportlogs");
            rig.client.get(url).bearer_auth(&rig.token)
        }
        "token" => {
            let url = format!("{}/token", rig.simulator.issuer());
            rig.client.post(url).form(&[("grant_type", "nonsense")])
        }
        _ => panic!("no call {call}"),
    }
}

const CALLS: [(&str, u16); 4] = [
    ("lookup", 200),
    ("search", 200),
    ("events", 200),
    ("token", 400),
];

/// In the order in which [`faults_strike_the_calls_that_they_are_for`] meets them.
const KINDS: [(&str, u16); 9] = [
    ("500_json", 500),
    ("500_html", 500),
    ("429", 429),
    ("502", 502),
    ("503", 503),
    ("504", 504),
    ("garbage", 200),
    ("redirect", 302),
    ("slow", 0),
];

#[tokio::test]
async fn faults_strike_the_calls_that_they_are_for() {
    for (name, well) in CALLS {
        let mut scenario = String::new();
        for (place, (kind, _)) in KINDS.iter().enumerate() {
            scenario += &format!(
                "[[fault]]\nkind = \"{kind}\"\ncalls = [\"{name}\"]\nnth = [{}]\nmost_per_user = 100\nslow_ms = 1\n",
                place + 1
            );
        }
        let rig = Rig::new(&scenario).await;
        for (kind, status) in KINDS {
            for (other, well) in CALLS {
                let expected = if other == name && status > 0 {
                    status
                } else {
                    well
                };
                let (got, answer) = Rig::answer(call(&rig, other)).await;
                assert_eq!(got, expected, "{kind} of {name}, {other}: {answer}");
                assert!(kind != "garbage" || other != name || answer == Value::Null);
            }
        }
        for entry in rig.simulator.ledger().calls {
            assert_eq!(entry.fault.is_some(), entry.endpoint == name, "{entry:?}");
        }
        assert_eq!(
            Rig::answer(call(&rig, name)).await.0,
            well,
            "no more faults"
        );
    }
}

#[tokio::test]
async fn any_call_can_be_cut_or_truncated() {
    for (name, well) in CALLS {
        for kind in ["cut", "truncated"] {
            let rig = Rig::new(&always(kind, name)).await;
            let answer = match call(&rig, name).send().await {
                Ok(answer) => answer.bytes().await.map(|_| ()),
                Err(error) => Err(error),
            };
            assert!(answer.is_err(), "{kind} of {name}");
            let status = rig.simulator.ledger().calls[0].status;
            assert_eq!(status, (kind == "truncated").then_some(well), "{name}");
        }
    }
}

#[tokio::test]
async fn each_kind_of_call_is_counted_for_itself() {
    let rig = Rig::new(
        "[[fault]]\nkind = \"503\"\ncalls = [\"lookup\", \"search\"]\nnth = [2]\nretry_after_s = 7\n",
    )
    .await;
    let mut seen = Vec::new();
    for name in ["lookup", "search", "search", "lookup", "lookup"] {
        let answer = call(&rig, name).send().await.expect("an answer");
        let told = answer.headers().get("retry-after").cloned();
        assert_eq!(told.is_some(), answer.status() == 503);
        seen.push(answer.status().as_u16());
    }
    assert_eq!(seen, [200, 200, 503, 503, 200]);
}

#[tokio::test]
async fn a_token_can_be_revoked_before_a_lookup() {
    let rig =
        Rig::new("[[fault]]\nkind = \"token_revoked\"\ncalls = [\"lookup\"]\nnth = [2]\n").await;
    let mut seen = Vec::new();
    for name in ["search", "lookup", "lookup", "search"] {
        seen.push(Rig::answer(call(&rig, name)).await.0);
    }
    assert_eq!(seen, [200, 200, 403, 403]);
}

#[tokio::test]
async fn a_lookup_can_be_answered_about_somebody_else_or_without_flags() {
    for scenario in [
        always("other_user", "lookup"),
        "[[user]]\nid = \"user0001@example.com\"\nlookup_always = \"other_user\"\n".to_owned(),
    ] {
        let rig = Rig::new(&scenario).await;
        let (status, answer) = Rig::answer(call(&rig, "lookup")).await;
        assert_eq!(
            (status, &answer["id"], &answer["emailAddress"]),
            (200, &json!(rig.users[1].id), &json!(rig.users[1].email))
        );
        let asked = rig.simulator.ledger().calls[0].user.clone();
        assert_eq!(asked, Some(rig.users[0].email.clone()));
    }
    let rig = Rig::new(&always("no_flags", "lookup")).await;
    let (status, answer) = Rig::answer(call(&rig, "lookup")).await;
    assert_eq!((status, &answer["id"]), (200, &json!(rig.users[0].id)));
    assert!(answer.get("isSmsLocked").is_none() && answer.get("isApproveLocked").is_none());
}

#[tokio::test]
async fn a_user_can_be_special_to_lookups_alone() {
    let rig = Rig::new("[[user]]\nid = \"USER0001\"\nlookup_status = 409\n").await;
    assert_eq!(Rig::answer(call(&rig, "lookup")).await.0, 409);
    let id = &rig.users[0].id;
    assert_eq!(Rig::answer(rig.unlock(id, super::ALL)).await.0, 200);
    let body = json!({"email": rig.users[1].email}).to_string();
    let other = rig.post("/v1/users/lookup", &body);
    assert_eq!(Rig::answer(other).await.0, 200);
}

#[test]
fn a_fault_that_cannot_happen_is_refused() {
    for (scenario, why) in [
        (
            always("500_mixed", "lookup"),
            "\"500_mixed\" cannot happen to \"lookup\"",
        ),
        (always("other_user", "search"), "\"search\""),
        (always("token_revoked", "token"), "\"token_revoked\""),
        (
            "[[user]]\nlookup_always = \"applied_but_lost\"\n".to_owned(),
            "\"lookup\"",
        ),
    ] {
        let error = Scenario::from_toml(&scenario).expect_err("refused");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn the_ledger_holds_what_was_asked_for_whatever_was_answered() {
    for scenario in [
        "",
        "[limit]\nrequests = 0\n",
        "[token]\npermitted = false\n",
        "[[outage]]\nfor_s = 3600.0\nkind = \"503\"\n",
    ] {
        let rig = Rig::new(scenario).await;
        let path = "/v2/users/search?pageSize=10&pageNumber=2";
        Rig::answer(rig.post(path, r#"{"emailLike":"user"}"#)).await;
        Rig::answer(call(&rig, "lookup")).await;
        let calls = rig.simulator.ledger().calls;
        assert_eq!(calls[0].page, Some(2), "{scenario}");
        assert_eq!(calls[0].user.as_deref(), Some("user"), "{scenario}");
        assert!(calls[0].path.ends_with(path), "{}", calls[0].path);
        assert_eq!(
            calls[1].user.as_ref(),
            Some(&rig.users[0].email),
            "{scenario}"
        );
    }
}
