//! What a user may say of a table: header, delimiter, encoding, names of columns.
//!
//! Values only; nothing here reads.

use encoding_rs::{Encoding, REPLACEMENT};

/// How a table is to be read.
#[derive(Debug, Clone)]
pub struct TableFormat {
    /// Whether the first record names the columns.
    pub header: bool,
    /// What stands between fields; `None`: found by itself. A sheet has none.
    pub delimiter: Option<u8>,
    /// The encoding of what has no byte order mark; `None`: UTF-8, and nothing else.
    pub encoding: Option<&'static Encoding>,
    /// The columns that were named.
    pub columns: ColumnNames,
}

impl Default for TableFormat {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: None,
            encoding: None,
            columns: ColumnNames::default(),
        }
    }
}

/// The columns that were named, by their name in the header or by their number from 1; `None`:
/// found by the usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// The column of user IDs.
    pub id: Option<String>,
    /// The column of e-mail addresses.
    pub email: Option<String>,
    /// The column of usernames.
    pub username: Option<String>,
    /// The column of methods.
    pub methods: Option<String>,
}

/// A name that no encoding has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an encoding; say utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis, …")]
pub struct UnknownEncoding(String);

/// The encoding with this name, as the WHATWG lists them, or `latin-1`, or a code page's number.
///
/// # Errors
/// [`UnknownEncoding`].
pub fn parse_encoding(name: &str) -> Result<&'static Encoding, UnknownEncoding> {
    let plain = name.trim().to_ascii_lowercase();
    let page = plain.trim_start_matches("cp");
    let spellings = [
        plain.clone(),
        plain.replace('_', "-"),
        plain.replace(['-', '_'], ""),
        format!("windows-{page}"),
    ];
    let known = |spelling: &String| Encoding::for_label(spelling.as_bytes());
    let found = spellings.iter().find_map(known);
    found
        .filter(|encoding| *encoding != REPLACEMENT)
        .ok_or_else(|| UnknownEncoding(name.trim().to_owned()))
}

/// What cannot stand between fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a delimiter; say one character (, ; | or :), or tab")]
pub struct UnknownDelimiter(String);

/// The delimiter: one character of ASCII that is no letter, digit, quote or line end; or `tab`.
///
/// # Errors
/// [`UnknownDelimiter`].
pub fn parse_delimiter(text: &str) -> Result<u8, UnknownDelimiter> {
    let delimiter = match text.to_ascii_lowercase().as_str() {
        "tab" | "\\t" | "\t" => Some(b'\t'),
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "pipe" => Some(b'|'),
        _ => match *text.as_bytes() {
            [byte] if byte.is_ascii_punctuation() && byte != b'"' => Some(byte),
            [b' '] => Some(b' '),
            _ => None,
        },
    };
    delimiter.ok_or_else(|| UnknownDelimiter(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{parse_delimiter, parse_encoding};

    #[test]
    fn encodings_by_all_their_names() {
        for (name, expected) in [
            ("UTF-8", "UTF-8"),
            ("utf-16le", "UTF-16LE"),
            ("utf-16", "UTF-16LE"),
            ("Latin-1", "windows-1252"),
            ("iso_8859_15", "ISO-8859-15"),
            ("cp1250", "windows-1250"),
            (" 1252 ", "windows-1252"),
            ("shift_jis", "Shift_JIS"),
        ] {
            assert_eq!(parse_encoding(name).map(|e| e.name()), Ok(expected));
        }
        for name in ["", "utf-9", "iso-2022-kr"] {
            assert!(parse_encoding(name).is_err(), "{name}");
        }
    }

    #[test]
    fn delimiters_are_one_character() {
        for (text, expected) in [
            (",", b','),
            ("tab", b'\t'),
            ("\\t", b'\t'),
            ("|", b'|'),
            (" ", b' '),
        ] {
            assert_eq!(parse_delimiter(text), Ok(expected), "{text:?}");
        }
        for text in ["", "\"", "a", "1", "\n", ",,", "é"] {
            assert!(parse_delimiter(text).is_err(), "{text:?}");
        }
    }
}
