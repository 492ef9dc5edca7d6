//! Which options there are, as the definition of the command line has them.
//!
//! The environment's variables and the file's keys follow from it, so an option is added there and
//! nowhere else.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command, CommandFactory, ValueHint};

use crate::cli::Cli;

use super::environment::variable;

/// The bearer token, which is no option.
pub(super) const TOKEN: &str = "token";
/// Names the file, so it cannot stand in it.
pub(super) const CONFIG: &str = "config";
/// Chooses a profile, so it cannot stand in one.
pub(super) const PROFILE: &str = "profile";

/// What can be said with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On or off.
    Switch,
    /// On or off, or a number that also says on.
    Optional,
    /// How often a switch is said.
    Count,
    /// Several values, each said by itself.
    Repeated,
    /// Several values, joined with commas.
    List,
    /// One value.
    Single,
}

/// A long option.
#[derive(Debug, Clone)]
pub(super) struct Opt {
    /// Its name in the definition of the command line.
    pub(super) id: String,
    /// Its name to people.
    pub(super) long: String,
    pub(super) kind: Kind,
    /// Whether it names a file or folder.
    pub(super) is_path: bool,
    /// The only values that there are; empty where any may do.
    pub(super) words: Vec<String>,
}

impl Opt {
    fn of(arg: &Arg) -> Option<Self> {
        let named = |name: &str| {
            let names = arg.get_value_names().unwrap_or_default();
            names.iter().any(|found| found.as_str() == name)
        };
        let optional = arg.get_num_args().is_some_and(|n| n.min_values() == 0);
        let kind = match arg.get_action() {
            ArgAction::SetTrue => Kind::Switch,
            ArgAction::Count => Kind::Count,
            ArgAction::Append => Kind::Repeated,
            _ if named("LIST") => Kind::List,
            _ if optional => Kind::Optional,
            _ => Kind::Single,
        };
        let words = arg.get_possible_values();
        let takes_word = !matches!(kind, Kind::Switch | Kind::Count);
        Some(Self {
            id: arg.get_id().to_string(),
            long: arg.get_long()?.to_owned(),
            kind,
            is_path: named("FILE")
                || named("FOLDER")
                || named("RESULTS")
                || arg.get_value_hint() == ValueHint::AnyPath,
            words: words
                .iter()
                .filter(|_| takes_word)
                .map(|word| word.get_name().to_owned())
                .collect(),
        })
    }

    /// Its variable in the environment.
    pub(super) fn variable(&self) -> String {
        variable(&self.long)
    }
}

/// How much of the configuration holds for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of it: a command that speaks to the service.
    All,
    /// What every command takes.
    Everywhere,
    /// The same, from the environment only: a command that must work whatever a file says.
    EnvironmentOnly,
}

impl Reach {
    pub(super) fn of(command: &str) -> Self {
        match command {
            "run" | "plan" | "check" | "token" => Self::All,
            "simulate" | "completions" | "man" => Self::EnvironmentOnly,
            _ => Self::Everywhere,
        }
    }
}

/// Every long option that can be configured, by its name to people: those of `run`, and those that
/// every command takes.
pub(super) fn configurable() -> BTreeMap<String, Opt> {
    let root = Cli::command();
    let run = root.find_subcommand("run").map(Command::get_arguments);
    root.get_arguments()
        .chain(run.into_iter().flatten())
        .filter_map(Opt::of)
        .map(|option| (option.long.clone(), option))
        .collect()
}

/// Those of them that a command takes.
pub(super) fn options_of(command: &str) -> Vec<Opt> {
    let root = Cli::command();
    let known = configurable();
    let own = root.find_subcommand(command).map(Command::get_arguments);
    let own = own
        .into_iter()
        .flatten()
        .filter(|_| Reach::of(command) == Reach::All);
    root.get_arguments()
        .chain(own)
        .filter_map(Opt::of)
        .filter(|option| known.contains_key(&option.long))
        .collect()
}

/// Groups of ways to say something of which a run takes one: the way that is given at a higher level
/// hides the others at lower levels.
const RIVALS: [&[&[&str]]; 4] = [
    &[
        &["api_key_file"],
        &["oauth_issuer", "oauth_client_id", "oauth_key_file"],
        &["token_file"],
        &[TOKEN],
    ],
    &[
        &["input"],
        &["user"],
        &["search"],
        &["locked_since", "locked_until"],
        &["failed_from"],
    ],
    &[&["resume"], &["overwrite"]],
    &[&["quiet"], &["verbose"]],
];

/// Whether what was given at higher levels hides this option: another way to say the same was given
/// there, and not this one.
pub(super) fn is_hidden(id: &str, given: impl Fn(&str) -> bool) -> bool {
    let group = RIVALS.iter().find_map(|ways| {
        let own = ways.iter().position(|way| way.contains(&id))?;
        Some((ways, own))
    });
    group.is_some_and(|(ways, own)| {
        let any = |way: &[&str]| way.iter().any(|id| given(id));
        let other = ways.iter().enumerate();
        let other = other.filter(|(n, _)| *n != own).any(|(_, way)| any(way));
        other && !any(ways[own])
    })
}

/// The one of these names that is most like what was written.
pub(super) fn nearest<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let likeness = |name: &&str| strsim::jaro_winkler(written, name);
    names
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

#[cfg(test)]
mod tests {
    use super::{Kind, configurable, is_hidden, nearest, options_of};

    #[test]
    fn kinds_follow_from_the_definition() {
        let options = configurable();
        for (name, kind) in [
            ("resume", Kind::Switch),
            ("simulate", Kind::Optional),
            ("verbose", Kind::Count),
            ("user", Kind::Repeated),
            ("methods", Kind::List),
            ("rate", Kind::Single),
        ] {
            assert_eq!(options[name].kind, kind, "{name}");
        }
        for name in ["results", "summary", "ca-file", "failed-from", "log-file"] {
            assert!(options[name].is_path, "{name}");
        }
        assert_eq!(options["output"].words, ["text", "json"]);
        assert!(options["yes"].words.is_empty());
    }

    #[test]
    fn a_command_takes_what_is_its_own() {
        let names = |command| -> Vec<String> {
            let options = options_of(command).into_iter();
            options.map(|option| option.long).collect()
        };
        assert!(names("run").contains(&"results".to_owned()));
        assert!(names("token").contains(&"ca-file".to_owned()));
        assert!(!names("token").contains(&"results".to_owned()));
        assert!(!names("simulate").contains(&"seed".to_owned()));
        assert!(names("simulate").contains(&"log-file".to_owned()));
    }

    #[test]
    fn another_way_hides_and_the_same_way_is_filled_up() {
        let oauth = |id: &str| id == "oauth_issuer";
        assert!(is_hidden("api_key_file", oauth) && is_hidden("token", oauth));
        assert!(!is_hidden("oauth_key_file", oauth) && !is_hidden("rate", oauth));
        assert!(is_hidden("search", |id| id == "input"));
        assert!(!is_hidden("search", |_| false));
    }

    #[test]
    fn what_was_meant_is_found() {
        let names = ["rate", "resume", "max-attempts"];
        assert_eq!(nearest("max_attempt", names), Some("max-attempts"));
        assert_eq!(nearest("rat", names), Some("rate"));
    }
}
