//! What spreadsheets do to IDs and names, recognised; and values that cannot be a user's.
//!
//! Functions of one value, but for the zeros, which show only beside the values before. A defect
//! says what happened and what to do.

use super::{sheet::Oddity, taken::Use, text::is_invisible};

/// A user ID longer than this, in bytes, is none.
const LONGEST_ID: usize = 256;
/// An e-mail address or a username longer than this, in bytes, is none.
const LONGEST_NAME: usize = 320;

const AS_TEXT: &str = "format the column as text and export it again";

/// What a cell shows in place of a value, in the languages of Excel, and in LibreOffice.
const ERRORS: [&str; 36] = [
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#DIV/0!",
    "#SPILL!",
    "#CALC!",
    "#DATA!",
    "#GETTING_DATA",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#BUSY!",
    "#UNKNOWN!",
    "#NV",
    "#WERT!",
    "#BEZUG!",
    "#ZAHL!",
    "#ÜBERLAUF!",
    "#VALEUR!",
    "#NOMBRE!",
    "#NOM?",
    "#NUL!",
    "#¡VALOR!",
    "#¡REF!",
    "#¡NUM!",
    "#¿NOMBRE?",
    "#¡DIV/0!",
    "#N/D",
    "#VALORE!",
    "#RIF!",
    "#NOME?",
    "#VALOR!",
    "#WAARDE!",
];

/// Why this value, for this use, cannot be right; `None` where it can.
pub(super) fn defect(usage: Use, value: &str, oddity: Option<Oddity>) -> Option<String> {
    by_spreadsheet(usage, value, oddity).or_else(|| impossible(usage, value))
}

fn by_spreadsheet(usage: Use, value: &str, oddity: Option<Oddity>) -> Option<String> {
    let what = usage.singular();
    if value.starts_with('#') && ERRORS.contains(&value) {
        return Some(format!(
            "a spreadsheet shows an error in place of the {what} ({value}); mend its formula and export it again"
        ));
    }
    if usage == Use::Email {
        return None;
    }
    let turned = |into: &str| {
        Some(format!(
            "a spreadsheet turned this {what} into {into} ({value}); {AS_TEXT}"
        ))
    };
    match oddity {
        Some(Oddity::LongNumber) => turned("a number, of which it keeps 15 digits"),
        Some(Oddity::Fraction) => turned("a number"),
        Some(Oddity::Date) => turned("a date"),
        Some(Oddity::Truth) => turned("a truth value"),
        None if is_scientific(value) => turned("a number"),
        None if usage == Use::Id && is_short_guid(value) => Some(format!(
            "this {what} has lost zeros at its beginning ({value}); {AS_TEXT}"
        )),
        None => None,
    }
}

/// Why no user can have this value, whoever wrote it.
fn impossible(usage: Use, value: &str) -> Option<String> {
    let (one, longest) = match usage {
        Use::Email => ("an e-mail address", LONGEST_NAME),
        Use::Username => ("a username", LONGEST_NAME),
        _ => ("a user ID", LONGEST_ID),
    };
    let cannot = |what: &str| Some(format!("{one} cannot {what}"));
    // `.` and `..` would vanish from the URL's path, even encoded.
    if longest == LONGEST_ID && matches!(value, "." | "..") {
        return cannot("be `.` or `..`");
    }
    // Most values are plain: nothing else has to be looked for in them.
    let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let holds = |odd: fn(char) -> bool| !plain && value.contains(odd);
    if holds(|c| matches!(c, '\n' | '\r')) {
        return cannot("hold a line break; is a quote opened here that should not be?");
    }
    if holds(|c| c.is_control() || is_invisible(c)) {
        return cannot("hold control characters or invisible ones");
    }
    if holds(|c| c == char::REPLACEMENT_CHARACTER) {
        return cannot("hold \u{fffd}, which stands for a lost letter; export it again as UTF-8");
    }
    if value.len() > longest {
        return cannot(&format!("be longer than {longest} bytes"));
    }
    if usage == Use::Email && !value.contains('@') {
        return Some(format!("`{value}` is not an e-mail address"));
    }
    None
}

