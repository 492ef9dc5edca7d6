//! What the environment or a file says of one option, in the words of the command line.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::options::{Kind, Opt};

/// The values of one option, as they would be typed. None: the option is said to be off.
pub(super) type Texts = Vec<String>;

/// From the environment, where all is text.
pub(super) fn from_text(option: &Opt, text: &str) -> Result<Texts, String> {
    match option.kind {
        Kind::Switch => switch(text).map(|on| vec![on.to_string()]),
        Kind::Optional => Ok(match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => vec!["0".to_owned()],
            "false" | "no" | "off" => Vec::new(),
            _ => vec![text.to_owned()],
        }),
        Kind::Count => match (text.parse::<u8>(), switch(text)) {
            (Ok(times), _) => Ok(vec![times.to_string()]),
            (Err(_), Ok(on)) => Ok(vec![u8::from(on).to_string()]),
            (Err(_), Err(_)) => Err(format!("`{text}` is not how often to say it")),
        },
        Kind::Repeated => {
            let parts = text.split(',').map(str::trim);
            Ok(parts
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect())
        }
        Kind::List | Kind::Single => Ok(vec![word(option, text)?]),
    }
}

/// From a file, where values have types. Paths are relative to this folder.
pub(super) fn from_toml(option: &Opt, value: &DeValue<'_>, base: &Base) -> Result<Texts, String> {
    let wrong = |wanted: &str| {
        Err(format!(
            "this is {}, and should be {wanted}",
            article(value)
        ))
    };
    let texts = match (option.kind, value) {
        (Kind::Switch, DeValue::Boolean(on)) => vec![on.to_string()],
        (Kind::Switch, _) => return wrong("true or false"),
        (Kind::Optional, DeValue::Boolean(true)) => vec!["0".to_owned()],
        (Kind::Optional, DeValue::Boolean(false)) => Vec::new(),
        (Kind::Optional, _) => {
            let Some(text) = scalar(value) else {
                return wrong("true, false or a number");
            };
            from_text(option, &text)?
        }
        (Kind::Count, DeValue::Boolean(on)) => vec![u8::from(*on).to_string()],
        (Kind::Count, DeValue::Integer(number)) => from_text(option, number.as_str())?,
        (Kind::Count, _) => return wrong("a number"),
        (Kind::Repeated | Kind::List, DeValue::Array(values)) => {
            let texts = values.iter().map(|value| scalar(value.get_ref()));
            let texts: Option<Texts> = texts.collect();
            let Some(texts) = texts else {
                return wrong("a list of texts");
            };
            match option.kind {
                Kind::List => vec![texts.join(",")],
                _ => texts,
            }
        }
        (Kind::Repeated | Kind::List, _) => {
            let Some(text) = scalar(value) else {
                return wrong("a text or a list of texts");
            };
            from_text(option, &text)?
        }
        (Kind::Single, _) => {
            let Some(text) = scalar(value) else {
                return wrong("a text or a number");
            };
            vec![word(option, &text)?]
        }
    };
    Ok(match option.is_path {
        true => texts.into_iter().map(|text| base.join(&text)).collect(),
        false => texts,
    })
}

/// Where paths of a file start.
#[derive(Debug, Clone, Default)]
pub(super) struct Base {
    /// The file's folder.
    pub(super) folder: PathBuf,
    /// What `~/` stands for.
    pub(super) home: Option<PathBuf>,
}

impl Base {
    fn join(&self, text: &str) -> String {
        let from_home = text.strip_prefix("~/").zip(self.home.as_deref());
        let path = match from_home {
            Some((rest, home)) => home.join(rest),
            None => self.folder.join(Path::new(text)),
        };
        path.display().to_string()
    }
}

/// A text, number or time, as it would be typed.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.ok().map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// A value's type, to people.
fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Datetime(_) => "a time",
        DeValue::Boolean(_) => "true or false",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// One of the words that the option takes, letter case aside; any text where it takes any.
