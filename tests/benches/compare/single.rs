//! What is measured of this program alone: memory, start-up, and reading results back.

use std::{
    fs,
    io::{BufWriter, Write},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    Extent,
    job::{Yard, ids, program},
    measure::{Took, median, run},
    say,
};

const CONCURRENCY: usize = 64;

fn took(yard: &Yard, words: Vec<String>) -> Took {
    let words: Vec<_> = std::iter::once(program()).chain(words).collect();
    run(&words, &yard.token(), &yard.file("took"))
}

/// What telling users apart takes for each.
const USER_BYTES: f64 = 13.0;

/// The most memory, by rows, with and without what telling users apart takes.
pub(crate) fn memory(yard: &Yard, extent: Extent) -> Value {
    say("\nmemory");
    let server = yard.server(Duration::ZERO);
    let sizes = [10_000, 50_000, extent.long].map(|rows| {
        let Took { peak_mib, wall, .. } = took(yard, yard.run(&yard.list(rows), &server.origin(), CONCURRENCY));
        yard.check(rows);
        let users_mib = rows as f64 * USER_BYTES / 1_048_576.0;
        say(&format!(
            "  {rows:>9} rows: {peak_mib:.1} MiB at most, {:.1} without {USER_BYTES} bytes a user; {:.1} s",
            peak_mib - users_mib,
            wall.as_secs_f64()
        ));
        json!({ "rows": rows, "peak_mib": peak_mib, "peak_mib_without_users": peak_mib - users_mib, "seconds": wall.as_secs_f64() })
    });
    json!(sizes)
}

/// From the start of the process to the first request at the server.
pub(crate) fn start(yard: &Yard, extent: Extent) -> Value {
    let server = yard.server(Duration::ZERO);
    let certificate = yard.file("certificate.pem");
    let ca = ["--ca-file", certificate.to_str().expect("plain names")];
    let list = yard.list(1);
    let timed = |origin: &str, more: &[&str]| -> f64 {
        let mut words = yard.run(&list, origin, CONCURRENCY);
        words.extend(more.iter().map(|word| (*word).to_owned()));
        server.seen();
        let begun = SystemTime::now();
        took(yard, words);
        let first = server.seen().first.expect("it asked");
        1_000.0
            * first
                .duration_since(begun)
                .unwrap_or_default()
                .as_secs_f64()
    };
    let times: [Vec<f64>; 2] = (0..3 * extent.rounds)
        .map(|_| {
            (
                timed(&server.origin(), &[]),
                timed(&server.tls_origin(), &ca),
            )
        })
        .unzip::<_, _, Vec<_>, Vec<_>>()
        .into();
    let [plain, tls] = times.each_ref().map(|times| median(times.clone()));
    say(&format!(
        "\nfrom the start to the first request: {plain:.1} ms with plain HTTP, {tls:.1} ms over TLS"
    ));
    json!({ "plain_ms": plain, "tls_ms": tls, "all_ms": times })
}

/// How long `--resume` takes to read back a long results file that accounts for all rows.
pub(crate) fn resume(yard: &Yard, extent: Extent) -> Value {
    let server = yard.server(Duration::ZERO);
    let rows = extent.long;
    let resume = |list: u64| {
        let mut words = yard.run(&yard.list(list), &server.origin(), CONCURRENCY);
        words.retain(|word| word != "--overwrite");
        words.push("--resume".to_owned());
        words
    };
    write_results(yard, rows);
    let one: Vec<Took> = (0..extent.rounds).map(|_| took(yard, resume(1))).collect();
    let all = took(yard, resume(rows));
    assert_eq!(server.seen().requests, 0, "all of them are recorded");
    let seconds = median(one.iter().map(|took| took.wall.as_secs_f64()).collect());
    let peak = median(one.iter().map(|took| took.peak_mib).collect());
    say(&format!(
        "\n--resume of {rows} records: {seconds:.2} s, {peak:.1} MiB with a list of one; {:.2} s, {:.1} MiB with the whole list",
        all.wall.as_secs_f64(),
        all.peak_mib
    ));
    json!({ "records": rows, "seconds": seconds, "peak_mib": peak, "with_list_seconds": all.wall.as_secs_f64(), "with_list_peak_mib": all.peak_mib })
}

fn write_results(yard: &Yard, rows: u64) {
    let file = fs::File::create(yard.file("results.csv")).expect("writable");
    let mut file = BufWriter::new(file);
    let header = "row,user_id,email,username,methods,outcome,http_status,is_token_locked,is_sms_locked,is_voice_locked,attempts,duration_ms,error,finished_at";
    writeln!(file, "{header}").expect("writable");
    for (row, id) in (1..).zip(ids(rows)) {
        writeln!(
            file,
            "{row},{id},,,TOKEN|SMS|VOICE,unlocked,200,false,false,false,1,20,,2026-01-01T00:00:00.000Z"
        )
        .expect("writable");
    }
    file.flush().expect("writable");
}