/// `1.23E+15`, or with a decimal comma: how a spreadsheet shows a long number.
fn is_scientific(value: &str) -> bool {
    let number = value.strip_prefix(['+', '-']).unwrap_or(value);
    // Nearly every value is told from one by its first two characters.
    if !matches!(
        number.as_bytes(),
        [b'0'..=b'9', b'.' | b',' | b'E' | b'e', ..]
    ) {
        return false;
    }
    let Some((mantissa, exponent)) = number.split_once(['E', 'e']) else {
        return false;
    };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or_default();
    whole.len() == 1 && is_digits(whole) && is_digits(fraction) && is_digits(exponent)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A GUID with fewer than eight characters in its first group.
fn is_short_guid(value: &str) -> bool {
    if !(29..36).contains(&value.len()) {
        return false;
    }
    let Some((first, _)) = value.split_once('-') else {
        return false;
    };
    let zeros = 8_usize.saturating_sub(first.len());
    (1..8).contains(&zeros)
        && value.len() + zeros == 36
        && uuid::Uuid::try_parse(&format!("{}{value}", "0".repeat(zeros))).is_ok()
}

/// The value in `="00123"`, a way to make a spreadsheet keep zeros, and in `'00123`, how it marks
/// text; any other value as it is.
pub(super) fn unwrap(value: &str) -> &str {
    if let Some(rest) = value.strip_prefix("=\"") {
        return rest.strip_suffix('"').unwrap_or(value);
    }
    match value.strip_prefix('\'') {
        Some(digits) if is_digits(digits) => digits,
        _ => value,
    }
}

/// Watches the numbers of a column: whether all had the same width, and one began with a zero.
#[derive(Debug, Default)]
pub(super) struct Zeros {
    /// The width so far; `None` before the first number, and 0 where there were several.
    width: Option<usize>,
    zero_led: bool,
}

impl Zeros {
    /// Why this value, after those before it, must have lost its zeros.
    pub(super) fn lost(&mut self, usage: Use, value: &str) -> Option<String> {
        if !is_digits(value) {
            return None;
        }
        match self.width {
            Some(width) if self.zero_led && value.len() < width => {
                let what = usage.singular();
                return Some(format!(
                    "this {what} seems to have lost zeros at its beginning ({value}; those before it have {width} digits); {AS_TEXT}"
                ));
            }
            Some(width) if width != value.len() => {
                self.width = Some(0);
                self.zero_led = false;
            }
            _ => {
                self.width = Some(value.len());
                self.zero_led |= value.starts_with('0');
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Oddity, Use, Zeros, defect, unwrap};

    #[test]
    fn damage_is_told_from_odd_but_sound_values() {
        let guid = "1d3c5a7e-0b2f-4c6d-8e9f-0a1b2c3d4e5f";
        let cases: [(Use, &str, Option<&str>); 23] = [
            (Use::Id, guid, None),
            (Use::Id, "12345E+67", None),
            (Use::Id, "1.23E+15", Some("into a number (1.23E+15)")),
            (Use::Id, "1,23e+15", Some("into a number")),
            (Use::Username, "1E+05", Some("into a number")),
            (Use::Username, "1E5", None),
            (Use::Username, "e+e", None),
            (Use::Id, "#N/A", Some("in place of the user ID (#N/A)")),
            (Use::Email, "#WERT!", Some("in place of the e-mail address")),
            (Use::Username, "#1", None),
            (
                Use::Id,
                "d3c5a7e-0b2f-4c6d-8e9f-0a1b2c3d4e5f",
                Some("lost zeros"),
            ),
            (Use::Id, "7-0b2f-4c6d-8e9f-0a1b2c3d4e5f", Some("lost zeros")),
            (Use::Id, "-0b2f-4c6d-8e9f-0a1b2c3d4e5f", None),
            (Use::Id, "ü-0b2f", None),
            (Use::Username, "7-0b2f-4c6d-8e9f-0a1b2c3d4e5f", None),
            (Use::Id, "..", Some("cannot be `.` or `..`")),
            (
                Use::Id,
                "a\u{7}b",
                Some("a user ID cannot hold control characters"),
            ),
            (
                Use::Email,
                "a\u{200b}b@x",
                Some("an e-mail address cannot hold"),
            ),
            (
                Use::Username,
                "a\nb",
                Some("a username cannot hold a line break"),
            ),
            (
                Use::Username,
                "a\u{fffd}b",
                Some("stands for a lost letter"),
            ),
            (
                Use::Email,
                "a.b.c",
                Some("`a.b.c` is not an e-mail address"),
            ),
            (Use::Username, "DOM\\a b", None),
            (Use::Email, "1E+05@x", None),
        ];
        for (usage, value, expected) in cases {
            let got = defect(usage, value, None);
            match (&got, expected) {
                (None, None) => {}
                (Some(got), Some(expected)) if got.contains(expected) => {}
                _ => panic!("{value:?}: {got:?}, not {expected:?}"),
            }
        }
        assert!(defect(Use::Id, &"x".repeat(257), None).is_some());
        assert!(defect(Use::Username, &"x".repeat(320), None).is_none());
        assert!(defect(Use::Id, "1", Some(Oddity::Date)).is_some());
    }

    #[test]
    fn only_wrappers_are_taken_off() {
        for (value, expected) in [
            ("=\"00123\"", "00123"),
            ("=\"\"", ""),
            ("=\"", "=\""),
            ("'00123", "00123"),
            ("'=1+1", "'=1+1"),
            ("'t Hooft", "'t Hooft"),
            ("=A1", "=A1"),
        ] {
            assert_eq!(unwrap(value), expected, "{value}");
        }
    }

    #[test]
    fn a_lost_zero_shows_beside_numbers_of_one_width() {
        for (values, expected) in [
            (vec!["00123", "00456", "789", "01234"], vec![2]),
            (vec!["123", "0456", "78"], vec![]),
            (vec!["00123", "abc", "12"], vec![2]),
            (vec!["12345", "123", "0"], vec![]),
            (vec!["12345", "00001", "123"], vec![2]),
        ] {
            let mut zeros = Zeros::default();
            let lost: Vec<_> = (0..values.len())
                .filter(|n| zeros.lost(Use::Id, values[*n]).is_some())
                .collect();
            assert_eq!(lost, expected, "{values:?}");
        }
    }
}
