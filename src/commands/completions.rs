//! `completions`: what a shell needs to complete commands, options and values.

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;

/// The script for a shell.
pub(super) fn script(shell: Shell) -> String {
    let mut command: Command = Cli::command();
    let mut script = Vec::new();
    generate(shell, &mut command, super::PROGRAM, &mut script);
    let script = String::from_utf8(script).expect("the definitions are UTF-8");
    // Two parts of the script for bash disagree about the hyphen in a program's name, so that
    // nothing is offered after a command (clap-rs/clap#6421).
    script.replace("bulk__subcmd__unlock", "bulk__unlock")
}
