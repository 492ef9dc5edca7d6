//! Rows from bytes: what always holds, whatever the bytes. The corpus of files stands in
//! `tests/sources`.

use std::io::{Cursor, Write};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{
    ColumnNames, FileRows, Input, Prepared, Source, SourceError, SourceSettings, TableFlaw,
    TableFormat,
};
use crate::{
    model::{MethodSet, Row},
    shard::Shard,
};

fn read(bytes: &[u8], format: &TableFormat) -> Result<Vec<Row>, SourceError> {
    let bytes = Box::new(Cursor::new(bytes.to_vec()));
    FileRows::from_reader(&Input::Stdin, bytes, format, MethodSet::ALL)?.collect()
}

fn headless() -> TableFormat {
    TableFormat {
        header: false,
        ..TableFormat::default()
    }
}

/// `text` in this encoding, with its byte order mark if there is one to have.
fn encoded(text: &str, encoding: &'static Encoding, mark: bool) -> Vec<u8> {
    let text = if mark {
        format!("\u{feff}{text}")
    } else {
        text.to_owned()
    };
    let units = || text.encode_utf16();
    if encoding == UTF_16LE {
        units().flat_map(u16::to_le_bytes).collect()
    } else if encoding == UTF_16BE {
        units().flat_map(u16::to_be_bytes).collect()
    } else {
        encoding.encode(&text).0.into_owned()
    }
}

#[test]
fn a_file_is_surveyed_as_it_is_read() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(b"id\r1\r2\r\r3\r").expect("written");
    let total = |limit| {
        let settings = SourceSettings {
            source: Source::Table(Input::new(file.path()), TableFormat::default()),
            methods: MethodSet::ALL,
            limit,
            shard: None,
        };
        Prepared::new(settings).expect("readable").total()
    };
    assert_eq!(total(None), Some(3));
    assert_eq!(total(Some(2)), Some(2));
}

#[test]
fn nothing_comes_after_an_error() {
    let bytes = Box::new(&b"id\n1\n\xff\n3\n"[..]);
    let format = TableFormat::default();
    let rows = FileRows::from_reader(&Input::Stdin, bytes, &format, MethodSet::ALL);
    let rows: Vec<_> = rows.expect("a header").collect();
    assert_eq!(rows.len(), 2);
    assert!(matches!(
        rows[1],
        Err(SourceError::Table {
            flaw: TableFlaw::Encoding {
                line: 3,
                row: 2,
                ..
            },
            ..
        })
    ));
}

#[test]
fn rows_of_a_slow_pipe_are_not_waited_for() {
    let (mut writer, reader) = std::os::unix::net::UnixStream::pair().expect("a pair");
    writer.write_all(b"id\n1\n2\n3\n").expect("written");
    let format = TableFormat::default();
    let rows = FileRows::from_reader(&Input::Stdin, Box::new(reader), &format, MethodSet::ALL);
    let mut rows = rows.expect("a header");
    let row = rows.next().expect("a row").expect("sound");
    assert_eq!(row.user.id.as_deref(), Some("1"));
    writer.write_all(b"4\n").expect("still open");
    drop(writer);
    assert_eq!(rows.count(), 3);
}

/// The bytes that formats begin with, so that what lies behind them is met too.
fn beginnings() -> impl Strategy<Value = Vec<u8>> {
    let beginnings: Vec<&[u8]> = vec![
        b"",
        b"id\n",
        b"\"id\";mail\r",
        b"sep=;\n",
        b"\xef\xbb\xbf",
        b"\xff\xfei\0d\0\n\0",
        b"\xfe\xff",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ];
    prop::sample::select(beginnings).prop_map(<[u8]>::to_vec)
}

fn formats() -> impl Strategy<Value = TableFormat> {
    let names = prop::option::of(prop_oneof!["[0-9]{1,3}", "[a-z]{0,4}"]);
    let encodings = prop::sample::select(vec![None, Some(UTF_16LE), Some(WINDOWS_1252)]);
    let delimiter = prop::option::of(prop::sample::select(b",;\t|: ".to_vec()));
    (any::<bool>(), delimiter, encodings, names).prop_map(|(header, delimiter, encoding, id)| {
        let columns = ColumnNames {
            id,
            ..ColumnNames::default()
        };
        TableFormat {
            header,
            delimiter,
            encoding,
            columns,
        }
    })
}

/// The rows of a file, of one shard or all.
fn of_shard(path: &std::path::Path, limit: Option<u64>, shard: Option<Shard>) -> Vec<Row> {
    let settings = SourceSettings {
        source: Source::Table(Input::new(path), TableFormat::default()),
        methods: MethodSet::ALL,
        limit,
        shard,
    };
    let rows = super::read(&settings).expect("opened");
    rows.collect::<Result<_, _>>().expect("readable")
}

/// A value that is sound wherever it stands: it may hold what delimits or quotes.
fn value() -> impl Strategy<Value = String> {
    "[a-z][a-zäß0-9 ,;|\"'=#@.\t-]{0,12}[a-z]".prop_filter("not a name of a column", |text| {
        !text.contains("sep=") && !matches!(text.as_str(), "id" | "mail" | "login")
    })
}

