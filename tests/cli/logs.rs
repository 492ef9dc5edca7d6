//! The log as JSON: each row's story stands in it, for whoever selects its lines.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::world::{SignIn, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_row_can_be_followed_line_by_line() {
    let user = &bulk_unlock::simulator::generate(1, 1)[0].id;
    let scenario = format!("[[user]]\nid = \"{user}\"\nalways = \"500_html\"\n");
    let world = World::new(20, &scenario).await;
    let options = "--rate 200 --max-attempts 3 -vv --log-format json --log-file run.log";
    let ran = world.run(SignIn::Rsa, options);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let log = fs::read_to_string(world.path("run.log")).expect("a log");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let run_id = &world.summary()["run_id"];
    assert!(lines.iter().all(|line| &line["run_id"] == run_id), "{log}");
    let story: Vec<_> = lines.iter().filter(|line| line["row"] == 1).collect();
    assert!(
        story.iter().all(|line| line["user"] == user.as_str()),
        "{story:#?}"
    );
    let of = |message: &str| -> Vec<&Value> {
        let lines = story.iter().filter(|line| line["message"] == message);
        lines.copied().collect()
    };
    let tried = of("tried");
    let attempts: Vec<_> = tried.iter().map(|line| line["attempt"].as_u64()).collect();
    assert_eq!(attempts, [Some(1), Some(2), Some(3)]);
    for line in &tried {
        assert_eq!(line["status"], "500", "{line}");
        assert!(
            line["reason"].as_str().is_some_and(|why| !why.is_empty()),
            "{line}"
        );
    }
    assert!(
        of("answered")
            .iter()
            .all(|line| line["latency_ms"].is_u64())
    );
    let waits = of("trying again");
    assert!(waits.len() == 2 && waits.iter().all(|line| line["wait_ms"].is_u64()));
    let ended = of("final");
    assert_eq!(
        (ended.len(), &ended[0]["outcome"]),
        (1, &Value::from("failed"))
    );
    let mode = fs::metadata(world.path("run.log"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "it names users");
}
