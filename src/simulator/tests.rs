//! The simulator over real HTTP.

use super::{Scenario, Settings, generate, start};

#[tokio::test]
async fn calls_without_a_good_token_are_refused_and_entered() {
    let users = generate(1, 1);
    let simulator = start(Settings {
        users: users.clone(),
        ..Settings::default()
    })
    .await
    .expect("a free port");
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("a client");
    let url = format!("{}/v1/users/{}/methods", simulator.base_url(), users[0].id);
    let answer = client
        .patch(&url)
        .bearer_auth("x.y.z")
        .body("{}")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.expect("text").contains("\"path\""));
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = simulator.write_credentials(folder.path()).expect("written");
    let token = std::fs::read_to_string(credentials.token_file).expect("readable");
    for (body, status) in [
        (r#"{"unlockMethods":["TOKEN"]}"#, 200),
        (r#"{"unlockMethods":[]}"#, 400),
        (r#"{"unlockMethods":["PUSH"]}"#, 400),
        (r#"{"unlockMethods":["SMS"],"x":1}"#, 400),
        ("nonsense", 400),
    ] {
        let request = client.patch(&url).bearer_auth(&token).body(body);
        assert_eq!(
            request.send().await.expect("an answer").status(),
            status,
            "{body}"
        );
    }
    let unknown = url.replace(&users[0].id, "00000000-0000-4000-8000-000000000000");
    let request = client
        .patch(&unknown)
        .bearer_auth(&token)
        .body(r#"{"unlockMethods":["SMS"]}"#);
    assert_eq!(request.send().await.expect("an answer").status(), 404);
    let locked = simulator.locked(&users[0].id).expect("known");
    assert_eq!(locked, [false, users[0].locked[1], users[0].locked[2]]);
    let ledger = simulator.ledger();
    assert_eq!(ledger.calls.len(), 7);
    assert_eq!(ledger.calls.iter().filter(|call| call.applied).count(), 1);
}

#[test]
fn every_sample_scenario_is_sound() {
    let mut read = 0;
    for entry in std::fs::read_dir("samples/scenarios").expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        if let Err(error) = Scenario::from_toml(&text) {
            panic!("{}: {error}", path.display());
        }
        read += 1;
    }
    assert!(read >= 5);
}

mod calls;
mod events;
mod faults;
mod lookups;
mod outages;
mod searches;
mod sign_in;
mod trouble;

use super::{SimUser, Simulator};

/// A simulator with a few users, and a client with a token that is good for everything.
struct Rig {
    simulator: Simulator,
    users: Vec<SimUser>,
    client: reqwest::Client,
    token: String,
}

impl Rig {
    async fn new(scenario: &str) -> Self {
        let users = generate(30, 1);
        let settings = Settings {
            users: users.clone(),
            scenario: Scenario::from_toml(scenario).expect("a scenario"),
            ..Settings::default()
        };
        let simulator = start(settings).await.expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = simulator.write_credentials(folder.path()).expect("written");
        let token = std::fs::read_to_string(credentials.token_file).expect("readable");
        let redirects = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .redirect(redirects);
        let client = client.build().expect("a client");
        Self {
            simulator,
            users,
            client,
            token,
        }
    }

    fn unlock(&self, id: &str, body: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/v1/users/{id}/methods", self.simulator.base_url());
        let request = self.client.patch(url).bearer_auth(&self.token);
        request
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    fn post(&self, path: &str, body: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.simulator.base_url());
        let request = self.client.post(url).bearer_auth(&self.token);
        request
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    /// Status and JSON; null where the body is no JSON.
    async fn answer(request: reqwest::RequestBuilder) -> (u16, serde_json::Value) {
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("a body");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

const ALL: &str = r#"{"unlockMethods":["TOKEN","SMS","VOICE"]}"#;
