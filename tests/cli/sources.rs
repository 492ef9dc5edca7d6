//! The corpus of `tests/sources`: every file, and what must come of it.

use std::{collections::BTreeSet, fmt::Write as _, fs::File, io::Read, path::Path};

use bulk_unlock::{
    model::{MethodSet, Row},
    source::{
        ColumnNames, FileRows, Input, SourceError, TableFormat, parse_delimiter, parse_encoding,
    },
};
use proptest::prelude::{any, prop, prop_assert, proptest};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    file: String,
    no_header: bool,
    delimiter: Option<String>,
    encoding: Option<String>,
    id_column: Option<String>,
    email_column: Option<String>,
    username_column: Option<String>,
    methods_column: Option<String>,
    /// The rows; or `count` of them, with these `defects`, by their number.
    rows: Option<Vec<String>>,
    count: Option<usize>,
    defects: Vec<u64>,
    /// What was found out before the first row.
    found: Vec<String>,
    /// Parts of the message, where it is refused.
    refused: Vec<String>,
}

impl Case {
    fn format(&self) -> TableFormat {
        let delimiter = self.delimiter.as_deref();
        let encoding = self.encoding.as_deref();
        TableFormat {
            header: !self.no_header,
            delimiter: delimiter.map(|text| parse_delimiter(text).expect(text)),
            encoding: encoding.map(|text| parse_encoding(text).expect(text)),
            columns: ColumnNames {
                id: self.id_column.clone(),
                email: self.email_column.clone(),
                username: self.username_column.clone(),
                methods: self.methods_column.clone(),
            },
        }
    }

    /// Holds what was read against what must be. Returns what differs.
    fn check(&self, rows: Result<FileRows, SourceError>) -> Result<(), String> {
        let read = rows.and_then(|rows| {
            let found = found(&rows);
            rows.collect::<Result<Vec<_>, _>>()
                .map(|rows| (found, rows))
        });
        match read {
            Err(error) => self.check_refusal(&format!("{error}; {}", error.hint())),
            Ok(_) if !self.refused.is_empty() => Err(format!("not refused: {:?}", self.refused)),
            Ok((found, rows)) => {
                for part in &self.found {
                    if !found.contains(part) {
                        return Err(format!("{part:?} is not in {found:?}"));
                    }
                }
                self.check_rows(&rows)
            }
        }
    }

    fn check_refusal(&self, message: &str) -> Result<(), String> {
        if self.refused.is_empty() {
            return Err(message.to_owned());
        }
        match self.refused.iter().find(|part| !message.contains(*part)) {
            Some(part) => Err(format!("{part:?} is not in {message:?}")),
            None => Ok(()),
        }
    }

    fn check_rows(&self, rows: &[Row]) -> Result<(), String> {
        let Some(expected) = &self.rows else {
            let defective = rows.iter().filter(|row| row.defect.is_some());
            let defects: Vec<_> = defective.map(|row| row.number).collect();
            let got = (Some(rows.len()), &defects);
            let expected = (self.count, &self.defects);
            return if got == expected {
                Ok(())
            } else {
                Err(format!("rows and defects are {got:?}, not {expected:?}"))
            };
        };
        for (row, expected) in rows.iter().zip(expected) {
            let (user, defect) = expected.split_once(" !").unwrap_or((expected, ""));
            let got = row.defect.as_deref().unwrap_or_default();
            if shown(row) != user || defect.is_empty() != got.is_empty() || !got.contains(defect) {
                return Err(format!("{} !{got}, not {expected}", shown(row)));
            }
        }
        if rows.len() == expected.len() {
            Ok(())
        } else {
            Err(format!("{} rows, not {}", rows.len(), expected.len()))
        }
    }
}

