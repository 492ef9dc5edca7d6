//! One simulated tenant, a folder of its own, and the program run in it.

use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    path::PathBuf,
    process::{Command, Output},
};

use bulk_unlock::simulator::{
    Credentials, Scenario, Settings, SimUser, Simulator, generate, start,
};
use serde_json::Value;
use tempfile::TempDir;

/// The environment by which LLVM is told where a build that counts what is run leaves its counts.
const COUNTS: &str = "LLVM_PROFILE_FILE";

/// A record of the results, by column.
pub(crate) type Record = HashMap<String, String>;

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// How the program signs in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SignIn {
    Legacy,
    Rsa,
    Ec,
    Ready,
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) credentials: Credentials,
    pub(crate) users: Vec<SimUser>,
    pub(crate) folder: TempDir,
}

impl World {
    /// A tenant with this many users that behaves like this scenario (TOML).
    pub(crate) async fn new(users: u32, scenario: &str) -> Self {
        Self::of(generate(users, 1), scenario).await
    }

    /// A tenant with these users.
    pub(crate) async fn of(users: Vec<SimUser>, scenario: &str) -> Self {
        let scenario = Scenario::from_toml(scenario).expect("a sound scenario");
        let simulator = start(Settings {
            port: 0,
            scenario,
            users: users.clone(),
        });
        let simulator = simulator.await.expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).expect("made");
        let credentials = simulator.write_credentials(&keys).expect("written");
        let world = Self {
            simulator,
            credentials,
            users,
            folder,
        };
        let ids: String = world
            .users
            .iter()
            .map(|user| format!("{}\n", user.id))
            .collect();
        world.write("users.csv", &format!("user_id\n{ids}"));
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// The program, in this world's folder, without anything of ours in its environment.
    pub(crate) fn program(&self) -> Command {
        self.bare(env!("CARGO_BIN_EXE_bulk-unlock"))
    }

    /// The program, started by another of the system's, such as `nohup`, with these options.
    pub(crate) fn program_under(&self, other: &str, options: &[&str]) -> Command {
        let mut program = self.bare(other);
        program
            .env("PATH", "/usr/bin:/bin")
            .args(options)
            .arg(env!("CARGO_BIN_EXE_bulk-unlock"));
        program
    }

    fn bare(&self, name: &str) -> Command {
        let mut program = Command::new(name);
        program.current_dir(self.folder.path()).env_clear();
        program.envs(env::var_os(COUNTS).map(|path| (COUNTS, path)));
        program
    }

    pub(crate) fn sign_in(&self, how: SignIn) -> Vec<String> {
        let file = |path: &PathBuf| path.display().to_string();
        let keys = &self.credentials;
        let oauth = |client: &str, key| {
            let options = [
                "--oauth-issuer",
                &self.simulator.issuer(),
                "--oauth-client-id",
                client,
                "--oauth-key-file",
            ];
            let mut options: Vec<_> = options.map(str::to_owned).into();
            options.extend([
                file(key),
                "--base-url".to_owned(),
                self.simulator.base_url(),
            ]);
            options
        };
        match how {
            SignIn::Legacy => vec!["--api-key-file".to_owned(), file(&keys.api_key_file)],
            SignIn::Rsa => oauth(&keys.rsa_client_id, &keys.rsa_key_file),
            SignIn::Ec => oauth(&keys.ec_client_id, &keys.ec_key_file),
            SignIn::Ready => {
                let token = ["--token-file".to_owned(), file(&keys.token_file)];
                [
                    token.to_vec(),
                    vec!["--base-url".to_owned(), self.simulator.base_url()],
                ]
                .concat()
            }
        }
    }

    /// `run users.csv` with these options.
    pub(crate) fn run(&self, how: SignIn, options: &str) -> Ran {
        let mut program = self.program();
        program
            .args(["run", "users.csv"])
            .args(self.sign_in(how))
            .args(options.split_whitespace());
        finish(program)
    }

    /// The results of the last run, in the order of completion.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records_in("users.results.csv")
    }

    pub(crate) fn records_in(&self, name: &str) -> Vec<Record> {
        let mut reader = csv::Reader::from_path(self.path(name)).expect("results");
        reader
            .deserialize()
            .collect::<Result<_, _>>()
            .expect("whole records")
    }

    pub(crate) fn summary(&self) -> Value {
        let text = fs::read_to_string(self.path("users.results.csv.json")).expect("a summary");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Holds the results against the ledger: each row once, each success received, each flag as
    /// the service has it, and nothing received that is not accounted for.
    pub(crate) fn agree(&self, rows: usize) {
        let records = self.records();
        let by_row: BTreeMap<u64, &Record> = records
            .iter()
            .map(|record| (record["row"].parse().expect("a number"), record))
            .collect();
        assert_eq!(records.len(), rows, "one line a row");
        assert_eq!(by_row.len(), rows, "each row once");
        let ledger = self.simulator.ledger();
        let calls = ledger.by_user("unlock");
        for record in &records {
            let id = &record["user_id"];
            if record["outcome"] == "unlocked" {
                let received = calls
                    .get(id)
                    .is_some_and(|calls| calls.iter().any(|call| call.applied));
                assert!(received, "{id} is recorded as unlocked and was not");
                let locked = self.simulator.locked(id).expect("known");
                let columns = ["is_token_locked", "is_sms_locked", "is_voice_locked"];
                for (column, locked) in columns.iter().zip(locked) {
                    assert_eq!(record[*column], locked.to_string(), "{id} {column}");
                }
            }
            let tried: usize = record["attempts"].parse().expect("a number");
            let counted = calls.get(id).map_or(0, |calls| {
                calls.iter().filter(|call| call.token.is_some()).count()
            });
            assert_eq!(counted, tried, "{id}: calls on a good token are tries");
        }
        for id in calls.keys() {
            assert!(
                records.iter().any(|record| &record["user_id"] == id),
                "{id} was asked for and is not recorded"
            );
        }
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut program: Command) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::block_in_place(|| program.output()).expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}
