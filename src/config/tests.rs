//! The levels together: no option may be forgotten at any of them, nor in the sample.

use std::{ffi::OsString, fs, path::Path};

use tempfile::TempDir;

use super::{
    ConfigError, Environment, Given, GivenError, Origin,
    options::{CONFIG, Kind, Opt, PROFILE, configurable},
    resolve_run,
};
use crate::cli::Command;

const SAMPLE: &str = include_str!("../../samples/config.toml");

fn given(typed: &str, pairs: &[(&str, &str)]) -> Result<Given, GivenError> {
    let words: Vec<_> = typed.split(' ').map(OsString::from).collect();
    Given::read(&words, &Environment::of(pairs))
}

/// A folder that holds this configuration file, and the file's path.
fn configured(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, private()).expect("set");
    let path = path.display().to_string();
    (folder, path)
}

fn private() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o600)
}

/// What was given, as far as arguments go.
fn arguments(given: Given) -> String {
    let mut cli = given.cli;
    (cli.global.config, cli.global.profile) = (None, None);
    format!("{cli:?}")
}

/// A value that this option can have, and that is not its default.
fn sample(option: &Opt) -> &str {
    match option.kind {
        _ if option.is_path => "/x/y",
        Kind::Switch => "true",
        Kind::Count => "2",
        Kind::List => "SMS",
        _ => option.words.last().map_or("17", String::as_str),
    }
}

#[test]
fn every_option_can_be_typed_set_in_the_environment_and_written_in_a_file() {
    let plain = arguments(given("bulk-unlock run", &[]).expect("sound"));
    for option in configurable().values() {
        let (long, value) = (&option.long, sample(option));
        if [CONFIG, PROFILE].contains(&long.as_str()) {
            continue;
        }
        let typed = match option.kind {
            Kind::Switch => format!("bulk-unlock run --{long}"),
            Kind::Count => format!("bulk-unlock run --{long} --{long}"),
            _ => format!("bulk-unlock run --{long}={value}"),
        };
        let typed = arguments(given(&typed, &[]).expect(long));
        assert_ne!(typed, plain, "--{long} says nothing");
        let variable = given("bulk-unlock run", &[(&option.variable(), value)]);
        assert_eq!(arguments(variable.expect(long)), typed, "{long}, variable");
        let value = match option.kind {
            Kind::Switch | Kind::Count => value.to_owned(),
            _ => format!("\"{value}\""),
        };
        let (_folder, file) = configured(&format!("{long} = {value}"));
        let top = given(&format!("bulk-unlock --config {file} run"), &[]);
        assert_eq!(arguments(top.expect(long)), typed, "{long}, top level");
        let (_folder, file) = configured(&format!("[profiles.p]\n{long} = {value}"));
        let profile = format!("bulk-unlock run --config {file} --profile p");
        let profile = given(&profile, &[]).expect(long);
        assert_eq!(arguments(profile), typed, "{long}, profile");
    }
}

#[test]
fn flags_environment_profile_file_in_this_order() {
    let (_folder, file) = configured(
        "profile = \"p\"\nrate = 1\nburst = 1\nconcurrency = 1\ntimeout = 1\n\
         [profiles.p]\nrate = 2\nburst = 2\nconcurrency = 2\n",
    );
    let variables = [
        ("BULK_UNLOCK_CONFIG", file.as_str()),
        ("BULK_UNLOCK_RATE", "3"),
        ("BULK_UNLOCK_BURST", "3"),
    ];
    let given = given("bulk-unlock run u.csv --rate 4", &variables).expect("sound");
    let Command::Run(args) = &given.cli.command else {
        panic!("{given:?}")
    };
    let pace = &args.pace;
    let values = [&pace.rate, &pace.burst, &pace.concurrency, &pace.timeout];
    let values = values.map(|value| value.as_deref().expect("given"));
    assert_eq!(values, ["4", "3", "2", "1"]);
    assert_eq!(given.cli.global.profile.as_deref(), Some("p"));
    let place = |option: &str| given.origins[option].place();
    assert_eq!(place("rate"), "flag");
    assert_eq!(place("burst"), "environment, BULK_UNLOCK_BURST");
    assert_eq!(place("concurrency"), format!("profile p, {file} line 9"));
    assert_eq!(place("timeout"), format!("{file} line 5"));
    assert!(!given.origins.contains_key("drain"));
}

#[test]
fn a_typed_source_or_way_to_sign_in_hides_those_of_the_file() {
    let (_folder, file) = configured(
        "search = \"@x\"\napi-key-file = \"key.json\"\nresume = true\ntoken = \"abc\"\n",
    );
    let typed = format!("bulk-unlock run u.csv --token-file t --overwrite --config {file}");
    let given = given(&typed, &[]).expect("sound");
    let Command::Run(args) = given.cli.command else {
        panic!("not run")
    };
    assert_eq!(args.source.search, None);
    assert!(!args.results.resume && args.connection.token.is_none());
    assert_eq!(args.connection.api_key_file, None);
}