/// A row as it stands in the table.
fn shown(row: &Row) -> String {
    let mut shown = row.line.unwrap_or_default().to_string();
    for value in [&row.user.id, &row.user.email, &row.user.username] {
        let value = match value.as_deref() {
            None => "-",
            Some("0d3c5a7e-0b2f-4c6d-8e9f-0a1b2c3d4e01") => "A",
            Some("1a2b3c4d-0b2f-4c6d-8e9f-0a1b2c3d4e02") => "B",
            Some("9f8e7d6c-0b2f-4c6d-8e9f-0a1b2c3d4e03") => "C",
            Some(value) => value,
        };
        write!(shown, " {value}").expect("a string takes everything");
    }
    if row.methods != MethodSet::ALL {
        write!(shown, " +{}", row.methods).expect("a string takes everything");
    }
    shown
}

fn found(rows: &FileRows) -> Vec<String> {
    let columns = rows.columns();
    let mut found: Vec<_> = columns.packing.iter().map(ToString::to_string).collect();
    found.extend(columns.encoding.map(str::to_owned));
    found.extend(columns.delimiter.map(|byte| char::from(byte).to_string()));
    found.extend(columns.sheet.iter().map(|name| format!("sheet {name}")));
    found.extend(columns.taken.iter().map(ToString::to_string));
    found.extend(columns.ignored.iter().map(|name| format!("ignored {name}")));
    found
}

/// A stream that cannot be read from any place, and in small pieces.
struct Pipe(File);

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = out.len().min(5000);
        self.0.read(&mut out[..most])
    }
}

#[test]
fn every_list_is_read_as_its_case_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources");
    let table = std::fs::read_to_string(folder.join("table.toml")).expect("a table");
    let table: Table = toml::from_str(&table).expect("a sound table");
    let mut failures = Vec::new();
    for case in &table.case {
        let path = folder.join(&case.file);
        let (input, format) = (Input::new(&path), case.format());
        let pipe = Box::new(Pipe(File::open(&path).expect(&case.file)));
        let piped = FileRows::from_reader(&input, pipe, &format, MethodSet::ALL);
        let opened = FileRows::open(&input, &format, MethodSet::ALL);
        for (how, rows) in [("as a file", opened), ("as a pipe", piped)] {
            if let Err(why) = case.check(rows) {
                failures.push(format!("{} {how}: {why}", case.file));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_file_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources");
    let table = std::fs::read_to_string(folder.join("table.toml")).expect("a table");
    let table: Table = toml::from_str(&table).expect("a sound table");
    let named: BTreeSet<_> = table.case.into_iter().map(|case| case.file).collect();
    let others = ["README.md", "make.py", "table.toml"];
    let files = std::fs::read_dir(&folder).expect("a folder");
    let files = files.map(|file| {
        file.expect("listed")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let files: BTreeSet<_> = files
        .filter(|file| !others.contains(&file.as_str()))
        .collect();
    assert_eq!(files, named);
}

/// Every file that is small enough to be spoilt many times.
fn small_files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources");
    let files = std::fs::read_dir(folder).expect("a folder");
    let files = files.map(|file| std::fs::read(file.expect("listed").path()).expect("readable"));
    files.filter(|bytes| bytes.len() < 16 << 10).collect()
}

proptest! {
    #[test]
    fn spoilt_lists_are_read_or_refused(
        file in prop::sample::select(small_files()),
        length in 0..=100_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        header in any::<bool>(),
    ) {
        let mut bytes = file;
        bytes.truncate(bytes.len() * length.max(20) / 100);
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let format = TableFormat { header, ..TableFormat::default() };
        let bytes = Box::new(std::io::Cursor::new(bytes));
        let rows = FileRows::from_reader(&Input::Stdin, bytes, &format, MethodSet::ALL);
        if let Err(error) = rows.and_then(|rows| rows.collect::<Result<Vec<_>, _>>()) {
            // What is said where the thread of a sheet has panicked.
            prop_assert!(!error.to_string().contains("not built as"), "{}", error);
        }
    }
}
