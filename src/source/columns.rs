//! Which column is what: by the option that names it, or by its name in the header.

use ::csv::ByteRecord;

use super::{
    flaw::TableFlaw,
    format::ColumnNames,
    taken::{TakenColumn, Use, Why},
    text::{is_invisible, trim},
};

/// The positions of the columns that are used; others are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) id: Option<usize>,
    pub(super) email: Option<usize>,
    pub(super) username: Option<usize>,
    pub(super) methods: Option<usize>,
    /// Whether the column of IDs may hold e-mail addresses too, told by their `@`.
    pub(super) mixed: bool,
}

impl Columns {
    const fn of(&mut self, usage: Use) -> &mut Option<usize> {
        match usage {
            Use::Id | Use::IdOrEmail => &mut self.id,
            Use::Email => &mut self.email,
            Use::Username => &mut self.username,
            Use::Methods => &mut self.methods,
        }
    }

    fn take(&mut self, usage: Use, position: usize, name: Option<&str>, why: Why) -> TakenColumn {
        *self.of(usage) = Some(position);
        self.mixed |= usage == Use::IdOrEmail;
        TakenColumn {
            usage,
            position: position + 1,
            name: name.map(str::to_owned),
            why,
        }
    }

    /// The columns of a table with this header.
    pub(super) fn by_name(
        header: &ByteRecord,
        named: &ColumnNames,
    ) -> Result<(Self, Vec<TakenColumn>), TableFlaw> {
        let names: Vec<_> = header.iter().map(name_of).collect();
        let mut columns = Self::default();
        let mut taken = Vec::new();
        for usage in Use::COLUMNS {
            if let Some(name) = named.of(usage) {
                let position = position_of(name, usage, &names)?;
                let why = Why::Option(usage.option());
                taken.push(columns.take(usage, position, Some(&names[position]), why));
            }
        }
        let by_option: Vec<_> = taken.iter().map(|column| column.position).collect();
        for usage in Use::COLUMNS {
            let fits = |&(n, name): &(usize, &String)| {
                meaning(name) == Some(usage) && !by_option.contains(&(n + 1))
            };
            let mut fitting = names.iter().enumerate().filter(fits);
            let Some((position, name)) = fitting.next().filter(|_| named.of(usage).is_none())
            else {
                continue;
            };
            if let Some((_, second)) = fitting.next() {
                return Err(ambiguous(usage, name, second));
            }
            taken.push(columns.take(usage, position, Some(name), Why::Name));
        }
        if columns.id.or(columns.email).or(columns.username).is_none() {
            return Err(no_users(&names));
        }
        taken.sort_by_key(|column| column.usage);
        Ok((columns, taken))
    }

    /// The columns of a table without a header, of which this is the first record.
    pub(super) fn by_number(
        first: &ByteRecord,
        named: &ColumnNames,
    ) -> Result<(Self, Vec<TakenColumn>), TableFlaw> {
        let mut columns = Self::default();
        let mut taken = Vec::new();
        for usage in Use::COLUMNS {
            if let Some(name) = named.of(usage) {
                let position = number(name, first.len()).ok_or_else(|| TableFlaw::NotANumber {
                    option: usage.option(),
                    name: name.to_owned(),
                    columns: first.len(),
                })?;
                taken.push(columns.take(usage, position, None, Why::Option(usage.option())));
            }
        }
        if columns.id.or(columns.email).or(columns.username).is_none() {
            taken.push(columns.take(Use::IdOrEmail, 0, None, Why::First));
        }
        taken.sort_by_key(|column| column.usage);
        Ok((columns, taken))
    }
}

impl ColumnNames {
    fn of(&self, usage: Use) -> Option<&str> {
        let name = match usage {
            Use::Id | Use::IdOrEmail => &self.id,
            Use::Email => &self.email,
            Use::Username => &self.username,
            Use::Methods => &self.methods,
        };
        name.as_deref()
    }
}

/// How many columns this header has that are of use: what tells a delimiter from a comma in text.
pub(super) fn known_columns(header: &ByteRecord, named: &ColumnNames) -> usize {
    let names: Vec<_> = header.iter().map(name_of).collect();
    let by_option = Use::COLUMNS.iter().filter_map(|usage| named.of(*usage));
    let found = by_option.filter(|option| names.iter().any(|name| plain(name) == plain(option)));
    found.count() + names.iter().filter(|name| meaning(name).is_some()).count()
}

/// The names in a header, as they are written.
pub(super) fn name_of(field: &[u8]) -> String {
    trim(&String::from_utf8_lossy(field)).to_owned()
}

fn meaning(name: &str) -> Option<Use> {
    match plain(name).as_str() {
        "userid" | "id" => Some(Use::Id),
        "email" | "emailaddress" | "mail" => Some(Use::Email),
        "username" | "login" => Some(Use::Username),
        "methods" | "unlockmethods" => Some(Use::Methods),
        _ => None,
    }
}

