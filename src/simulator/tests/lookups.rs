//! The many ways in which a lookup may be answered.

use serde_json::{Value, json};

use super::{ALL, Rig};

async fn look_up(rig: &Rig, body: &Value) -> (u16, Value) {
    Rig::answer(rig.post("/v1/users/lookup", &body.to_string())).await
}

#[tokio::test]
async fn the_members_of_an_answer_are_what_the_scenario_says() {
    for (settings, expected) in [
        (
            "only = [\"id\"]",
            json!({"emailAddress": null, "isSmsLocked": null}),
        ),
        (
            "omit = [\"isSmsLocked\", \"lastName\"]",
            json!({"isSmsLocked": null, "lastName": null}),
        ),
        (
            "extra = true",
            json!({"isPasskeyLocked": true, "firstName": "Simulated"}),
        ),
        ("flags = \"text\"", json!({"isApproveLocked": "false"})),
        (
            "flags = \"null\"",
            json!({"isTokenLocked": null, "isVoiceLocked": null}),
        ),
        (
            "",
            json!({"isApproveLocked": false, "userStatus": "Enabled", "markDeleted": false}),
        ),
    ] {
        let rig = Rig::new(&format!("[lookup]\n{settings}\n")).await;
        let user = &rig.users[0];
        let (status, answer) = look_up(&rig, &json!({"email": user.email})).await;
        assert_eq!(
            (status, &answer["id"]),
            (200, &json!(user.id)),
            "{settings}"
        );
        for (member, value) in expected.as_object().expect("an object") {
            assert_eq!(&answer[member], value, "{settings}: {answer}");
        }
        let members = answer.as_object().expect("an object").len();
        let expected = match settings {
            "only = [\"id\"]" => 1,
            "omit = [\"isSmsLocked\", \"lastName\"]" => 21,
            "extra = true" => 26,
            _ => 23,
        };
        assert_eq!(members, expected, "{settings}: {answer}");
    }
}

#[tokio::test]
async fn nobody_is_not_found_in_either_shape() {
    let rig = Rig::new("[lookup]\nnot_found = \"framework\"\n").await;
    let (status, answer) = look_up(&rig, &json!({"email": "nobody@example.com"})).await;
    assert_eq!((status, &answer["error"]), (404, &json!("Not Found")));
    assert!(answer["timestamp"].is_u64() && answer.get("code").is_none());
}

#[tokio::test]
async fn who_is_not_synchronised_is_found_when_asked_for() {
    let rig = Rig::new(
        "[lookup]\nunsynched_delay_ms = 1\n[[user]]\nid = \"user0001\"\nunsynched = true\n",
    )
    .await;
    let user = &rig.users[0];
    let (plain, thorough) = (
        json!({"email": user.email}),
        json!({"email": user.email, "searchUnsynched": true}),
    );
    let search = || rig.post("/v2/users/search", r#"{"emailLike":"user0001"}"#);
    assert_eq!(look_up(&rig, &plain).await.0, 404);
    assert_eq!(Rig::answer(rig.unlock(&user.id, ALL)).await.0, 404);
    assert_eq!(Rig::answer(search()).await.1["totalElements"], 0);
    let nobody = json!({"email": "nobody@example.com", "searchUnsynched": true});
    assert_eq!(look_up(&rig, &nobody).await.0, 404);
    assert_eq!(look_up(&rig, &thorough).await.0, 200);
    assert_eq!(look_up(&rig, &plain).await.0, 200);
    assert_eq!(Rig::answer(rig.unlock(&user.id, ALL)).await.0, 200);
    assert_eq!(Rig::answer(search()).await.1["totalElements"], 1);
}

#[tokio::test]
async fn disabled_and_half_deleted_users_are_shown_as_such() {
    let rig = Rig::new(
        "[[user]]\nid = \"user0001\"\ndisabled = true\n[[user]]\nid = \"user0002\"\nmark_deleted = true\nstatus = 409\n",
    )
    .await;
    let (_, disabled) = look_up(&rig, &json!({"username": "user0001"})).await;
    let (_, deleted) = look_up(&rig, &json!({"username": "user0002"})).await;
    assert_eq!(
        (&disabled["userStatus"], &disabled["markDeleted"]),
        (&json!("Disabled"), &json!(false))
    );
    assert_eq!(
        (&deleted["userStatus"], &deleted["markDeleted"]),
        (&json!("Enabled"), &json!(true))
    );
    assert!(deleted["markDeletedAt"].is_string());
    for (user, status) in [(0, 200), (1, 409)] {
        let id = &rig.users[user].id;
        assert_eq!(Rig::answer(rig.unlock(id, ALL)).await.0, status);
    }
}
