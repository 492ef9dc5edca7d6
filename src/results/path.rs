//! Where outputs go: placeholders in their names, and the names that are taken where none is given.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::timestamp;

/// What the placeholders in an output's name stand for.
#[derive(Debug, Clone)]
pub struct Placeholders {
    /// When the run started: `{date}` is `2026-11-24`, `{time}` is `020304`, both UTC.
    pub started_at: SystemTime,
    /// `{run_id}`.
    pub run_id: String,
    /// `{profile}`.
    pub profile: String,
    /// `{shard}`: which shard, from 0; 0 also where there are none.
    pub shard: String,
}

/// A placeholder that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{{{name}}}` in `{template}` is no placeholder; there are {{date}}, {{time}}, {{run_id}}, {{profile}} and {{shard}}"
)]
pub struct PathError {
    /// The placeholder's name.
    name: String,
    /// The output's name.
    template: String,
}

/// The path, with its placeholders filled in.
///
/// # Errors
/// [`PathError`] for an unknown placeholder.
pub fn expand(template: &str, values: &Placeholders) -> Result<PathBuf, PathError> {
    let stamp = timestamp(values.started_at);
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        path.push_str(before);
        match name {
            "date" => path.push_str(&stamp[..10]),
            "time" => path.push_str(&stamp[11..19].replace(':', "")),
            "run_id" => path.push_str(&values.run_id),
            "profile" => path.push_str(&values.profile),
            "shard" => path.push_str(&values.shard),
            _ => {
                return Err(PathError {
                    name: name.to_owned(),
                    template: template.to_owned(),
                });
            }
        }
        rest = after;
    }
    path.push_str(rest);
    Ok(PathBuf::from(path))
}

/// The results' name where none is given: the input's stem and this ending, in the current folder.
#[must_use]
pub fn default_path(input: Option<&Path>, ending: &str) -> PathBuf {
    let name = input.and_then(Path::file_name).and_then(OsStr::to_str);
    let stem = match name {
        None => "users",
        Some("-") => "stdin",
        Some(name) => {
            let name = [".gz", ".zst"]
                .iter()
                .find_map(|packed| name.strip_suffix(packed))
                .unwrap_or(name);
            name.rsplit_once('.').map_or(name, |(stem, _)| stem)
        }
    };
    PathBuf::from(format!("{stem}{ending}"))
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        time::{Duration, SystemTime},
    };

    use super::{Placeholders, default_path, expand};

    #[test]
    fn placeholders_are_filled_in_and_unknown_ones_refused() {
        let values = Placeholders {
            started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            run_id: "r1".to_owned(),
            profile: "default".to_owned(),
            shard: "0".to_owned(),
        };
        for (template, path) in [
            ("plain.csv", "plain.csv"),
            ("{date}/{time}-{run_id}.csv", "2023-11-14/221320-r1.csv"),
            ("{profile}.{shard}.csv", "default.0.csv"),
            ("open{brace", "open{brace"),
        ] {
            assert_eq!(expand(template, &values), Ok(PathBuf::from(path)));
        }
        assert!(
            expand("{day}.csv", &values)
                .expect_err("unknown")
                .to_string()
                .contains("`{day}`")
        );
    }

    #[test]
    fn the_default_is_the_inputs_stem_here() {
        for (input, name) in [
            ("a/users.csv", "users.results.csv"),
            ("users.csv.gz", "users.results.csv"),
            ("-", "stdin.results.csv"),
            ("list", "list.results.csv"),
            ("a.b.csv", "a.b.results.csv"),
        ] {
            assert_eq!(
                default_path(Some(Path::new(input)), ".results.csv"),
                PathBuf::from(name)
            );
        }
    }
}
