//! Users who are known by an address or login only, and those who are not locked.

use std::collections::HashMap;

use crate::world::{Record, SignIn, World};

fn by_row(records: Vec<Record>) -> HashMap<usize, Record> {
    let number = |record: &Record| record["row"].parse().expect("a number");
    let by_row: HashMap<usize, Record> = records
        .into_iter()
        .map(|record| (number(&record), record))
        .collect();
    by_row
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_users_by_email_and_username() {
    let world = World::new(300, "").await;
    let mut table = "username,email\n".to_owned();
    for (n, user) in world.users.iter().enumerate() {
        table += &match n % 2 {
            0 => format!(",{}\n", user.email),
            _ => format!("{},\n", user.username),
        };
    }
    table += &format!(",{}\n", world.users[0].email.to_uppercase());
    table += &format!("{},\n", world.users[1].username.to_uppercase());
    table += ",nobody@example.com\n";
    // The same user as in row 3, under another name.
    table += &format!("{},\n", world.users[2].username);
    world.write("users.csv", &table);
    let ran = world.run(SignIn::Rsa, "--rate 2000 --yes");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let records = by_row(world.records());
    assert_eq!(records.len(), 304);
    for (n, user) in world.users.iter().enumerate() {
        let record = &records[&(n + 1)];
        let found = ["user_id", "email", "username"].map(|column| record[column].as_str());
        assert_eq!(
            found,
            [&user.id, &user.email, &user.username],
            "row {}",
            n + 1
        );
        // Whichever of rows 3 and 304 finds the ID first unlocks the user.
        if n != 2 {
            assert_eq!(record["outcome"], "unlocked", "row {}: {record:?}", n + 1);
        }
    }
    for (row, outcome, status) in [
        (301, "duplicate", ""),
        (302, "duplicate", ""),
        (303, "not_found", "404"),
    ] {
        let record = &records[&row];
        let got = (record["outcome"].as_str(), record["http_status"].as_str());
        assert_eq!(got, (outcome, status), "row {row}");
    }
    let mut twins = [3, 304].map(|row| records[&row]["outcome"].as_str());
    twins.sort_unstable();
    assert_eq!(twins, ["duplicate", "unlocked"]);
    let ledger = world.simulator.ledger();
    let unlocks = ledger.by_user("unlock");
    assert_eq!(unlocks.len(), 300);
    assert!(
        unlocks.values().all(|calls| calls.len() == 1),
        "each user once"
    );
    assert_eq!(
        ledger.of("lookup").count(),
        302,
        "none for duplicates that show at once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_locked_sends_as_many_patches_as_users_are_locked() {
    let mut users = bulk_unlock::simulator::generate(400, 7);
    for (n, user) in users.iter_mut().enumerate() {
        user.locked = [n % 4 == 0, n % 6 == 0, false];
    }
    let world = World::of(users, "").await;
    let mut table = "id,mail,login\n".to_owned();
    for (n, user) in world.users.iter().enumerate() {
        table += &match n % 3 {
            0 => format!("{},{},\n", user.id, user.email),
            1 => format!(",{},\n", user.email),
            _ => format!(",,{}\n", user.username),
        };
    }
    world.write("users.csv", &table);
    let ran = world.run(SignIn::Ec, "--only-locked --rate 2000 --yes");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let locked = world
        .users
        .iter()
        .filter(|user| user.locked.contains(&true))
        .count();
    let ledger = world.simulator.ledger();
    assert_eq!(ledger.of("unlock").count(), locked);
    assert_eq!(ledger.of("lookup").count(), 400);
    let summary = world.summary();
    assert_eq!(summary["rows"]["by_outcome"]["unlocked"], locked);
    assert_eq!(
        summary["rows"]["by_outcome"]["already_unlocked"],
        400 - locked
    );
    for record in world.records() {
        let flags = ["is_token_locked", "is_sms_locked", "is_voice_locked"];
        assert!(
            flags.iter().all(|flag| record[*flag] == "false"),
            "{record:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_somebody_else_is_not_used() {
    let users = bulk_unlock::simulator::generate(3, 1);
    let scenario = format!(
        "[[user]]\nid = \"{}\"\nlookup_always = \"other_user\"\n[[user]]\nid = \"{}\"\nlookup_status = 403\n",
        users[0].id, users[1].id
    );
    let world = World::new(3, &scenario).await;
    let emails: Vec<_> = world.users.iter().map(|user| user.email.as_str()).collect();
    world.write("users.csv", &format!("mail\n{}\n", emails.join("\n")));
    let ran = world.run(SignIn::Legacy, "--max-attempts 2 --rate 100");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let records = by_row(world.records());
    assert_eq!(records[&1]["outcome"], "failed");
    assert!(
        records[&1]["error"].contains("another user"),
        "{:?}",
        records[&1]
    );
    assert_eq!(
        (
            records[&2]["outcome"].as_str(),
            records[&2]["http_status"].as_str()
        ),
        ("forbidden", "403")
    );
    assert_eq!(records[&3]["outcome"], "unlocked");
    assert_eq!(world.simulator.ledger().of("unlock").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_are_not_synchronised_are_found_only_where_that_is_asked_for() {
    let id = &bulk_unlock::simulator::generate(1, 1)[0].id;
    let world = World::new(1, &format!("[[user]]\nid = \"{id}\"\nunsynched = true")).await;
    world.write("users.csv", &format!("mail\n{}\n", world.users[0].email));
    assert_eq!(world.run(SignIn::Legacy, "").code, 1);
    assert_eq!(world.records()[0]["outcome"], "not_found");
    assert_eq!(
        world
            .run(SignIn::Legacy, "--search-unsynched --overwrite")
            .code,
        0
    );
    assert_eq!(world.records()[0]["outcome"], "unlocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_are_tried_again_like_all_else() {
    let scenario = "[lookup]\nextra = true\nflags = \"text\"\n[[fault]]\nkind = \"503\"\ncalls = [\"lookup\"]\nprobability = 0.2\n\
                    [[fault]]\nkind = \"garbage\"\ncalls = [\"lookup\"]\nprobability = 0.1";
    let world = World::new(60, scenario).await;
    let emails: Vec<_> = world.users.iter().map(|user| user.email.as_str()).collect();
    world.write("users.csv", &format!("mail\n{}\n", emails.join("\n")));
    let ran = world.run(SignIn::Rsa, "--rate 500");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    world.agree(60);
    assert!(world.simulator.ledger().of("lookup").count() > 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_names_two_users_does_not_show_the_locks_of_the_other() {
    let mut users = bulk_unlock::simulator::generate(2, 1);
    users[0].locked = [true, false, false];
    users[1].locked = [false, true, true];
    let world = World::of(users, "").await;
    let [one, other] = &world.users[..] else {
        panic!("two users");
    };
    world.write(
        "users.csv",
        &format!("id,email\n{},{}\n", one.id, other.email),
    );
    let ran = world.run(SignIn::Rsa, "--only-locked");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let record = &world.records()[0];
    assert_eq!(record["outcome"], "invalid", "{record:?}");
    assert!(record["error"].contains(&other.id), "{record:?}");
    assert_eq!(record["user_id"], one.id);
    for flag in ["is_token_locked", "is_sms_locked", "is_voice_locked"] {
        assert_eq!(record[flag], "", "{flag} is the other's");
    }
    assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
    // Without a look the ID decides.
    let ran = world.run(SignIn::Rsa, "--overwrite");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.simulator.locked(&other.id), Some([false, true, true]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_locked_unlocks_without_a_look_whom_only_an_id_names_and_says_so() {
    let mut users = bulk_unlock::simulator::generate(3, 1);
    for user in &mut users {
        user.locked = [false; 3];
    }
    let world = World::of(users, "").await;
    let [a, b, c] = [0, 1, 2].map(|n| &world.users[n]);
    world.write(
        "users.csv",
        &format!("id,login\n{},\n{},\n{},{}\n", a.id, b.id, c.id, c.username),
    );
    let ran = world.run(SignIn::Rsa, "--only-locked");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("2 users have nothing but an ID"),
        "{}",
        ran.stderr
    );
    let records = by_row(world.records());
    let outcomes = [1, 2, 3].map(|row| records[&row]["outcome"].as_str());
    assert_eq!(outcomes, ["unlocked", "unlocked", "already_unlocked"]);
    assert_eq!(world.simulator.ledger().of("unlock").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_failed_look_up_is_not_taken_for_that_of_an_unlock_without_an_answer() {
    let id = &bulk_unlock::simulator::generate(2, 1)[0].id;
    let scenario = format!(
        "[[user]]\nid = \"{id}\"\nalways = \"cut\"\n[[fault]]\nkind = \"500_json\"\ncalls = [\"lookup\"]\nprobability = 1.0\nmost_per_user = 1\n"
    );
    let world = World::new(2, &scenario).await;
    let emails: Vec<_> = world.users.iter().map(|user| user.email.as_str()).collect();
    world.write("users.csv", &format!("mail\n{}\n", emails.join("\n")));
    let ran = world.run(SignIn::Legacy, "--max-attempts 2 --rate 100");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let records = by_row(world.records());
    let got = ["outcome", "http_status", "attempts"].map(|column| records[&1][column].as_str());
    assert_eq!(got, ["failed", "", "2"], "{:?}", records[&1]);
    assert_eq!(records[&2]["outcome"], "unlocked");
}
