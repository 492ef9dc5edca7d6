//! What other users of the machine get of a run: nothing but what is meant for them.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    process::{Child, Command, Stdio},
};

use crate::world::{SignIn, World};

/// A user without rights, as whom root starts the program: what is root's is root's either way.
const NOBODY: u32 = 65534;

/// Starts a run that cannot end by itself soon.
fn started(world: &World, options: &str) -> Child {
    let mut program = world.program();
    if rustix::process::geteuid().is_root() {
        let own = world.path("bulk-unlock");
        fs::copy(program.get_program(), &own).expect("copied");
        let given = Command::new("chown")
            .args(["-R", "65534"])
            .arg(world.folder.path())
            .status();
        assert!(given.expect("it runs").success());
        program = Command::new(own);
        program.env_clear().current_dir(world.folder.path());
        program.uid(NOBODY);
    }
    program.arg("run").arg("users.csv");
    program.args(options.split_whitespace());
    program.args(world.sign_in(SignIn::Rsa));
    let piped = program.stdin(Stdio::null()).stderr(Stdio::piped());
    piped.stdout(Stdio::null()).spawn().expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_goes_into_no_core_dump_and_the_command_line_holds_no_secret() {
    let world = World::new(50, "").await;
    let mut child = started(&world, "-vv --rate 1");
    let mut lines = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("answered") {
        line.clear();
        assert!(lines.read_line(&mut line).expect("text") > 0, "it ended");
    }
    let of = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id()));
    let limits = of("limits").expect("ours");
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let core: Vec<_> = core.expect("told").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{limits}");
    // The kernel takes the files of a process that leaves no dump from its user and gives them to root.
    let owner = fs::metadata(format!("/proc/{}/environ", child.id())).expect("runs");
    assert_eq!(owner.uid(), 0, "its memory is its user's to read");
    let key = fs::read_to_string(&world.credentials.rsa_key_file).expect("readable");
    let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
    for name in ["cmdline", "environ"] {
        let said = of(name).unwrap_or_default();
        for secret in ["d", "p", "q"].map(|member| &key[member].as_str().expect("text")[..20]) {
            assert!(!said.contains(secret), "{name}: {said}");
        }
        assert!(!said.contains("eyJ"), "{name}: {said}");
    }
    child.kill().expect("running");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("text");
    child.wait().expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_for_their_owner_and_metrics_for_all() {
    let world = World::new(5, "").await;
    let options = "--rate 500 --log-file log --html report.html --metrics m.prom --lock lock";
    assert_eq!(world.run(SignIn::Rsa, options).code, 0);
    for (name, mode) in [
        ("users.results.csv", 0o600),
        ("users.results.csv.json", 0o600),
        ("log", 0o600),
        ("report.html", 0o600),
        // Whoever collects them is another user; they name nobody.
        ("m.prom", 0o644),
    ] {
        let found = fs::metadata(world.path(name)).expect(name).mode();
        assert_eq!(found & 0o777, mode, "{name} {found:o}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_another_user_planted_is_followed_by_no_output() {
    for option in [
        "--results",
        "--log-file",
        "--lock",
        "--summary",
        "--html",
        "--metrics",
    ] {
        let world = World::new(3, "").await;
        let shared = world.path("shared");
        fs::create_dir(&shared).expect("new");
        fs::set_permissions(&shared, PermissionsExt::from_mode(0o777)).expect("ours");
        world.write("precious", "");
        symlink(world.path("precious"), shared.join("out")).expect("linked");
        let overwrite = match option {
            "--results" => "--overwrite",
            _ => "",
        };
        let options = format!("--rate 500 {option} shared/out {overwrite}");
        let ran = world.run(SignIn::Rsa, &options);
        let precious = fs::read_to_string(world.path("precious")).expect("there");
        assert_eq!(precious, "", "{option} wrote where the link leads");
        let replaced = !shared.join("out").is_symlink();
        // What is written beside and renamed takes the link's place; what is opened is refused.
        match option {
            "--results" | "--log-file" | "--lock" => {
                assert_ne!(ran.code, 0, "{option}");
                assert!(
                    ran.stderr.contains("a folder of your own"),
                    "{}",
                    ran.stderr
                );
                assert_eq!(world.simulator.ledger().of("unlock").count(), 0);
            }
            _ => assert!(replaced && ran.code == 0, "{option}: {}", ran.stderr),
        }
    }
}
