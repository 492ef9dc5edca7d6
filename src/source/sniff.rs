//! What the first lines tell: a line that is there for a program only, and the delimiter.

use ::csv::{ByteRecord, ReaderBuilder};

use super::{columns::known_columns, format::TableFormat, tidy::Tidy};

/// What the beginning of a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    /// Bytes before the first record.
    pub(super) skip: usize,
    /// The line of the first record, from 1.
    pub(super) line: u64,
    /// What stands between fields.
    pub(super) delimiter: u8,
}

/// Characters that are tried, the most likely first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// So many records are looked at.
const RECORDS: usize = 100;

/// Looks at the beginning of a text, which is all of it if `complete`.
pub(super) fn opening(sample: &[u8], complete: bool, format: &TableFormat) -> Opening {
    let mut skip = 0;
    let mut line = 1;
    let mut said = None;
    while let Some((length, delimiter)) = line_for_a_program(&sample[skip..]) {
        skip += length;
        line += 1;
        said = said.or(delimiter);
    }
    let found = || most_likely(&sample[skip..], complete, format);
    Opening {
        skip,
        line,
        delimiter: format.delimiter.or(said).unwrap_or_else(found),
    }
}

/// `sep=;`, which Excel obeys, and `#TYPE …`, which PowerShell's Export-Csv writes: the line's
/// length, and the delimiter that it names.
fn line_for_a_program(text: &[u8]) -> Option<(usize, Option<u8>)> {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let line = &text[..end.unwrap_or(text.len())];
    let length = match &text[line.len()..] {
        [b'\r', b'\n', ..] => line.len() + 2,
        [] => line.len(),
        _ => line.len() + 1,
    };
    let plain = line.strip_prefix(b"\"").unwrap_or(line);
    if plain.len() >= 6 && plain[..6].eq_ignore_ascii_case(b"#TYPE ") {
        return Some((length, None));
    }
    let named = plain.split_at_checked(4)?;
    let delimiter = match named {
        (sep, [byte] | [byte, b'"']) if sep.eq_ignore_ascii_case(b"sep=") => *byte,
        _ => return None,
    };
    Some((length, Some(delimiter).filter(u8::is_ascii)))
}

/// The delimiter under which the text looks most like a table: that shows the most columns of
/// use, else has the most records of the same length, else the most fields.
fn most_likely(sample: &[u8], complete: bool, format: &TableFormat) -> u8 {
    let mut best = (DELIMITERS[0], (0, 0, 0));
    for delimiter in DELIMITERS {
        let score = score(sample, complete, delimiter, format);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

/// Columns of use, records in a hundred that have as many fields as the first one, and fields;
/// all 0 where there is only one field.
fn score(
    sample: &[u8],
    complete: bool,
    delimiter: u8,
    format: &TableFormat,
) -> (usize, usize, usize) {
    let mut records = records(sample, delimiter);
    if !complete && records.len() > 1 {
        records.pop();
    }
    let Some(first) = records.first().filter(|first| first.len() > 1) else {
        return (0, 0, 0);
    };
    let known = if format.header {
        known_columns(first, &format.columns)
    } else {
        0
    };
    let alike = records
        .iter()
        .filter(|record| record.len() == first.len())
        .count();
    (known, alike * 100 / records.len(), first.len())
}

/// The first records, as far as they can be read.
fn records(sample: &[u8], delimiter: u8) -> Vec<ByteRecord> {
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(Tidy::new(sample, delimiter, 1));
    let records = reader.into_byte_records().map_while(Result::ok);
    let blank = |record: &ByteRecord| record.iter().all(|field| field.trim_ascii().is_empty());
    records
        .filter(|record| !blank(record))
        .take(RECORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Opening, TableFormat, opening};

    fn delimiter(text: &str, header: bool) -> char {
        let format = TableFormat {
            header,
            ..TableFormat::default()
        };
        char::from(opening(text.as_bytes(), true, &format).delimiter)
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_a_table() {
        for (text, expected) in [
            ("user_id,email\n1,a@x\n", ','),
            ("user_id;email\n1;a@x\n", ';'),
            ("user_id\temail\n1\ta@x\n", '\t'),
            ("user_id|email\n1|a@x\n", '|'),
            ("user_id\n1\n", ','),
            ("name, first;mail\nSmith, J;a@x\nLee, K;b@x\n", ';'),
            ("id;note\n1;\"a,b\nc,d,e\"\n2;f,g,h\n", ';'),
            ("id,methods\n1,TOKEN|SMS\n", ','),
            ("methods|id\nTOKEN|1\n", '|'),
        ] {
            assert_eq!(delimiter(text, true), expected, "{text:?}");
        }
        for (text, expected) in [
            ("1;a, b\n2;c\n", ';'),
            ("a@x\nb@x\n", ','),
            ("1,x;y\n2,z\n", ','),
        ] {
            assert_eq!(delimiter(text, false), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_for_a_program_are_skipped_and_obeyed() {
        for (text, skip, line, delimiter) in [
            ("sep=;\r\nid\n", 7, 2, b';'),
            ("\"SEP=\t\"\nid\n", 8, 2, b'\t'),
            ("#TYPE System.Object\rsep=|\rid\r", 26, 3, b'|'),
            ("\"#TYPE X\"\nid;mail\n", 10, 2, b';'),
            ("separate\n", 0, 1, b','),
            ("sep=", 0, 1, b','),
        ] {
            let expected = Opening {
                skip,
                line,
                delimiter,
            };
            let found = opening(text.as_bytes(), true, &TableFormat::default());
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
