//! No secret in any output, however much is said.

use std::fs;

use crate::world::{SignIn, World, finish};

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
