//! No secret in any output, however much is said.

use std::fs;

use crate::world::{SignIn, World};

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
                "-vv --log-format json --log-file log.ndjson --rate 500",
            );
            let mut said = ran.stdout + &ran.stderr;
            for name in ["log.ndjson", "users.results.csv", "users.results.csv.json"] {
                said += &fs::read_to_string(world.path(name)).expect("readable");
            }
            assert!(said.contains("answered"), "it does say much");
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