#[test]
fn wrong_values_are_named_with_their_place() {
    let (_folder, file) = configured("rate = \"fast\"");
    let told = |given: Given| {
        let Command::Run(args) = &given.cli.command else {
            panic!("not run")
        };
        let error = resolve_run(args, &Environment::default()).expect_err("no rate");
        given.placed(error).to_string()
    };
    let run = "bulk-unlock run u.csv";
    let typed = given(&format!("{run} --rate fast"), &[]).expect("read");
    assert!(told(typed).starts_with("--rate: "));
    let variable = given(run, &[("BULK_UNLOCK_RATE", "fast")]).expect("read");
    assert!(told(variable).starts_with("BULK_UNLOCK_RATE: "));
    let written = given(&format!("{run} --config {file}"), &[]).expect("read");
    assert!(told(written).starts_with(&format!("{file}, line 1, rate: ")));
    let switch = given(run, &[("BULK_UNLOCK_YES", "perhaps")]).expect_err("no switch");
    assert_eq!(
        switch.to_string(),
        "BULK_UNLOCK_YES: `perhaps` is neither true nor false"
    );
}

#[test]
fn a_profile_or_file_that_is_not_there_is_an_error() {
    let (_folder, file) = configured("[profiles.prod]\n[profiles.test]\n");
    let none = given(
        &format!("bulk-unlock run --config {file} --profile prd"),
        &[],
    );
    let Err(GivenError::Config(error)) = none else {
        panic!("{none:?}")
    };
    assert_eq!(error.hint(), "there are: prod, test");
    let none = given("bulk-unlock run --profile prod", &[("HOME", "/nowhere")]);
    let Err(GivenError::Config(error)) = none else {
        panic!("{none:?}")
    };
    assert!(
        error
            .hint()
            .contains("/nowhere/.config/bulk-unlock/config.toml")
    );
    let none = given("bulk-unlock run --config /nowhere/c.toml", &[]);
    assert!(matches!(
        none,
        Err(GivenError::Config(ConfigError::File { .. }))
    ));
}

#[test]
fn a_file_with_a_token_is_for_its_owner_only() {
    for text in ["token = \"abc\"", "[profiles.x]\ntoken = \"abc\""] {
        let (_folder, file) = configured(text);
        let run = format!("bulk-unlock token --config {file}");
        let read = given(&run, &[]).expect("private");
        assert_eq!(read.origins.contains_key("token"), !text.starts_with('['));
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        fs::set_permissions(&file, open).expect("set");
        let refused = given(&run, &[]).expect_err("others can read it");
        let GivenError::Config(error) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(error.hint(), format!("run: chmod 600 {file}"));
    }
}

#[test]
fn variables_that_are_none_of_ours_are_told() {
    let given = given(
        "bulk-unlock run",
        &[
            ("BULK_UNLOCK_RATES", "5"),
            ("BULK_UNLOCK_TOKEN", "x"),
            ("BULK_UNLOCK_TEST_PYTHON", "x"),
            ("OTHER", "x"),
        ],
    );
    let unknown = given.expect("sound").unknown_variables;
    let expected = (
        "BULK_UNLOCK_RATES".to_owned(),
        "BULK_UNLOCK_RATE".to_owned(),
    );
    assert_eq!(unknown, [expected]);
}

#[test]
fn some_commands_work_whatever_a_file_says() {
    let (_folder, file) = configured("nonsense = 1");
    let with = |command: &str| given(command, &[("BULK_UNLOCK_CONFIG", &file)]);
    with("bulk-unlock simulate").expect("no file is read");
    with("bulk-unlock token").expect_err("the file is read");
}

/// The options that the sample shows, each as its line, uncommented.
fn shown() -> Vec<(&'static str, &'static str)> {
    let lines = SAMPLE.lines().filter_map(|line| line.strip_prefix('#'));
    let options = lines.filter_map(|line| Some((line.split_once(" = ")?.0, line)));
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    options.filter(|(name, _)| is_name(name)).collect()
}

#[test]
fn the_sample_is_complete_and_every_line_of_it_is_right() {
    let shown = shown();
    for name in configurable().keys().filter(|name| *name != CONFIG) {
        let count = shown.iter().filter(|(shown, _)| shown == name).count();
        assert!(count > 0, "samples/config.toml does not show {name}");
    }
    for (name, line) in shown {
        let text = match name {
            PROFILE => format!("{line}\n[profiles.production]"),
            "locked-until" => format!("locked-since = \"2026-11-24T06:00:00Z\"\n{line}"),
            _ => line.to_owned(),
        };
        let (_folder, file) = configured(&text);
        let users = match name {
            "user" | "search" | "locked-since" | "locked-until" | "failed-from" => "",
            _ => " u.csv",
        };
        let typed = format!("bulk-unlock run{users} --config {file}");
        let given = given(&typed, &[]).unwrap_or_else(|error| panic!("{line}: {error}"));
        let said = matches!(given.origins.get(name), Some(Origin::File { .. }));
        assert!(said, "{line} says nothing");
        let Command::Run(args) = &given.cli.command else {
            panic!("not run")
        };
        if let Err(error) = resolve_run(args, &Environment::default()) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn the_sample_can_be_used_as_it_is_and_with_all_of_it_uncommented() {
    let (_folder, file) = configured(SAMPLE);
    let plain = given(&format!("bulk-unlock run --config {file}"), &[]);
    assert!(plain.expect("sound").origins.len() == 1, "it sets nothing");
    let all: Vec<&str> = SAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code)
                if code.starts_with('[') || code.contains(" = ") && !code.starts_with(' ') =>
            {
                code
            }
            _ => line,
        })
        .collect();
    let (_folder, file) = configured(&all.join("\n"));
    let typed = format!("bulk-unlock run --config {file} --profile production");
    given(&typed, &[]).expect("each key once, each value right");
    assert!(Path::new(&file).is_absolute());
}
