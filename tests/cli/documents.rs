//! What the documentation prints, done as it is printed.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::world::{World, finish};

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

/// Where a page is followed, and what differs there from what it prints.
struct Reader<'a> {
    world: &'a World,
    /// What a page calls it, and what it is here.
    instead: (String, String),
    /// What the page says that is already set up.
    set: Vec<(&'static str, &'a Path)>,
    /// What a page starts in another terminal.
    elsewhere: Vec<Child>,
    printed: String,
    done: usize,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        for child in &mut self.elsewhere {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Reader<'_> {
    /// A line of a shell, in this world's folder, with the program on the path.
    fn shell(&self, line: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_bulk-unlock"));
        let folder = program.parent().expect("a folder");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &self.here(line)])
            .current_dir(self.world.folder.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .envs(self.set.iter().copied());
        shell
    }

    fn here(&self, text: &str) -> String {
        text.replace(&self.instead.0, &self.instead.1)
    }

    fn on_the_page(&self, text: &str) -> String {
        text.replace(&self.instead.1, &self.instead.0)
    }

    /// Starts what is to run in another terminal, at a port that is free.
    fn start(&mut self, line: &str) {
        let (_, port) = self.instead.0.rsplit_once(':').expect("a port");
        let line = format!(
            "exec {}",
            line.replace(&format!("--port {port}"), "--port 0")
        );
        let mut child = self
            .shell(&line)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let said = BufReader::new(child.stdout.take().expect("piped"));
        self.elsewhere.push(child);
        let url = said.lines().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            Some(rest.split_once('/')?.0.to_owned())
        });
        self.instead.1 = url.expect("it says where it is");
    }

    /// Does each line, which ends with 0 where no comment names another code.
    fn follow(&mut self, page: &str) {
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = fs::read_to_string(text).expect(page);
        for Block { words, text } in blocks(&text) {
            match words[..] {
                ["csv" | "toml", name] => self.world.write(name, &self.here(text)),
                ["text"] => assert_eq!(self.on_the_page(&self.printed), text, "{page}"),
                ["text", "like"] => {
                    let (printed, text) = (shape(&self.printed), shape(text));
                    assert!(
                        printed.starts_with(&text),
                        "{page}: {printed}\nis not\n{text}"
                    );
                }
                ["sh", "elsewhere"] => text.lines().for_each(|line| self.start(line)),
                // `.ci/run` tries this on a package that it has made.
                ["sh", "package"] => {}
                ["sh"] => text.lines().for_each(|line| self.try_line(page, line)),
                _ => panic!("{page}: a block of {words:?} is not tried"),
            }
        }
    }

    fn try_line(&mut self, page: &str, line: &str) {
        let code = line
            .split_once("# code ")
            .map_or("0", |(_, code)| &code[..1]);
        let ran = finish(self.shell(line));
        assert_eq!(ran.code.to_string(), code, "{page}: {line}: {}", ran.stderr);
        self.printed = ran.stdout;
        self.done += 1;
    }
}

/// A text without what differs each time: numbers, and the room that they take.
fn shape(text: &str) -> String {
    let numbers = regex::Regex::new(r"\d+(\.\d+)?").expect("a pattern");
    let lines = text.lines().map(|line| {
        let line = numbers.replace_all(line, "0");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_of_the_page_is_read_as_printed() {
    let world = World::new(12, "").await;
    let base = world.simulator.base_url();
    let tenant = "https://TENANT.access.securid.com/AdminInterface/restapi";
    let mut reader = Reader {
        world: &world,
        instead: (tenant.to_owned(), base.trim_end_matches("/v1").to_owned()),
        set: vec![("BULK_UNLOCK_API_KEY_FILE", &world.credentials.api_key_file)],
        elsewhere: vec![],
        printed: String::new(),
        done: 0,
    };
    reader.follow("docs/sources.md");
    assert!(reader.done >= 12, "{} commands", reader.done);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_started_sees_what_is_printed() {
    let world = World::new(0, "").await;
    fs::remove_dir_all(world.path("keys")).expect("there");
    let mut reader = Reader {
        world: &world,
        instead: ("127.0.0.1:8080".to_owned(), String::new()),
        set: vec![],
        elsewhere: vec![],
        printed: String::new(),
        done: 0,
    };
    reader.follow("docs/getting-started.md");
    assert_eq!(reader.done, 7);
    let page = fs::read_to_string(world.path("report.html")).expect("a report");
    assert!(page.contains("INC-4711"));
}