/// A name as it is compared: letter case, blanks, `_`, `-` and `.` do not matter.
fn plain(name: &str) -> String {
    let counts =
        |c: &char| !(c.is_whitespace() || is_invisible(*c) || matches!(c, '_' | '-' | '.'));
    name.chars()
        .filter(counts)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The column that an option names: as it is written, else letter case and the like aside, else
/// by its number.
fn position_of(option: &str, usage: Use, names: &[String]) -> Result<usize, TableFlaw> {
    if let Some(position) = names.iter().position(|name| name == option.trim()) {
        return Ok(position);
    }
    let plain_option = plain(option);
    let mut alike = (0..names.len()).filter(|n| plain(&names[*n]) == plain_option);
    match (alike.next(), alike.next()) {
        (Some(first), Some(second)) => Err(ambiguous(usage, &names[first], &names[second])),
        (Some(position), None) => Ok(position),
        (None, _) => number(option, names.len()).ok_or_else(|| TableFlaw::NoSuchColumn {
            option: usage.option(),
            name: option.to_owned(),
            found: shown(names),
            near: nearest(&plain_option, names),
        }),
    }
}

fn number(option: &str, columns: usize) -> Option<usize> {
    let number: usize = option.trim().parse().ok()?;
    (1..=columns).contains(&number).then(|| number - 1)
}

fn nearest(plain_option: &str, names: &[String]) -> Option<String> {
    let likeness = |name: &String| strsim::jaro_winkler(plain_option, &plain(name));
    let nearest = names
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) > 0.8).then(|| nearest.clone())
}

fn ambiguous(usage: Use, first: &str, second: &str) -> TableFlaw {
    TableFlaw::Ambiguous {
        what: usage.plural(),
        first: first.to_owned(),
        second: second.to_owned(),
        option: usage.option(),
    }
}

fn no_users(names: &[String]) -> TableFlaw {
    let data = names
        .iter()
        .any(|name| name.contains('@') || uuid::Uuid::try_parse(name).is_ok());
    let containing = |parts: &[&str]| {
        let fits = |name: &&String| parts.iter().any(|part| plain(name).contains(part));
        names.iter().find(fits).cloned()
    };
    let email = containing(&["mail", "upn", "principalname"]);
    let username = || containing(&["login", "logon", "account", "user"]);
    let near = email
        .map(|name| (Use::Email.option(), name))
        .or_else(|| Some((Use::Username.option(), username()?)));
    TableFlaw::NoUsers {
        found: shown(names),
        data,
        near: near.filter(|_| !data),
    }
}

/// Names for a message: on one line, and not too many.
fn shown(names: &[String]) -> String {
    let mut shown: String = names
        .join(",")
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(300)
        .collect();
    if shown.chars().count() == 300 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use ::csv::ByteRecord;

    use super::Columns;
    use crate::source::format::ColumnNames;

    type Positions = [Option<usize>; 4];

    fn positions(columns: &Columns) -> Positions {
        [columns.id, columns.email, columns.username, columns.methods]
    }

    fn named(id: &str, email: &str) -> ColumnNames {
        let given = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        ColumnNames {
            id: given(id),
            email: given(email),
            ..ColumnNames::default()
        }
    }

    #[test]
    fn names_in_every_spelling() {
        let cases: &[(&[&str], Positions)] = &[
            (
                &["User Id", "Email address", "Username"],
                [Some(0), Some(1), Some(2), None],
            ),
            (
                &["x", "USER-ID", "unlock_methods"],
                [Some(1), None, None, Some(2)],
            ),
            (
                &["mail", "login", "id", "Methods"],
                [Some(2), Some(0), Some(1), Some(3)],
            ),
            (
                &["E\u{a0}Mail", "User.ID ", "\u{feff}login"],
                [Some(1), Some(0), Some(2), None],
            ),
            (
                &["Alternate Username", "Email address", "Device name"],
                [None, Some(1), None, None],
            ),
        ];
        for (header, expected) in cases {
            let header = ByteRecord::from(header.to_vec());
            let (columns, _) = Columns::by_name(&header, &ColumnNames::default()).expect("known");
            assert_eq!(positions(&columns), *expected, "{header:?}");
        }
    }

    #[test]
    fn what_an_option_names_comes_first() {
        let cases: &[(&[&str], (&str, &str), Positions)] = &[
            (&["id", "GUID"], ("guid", ""), [Some(1), None, None, None]),
            (&["id", "ID"], ("ID", ""), [Some(1), None, None, None]),
            (&["id", "id"], ("2", ""), [Some(1), None, None, None]),
            (&["2", "x"], ("2", ""), [Some(0), None, None, None]),
            (&["email", "x"], ("Email", ""), [Some(0), None, None, None]),
            (
                &["id", "mail", "work mail"],
                ("", "Work_Mail"),
                [Some(0), Some(2), None, None],
            ),
        ];
        for (header, (id, email), expected) in cases {
            let header = ByteRecord::from(header.to_vec());
            let (columns, _) = Columns::by_name(&header, &named(id, email)).expect("found");
            assert_eq!(positions(&columns), *expected, "{header:?} {id} {email}");
        }
    }

    #[test]
    fn what_cannot_be_settled_is_refused_with_a_remedy() {
        let cases: &[(&[&str], (&str, &str), &str)] = &[
            (&["id", "User Id"], ("", ""), "say which with --id-column"),
            (
                &["a-b", "a_b"],
                ("ab", ""),
                "two columns of user IDs: `a-b` and `a_b`",
            ),
            (
                &["id", "Emial"],
                ("", "email"),
                "is `Emial` meant? then say --email-column",
            ),
            (&["id", "x"], ("", "3"), "no column `3`"),
            (
                &["name", "UPN"],
                ("", ""),
                "if `UPN` is such a column, say --email-column 'UPN'",
            ),
            (&["a@b.c", "x"], ("", ""), "; say --no-header"),
        ];
        for (header, (id, email), expected) in cases {
            let header = ByteRecord::from(header.to_vec());
            let flaw = Columns::by_name(&header, &named(id, email)).expect_err("refused");
            let text = format!("{flaw}; {}", flaw.hint());
            assert!(text.contains(expected), "{header:?}: {text}");
        }
    }
}
