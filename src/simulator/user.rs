//! Simulated users, made up from a seed.

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

    /// A user with an ID made up from a name: the same from the same seed, letter case aside.
    pub(super) fn with_name(name: &str, seed: u64) -> Self {
        let bytes = random_for(seed, name, 0).u128(..).to_be_bytes();
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        Self::with_id(&id.to_string(), seed)
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
