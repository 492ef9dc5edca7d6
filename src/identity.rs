//! Who is the same user: the ways in which a user can be named, each as a hash of 128 bits.
//!
//! No two of a billion names are expected to meet in such a hash. The keys are drawn for each run,
//! so nobody can make two meet on purpose. Nothing here remembers a user.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::model::UserRef;

/// One name of a user. Letter case does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity<'a> {
    /// The service's user ID.
    Id(&'a str),
    /// An e-mail address.
    Email(&'a str),
    /// A login name.
    Username(&'a str),
}

impl UserRef {
    /// Every name that is known of this user: first the ID, then the address, then the login.
    pub fn identities(&self) -> impl Iterator<Item = Identity<'_>> {
        let id = self.id.as_deref().map(Identity::Id);
        let email = self.email.as_deref().map(Identity::Email);
        let username = self.username.as_deref().map(Identity::Username);
        [id, email, username].into_iter().flatten()
    }
}

/// Makes fingerprints. Only those of one maker, or of its clones, can be compared.
#[derive(Debug, Clone, Default)]
pub struct Fingerprints(RandomState);

impl Fingerprints {
    /// The name's fingerprint.
    #[must_use]
    pub fn of(&self, identity: Identity<'_>) -> u128 {
        let (kind, name) = match identity {
            Identity::Id(name) => (0_u8, name),
            Identity::Email(name) => (1, name),
            Identity::Username(name) => (2, name),
        };
        // Two hashes for the work of one: of the name, and of the name with a byte more.
        let mut hasher = self.0.build_hasher();
        (kind, name.to_lowercase()).hash(&mut hasher);
        let high = hasher.finish();
        hasher.write_u8(kind);
        u128::from(high) << 64 | u128::from(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprints, Identity};

    #[test]
    fn names_are_told_apart_but_not_by_letter_case() {
        let prints = Fingerprints::default();
        let of = |identity| prints.of(identity);
        assert_eq!(of(Identity::Id("Ab-1")), of(Identity::Id("aB-1")));
        assert_eq!(of(Identity::Email("Ü@x.y")), of(Identity::Email("ü@X.y")));
        assert_ne!(of(Identity::Id("a")), of(Identity::Username("a")));
        assert_ne!(of(Identity::Id("a")), of(Identity::Id("b")));
        assert_ne!(
            of(Identity::Id("a")),
            Fingerprints::default().of(Identity::Id("a"))
        );
    }
}
