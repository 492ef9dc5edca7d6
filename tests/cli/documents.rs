//! What the documentation prints, done as it is printed.

use std::{fs, path::Path, process::Command};

use crate::world::{Ran, World, finish};

/// A fenced block: the words behind the fence, and what stands in it.
struct Block<'a> {
    words: Vec<&'a str>,
    text: &'a str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let block = |fenced| {
        let (first, text) = str::split_once(fenced, '\n')?;
        let words = first.split_whitespace().collect();
        Some(Block { words, text })
    };
    page.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(block)
        .collect()
}

/// A line of a shell, in this world's folder, with the program on the path and a key in the
/// environment.
fn shell(world: &World, line: &str) -> Ran {
    let program = Path::new(env!("CARGO_BIN_EXE_bulk-unlock"));
    let folder = program.parent().expect("a folder");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(world.folder.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("BULK_UNLOCK_API_KEY_FILE", &world.credentials.api_key_file);
    finish(shell)
}

/// Writes each file that the page shows, does each line for a shell, which ends with 0 where no
/// comment names another code, and holds what it prints against a text that follows.
fn follow(world: &World, page: &str) -> usize {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect(page);
    let mut printed = String::new();
    let mut done = 0;
    for Block { words, text } in blocks(&text) {
        match words[..] {
            ["csv", name] => world.write(name, text),
            ["text"] => {
                let base = world.simulator.base_url();
                let tenant = "https://TENANT.access.securid.com/AdminInterface/restapi";
                let printed = printed.replace(base.trim_end_matches("/v1"), tenant);
                assert_eq!(printed, text, "{page}");
            }
            ["sh"] => {
                for line in text.lines() {
                    let code = line
                        .split_once("# code ")
                        .map_or("0", |(_, code)| &code[..1]);
                    let ran = shell(world, line);
                    assert_eq!(ran.code.to_string(), code, "{page}: {line}: {}", ran.stderr);
                    printed = ran.stdout;
                    done += 1;
                }
            }
            _ => panic!("{page}: a block of {words:?} is not tried"),
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_of_the_page_is_read_as_printed() {
    let world = World::new(12, "").await;
    let done = follow(&world, "docs/sources.md");
    assert!(done >= 12, "{done} commands");
}
