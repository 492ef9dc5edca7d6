//! Who else can send the same requests, and how each is told to.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    job::{Yard, ids, installed, program},
    server::Server,
};

/// The body that all of them send.
const BODY: &str = r#"{"unlockMethods":["TOKEN","SMS","VOICE"]}"#;
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benches/compare/scripts");

/// One client among others.
pub(crate) struct Peer {
    /// Its name in the tables.
    pub(crate) name: &'static str,
    /// More requests than this would take it too long.
    pub(crate) most: u64,
    /// Whether it can be run here.
    pub(crate) at_hand: fn() -> bool,
    /// The words that start it.
    pub(crate) words: fn(&Errand<'_>) -> Vec<String>,
}

/// What a client is to do.
pub(crate) struct Errand<'a> {
    /// Files.
    pub(crate) yard: &'a Yard,
    /// Whom to ask.
    pub(crate) server: &'a Server,
    /// How many requests.
    pub(crate) requests: u64,
    /// How many at once.
    pub(crate) concurrency: usize,
    /// For clients that are told a time instead of a number.
    pub(crate) seconds: u64,
}

impl Errand<'_> {
    fn origin(&self) -> String {
        self.server.origin()
    }

    fn url(&self, user: &str) -> String {
        format!(
            "{}/AdminInterface/restapi/v1/users/{user}/methods",
            self.origin()
        )
    }

    fn headers(&self) -> [String; 3] {
        [
            format!("Authorization: Bearer {}", self.yard.token()),
            "Accept: application/json".to_owned(),
            "Content-Type: application/json".to_owned(),
        ]
    }

    fn python(&self, script: &str) -> Vec<String> {
        vec![
            python(),
            format!("{SCRIPTS}/{script}"),
            text(&self.yard.list(self.requests)),
            text(&self.yard.file("peer.csv")),
            self.origin(),
            self.yard.token(),
            self.concurrency.to_string(),
        ]
    }

    /// A file of curl's options: a URL for each user, or none where they come otherwise.
    fn curl_options(&self, users: impl Iterator<Item = String>) -> String {
        let path = self.yard.file("curl.options");
        let mut options = String::from("silent\nfail\nrequest = \"PATCH\"\n");
        for header in self.headers() {
            options += &format!("header = \"{header}\"\n");
        }
        options += &format!("data = {BODY:?}\n");
        for user in users {
            options += &format!("url = \"{}\"\noutput = \"/dev/null\"\n", self.url(&user));
        }
        fs::write(&path, options).expect("writable");
        text(&path)
    }
}

/// This program first: the others are compared with it.
pub(crate) const PEERS: [Peer; 7] = [
    Peer {
        name: "bulk-unlock",
        most: u64::MAX,
        at_hand: || true,
        words: |errand| {
            let Errand { yard, requests, .. } = errand;
            let mut words = vec![program()];
            words.extend(yard.run(&yard.list(*requests), &errand.origin(), errand.concurrency));
            words
        },
    },
    Peer {
        name: "oha",
        most: u64::MAX,
        at_hand: || installed("oha"),
        words: |errand| {
            let mut words = vec!["oha", "--no-tui", "-m", "PATCH", "-d", BODY];
            let numbers = [errand.requests.to_string(), errand.concurrency.to_string()];
            words.extend(["-n", &numbers[0], "-c", &numbers[1]]);
            let headers = errand.headers();
            words.extend(headers.iter().flat_map(|header| ["-H", header.as_str()]));
            let url = errand.url("00000000-0000-4000-8000-000000000001");
            words.push(&url);
            words.into_iter().map(str::to_owned).collect()
        },
    },
    Peer {
        name: "wrk",
        most: u64::MAX,
        at_hand: || installed("wrk"),
        words: |errand| {
            let words = [
                "wrk".to_owned(),
                "--threads=1".to_owned(),
                format!("--connections={}", errand.concurrency),
                format!("--duration={}s", errand.seconds),
                format!("--script={SCRIPTS}/unlock.lua"),
                errand.origin(),
            ];
            words.into()
        },
    },
    Peer {
        name: "curl --parallel",
        most: 20_000,
        at_hand: || installed("curl"),
        words: |errand| {
            let options = errand.curl_options(ids(errand.requests));
            let most = errand.concurrency.to_string();
            let words = [
                "curl",
                "--no-progress-meter",
                "--parallel",
                "--parallel-immediate",
                "--parallel-max",
                &most,
                "--config",
                &options,
            ];
            words.map(str::to_owned).into()
        },
    },
    Peer {
        name: "aiohttp, uvloop",
        most: 8_000,
        at_hand: || has_modules("aiohttp, uvloop"),
        words: |errand| errand.python("aiohttp_client.py"),
    },
    Peer {
        name: "requests, threads",
        most: 2_000,
        at_hand: || has_modules("requests"),
        words: |errand| errand.python("requests_threads.py"),
    },
    Peer {
        name: "xargs curl",
        most: 300,
        at_hand: || installed("xargs") && installed("curl"),
        words: |errand| {
            let options = errand.curl_options(std::iter::empty());
            let users = errand.yard.file("curl.users");
            let mut file = fs::File::create(&users).expect("writable");
            for user in ids(errand.requests) {
                writeln!(file, "{user}").expect("writable");
            }
            let most = errand.concurrency.to_string();
            let list = text(&users);
            let url = errand.url("{}");
            let words = [
                "xargs",
                "-a",
                &list,
                "-P",
                &most,
                "-I",
                "{}",
                "curl",
                "--config",
                &options,
                "--output",
                "/dev/null",
                &url,
            ];
            words.map(str::to_owned).into()
        },
    },
];

/// The Python with the modules: `BENCH_PYTHON`, or the first on the path.
fn python() -> String {
    std::env::var("BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn has_modules(names: &str) -> bool {
    let status = Command::new(python())
        .args(["-c", &format!("import {names}")])
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn text(path: &Path) -> String {
    PathBuf::from(path)
        .into_os_string()
        .into_string()
        .expect("plain names")
}
