//! The many ways in which a search may be answered, and a directory that changes meanwhile.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ALL, Rig};

async fn page(rig: &Rig, size: usize, number: usize) -> Value {
    let path = format!("/v2/users/search?pageSize={size}&pageNumber={number}");
    let (status, answer) = Rig::answer(rig.post(&path, r#"{"emailLike":"user"}"#)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn addresses(elements: &Value) -> Vec<&str> {
    let elements = elements.as_array().expect("a list").iter();
    elements
        .map(|element| element["emailAddress"].as_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn the_shape_of_a_page_is_what_the_scenario_says() {
    let plain = page(&Rig::new("").await, 10, 1).await;
    assert_eq!(plain.as_object().map(serde_json::Map::len), Some(3));
    assert!(plain["elements"][0]["isSmsLocked"].is_boolean());
    let rig = Rig::new("[search]\nextra = true\ntotals = false\nflags = false\n").await;
    let bare = page(&rig, 10, 1).await;
    assert_eq!(
        (&bare["pageSize"], &bare["currentPage"]),
        (&json!(10), &json!(1))
    );
    assert!(bare.get("totalPages").is_none() && bare.get("totalElements").is_none());
    assert_eq!(addresses(&bare["elements"]), addresses(&plain["elements"]));
    let flags = bare["elements"][0].as_object().expect("an object");
    assert!(
        !flags.keys().any(|member| member.ends_with("Locked")),
        "{bare}"
    );
    let array = page(&Rig::new("[search]\nshape = \"array\"\n").await, 10, 1).await;
    assert_eq!(array, plain["elements"]);
}

#[tokio::test]
async fn users_come_and_go_between_pages() {
    let rig = Rig::new(
        "[[search.churn]]\nafter_pages = 1\nremove = [\"user0003@example.com\", \"user0020\"]\n\
         [[search.churn]]\nafter_pages = 2\nadd = [\"user0001\", \"user0030\"]\nremove = [\"user0021\"]\n",
    )
    .await;
    let mut seen = BTreeSet::new();
    let mut totals = Vec::new();
    for number in 0..3 {
        let answer = page(&rig, 10, number).await;
        totals.push(answer["totalElements"].as_u64().expect("a number"));
        seen.extend(
            addresses(&answer["elements"])
                .into_iter()
                .map(str::to_owned),
        );
    }
    assert_eq!(totals, [28, 26, 27]);
    // Who was there all the time can slip from one page to the next and be missed.
    assert!(seen.contains("user0003@example.com") && !seen.contains("user0012@example.com"));
    let (gone, come) = (&rig.users[2], &rig.users[0]);
    for (user, status) in [(gone, 404), (come, 200)] {
        assert_eq!(Rig::answer(rig.unlock(&user.id, ALL)).await.0, status);
        let body = json!({"email": user.email, "searchUnsynched": true}).to_string();
        let (got, _) = Rig::answer(rig.post("/v1/users/lookup", &body)).await;
        assert_eq!(got, status, "{}", user.email);
    }
}

#[tokio::test]
async fn a_page_that_did_not_arrive_is_none() {
    let rig = Rig::new(
        "[[search.churn]]\nafter_pages = 1\nremove = [\"user0001\"]\n\
         [[fault]]\nkind = \"503\"\ncalls = [\"search\"]\nnth = [1]\n",
    )
    .await;
    let path = "/v2/users/search?pageSize=10";
    let (status, _) = Rig::answer(rig.post(path, r#"{"emailLike":"user"}"#)).await;
    assert_eq!(status, 503);
    assert_eq!(page(&rig, 10, 0).await["totalElements"], 30);
    assert_eq!(page(&rig, 10, 0).await["totalElements"], 29);
}
