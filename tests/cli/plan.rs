//! `plan`: what a run would do, without unlocking anybody.

use serde_json::Value;

use crate::world::{SignIn, World, finish};

fn plan(world: &World, options: &str) -> crate::world::Ran {
    let mut program = world.program();
    program
        .args(["plan", "users.csv"])
        .args(options.split_whitespace())
        .args(world.sign_in(SignIn::Rsa));
    finish(program)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_what_a_run_would_do_and_sends_no_patch() {
    let world = World::new(20, "").await;
    let mut table = "User Id,Email address,x\n".to_owned();
    for user in &world.users[..10] {
        table += &format!("{},,1\n", user.id);
    }
    for user in &world.users[10..] {
        table += &format!(",{},1\n", user.email);
    }
    table += &format!("{},,\n", world.users[0].id.to_uppercase());
    table += ",,nobody\n1.23E+15,,\n";
    world.write("users.csv", &table);
    let ran = plan(&world, "--output json --rate 10");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan_of: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    for (member, value) in [
        ("rows", 23),
        ("users", 20),
        ("duplicates", 1),
        ("invalid", 2),
        ("lookups", 10),
        ("requests", 30),
    ] {
        assert_eq!(plan_of[member], value, "{member}: {plan_of:#}");
    }
    assert_eq!(plan_of["duration_s"], 3.0);
    assert_eq!(plan_of["defects"][1]["line"], 24);
    assert!(
        plan_of["defects"][1]["error"]
            .as_str()
            .expect("why")
            .contains("spreadsheet"),
        "{plan_of:#}"
    );
    assert!(
        plan_of["columns"].to_string().contains("User Id"),
        "{plan_of:#}"
    );
    let text = plan(&world, "").stdout;
    for part in ["20 users", "row 23, line 24", "look-ups", "User Id"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let ledger = world.simulator.ledger();
    assert_eq!(ledger.of("unlock").count() + ledger.of("lookup").count(), 0);
    assert!(ledger.of("token").count() >= 1, "the sign-in was tried");
    assert!(!world.path("users.results.csv").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_look_ups_it_says_who_is_locked() {
    let world = World::new(6, "").await;
    let rows: Vec<_> = world
        .users
        .iter()
        .map(|user| format!("{},{}", user.id, user.email))
        .collect();
    world.write(
        "users.csv",
        &format!("id,email\n{}\nx,nobody@example.com\n", rows.join("\n")),
    );
    let ran = plan(&world, "--lookup --output json --rate 500");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan_of: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let locked = |method: usize| {
        world
            .users
            .iter()
            .filter(|user| user.locked[method])
            .count()
    };
    let by_method = &plan_of["today"]["by_method"];
    assert_eq!(by_method["TOKEN"], locked(0));
    assert_eq!(by_method["SMS"], locked(1));
    assert_eq!(by_method["VOICE"], locked(2));
    assert_eq!(plan_of["today"]["not_known"], 1);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_fails_as_the_run_would() {
    let world = World::new(3, "[token]\nscope_enabled = false").await;
    assert_eq!(plan(&world, "").code, 3);
    let world = World::new(3, "").await;
    let ran = plan(&world, "--max-users 2");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("--max-users"), "{}", ran.stderr);
    world.write("users.csv", "name,phone\nx,y\n");
    assert_eq!(plan(&world, "").code, 5);
}
