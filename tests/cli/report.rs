//! `run --html` and `report`: results rendered again, whatever state they are in.

use std::{fmt::Write, fs};

use crate::world::{Ran, SignIn, World, finish};

/// Text that acts where it is not escaped.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

fn report(world: &World, arguments: &[&str]) -> Ran {
    let mut program = world.program();
    program.arg("report").args(arguments);
    finish(program)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// The page has its own style and script, and nothing else that acts or is loaded.
fn assert_sealed(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
    for (tag, times) in [
        ("<script", 1),
        ("<style", 1),
        ("<img", 0),
        ("<link", 0),
        ("<iframe", 0),
    ] {
        assert_eq!(page.matches(tag).count(), times, "{tag}");
    }
    for loaded in [
        "src=\"",
        "href=\"",
        "url(",
        "@import",
        " style=\"",
        " onerror=\"",
    ] {
        assert!(!page.contains(loaded), "{loaded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_run_and_the_one_made_again_say_the_same() {
    let world = World::new(20, "[[fault]]\nkind = \"429\"\nprobability = 0.2\n").await;
    let ran = world.run(SignIn::Ec, "--rate 500 --html r-{date}.html");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let pages: Vec<_> = fs::read_dir(world.folder.path())
        .expect("listed")
        .flatten()
        .collect();
    let made = pages
        .iter()
        .find(|file| file.file_name().to_string_lossy().ends_with(".html"));
    let first = fs::read_to_string(made.expect("a page").path()).expect("readable");
    assert_sealed(&first);
    assert!(
        first.contains("All is well: 20 users are unlocked."),
        "{first}"
    );

    let again = report(&world, &["users.results.csv", "--html", "again.html", "-q"]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (0, ""),
        "{}",
        again.stderr
    );
    let second = fs::read_to_string(world.path("again.html")).expect("a page");
    let but_for_its_time = |page: &str| page.split("<footer>").next().map(str::to_owned);
    assert_eq!(but_for_its_time(&first), but_for_its_time(&second));

    let told = report(&world, &["users.results.csv", "--output", "json"]);
    assert_eq!(json(&told.stdout), world.summary());
    let text = report(&world, &["users.results.csv"]);
    assert_eq!(
        (text.code, &text.stdout),
        (0, &ran.stdout),
        "{}",
        text.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn results_without_a_summary_and_with_a_torn_end_are_told_of_as_far_as_they_go() {
    let world = World::new(3, "").await;
    assert_eq!(world.run(SignIn::Ec, "--rate 500").code, 0);
    fs::remove_file(world.path("users.results.csv.json")).expect("removed");
    let whole = fs::read_to_string(world.path("users.results.csv")).expect("results");
    world.write("torn.csv", &whole[..whole.len() - 9]);
    let ran = report(&world, &["torn.csv", "--html", "torn.html"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("no summary beside the results"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("ends in the middle of line 4"),
        "{}",
        ran.stderr
    );
    let page = fs::read_to_string(world.path("torn.html")).expect("a page");
    assert!(page.contains("2 rows recorded, all of them well; how the run ended is not known."));
    assert!(page.contains("The results end in the middle of line 4"));
    let told = json(&report(&world, &["torn.csv", "--output", "json"]).stdout);
    assert_eq!(
        (&told["rows"]["done"], &told["status"]),
        (&2.into(), &"stopped".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_results_file_or_no_summary_is_refused() {
    let world = World::new(1, "").await;
    assert_eq!(world.run(SignIn::Ec, "").code, 0);
    let results = fs::read_to_string(world.path("users.results.csv")).expect("results");
    world.write("damaged.csv", &results);
    world.write("damaged.csv.json", "{\"rows\":");
    for (arguments, code, said) in [
        (&["users.csv"][..], 5, "is not a results file"),
        (&["missing.csv"], 5, "missing.csv"),
        (&["damaged.csv"], 5, "damaged.csv.json"),
        (
            &["users.results.csv", "--summary", "gone.json"],
            5,
            "gone.json",
        ),
        (
            &["users.results.csv", "--html", "nowhere/x.html"],
            5,
            "nowhere/x.html",
        ),
        (
            &["users.results.csv", "--html", "./users.results.csv"],
            2,
            "--html",
        ),
        (
            &["users.results.csv", "--html", "users.results.csv.json"],
            2,
            "--html",
        ),
    ] {
        let ran = report(&world, arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
    let after = fs::read_to_string(world.path("users.results.csv")).expect("results");
    assert_eq!(results, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_may_replace_the_source_or_another_output() {
    let world = World::new(1, "").await;
    let source = fs::read_to_string(world.path("users.csv")).expect("the source");
    for options in [
        "--html users.csv",
        "--metrics ./users.csv",
        "--summary users.csv",
        "--results users.csv --overwrite",
        "--html x --metrics x",
        "--html users.results.csv",
        "--results x --summary ./x",
    ] {
        let ran = world.run(SignIn::Ec, options);
        assert_eq!(ran.code, 2, "{options}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("name another file"),
            "{options}: {}",
            ran.stderr
        );
    }
    assert_eq!(
        fs::read_to_string(world.path("users.csv")).expect("there"),
        source
    );
    assert!(world.simulator.ledger().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_has_another_name_is_not_written_over() {
    let world = World::new(1, "").await;
    let source = fs::read_to_string(world.path("users.csv")).expect("the source");
    fs::hard_link(world.path("users.csv"), world.path("twin.csv")).expect("a link");
    let ran = world.run(SignIn::Ec, "--results twin.csv --overwrite");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("name another file"), "{}", ran.stderr);

    let mut program = world.program();
    program
        .args(["run", "-", "--results", "users.csv", "--overwrite"])
        .args(world.sign_in(SignIn::Ec))
        .stdin(fs::File::open(world.path("users.csv")).expect("the source"));
    let ran = finish(program);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("name another file"), "{}", ran.stderr);

    let kept = fs::read_to_string(world.path("users.csv")).expect("there");
    assert_eq!(kept, source);
    assert!(world.simulator.ledger().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_wrote_acts_in_the_page() {
    let world = World::new(1, "").await;
    let quoted = HOSTILE.replace('"', "\"\"");
    world.write(
        "users.csv",
        &format!("user_id,email\n\"{quoted}\",\"{quoted}\"\n"),
    );
    let mut program = world.program();
    program
        .args(["run", "users.csv", "--reason", HOSTILE, "--html", "r.html"])
        .args(["--results", "<img src=x>\"'&.csv"])
        .args(world.sign_in(SignIn::Ec));
    let ran = finish(program);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let page = fs::read_to_string(world.path("r.html")).expect("a page");
    assert_sealed(&page);
    assert!(
        page.matches("&lt;script&gt;alert(1)").count() >= 3,
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_that_did_not_end_well_do_not_swell_the_page() {
    let world = World::new(1, "").await;
    assert_eq!(world.run(SignIn::Ec, "").code, 0);
    let results = fs::read_to_string(world.path("users.results.csv")).expect("results");
    let header = results.lines().next().expect("a header");
    let mut many = format!("{header}\n");
    for row in 1..=20_000 {
        writeln!(
            many,
            "{row},u{row},,,TOKEN,failed,500,,,,6,900,500: {row},2026-11-24T02:03:04.567Z"
        )
        .expect("written");
    }
    world.write("many.csv", &many);
    let ran = report(&world, &["many.csv", "--html", "many.html"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let page = fs::read_to_string(world.path("many.html")).expect("a page");
    assert_sealed(&page);
    assert!(page.len() < 2_500_000, "{}", page.len());
    assert!(page.contains("The other 15\u{202f}000 stand in <code>many.csv</code>"));
}
