//! The manual page: every command and option from their definitions, then what no definition holds.

use clap::Command;
use clap_mangen::Man;

/// Without a date, as the page is that of this version. (The library would leave the empty date out,
/// and put the version in its place.)
const TITLE: &str = concat!(
    ".TH bulk-unlock 1 \"\" \"bulk-unlock ",
    env!("CARGO_PKG_VERSION"),
    "\" \"User Commands\"\n"
);

/// Exit codes, signals, environment, files, examples.
const CLOSING: &str = include_str!("man/closing.roff");

/// The whole page, as roff.
pub(super) fn page(root: Command) -> String {
    let mut root = root.disable_help_subcommand(true);
    // Puts defaults in order and gives each command its full name, but also repeats the options
    // that every command takes; those are told once.
    root.build();
    let once: Vec<_> = root
        .get_arguments()
        .filter(|option| option.is_global_set())
        .map(|option| option.get_id().clone())
        .collect();
    let man = Man::new(root.clone());
    let opening = written(|page| {
        man.render_name_section(page)?;
        man.render_synopsis_section(page)?;
        man.render_description_section(page)
    });
    let commands = root.get_subcommands().map(|command| {
        let told = once.iter().fold(command.clone(), |command, option| {
            command.mut_arg(option, |option| option.hide(true))
        });
        section(&told)
    });
    let general = written(|page| man.render_options_section(page));
    let general = format!(".SH \"OPTIONS OF EVERY COMMAND\"\n{}", below(&general));
    TITLE.to_owned() + &opening + &commands.collect::<String>() + &general + CLOSING
}

/// One command: what it is for, how it is typed, its options.
fn section(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let told = command.clone().override_usage(usage);
    let man = Man::new(told.mut_args(|option| match option.get_id().as_str() {
        "help" | "version" => option.hide(true),
        _ => option,
    }));
    let text = written(|page| {
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)
    });
    let name = command.get_bin_name().unwrap_or_default().to_uppercase();
    // What is a section of its own there is one below the command's here.
    let text = text
        .replacen(".SH SYNOPSIS\n", "", 1)
        .replacen(".SH DESCRIPTION\n", ".PP\n", 1);
    format!(".SH \"{name}\"\n{}", below(&text))
}

/// The same text with each of its sections one level lower.
fn below(text: &str) -> String {
    text.replace(".SH ", ".SS ")
}

fn written(render: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut page = Vec::new();
    render(&mut page).expect("memory can be written to");
    String::from_utf8(page).expect("the definitions are UTF-8")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::page;
    use crate::cli::Cli;

    #[test]
    fn every_command_and_option_is_told() {
        let page = page(Cli::command());
        for command in Cli::command().get_subcommands() {
            let heading = format!(".SH \"BULK-UNLOCK {}\"", command.get_name().to_uppercase());
            let section = page.split_once(&heading);
            let section = section.unwrap_or_else(|| panic!("no {heading}")).1;
            let section = section
                .split_once("\n.SH ")
                .map_or(section, |(told, _)| told);
            for option in command
                .get_arguments()
                .filter_map(|option| option.get_long())
            {
                let name = format!("\\-\\-{}", option.replace('-', "\\-"));
                assert!(section.contains(&name), "{heading} has no --{option}");
            }
            assert!(
                !section.contains("log\\-format"),
                "{heading}: what every command takes is told once"
            );
        }
        assert!(page.contains("\\-\\-log\\-format"));
    }
}
