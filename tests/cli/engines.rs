//! The samples for Kubernetes and Slurm, run as processes: with the environment that the engine would
//! give them, the arguments that the samples have, and the same files. (A real Slurm is driven by
//! `tests/engines/slurm/run`.)

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::world::{World, finish};

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name);
    fs::read_to_string(path).expect("a sample")
}

/// The items of the list `args:` that follows this line of a manifest.
fn args(manifest: &str, after: &str) -> Vec<String> {
    let lines = manifest.lines().map(str::trim);
    let mut lines = lines
        .skip_while(|line| *line != after)
        .skip_while(|line| *line != "args:");
    assert!(lines.next().is_some(), "{after} has arguments");
    let items = lines.map_while(|line| line.strip_prefix("- "));
    items.map(str::to_owned).collect()
}

/// The members of the `data:` of a manifest's first document.
fn data(manifest: &str) -> Vec<(String, String)> {
    let document = manifest.split("\n---\n").next().expect("a document");
    let lines = document.lines().skip_while(|line| *line != "data:").skip(1);
    let members = lines.map(str::trim).filter(|line| !line.starts_with('#'));
    let members = members.filter_map(|line| line.split_once(": "));
    let member =
        |(name, value): (&str, &str)| (name.to_owned(), value.trim_matches('"').to_owned());
    members.map(member).collect()
}

fn records(world: &World) -> usize {
    (0..8)
        .filter_map(|index| fs::read_to_string(world.path(&format!("unlock.{index}.csv"))).ok())
        .map(|text| text.lines().skip(1).count())
        .sum()
}

async fn until_records(world: &World, count: usize) {
    while records(world) < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn end(child: Child) -> (Option<i32>, String) {
    let ended = tokio::task::block_in_place(|| child.wait_with_output()).expect("ends");
    (
        ended.status.code(),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}

fn every_user_stands_once(world: &World, count: usize) {
    let records = world.records_in("merged.csv");
    let users: BTreeSet<_> = records.iter().map(|record| &record["user_id"]).collect();
    assert_eq!((records.len(), users.len()), (count, count));
    assert!(records.iter().all(|record| record["outcome"] == "unlocked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shards_of_the_kubernetes_sample_survive_a_lost_node() {
    let world = World::new(400, "").await;
    let (manifest, merge) = (
        sample("kubernetes/shards.yaml"),
        sample("kubernetes/merge.yaml"),
    );
    let here =
        |text: &str| text.replace("/unlock/", &format!("{}/", world.folder.path().display()));
    let pod = |index: u32| {
        let mut pod = world.program();
        pod.args(
            args(&manifest, "- name: unlock")
                .iter()
                .map(|arg| here(arg)),
        )
        .envs(data(&manifest))
        .env("BULK_UNLOCK_BASE_URL", world.simulator.base_url())
        .env("CREDENTIALS_DIRECTORY", world.path("keys"))
        .env("BULK_UNLOCK_RATE", "40")
        // Without a store: each pod is given its own rate here.
        .env_remove("BULK_UNLOCK_RATE_STORE")
        .env_remove("BULK_UNLOCK_RATE_STORE_PASSWORD_FILE")
        .env("JOB_COMPLETION_INDEX", index.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
        pod.spawn().expect("runs")
    };
    let joined = || {
        let mut program = world.program();
        program.args(args(&merge, "- name: merge").iter().map(|arg| here(arg)));
        finish(program)
    };
    let mut pods: Vec<_> = (0..8).map(pod).collect();
    until_records(&world, 80).await;
    // Two pods' node is lost without a word, a third is evicted.
    for index in [7, 3] {
        let mut lost = pods.remove(index);
        lost.kill().expect("killed");
        lost.wait().expect("ended");
    }
    let evicted = pods.remove(1);
    let mut kill = Command::new("kill");
    kill.args(["-TERM", &evicted.id().to_string()]);
    assert_eq!(finish(kill).code, 0);
    assert_eq!(end(evicted).0, Some(143));
    for pod in pods {
        let (code, said) = end(pod);
        assert_eq!(code, Some(0), "{said}");
    }
    let early = joined();
    assert_eq!(early.code, 4, "{}", early.stderr);
    assert!(early.stderr.contains("1/8"), "{}", early.stderr);
    for index in [1, 3, 7] {
        let (code, said) = end(pod(index));
        assert_eq!(code, Some(0), "{said}");
    }
    let merged = joined();
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    every_user_stands_once(&world, 400);
    assert!(world.path("merged.html").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_of_the_slurm_sample_go_on_when_they_are_requeued() {
    let world = World::new(300, "").await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/slurm/unlock.sbatch");
    let task = |id: u32| {
        let mut task = Command::new("bash");
        task.current_dir(world.folder.path())
            .args([script, "users.csv"])
            .env("BULK_UNLOCK", env!("CARGO_BIN_EXE_bulk-unlock"))
            .env("BULK_UNLOCK_BASE_URL", world.simulator.base_url())
            .env("BULK_UNLOCK_TOKEN_FILE", &world.credentials.token_file)
            .env("BULK_UNLOCK_RATE", "40")
            .env("SLURM_ARRAY_TASK_ID", id.to_string())
            .env("SLURM_ARRAY_TASK_MIN", "0")
            .env("SLURM_ARRAY_TASK_COUNT", "4")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        task.spawn().expect("runs")
    };
    let mut tasks: Vec<_> = (0..4).map(task).collect();
    until_records(&world, 60).await;
    let requeued = tasks.remove(2);
    let mut kill = Command::new("kill");
    kill.args(["-TERM", &requeued.id().to_string()]);
    assert_eq!(finish(kill).code, 0);
    assert_eq!(
        end(requeued).0,
        Some(143),
        "exec: the signal reaches the program"
    );
    tasks.push(task(2));
    for task in tasks {
        let (code, said) = end(task);
        assert_eq!(code, Some(0), "{said}");
    }
    let mut merge = world.program();
    let shards = (0..4).map(|index| format!("unlock.{index}.csv"));
    merge
        .arg("merge")
        .args(shards)
        .args(["--results", "merged.csv"]);
    assert_eq!(finish(merge).code, 0);
    every_user_stands_once(&world, 300);
}
