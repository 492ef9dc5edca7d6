//! The users of an incident: whom the event log reports as locked.
//!
//! A user's methods may stand on different pages, so all pages are read before the first row:
//! memory grows with the users locked.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use crate::{
    api::{Api, Locked, Locking},
    identity::Fingerprints,
    model::{MethodSet, Row},
};

use super::{SourceError, search::Pages};

/// Each user whom the log reports as locked after one time and up to another, with the methods
/// that it names as far as they are among `methods`.
pub(super) async fn read(
    api: &Api,
    after: SystemTime,
    until: SystemTime,
    methods: MethodSet,
) -> Result<Vec<Row>, SourceError> {
    let mut incident = Incident::new(methods);
    let mut pages = Pages::default();
    while let Some(number) = pages.next() {
        let page = api.lockings(after, Some(until), number).await?;
        pages.see(&page);
        for locking in page.entries {
            incident.take(locking);
        }
    }
    Ok(incident.rows())
}

/// The users so far.
struct Incident {
    methods: MethodSet,
    prints: Fingerprints,
    places: HashMap<u128, usize>,
    rows: Vec<Row>,
    /// What was locked and cannot be unlocked, and how often.
    others: BTreeMap<String, u64>,
}

impl Incident {
    fn new(methods: MethodSet) -> Self {
        Self {
            methods,
            prints: Fingerprints::default(),
            places: HashMap::new(),
            rows: Vec::new(),
            others: BTreeMap::new(),
        }
    }

    fn take(&mut self, Locking { user, method }: Locking) {
        let locked = match method {
            None => self.methods,
            Some(Locked::Method(method)) => MethodSet::from_iter([method]),
            Some(Locked::Other(words)) => {
                *self.others.entry(words).or_default() += 1;
                return;
            }
        };
        let locked = locked.intersection(self.methods);
        let Some(name) = user
            .identities()
            .next()
            .filter(|_| locked != MethodSet::NONE)
        else {
            return;
        };
        let print = self.prints.of(name);
        match self.places.get(&print) {
            Some(place) => {
                let row = &mut self.rows[*place];
                row.methods = row.methods.union(locked);
            }
            None => {
                self.places.insert(print, self.rows.len());
                self.rows
                    .push(Row::new(self.rows.len() as u64 + 1, user, locked));
            }
        }
    }

    fn rows(self) -> Vec<Row> {
        for (words, count) in &self.others {
            tracing::info!("passed over {count} locks of {words:?}, which this API cannot open");
        }
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::Incident;
    use crate::{
        api::{Locked, Locking},
        model::{Method, MethodSet, UserRef},
    };

    #[test]
    fn each_user_once_with_the_methods_that_the_log_names() {
        let sms = Some(Locked::Method(Method::Sms));
        let mut incident = Incident::new(MethodSet::from_iter([Method::Token, Method::Sms]));
        for (name, method) in [
            ("A@x", sms.clone()),
            ("a@X", Some(Locked::Method(Method::Token))),
            ("b@x", Some(Locked::Method(Method::Voice))),
            ("c@x", Some(Locked::Other("Approve".to_owned()))),
            ("d@x", None),
            ("", sms.clone()),
            ("jdoe", sms),
        ] {
            incident.take(Locking {
                user: UserRef::by_form(name),
                method,
            });
        }
        let rows: Vec<_> = incident
            .rows()
            .iter()
            .map(|row| format!("{} {} {}", row.number, row.user, row.methods))
            .collect();
        assert_eq!(rows, ["1 A@x TOKEN|SMS", "2 d@x TOKEN|SMS", "3 jdoe SMS"]);
    }
}
