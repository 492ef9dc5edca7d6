//! Completions, as shells take them.

use std::process::Command;

use crate::world::finish;

fn completions(shell: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-unlock"));
    program.args(["completions", shell]).env_clear();
    let ran = finish(program);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{shell}");
    ran.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_is_offered_commands_and_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = completions(shell);
        for word in ["simulate", "locked-since", "log-format"] {
            assert!(script.contains(word), "{shell}: no `{word}`");
        }
    }
}

/// What bash offers once these words are typed.
fn offered(words: &[&str]) -> Vec<String> {
    let script = completions("bash");
    let typed: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let asked = format!(
        "{script}\n[[ $(complete -p bulk-unlock) =~ -F\\ ([^ ]+) ]]\n\
         COMP_WORDS=({}) COMP_CWORD={last}\n\
         ${{BASH_REMATCH[1]}} bulk-unlock \"{}\" \"{}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        typed.join(" "),
        words[last],
        words[last - 1],
    );
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-c", &asked]);
    let ran = finish(bash);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["bulk-unlock", "simu"]), ["simulate"]);
    assert_eq!(
        offered(&["bulk-unlock", "run", "--locked-s"]),
        ["--locked-since"]
    );
    assert_eq!(
        offered(&["bulk-unlock", "run", "--progress", ""]),
        ["auto", "bar", "lines", "off"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_names_every_code_and_closes_what_it_opens() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-unlock"));
    program.arg("man").env_clear();
    let page = finish(program).stdout;
    assert!(
        page.lines()
            .any(|line| line.starts_with(".TH bulk-unlock 1")),
        "{page}"
    );
    for part in ["EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
        assert!(page.contains(part), "no {part}");
    }
    let lines = |macro_name: &str| {
        page.lines()
            .filter(|line| line.starts_with(macro_name))
            .count()
    };
    for (opened, closed) in [(".RS", ".RE"), (".EX", ".EE")] {
        assert_eq!(lines(opened), lines(closed), "{opened}");
    }
}
