//! What well and badly formed calls are answered.

use serde_json::json;

use super::{ALL, Rig};

#[tokio::test]
async fn an_unlock_must_be_well_formed() {
    let rig = Rig::new("").await;
    let id = &rig.users[0].id;
    let (simple, braced) = (id.replace('-', ""), format!("%7B{id}%7D"));
    for (id, body, status) in [
        (id.as_str(), r#"[["SMS"]]"#, 400),
        (id, r#"{"unlockMethods":["sms"]}"#, 400),
        (id, r#"{"unlockMethods":"SMS"}"#, 400),
        (id, r#"{"unlockMethods":[1]}"#, 400),
        (id, "", 400),
        (&simple, ALL, 400),
        (&braced, ALL, 400),
        ("%ff", ALL, 400),
        ("a%2Fb", ALL, 400),
        (&id.replace('-', "%2D"), ALL, 200),
        (&id.to_uppercase(), ALL, 200),
    ] {
        let (got, answer) = Rig::answer(rig.unlock(id, body)).await;
        assert_eq!(got, status, "{id} {body}");
        assert_eq!(answer["code"].is_string(), status == 400, "{answer}");
    }
    assert_eq!(rig.simulator.ledger().calls.len(), 11);
}

#[tokio::test]
async fn only_what_is_asked_for_is_unlocked_and_all_is_reported() {
    let rig = Rig::new("").await;
    let user = rig
        .users
        .iter()
        .find(|user| user.locked == [true; 3])
        .expect("one with all locked");
    let mut locked = [true; 3];
    for (place, method) in ["VOICE", "TOKEN", "TOKEN", "SMS"].into_iter().enumerate() {
        let body = json!({"unlockMethods": [method]}).to_string();
        let (status, answer) = Rig::answer(rig.unlock(&user.id, &body)).await;
        locked[[2, 0, 0, 1][place]] = false;
        let expected = json!({
            "userId": user.id, "isTokenLocked": locked[0], "isSmsLocked": locked[1], "isVoiceLocked": locked[2],
        });
        assert_eq!((status, answer), (200, expected));
    }
}

#[tokio::test]
async fn a_lookup_finds_by_email_or_username() {
    let rig = Rig::new("").await;
    let user = &rig.users[1];
    for (body, status) in [
        (json!({"email": user.email.to_uppercase()}).to_string(), 200),
        (json!({"username": user.username}).to_string(), 200),
        (
            json!({"email": user.email, "searchUnsynched": true}).to_string(),
            200,
        ),
        (json!({"email": "nobody@example.com"}).to_string(), 404),
        (json!({"username": user.email}).to_string(), 404),
        (json!({"email": user.email, "more": 1}).to_string(), 400),
        (json!({"email": 1}).to_string(), 400),
        (json!([user.email, null, false]).to_string(), 400),
        ("{}".to_owned(), 400),
    ] {
        let (got, answer) = Rig::answer(rig.post("/v1/users/lookup", &body)).await;
        assert_eq!(got, status, "{body}");
        match status {
            200 => assert_eq!(
                (&answer["id"], &answer["isSmsLocked"]),
                (&json!(user.id), &json!(user.locked[1]))
            ),
            404 => assert!(
                body.contains(
                    answer["description"]
                        .as_str()
                        .expect("text")
                        .split(' ')
                        .nth(1)
                        .expect("who")
                )
            ),
            _ => assert!(answer["code"].is_string()),
        }
    }
    let url = format!("{}/v1/users/lookup", rig.simulator.base_url());
    let plain = rig
        .client
        .post(url)
        .bearer_auth(&rig.token)
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(Rig::answer(plain).await.0, 415);
}

#[tokio::test]
async fn a_search_is_paged_from_zero_and_ordered() {
    let rig = Rig::new("").await;
    let mut found = Vec::new();
    for number in 0..4 {
        let path = format!("/v2/users/search?pageSize=10&pageNumber={number}");
        let (status, answer) = Rig::answer(rig.post(&path, r#"{"emailLike":"USER"}"#)).await;
        assert_eq!(
            (status, &answer["totalPages"], &answer["totalElements"]),
            (200, &json!(3), &json!(30))
        );
        let elements = answer["elements"].as_array().expect("a list");
        found.extend(
            elements
                .iter()
                .map(|user| user["emailAddress"].as_str().expect("text").to_owned()),
        );
    }
    let expected: Vec<_> = rig.users.iter().map(|user| user.email.clone()).collect();
    assert_eq!(found, expected);
    let (_, first) = Rig::answer(rig.post("/v1/users/search", r#"{"emailLike":"@"}"#)).await;
    assert_eq!(first.as_array().map(Vec::len), Some(25));
    let (status, none) =
        Rig::answer(rig.post("/v2/users/search", r#"{"emailLike":"nobody"}"#)).await;
    assert_eq!(
        (status, &none["elements"], &none["totalPages"]),
        (200, &json!([]), &json!(0))
    );
    for (query, body) in [
        ("?pageSize=26", r#"{"emailLike":"u"}"#),
        ("?pageSize=0", r#"{"emailLike":"u"}"#),
        ("?pageNumber=-1", r#"{"emailLike":"u"}"#),
        ("", r#"{"emailLike":""}"#),
        ("", "{}"),
    ] {
        let path = format!("/v2/users/search{query}");
        assert_eq!(
            Rig::answer(rig.post(&path, body)).await.0,
            400,
            "{query} {body}"
        );
    }
}

#[tokio::test]
async fn what_is_no_call_stands_in_the_ledger_too() {
    let rig = Rig::new("").await;
    let base = rig.simulator.base_url();
    for (path, status) in [
        ("/v1/users/x/methods", 405),
        ("/v1/users/lookup", 405),
        ("/v1/nothing", 404),
    ] {
        let (got, answer) = Rig::answer(rig.client.get(format!("{base}{path}"))).await;
        assert_eq!(
            (got, answer["status"].as_u64()),
            (status, Some(u64::from(status)))
        );
    }
    let token = rig
        .client
        .post(format!("{}/token", rig.simulator.issuer()))
        .json(&json!({}));
    assert_eq!(Rig::answer(token).await.0, 400);
    let ledger = rig.simulator.ledger();
    let seen: Vec<_> = ledger
        .calls
        .iter()
        .map(|call| (call.endpoint, call.status))
        .collect();
    let other = |status| ("other", Some(status));
    assert_eq!(
        seen,
        [other(405), other(405), other(404), ("token", Some(400))]
    );
}

#[tokio::test]
async fn the_users_can_be_read_as_they_are_now() {
    let rig = Rig::new("[[user]]\nid = \"user0002\"\nunsynched = true\n").await;
    assert_eq!(rig.simulator.users(), rig.users);
    Rig::answer(rig.unlock(&rig.users[0].id, ALL)).await;
    let users = rig.simulator.users();
    assert_eq!(users[0].locked, [false; 3]);
    assert_eq!(users[1..], rig.users[1..]);
    let origin = rig
        .simulator
        .base_url()
        .replace("/AdminInterface/restapi", "");
    let (_, answer) = Rig::answer(rig.client.get(format!("{origin}/simulator/users"))).await;
    assert_eq!(answer.as_array().map(Vec::len), Some(rig.users.len()));
    assert_eq!(answer[0]["locked"], json!([false, false, false]));
}
