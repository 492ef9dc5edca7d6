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

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_the_methods_that_rows_name() {
    let world = World::new(3, "").await;
    let [a, b, c] = [0, 1, 2].map(|n| world.users[n].id.as_str());
    world.write(
        "users.csv",
        &format!("id,methods\n{a},SMS\n{b},\n{c},SMS|VOICE\n{a},SMS\n"),
    );
    let text = plan(&world, "").stdout;
    let methods = "  methods     TOKEN 1, SMS 3, VOICE 2, as the source says\n";
    assert!(text.contains(methods), "{text}");
    let json: Value = serde_json::from_str(&plan(&world, "--output json").stdout).expect("JSON");
    let by_method = serde_json::json!({ "TOKEN": 1, "SMS": 3, "VOICE": 2 });
    assert_eq!(json["by_method"], by_method);
    world.write("users.csv", &format!("id\n{a}\n"));
    let text = plan(&world, "--methods SMS").stdout;
    assert!(!text.contains("  methods "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_nobody_says_so() {
    let world = World::new(1, "").await;
    for table in ["", "id\n", "id\n1.23E+15\n"] {
        world.write("users.csv", table);
        let ran = plan(&world, "");
        assert_eq!(ran.code, 0, "{table:?}: {}", ran.stderr);
        let said = "Nobody to unlock: users.csv holds no users.";
        assert!(ran.stdout.starts_with(said), "{table:?}: {}", ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_names_the_first_twenty_rows_that_are_no_users() {
    let world = World::new(1, "").await;
    let rows: Vec<_> = (0..25).map(|n| format!("1.2{n}E+15\n")).collect();
    world.write("users.csv", &format!("id\n\n{}", rows.concat()));
    let text = plan(&world, "").stdout;
    assert!(text.contains("  row 1, line 3: a spreadsheet"), "{text}");
    assert!(text.contains("  row 20, line 22: "), "{text}");
    assert!(!text.contains("row 21"), "{text}");
    assert!(text.contains("  and 5 more"), "{text}");
    let json: Value = serde_json::from_str(&plan(&world, "--output json").stdout).expect("JSON");
    assert_eq!(json["invalid"], 25);
    assert_eq!(json["defects"].as_array().map(Vec::len), Some(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_who_cannot_be_looked_up() {
    let world = World::new(5, "").await;
    let mut table = "id,login\n".to_owned();
    for (n, user) in world.users.iter().enumerate() {
        let login = if n < 2 { "" } else { user.username.as_str() };
        table += &format!("{},{login}\n", user.id);
    }
    world.write("users.csv", &table);
    let of = |options: &str| -> Value {
        serde_json::from_str(&plan(&world, options).stdout).expect("JSON")
    };
    let only_locked = of("--only-locked --output json");
    for (member, value) in [("users", 5), ("lookups", 3), ("unseen", 2), ("requests", 8)] {
        assert_eq!(only_locked[member], value, "{member}");
    }
    let all = of("--output json");
    for (member, value) in [("lookups", 0), ("unseen", 0), ("requests", 5)] {
        assert_eq!(all[member], value, "{member}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_search_reads_no_more_than_its_limit() {
    let world = World::new(200, "").await;
    let mut program = world.program();
    program
        .args(["plan", "--search", "@example.com", "--limit", "30"])
        .args(world.sign_in(SignIn::Rsa));
    let ran = finish(program);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("for 30 users"), "{}", ran.stdout);
    assert_eq!(world.simulator.ledger().of("search").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_can_be_planned_against_the_simulator_it_brings() {
    let world = World::new(3, "").await;
    for words in [
        &["users.csv"][..],
        &["--user", "a@example.com,b@example.com"],
        &["--search", "user00", "--limit", "5"],
        &["--locked-since", "1d", "--limit", "5"],
    ] {
        let mut program = world.program();
        program
            .args(["plan", "--simulate", "--lookup", "--rate", "500"])
            .args(words);
        let ran = finish(program);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
        assert!(
            ran.stdout.contains("\nToday\n"),
            "{words:?}: {}",
            ran.stdout
        );
    }
}
