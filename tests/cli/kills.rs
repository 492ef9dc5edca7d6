//! The program killed at random instants, over and over, in one job: nothing is lost, and nobody is
//! asked twice but for those who were under way.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use fastrand::Rng;

use crate::{
    running::Running,
    world::{SignIn, World},
};

const KILLS: usize = 100;
const USERS: u32 = 3_000;
const CONCURRENCY: usize = 8;
/// So long is waited for a run to record something, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Each of so many rows stands in the source twice.
const REPEATED: usize = 50;
const RESULTS: &str = "users.results.csv";

/// The source: some rows know only an address, and a few users stand there twice.
fn source(world: &World, users: usize, random: &mut Rng) -> String {
    let mut rows: Vec<String> = (0..users)
        .map(|n| {
            let user = &world.users[n];
            match n % 7 {
                0 => format!(",{}", user.email),
                _ => format!("{},", user.id),
            }
        })
        .collect();
    rows.extend_from_within(1..=users / REPEATED);
    random.shuffle(&mut rows);
    format!("user_id,email\n{}\n", rows.join("\n"))
}

fn rows_of(users: usize) -> usize {
    users + users / REPEATED
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

/// Lets it run for a random while: sometimes only a part of its start, mostly until it has recorded a
/// random number of rows, or has nothing left to do.
fn let_run(running: &mut Running, path: &Path, random: &mut Rng) {
    let start = Instant::now();
    if random.u8(0..4) == 0 {
        std::thread::sleep(Duration::from_millis(random.u64(0..150)));
        return;
    }
    let enough = length(path) + random.u64(1..50) * 130;
    while length(path) < enough && start.elapsed() < PATIENCE && !running.has_ended() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
}

/// Whom the whole records of the file are about, one entry a line.
fn recorded(path: &Path) -> Vec<(String, String)> {
    let text = fs::read(path).unwrap_or_default();
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let mut reader = csv::Reader::from_reader(&text[..whole]);
    let records = reader.records().map(|record| record.expect("whole"));
    records
        .map(|record| (record[1].to_owned(), record[5].to_owned()))
        .collect()
}

/// Cuts up to two records' worth of bytes off the end, as a crash of the machine may. Returns how
/// many records are lost.
fn tear(path: &Path, random: &mut Rng) -> usize {
    if random.bool() {
        return 0;
    }
    let before = recorded(path).len();
    if let Ok(file) = fs::File::options().write(true).open(path) {
        let torn = random.u64(1..250).min(length(path));
        file.set_len(length(path) - torn).expect("cut");
    }
    before - recorded(path).len()
}

/// Users who were asked for on each token that the service saw: each run makes one of its own.
fn asked_by_token(world: &World) -> BTreeMap<u64, Vec<String>> {
    let mut asked: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for call in world.simulator.ledger().of("unlock") {
        let (Some(token), Some(user)) = (call.token, &call.user) else {
            continue;
        };
        asked.entry(token).or_default().push(user.clone());
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_a_hundred_times_the_job_ends_with_each_user_once() {
    let seed = std::env::var("BULK_UNLOCK_TEST_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let _ = writeln!(io::stderr(), "BULK_UNLOCK_TEST_SEED={seed}");
    let random = &mut Rng::with_seed(seed);
    let world = World::new(USERS, "latency_ms = 3\njitter_ms = 4").await;
    let path = world.path(RESULTS);
    let options = format!("--rate 2000 --concurrency {CONCURRENCY} --yes --resume");
    let mut users = USERS as usize / 3;
    let mut lost = 0;
    let mut judged = 0;
    let mut kills = 0;
    while kills < KILLS {
        world.write("users.csv", &source(&world, users, random));
        let mut running = world.start(SignIn::Legacy, &options);
        tokio::task::block_in_place(|| let_run(&mut running, &path, random));
        kills += usize::from(!running.has_ended());
        running.kill();
        let on_record: HashSet<_> = recorded(&path).into_iter().map(|(user, _)| user).collect();
        let asked = asked_by_token(&world);
        for (token, asked) in asked.iter().filter(|(token, _)| **token > judged) {
            let mut once = BTreeSet::new();
            assert!(
                asked.iter().all(|user| once.insert(user)),
                "seed {seed}: twice in a run"
            );
            let open = once
                .iter()
                .filter(|user| !on_record.contains(**user))
                .count();
            assert!(
                open <= CONCURRENCY,
                "seed {seed}: run {token}: {open} were asked for and are not on record"
            );
        }
        judged = asked.keys().last().copied().unwrap_or_default();
        lost += tear(&path, random);
        users = (users + random.usize(0..50)).min(USERS as usize);
    }
    let users = USERS as usize;
    world.write("users.csv", &source(&world, users, random));
    let ran = world.run(SignIn::Legacy, &options);
    assert_eq!(ran.code, 0, "seed {seed}: {}", ran.stderr);
    let records = recorded(&path);
    assert_eq!(
        records.len(),
        rows_of(users),
        "seed {seed}: one record a row"
    );
    let unlocked: Vec<_> = records
        .iter()
        .filter(|(_, outcome)| outcome == "unlocked")
        .collect();
    let once: HashSet<_> = unlocked.iter().map(|(user, _)| user).collect();
    assert_eq!(
        (unlocked.len(), once.len()),
        (users, users),
        "seed {seed}: each user once"
    );
    for record in world.records() {
        if record["outcome"] != "unlocked" {
            assert_eq!(record["outcome"], "duplicate", "seed {seed}");
            continue;
        }
        let locked = world.simulator.locked(&record["user_id"]).expect("known");
        for (column, locked) in ["is_token_locked", "is_sms_locked", "is_voice_locked"]
            .iter()
            .zip(locked)
        {
            assert_eq!(record[*column], locked.to_string(), "seed {seed}");
        }
    }
    let calls = world.simulator.ledger().of("unlock").count();
    let most = users + kills * CONCURRENCY + lost;
    let _ = writeln!(
        io::stderr(),
        "{kills} kills: {} repeats, {lost} records torn off",
        calls - users
    );
    assert!(
        (users..=most).contains(&calls),
        "seed {seed}: {calls} calls, at most {most}"
    );
}
