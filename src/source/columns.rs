//! Which column is what, by its name.

use ::csv::ByteRecord;

/// The positions of the columns that are used; others are ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) id: Option<usize>,
    pub(super) email: Option<usize>,
    pub(super) username: Option<usize>,
    pub(super) methods: Option<usize>,
}

/// Two columns with names that mean the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Twice {
    pub(super) what: &'static str,
    pub(super) first: String,
    pub(super) second: String,
}

impl Columns {
    /// Column 1 is the user ID.
    pub(super) const FIRST_IS_ID: Self = Self {
        id: Some(0),
        email: None,
        username: None,
        methods: None,
    };

    /// The columns that a header names. Letter case, blanks, `_` and `-` in names do not matter.
    pub(super) fn by_name(header: &ByteRecord) -> Result<Self, Twice> {
        let mut columns = Self::default();
        for (position, name) in header.iter().enumerate() {
            let (what, column) = match plain(name).as_str() {
                "userid" | "id" => ("user IDs", &mut columns.id),
                "email" | "emailaddress" | "mail" => ("e-mail addresses", &mut columns.email),
                "username" | "login" => ("user names", &mut columns.username),
                "methods" | "unlockmethods" => ("methods", &mut columns.methods),
                _ => continue,
            };
            if let Some(first) = column.replace(position) {
                let name = |n| String::from_utf8_lossy(&header[n]).trim().to_owned();
                return Err(Twice {
                    what,
                    first: name(first),
                    second: name(position),
                });
            }
        }
        Ok(columns)
    }
}

fn plain(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let letters = name
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-' | '\u{a0}'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use ::csv::ByteRecord;

    use super::Columns;

    #[test]
    fn names_in_every_spelling() {
        for (header, expected) in [
            (
                vec!["User Id", "Email address", "Username"],
                (Some(0), Some(1), Some(2), None),
            ),
            (
                vec!["x", "USER-ID", "unlock_methods"],
                (Some(1), None, None, Some(2)),
            ),
            (
                vec!["mail", "login", "id", "Methods"],
                (Some(2), Some(0), Some(1), Some(3)),
            ),
            (vec!["name"], (None, None, None, None)),
        ] {
            let columns =
                Columns::by_name(&ByteRecord::from(header.clone())).expect("no two alike");
            let got = (columns.id, columns.email, columns.username, columns.methods);
            assert_eq!(got, expected, "{header:?}");
        }
    }

    #[test]
    fn two_columns_that_mean_the_same_are_not_guessed_at() {
        let twice = Columns::by_name(&ByteRecord::from(vec!["id", "User Id"])).expect_err("two");
        assert_eq!(
            (twice.first.as_str(), twice.second.as_str()),
            ("id", "User Id")
        );
    }
}
