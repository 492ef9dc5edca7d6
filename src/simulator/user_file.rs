//! Simulated users, read from a CSV.

use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::user::{METHODS, SimUser};

/// Why a file of users cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the users in {path}: {why}")]
pub struct UserFileError {
    path: PathBuf,
    why: String,
}

/// Where in a row what stands.
struct Columns {
    id: Option<usize>,
    email: Option<usize>,
    username: Option<usize>,
    locked: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Self {
        let column = |names: &[&str]| {
            header.iter().position(|name| {
                let name = name.to_lowercase().replace([' ', '_', '-'], "");
                names.contains(&name.as_str())
            })
        };
        Self {
            id: column(&["userid", "id"]),
            email: column(&["email", "emailaddress", "mail"]),
            username: column(&["username", "login"]),
            locked: column(&["locked"]),
        }
    }

    /// Whether the header names nobody, and is thus none.
    const fn name_nobody(&self) -> bool {
        self.id.is_none() && self.email.is_none() && self.username.is_none()
    }

    /// The user of a row.
    fn user(&self, row: &StringRecord, seed: u64) -> Option<SimUser> {
        let text = |column: Option<usize>| {
            column
                .and_then(|column| row.get(column))
                .filter(|text| !text.is_empty())
        };
        let first = row.get(0).filter(|_| self.name_nobody());
        let id = text(self.id).or(first.filter(|text| !text.contains('@')));
        let email = text(self.email).or(first.filter(|text| text.contains('@')));
        let username = text(self.username);
        let mut user = match id {
            Some(id) if uuid::Uuid::parse_str(id).is_ok() => SimUser::with_id(id, seed),
            Some(_) => return None,
            None => SimUser::with_name(email.or(username)?, seed),
        };
        user.email = email.map_or(user.email, str::to_owned);
        user.username = username.map_or(user.username, str::to_owned);
        if let Some(column) = self.locked {
            let words = row.get(column).unwrap_or_default();
            user.locked = METHODS.map(|method| {
                words
                    .split('|')
                    .any(|word| word.trim().eq_ignore_ascii_case(method))
            });
        }
        Some(user)
    }
}

/// Users from a CSV with a header: `user_id`, `email` and `username`, any of which may be missing,
/// and where wanted `locked` (`TOKEN|SMS`, may be empty). Rows without an ID get one that is made
/// up from the seed and the address, or else the login name; rows with an ID that the service
/// cannot have given, and those without any name, are passed over. Without a header column that is
/// known, column 1 is the ID, or the address where it looks like one.
///
/// # Errors
/// [`UserFileError`].
pub fn read_users(path: &Path, seed: u64) -> Result<Vec<SimUser>, UserFileError> {
    let failed = |error: csv::Error| UserFileError {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(failed)?;
    let header = reader.headers().map_err(failed)?.clone();
    let columns = Columns::of(&header);
    let mut users = Vec::new();
    if columns.name_nobody() {
        users.extend(columns.user(&header, seed));
    }
    for row in reader.records() {
        users.extend(columns.user(&row.map_err(failed)?, seed));
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{SimUser, read_users};
    use crate::simulator::generate;

    fn read(text: &str) -> Vec<SimUser> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        read_users(file.path(), 1).expect("readable")
    }

    #[test]
    fn the_sample_is_what_the_default_seed_gives() {
        let users = generate(200, 1);
        let mut text = "user_id,email,username\n".to_owned();
        for user in &users {
            let _ = writeln!(text, "{},{},{}", user.id, user.email, user.username);
        }
        let path = std::path::Path::new("samples/users.csv");
        assert_eq!(std::fs::read_to_string(path).expect("readable"), text);
        assert_eq!(read_users(path, 1).expect("readable"), users);
        assert!(users.iter().all(|user| user.locked.contains(&true)));
    }

    #[test]
    fn who_has_no_id_gets_one_from_the_name() {
        let id = "a833bdcd-b6d1-4eb1-88dc-97e5aab5fe3d";
        let ann = SimUser::with_name("ann@example.com", 1);
        assert_eq!(ann.id.len(), 36);
        assert_ne!(ann.id, SimUser::with_name("ann@example.com", 2).id);
        let (ann, ben, id) = (ann.id.as_str(), SimUser::with_name("ben", 1).id, id);
        for (text, expected) in [
            ("email\nann@example.com\n", vec![ann]),
            ("E-Mail\nANN@example.com\n", vec![ann]),
            ("username\nben\n", vec![&ben]),
            (
                "username,email\nben,ann@example.com\nben,\n",
                vec![ann, &ben],
            ),
            (
                &format!("user_id,email\n{id},ann@example.com\n,ann@example.com\n"),
                vec![id, ann],
            ),
            ("user_id,email\nnonsense,ann@example.com\n,\n", vec![]),
            ("ann@example.com\n", vec![ann]),
            (
                &format!("somebody\n{id}\nann@example.com\nben\n"),
                vec![id, ann],
            ),
        ] {
            let users = read(text);
            let ids: Vec<_> = users.iter().map(|user| user.id.as_str()).collect();
            assert_eq!(ids, expected, "{text}");
        }
        let users = read("email,locked\nann@example.com,SMS\n");
        assert_eq!(users[0].email, "ann@example.com");
        assert_eq!(users[0].locked, [false, true, false]);
    }
}