proptest! {
    #[test]
    fn shards_partition_any_source(
        rows in prop::collection::vec(("[a-zA-Z]{0,3}", "([a-zA-Z]{1,2}@x.y)?", "[a-zA-Z]{0,3}"), 0..40),
        count in 1..12_u32,
        limit in prop::option::of(0..50_u64),
    ) {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let lines: String = rows.iter().map(|(id, mail, login)| format!("{id},{mail},{login},x\n")).collect();
        file.write_all(format!("id,mail,login,other\n{lines}").as_bytes()).expect("written");
        let whole = of_shard(file.path(), limit, None);
        prop_assert_eq!(&of_shard(file.path(), limit, Shard::new(0, 1)), &whole);
        let mut together = Vec::new();
        for index in 0..count {
            let own = of_shard(file.path(), limit, Shard::new(index, count));
            prop_assert!(own.is_sorted_by_key(|row| row.number));
            together.extend(own);
        }
        together.sort_by_key(|row| row.number);
        prop_assert_eq!(together, whole);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        beginning in beginnings(),
        rest in prop::collection::vec(any::<u8>(), 0..400),
        format in formats(),
    ) {
        let bytes = [beginning, rest].concat();
        let _ = read(&bytes, &format);
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in "[id,;\"\r\n \tx@é'=-]{0,120}",
        format in formats(),
    ) {
        if let Ok(rows) = read(text.as_bytes(), &format) {
            let lines: Vec<_> = rows.iter().filter_map(|row| row.line).collect();
            prop_assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
        }
    }

    #[test]
    fn what_a_writer_of_csv_wrote_is_read_back(
        users in prop::collection::vec((value(), value()), 1..20),
        delimiter in prop::sample::select(b",;\t|".to_vec()),
        encoding in prop::sample::select(vec![UTF_8, UTF_16LE, UTF_16BE, WINDOWS_1252]),
        mark in any::<bool>(),
        header in any::<bool>(),
        named in any::<bool>(),
        ends in prop::sample::select(vec![
            ::csv::Terminator::CRLF,
            ::csv::Terminator::Any(b'\n'),
            ::csv::Terminator::Any(b'\r'),
        ]),
    ) {
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(ends)
            .from_writer(Vec::new());
        if header {
            writer.write_record(["login", "id"]).expect("written");
        }
        for (login, id) in &users {
            writer.write_record([login, id]).expect("written");
        }
        let text = String::from_utf8(writer.into_inner().expect("flushed")).expect("UTF-8");
        let mark = mark && encoding != WINDOWS_1252;
        let number = |n: &str| (!header).then(|| n.to_owned());
        let format = TableFormat {
            header,
            // Without known names any character may be the delimiter: it has to be said.
            delimiter: (named || !header).then_some(delimiter),
            encoding: (!mark).then_some(encoding),
            columns: ColumnNames {
                id: number("2"),
                username: number("1"),
                ..ColumnNames::default()
            },
        };
        let rows = read(&encoded(&text, encoding, mark), &format).expect("readable");
        let first = 1 + u64::from(header);
        prop_assert_eq!(rows.len(), users.len());
        for (n, (row, (login, id))) in rows.iter().zip(&users).enumerate() {
            prop_assert_eq!(row.line, Some(first + n as u64));
            prop_assert_eq!(row.user.id.as_deref(), Some(id.as_str()));
            let controls = login.chars().any(char::is_control);
            let expected = (!controls).then_some(login.as_str());
            prop_assert_eq!(row.user.username.as_deref(), expected);
        }
    }

    #[test]
    fn line_ends_inside_quotes_count(
        notes in prop::collection::vec("[a-z\n\r\"]{0,8}", 1..10),
    ) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["note", "id"]).expect("written");
        for note in &notes {
            writer.write_record([note, "x"]).expect("written");
        }
        let text = writer.into_inner().expect("flushed");
        let rows = read(&text, &headless()).map(|rows| rows.len());
        prop_assert_eq!(rows.expect("readable"), notes.len() + 1);
        let rows = read(&text, &TableFormat::default()).expect("readable");
        let mut line = 2;
        for (row, note) in rows.iter().zip(&notes) {
            prop_assert_eq!(row.line, Some(line));
            let ends = note.replace("\r\n", "\n");
            line += 1 + ends.matches(['\n', '\r']).count() as u64;
        }
    }
}

#[test]
fn headless_tables_are_read_from_their_first_line() {
    let rows = read(b"b,x\na@x,y\n", &headless()).expect("readable");
    let users: Vec<_> = rows.iter().map(|row| row.user.to_string()).collect();
    assert_eq!(users, ["b", "a@x"]);
    assert_eq!(rows[1].user.id, None);
}

/// The rows of a large list, made as they are read.
struct Large {
    rows: std::ops::Range<u32>,
    line: Vec<u8>,
    read: usize,
}

impl std::io::Read for Large {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        loop {
            let copied = (&self.line[self.read..]).read(&mut out[filled..])?;
            (self.read, filled) = (self.read + copied, filled + copied);
            if self.read < self.line.len() {
                return Ok(filled);
            }
            let Some(n) = self.rows.next() else {
                return Ok(filled);
            };
            (self.read, self.line) = (0, Vec::new());
            writeln!(
                self.line,
                "{n:08x}-0b2f-4c6d-8e9f-0a1b2c3d4e5f,user{n}@example.com"
            )?;
        }
    }
}

/// `cargo test --release --lib a_million_rows -- --ignored` tells the time, too.
#[test]
#[ignore = "shows speed and memory; worth nothing in a debug build"]
fn a_million_rows_pass_through_constant_memory() {
    let large = Large {
        rows: 0..1_000_000,
        line: b"user_id,email\n".to_vec(),
        read: 0,
    };
    let before = peak_memory();
    let format = TableFormat::default();
    let rows = FileRows::from_reader(&Input::Stdin, Box::new(large), &format, MethodSet::ALL);
    let sound = |row: &Result<Row, _>| row.as_ref().is_ok_and(|row| row.defect.is_none());
    assert_eq!(rows.expect("a header").filter(sound).count(), 1_000_000);
    let grown = peak_memory() - before;
    assert!(grown < 4 << 10, "{grown} KiB more");
}

/// The most memory that this process has held, in KiB, as Linux counts it.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    peak.and_then(|peak| peak.parse().ok()).expect("a number")
}
