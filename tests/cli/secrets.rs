//! No secret in any output, however much is said.

use std::fs;

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::Response,
};

use crate::{
    answers::answering,
    world::{SignIn, World, finish},
};

const OUTPUTS: [&str; 5] = [
    "log.ndjson",
    "users.results.csv",
    "users.results.csv.json",
    "r.html",
    "m.prom",
];

/// What is said where the program breaks.
fn panicked(world: &World, how: SignIn) -> String {
    let mut program = world.program();
    program.args("run users.csv --overwrite -vv --rate 500".split(' '));
    program
        .args(world.sign_in(how))
        .envs([("BULK_UNLOCK_TEST_PANIC", "1"), ("RUST_BACKTRACE", "full")]);
    let ran = finish(program);
    ran.stdout + &ran.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_in_any_output() {
    for how in [SignIn::Legacy, SignIn::Rsa, SignIn::Ec, SignIn::Ready] {
        for scenario in [
            "[[fault]]\nkind = \"500_json\"\nprobability = 0.3",
            "[token]\npermitted = false",
        ] {
            let world = World::new(20, scenario).await;
            let ran = world.run(
                how,
                "-vv --log-format json --log-file log.ndjson --rate 500 --html r.html --metrics m.prom",
            );
            let mut said = ran.stdout + &ran.stderr;
            for name in OUTPUTS {
                // A job that is refused has no page.
                said += &fs::read_to_string(world.path(name)).unwrap_or_default();
            }
            said += &panicked(&world, how);
            for much in [
                "answered",
                "panicked",
                "bulk_unlock_exit_code",
                "row,user_id",
            ] {
                let refused = scenario.contains("permitted");
                assert!(refused || said.contains(much), "it does say much: {said}");
            }
            let mut secrets = vec![
                "simulated-".to_owned(),
                "eyJ".to_owned(),
                "PRIVATE KEY".to_owned(),
            ];
            let key = fs::read_to_string(&world.credentials.rsa_key_file).expect("readable");
            let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
            secrets.extend(
                ["d", "p", "q"].map(|member| key[member].as_str().expect("text")[..20].to_owned()),
            );
            for secret in secrets {
                assert!(
                    !said.contains(&secret),
                    "{how:?} {scenario}: `{secret}` in {said}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_service_repeats_is_in_no_output() {
    let world = World::new(0, "").await;
    let id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
    world.write("ids.csv", &format!("user_id\n{id}\n"));
    world.write("emails.csv", "email\na@example.com\n");
    let long = "abcdefghij-_.".repeat(9);
    for token in ["opaque+token/0123", &long] {
        for status in [200, 302, 400, 401, 403, 404, 418, 429, 500, 503] {
            let base = answering(move |request| {
                let sent = request.headers().get("authorization");
                let sent = sent.map_or("", |value| value.to_str().expect("ASCII"));
                let token = sent.trim_start_matches("Bearer ").replace('/', "\\/");
                let place = token.replace(['+', '\\', '/'], "x");
                Response::builder()
                    .status(StatusCode::from_u16(status).expect("a status"))
                    .header(header::LOCATION, format!("https://{place}.example/"))
                    .body(Body::from(format!(
                        r#"{{"userId":"{token}","code":"{status} {token}","error":"{token}","description":"what is {token}?"}}"#
                    )))
                    .expect("an answer")
            });
            let base = base.await;
            let mut said = String::new();
            for words in ["ids.csv", "emails.csv", "--search a@example.com"] {
                let ran = world.run_against(
                    &base,
                    token,
                    &format!(
                        "{words} -vv --max-attempts 2 --max-outage 1s --results users.results.csv \
                         --log-file log.ndjson --html r.html --metrics m.prom"
                    ),
                );
                assert_ne!(ran.code, 0, "{status}: {}", ran.stderr);
                said += &(ran.stdout + &ran.stderr);
                for name in OUTPUTS {
                    said += &fs::read_to_string(world.path(name)).unwrap_or_default();
                }
            }
            assert!(!said.contains(token), "{status}: {said}");
            assert!(
                status == 200 || status == 302 || said.contains("[token]"),
                "{status}: {said}"
            );
        }
    }
}
