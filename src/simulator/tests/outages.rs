//! Times in which nothing works, and clocks that disagree.

use std::time::{Duration, SystemTime};

use super::{ALL, Rig};

fn outage(kind: &str, rest: &str) -> String {
    format!("[[outage]]\nafter_calls = 1\nfor_s = 3600.0\nkind = \"{kind}\"\n{rest}\n")
}

fn token(rig: &Rig) -> reqwest::RequestBuilder {
    let url = format!("{}/token", rig.simulator.issuer());
    rig.client.post(url).form(&[("grant_type", "nonsense")])
}

#[tokio::test]
async fn during_an_outage_nothing_is_done() {
    for (kind, status) in [
        ("429", 429),
        ("500", 500),
        ("502", 502),
        ("503", 503),
        ("504", 504),
    ] {
        let rig = Rig::new(&outage(kind, "")).await;
        let (first, second) = (&rig.users[0], &rig.users[1]);
        assert_eq!(Rig::answer(token(&rig)).await.0, 400);
        assert_eq!(Rig::answer(rig.unlock(&first.id, ALL)).await.0, 200);
        assert_eq!(Rig::answer(rig.unlock(&second.id, ALL)).await.0, status);
        let search = rig.post("/v2/users/search", r#"{"emailLike":"user"}"#);
        assert_eq!(Rig::answer(search).await.0, status);
        assert_eq!(Rig::answer(token(&rig)).await.0, status);
        assert_eq!(rig.simulator.locked(&second.id), Some(second.locked));
        let ledger = rig.simulator.ledger();
        let seen: Vec<_> = ledger.calls.iter().map(|call| call.outage).collect();
        assert_eq!(seen, [false, false, true, true, true], "{kind}");
        let call = &ledger.calls[2];
        assert!(call.token.is_some() && call.admitted.is_none() && !call.applied);
    }
}

#[tokio::test]
async fn the_token_endpoint_can_be_spared() {
    for kind in ["cut", "refuse"] {
        let rig = Rig::new(&outage(kind, "tokens = false")).await;
        let id = &rig.users[0].id;
        assert_eq!(Rig::answer(rig.unlock(id, ALL)).await.0, 200);
        rig.unlock(id, ALL).send().await.expect_err("cut");
        assert_eq!(Rig::answer(token(&rig)).await.0, 400);
        let last_but_one = &rig.simulator.ledger().calls[1];
        assert_eq!((last_but_one.status, last_but_one.outage), (None, true));
    }
}

#[tokio::test]
async fn connections_can_be_refused() {
    let rig = Rig::new(&outage("refuse", "")).await;
    let id = &rig.users[0].id;
    assert_eq!(Rig::answer(rig.unlock(id, ALL)).await.0, 200);
    rig.unlock(id, ALL).send().await.expect_err("cut");
    for _ in 0..3 {
        rig.unlock(id, ALL).send().await.expect_err("refused");
        token(&rig).send().await.expect_err("refused");
    }
    assert_eq!(rig.simulator.ledger().calls.len(), 2);
}

#[tokio::test]
async fn every_answer_carries_the_date_that_the_service_believes() {
    for (skew, scenario) in [
        (0, ""),
        (7200, "clock_skew_s = 7200"),
        (-7200, "clock_skew_s = -7200"),
        (-2_000_000_000, "clock_skew_s = -2000000000"),
    ] {
        let rig = Rig::new(scenario).await;
        let base = rig.simulator.base_url();
        for path in ["/v1/users/lookup", "/v1/nothing"] {
            let answer = rig.client.post(format!("{base}{path}")).send().await;
            let answer = answer.expect("an answer");
            let date = answer.headers()["date"].to_str().expect("text");
            let date = httpdate::parse_http_date(date).expect("a date");
            let seconds = |time: SystemTime| {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                since.unwrap_or_default().as_secs() as i64
            };
            let expected = (seconds(SystemTime::now()) + skew).max(0);
            assert!(
                (expected - seconds(date)).abs() < 60,
                "{scenario}: {date:?}"
            );
        }
    }
}

#[tokio::test]
async fn tokens_and_dates_go_by_the_clock_of_the_service() {
    let limit = "[limit]\nrequests = 0\nwindow_ms = 5000\nretry_after = \"date\"\n";
    let rig = Rig::new(&format!("clock_skew_s = 7200\n{limit}")).await;
    let answer = rig.unlock(&rig.users[0].id, ALL).send().await;
    let answer = answer.expect("an answer");
    let told = answer.headers()["retry-after"].to_str().expect("text");
    let told = httpdate::parse_http_date(told).expect("a date");
    let ahead = told.duration_since(SystemTime::now()).expect("later");
    assert!(ahead > Duration::from_secs(7000), "{ahead:?}");
}
