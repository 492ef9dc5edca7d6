//! An independent client agrees with the simulator: PyPI's pydplus signs in and looks a user up.

use std::{
    env,
    io::{self, Write},
    process::Command,
};

use crate::world::{World, finish};

#[tokio::test(flavor = "multi_thread")]
async fn pydplus_signs_in_and_looks_a_user_up() {
    let python = env::var("BULK_UNLOCK_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python)
        .args(["-c", "import pydplus"])
        .output();
    if !there.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os("BULK_UNLOCK_TEST_REQUIRE_PYTHON").is_none(),
            "pydplus is required and missing"
        );
        // Past the capture of a passing test's output: whoever runs the tests should know.
        let how = "pip install -r tests/interop/requirements.txt";
        let _ = writeln!(io::stderr(), "skipped: {python} has no pydplus ({how})");
        return;
    }
    let world = World::new(3, "").await;
    let user = &world.users[1];
    for (client, key) in [
        (
            &world.credentials.rsa_client_id,
            &world.credentials.rsa_key_file,
        ),
        (
            &world.credentials.ec_client_id,
            &world.credentials.ec_key_file,
        ),
    ] {
        let mut script = Command::new(&python);
        script.arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/interop/pydplus_lookup.py"
        ));
        script.args([
            "--base-url",
            &world.simulator.base_url(),
            "--issuer",
            &world.simulator.issuer(),
        ]);
        script.args(["--client-id", client, "--key-file"]).arg(key);
        let methods = ["TOKEN", "SMS", "VOICE"];
        let locked: Vec<_> = methods
            .iter()
            .zip(user.locked)
            .filter(|(_, locked)| *locked)
            .map(|(method, _)| *method)
            .collect();
        script.args([
            "--email",
            &user.email,
            "--expect-id",
            &user.id,
            "--expect-locked",
            &locked.join("|"),
        ]);
        let ran = finish(script);
        assert_eq!(ran.code, 0, "{client}: {}{}", ran.stdout, ran.stderr);
    }
    assert_eq!(
        world
            .simulator
            .ledger()
            .of("lookup")
            .filter(|call| call.status == Some(200))
            .count(),
        2
    );
}
