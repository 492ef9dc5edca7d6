//! Simulated users: made up from a seed, or read from a CSV.

use std::path::{Path, PathBuf};

/// A user of the simulated tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimUser {
    /// The user ID.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// The login name.
    pub username: String,
    /// Locks: token, SMS, voice.
    pub locked: [bool; 3],
}

/// Why a file of users cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the users in {path}: {why}")]
pub struct UserFileError {
    path: PathBuf,
    why: String,
}

pub(super) const METHODS: [&str; 3] = ["TOKEN", "SMS", "VOICE"];

impl SimUser {
    /// A user with this ID, made up as far as the rest goes: the same from the same seed.
    #[must_use]
    pub fn with_id(id: &str, seed: u64) -> Self {
        let mut random = random_for(seed, id, 0);
        let mut locked = [random.bool(), random.bool(), random.bool()];
        if !locked.contains(&true) {
            locked[random.usize(..3)] = true;
        }
        let name: String = id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(12)
            .collect();
        let name = name.to_lowercase();
        Self {
            id: id.to_owned(),
            email: format!("{name}@example.com"),
            username: name,
            locked,
        }
    }

    /// Whether this is the user's ID, e-mail address or login name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let names = [&self.id, &self.email, &self.username];
        names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Made-up users: the same from the same seed.
#[must_use]
pub fn generate(count: u32, seed: u64) -> Vec<SimUser> {
    let mut random = fastrand::Rng::with_seed(seed);
    let user = |number| {
        let bytes = random.u128(..).to_be_bytes();
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        SimUser {
            email: format!("user{number:04}@example.com"),
            username: format!("user{number:04}"),
            ..SimUser::with_id(&id.to_string(), seed)
        }
    };
    (1..=count).map(user).collect()
}

/// Users from a CSV with a header: `user_id`, and where wanted `email`, `username` and `locked`
/// (`TOKEN|SMS`, may be empty). Rows without an ID that the service could have given are passed
/// over. Without a header column that is known, column 1 is the ID.
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
    let column = |names: &[&str]| {
        header.iter().position(|name| {
            let name = name.to_lowercase().replace([' ', '_', '-'], "");
            names.contains(&name.as_str())
        })
    };
    let id = column(&["userid", "id"]);
    let (email, username) = (
        column(&["email", "emailaddress", "mail"]),
        column(&["username", "login"]),
    );
    let locked = column(&["locked"]);
    let mut users = Vec::new();
    let mut take = |record: &csv::StringRecord| {
        let text = |column: Option<usize>| {
            column
                .and_then(|column| record.get(column))
                .filter(|text| !text.is_empty())
        };
        let Some(id) = text(id.or(Some(0))).filter(|id| uuid::Uuid::parse_str(id).is_ok()) else {
            return;
        };
        let mut user = SimUser::with_id(id, seed);
        user.email = text(email).map_or(user.email, str::to_owned);
        user.username = text(username).map_or(user.username, str::to_owned);
        if let Some(column) = locked {
            let words = record.get(column).unwrap_or_default();
            user.locked = METHODS.map(|method| {
                words
                    .split('|')
                    .any(|word| word.trim().eq_ignore_ascii_case(method))
            });
        }
        users.push(user);
    };
    if id.is_none() {
        take(&header);
    }
    for record in reader.records() {
        take(&record.map_err(failed)?);
    }
    Ok(users)
}

/// Whether a user's Approve is locked, which unlock cannot change and lookups and events tell.
pub(super) fn approve_is_locked(seed: u64, user_id: &str) -> bool {
    random_for(seed, &format!("approve {user_id}"), 0).u8(..10) == 0
}

/// Chance that depends on the seed, the user and the how-manieth call this is, and on nothing
/// else: not on which of many calls came first.
pub(super) fn random_for(seed: u64, user_id: &str, call: u64) -> fastrand::Rng {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in user_id
        .to_ascii_lowercase()
        .bytes()
        .chain(call.to_le_bytes())
    {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    fastrand::Rng::with_seed(hash)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{generate, read_users};

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
}
