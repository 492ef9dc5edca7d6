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
    let mut incident = Incident::new(after, until, methods);
    let mut pages = Pages::default();
    let mut before = Vec::new();
    while let Some(number) = pages.next() {
        let page = api.lockings(after, Some(until), number).await?;
        if page.pages.is_none() && !page.entries.is_empty() && page.entries == before {
            return Err(SourceError::Endless);
        }
        pages.see(&page);
        for locking in &page.entries {
            incident.take(locking);
        }
        before = page.entries;
    }
    Ok(incident.rows())
}

/// The users so far.
struct Incident {
    after: SystemTime,
    until: SystemTime,
    methods: MethodSet,
    prints: Fingerprints,
    places: HashMap<u128, usize>,
    rows: Vec<Row>,
    /// What was locked and cannot be unlocked, and how often.
    others: BTreeMap<String, u64>,
    /// Locks that do not say whose.
    nameless: u64,
}

impl Incident {
    fn new(after: SystemTime, until: SystemTime, methods: MethodSet) -> Self {
        Self {
            after,
            until,
            methods,
            prints: Fingerprints::default(),
            places: HashMap::new(),
            rows: Vec::new(),
            others: BTreeMap::new(),
            nameless: 0,
        }
    }

    fn take(&mut self, Locking { user, method, at }: &Locking) {
        // The service was asked for this time only, and is not believed blindly.
        if at.is_some_and(|at| at <= self.after || at > self.until) {
            return;
        }
        let locked = match method {
            None => self.methods,
            Some(Locked::Method(method)) => MethodSet::from_iter([*method]),
            Some(Locked::Other(words)) => {
                *self.others.entry(words.clone()).or_default() += 1;
                return;
            }
        };
        let locked = locked.intersection(self.methods);
        if locked == MethodSet::NONE {
            return;
        }
        let Some(name) = user.identities().next() else {
            self.nameless += 1;
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
                let number = self.rows.len() as u64 + 1;
                self.rows.push(Row::new(number, user.clone(), locked));
            }
        }
    }

    fn rows(self) -> Vec<Row> {
        if self.nameless > 0 {
            tracing::warn!("{} locks in the event log name no user", self.nameless);
        }
        for (words, count) in &self.others {
            tracing::info!("passed over {count} locks of {words:?}, which this API cannot open");
        }
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Incident;
    use crate::{
        api::{Locked, Locking},
        model::{Method, MethodSet, UserRef},
    };

    #[test]
    fn each_user_once_with_the_methods_that_the_log_names() {
        let sms = Some(Locked::Method(Method::Sms));
        let minute = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(60 * n);
        let methods = MethodSet::from_iter([Method::Token, Method::Sms]);
        let mut incident = Incident::new(minute(10), minute(20), methods);
        for (name, method) in [
            ("A@x", sms.clone()),
            ("a@X", Some(Locked::Method(Method::Token))),
            ("b@x", Some(Locked::Method(Method::Voice))),
            ("c@x", Some(Locked::Other("Approve".to_owned()))),
            ("d@x", None),
            ("", sms.clone()),
            ("jdoe", sms),
        ] {
            incident.take(&Locking {
                user: UserRef::by_form(name),
                method,
                at: None,
            });
        }
        for (name, at) in [
            ("early@x", 10),
            ("first@x", 11),
            ("last@x", 20),
            ("late@x", 21),
        ] {
            incident.take(&Locking {
                user: UserRef::by_form(name),
                method: Some(Locked::Method(Method::Sms)),
                at: Some(minute(at)),
            });
        }
        assert_eq!(incident.nameless, 1);
        let rows: Vec<_> = incident
            .rows()
            .iter()
            .map(|row| format!("{} {} {}", row.number, row.user, row.methods))
            .collect();
        assert_eq!(
            rows,
            [
                "1 A@x TOKEN|SMS",
                "2 d@x TOKEN|SMS",
                "3 jdoe SMS",
                "4 first@x SMS",
                "5 last@x SMS"
            ]
        );
    }
}