fn word(option: &Opt, text: &str) -> Result<String, String> {
    if option.words.is_empty() {
        return Ok(text.to_owned());
    }
    let mut words = option.words.iter();
    let found = words.find(|word| word.eq_ignore_ascii_case(text.trim()));
    found
        .cloned()
        .ok_or_else(|| format!("`{text}` is none of {}", option.words.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use toml::de::DeTable;

    use super::{Base, Texts, from_text, from_toml};
    use crate::config::options::configurable;

    fn toml(option: &str, value: &str) -> Result<Texts, String> {
        let text = format!("x = {value}");
        let table = DeTable::parse(&text).expect(value);
        let base = Base {
            folder: PathBuf::from("/etc/x"),
            home: Some(PathBuf::from("/home/me")),
        };
        let (_, value) = table.get_ref().iter().next().expect("one value");
        from_toml(&configurable()[option], value.get_ref(), &base)
    }

    #[test]
    fn values_of_a_file_have_types() {
        for (option, value, texts) in [
            ("resume", "true", &["true"][..]),
            ("resume", "false", &["false"]),
            ("simulate", "true", &["0"]),
            ("simulate", "false", &[]),
            ("simulate", "7", &["7"]),
            ("verbose", "2", &["2"]),
            ("user", r#"["a", "b"]"#, &["a", "b"]),
            ("user", r#""a, b""#, &["a", "b"]),
            ("methods", r#"["TOKEN", "SMS"]"#, &["TOKEN,SMS"]),
            ("methods", r#""TOKEN""#, &["TOKEN"]),
            ("rate", "5", &["5"]),
            ("rate", "0x10", &["16"]),
            ("rate", "2.5", &["2.5"]),
            ("rate", r#""300/m""#, &["300/m"]),
            (
                "locked-until",
                "2026-11-24T08:00:00Z",
                &["2026-11-24T08:00:00Z"],
            ),
            ("output", r#""JSON""#, &["json"]),
            ("results", r#""{date}.csv""#, &["/etc/x/{date}.csv"]),
            ("results", r#""/tmp/r.csv""#, &["/tmp/r.csv"]),
            ("api-key-file", r#""~/key.json""#, &["/home/me/key.json"]),
        ] {
            assert_eq!(
                toml(option, value).expect(value),
                texts,
                "{option} = {value}"
            );
        }
    }

    #[test]
    fn a_wrong_type_is_named() {
        for (option, value, why) in [
            (
                "resume",
                r#""yes""#,
                "this is a text, and should be true or false",
            ),
            (
                "rate",
                "true",
                "this is true or false, and should be a text or a number",
            ),
            (
                "rate",
                "[1]",
                "this is a list, and should be a text or a number",
            ),
            (
                "methods",
                "[true]",
                "this is a list, and should be a list of texts",
            ),
            (
                "verbose",
                r#""much""#,
                "this is a text, and should be a number",
            ),
            ("output", r#""xml""#, "`xml` is none of text, json"),
        ] {
            assert_eq!(
                toml(option, value).expect_err(value),
                why,
                "{option} = {value}"
            );
        }
    }

    #[test]
    fn the_environment_has_texts_only() {
        let options = configurable();
        for (option, text, texts) in [
            ("resume", "Yes", &["true"][..]),
            ("resume", "0", &["false"]),
            ("simulate", "on", &["0"]),
            ("simulate", "off", &[]),
            ("simulate", "5", &["5"]),
            ("verbose", "true", &["1"]),
            ("user", "a, b,", &["a", "b"]),
            ("log-format", "Json", &["json"]),
        ] {
            assert_eq!(from_text(&options[option], text).expect(text), texts);
        }
        for (option, text) in [("resume", "maybe"), ("verbose", "much"), ("output", "xml")] {
            assert!(from_text(&options[option], text).is_err(), "{option}");
        }
    }
}
