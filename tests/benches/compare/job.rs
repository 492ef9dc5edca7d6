//! The job that is measured: a list, the program that works on it, and the results as the proof
//! that it was done.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::server::Server;

/// A folder with lists, results and a token.
pub(crate) struct Yard(TempDir);

impl Yard {
    /// An empty one, and a token.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let token = folder.path().join("token");
        fs::write(&token, "a-token-of-the-usual-length-".repeat(20)).expect("writable");
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("ours");
        Self(folder)
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The token's text.
    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.file("token")).expect("written above")
    }

    /// A list of so many users.
    pub(crate) fn list(&self, rows: u64) -> PathBuf {
        let path = self.file(&format!("users-{rows}.csv"));
        if !path.exists() {
            let mut list = BufWriter::new(File::create(&path).expect("writable"));
            writeln!(list, "userId").expect("writable");
            for id in ids(rows) {
                writeln!(list, "{id}").expect("writable");
            }
            list.flush().expect("writable");
        }
        path
    }

    /// A server that answers after this time.
    pub(crate) fn server(&self, latency: Duration) -> Server {
        Server::start(latency, &self.file("certificate.pem"))
    }

    /// What follows the program's name to unlock the users of a list there.
    pub(crate) fn run(&self, list: &Path, origin: &str, concurrency: usize) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("plain names").to_owned();
        let words = [
            "run",
            &text(list),
            "--results",
            &text(&self.file("results.csv")),
            "--overwrite",
            "--base-url",
            &format!("{origin}/AdminInterface/restapi"),
            "--token-file",
            &text(&self.file("token")),
            "--rate",
            "100000",
            "--concurrency",
            &concurrency.to_string(),
            "--quiet",
        ];
        words.map(str::to_owned).into()
    }

    /// # Panics
    /// Unless the results say of so many users that they are unlocked.
    pub(crate) fn check(&self, rows: u64) {
        let results = File::open(self.file("results.csv")).expect("results were written");
        let unlocked = BufReader::new(results)
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.contains(",unlocked,200,false,false,false,1,"))
            .count();
        assert_eq!(unlocked as u64, rows, "not everybody was unlocked");
    }
}

/// Builds the program as it is shipped: what Cargo builds beside a benchmark has the features that
/// only tests need, such as a clock that can be paused.
///
/// # Panics
/// Where it cannot be built.
pub(crate) fn build() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "not built");
}

/// The program that was built.
pub(crate) fn program() -> String {
    let target = std::env::var("CARGO_TARGET_DIR");
    let target =
        target.unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/target").to_owned());
    format!("{target}/release/bulk-unlock")
}

/// IDs in the service's form.
pub(crate) fn ids(rows: u64) -> impl Iterator<Item = String> {
    (0..rows).map(|n| {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!(
            "{:08x}-{:04x}-4000-8000-{n:012x}",
            mixed >> 32,
            mixed >> 16 & 0xffff
        )
    })
}

/// The command, bound to a core where there are two and `taskset` is at hand.
pub(crate) fn on_core(core: usize, program: impl AsRef<OsStr>) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 || !installed("taskset") {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// Whether a program of this name can be found.
pub(crate) fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
