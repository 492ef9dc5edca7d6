//! Every user whose e-mail address contains a text, page by page.
//!
//! Users may come and go meanwhile. Who comes shifts later users back by one place, and is met
//! again: passed over. Who goes shifts them forward, across the border of a page that was read
//! already: missed. So a walk in which the list was not still is walked again, until one is still
//! or finds nobody new. (What cannot be seen is one who goes and one who comes between the same
//! two pages.)

use std::{collections::HashSet, sync::Arc};

use tokio::runtime::Handle;

use crate::{
    api::{Api, Page},
    identity::Fingerprints,
    model::{MethodSet, Row, UserRef},
};

use super::SourceError;

/// No list is walked more often.
const MOST_WALKS: u32 = 5;

/// Which page is next.
#[derive(Debug, Default)]
pub(super) struct Pages {
    next: u64,
    over: bool,
}

impl Pages {
    /// The number of the next page, from 0; `None` after the last.
    pub(super) const fn next(&self) -> Option<u64> {
        if self.over { None } else { Some(self.next) }
    }

    /// Takes note of a page. The service says how many there are now, or an empty one is the last: how
    /// many entries make a full page is for the service to say.
    pub(super) fn see<T>(&mut self, page: &Page<T>) {
        self.next += 1;
        self.over = match page.pages {
            Some(pages) => self.next >= pages,
            None => page.empty,
        };
    }
}

/// A walk through the list, and the walks before it.
#[derive(Debug, Default)]
pub(super) struct Walks {
    prints: Fingerprints,
    seen: HashSet<u128>,
    walk: Walk,
    walks: u32,
}

/// One walk.
#[derive(Debug, Default)]
struct Walk {
    pages: Pages,
    /// What the first page said of the number of users.
    total: Option<u64>,
    met: HashSet<u128>,
    found_new: bool,
    moved: bool,
}

impl Walks {
    /// The number of the next page, from 0; `None` where nobody can have been missed.
    pub(super) fn next(&mut self) -> Option<u64> {
        if let Some(page) = self.walk.pages.next() {
            return Some(page);
        }
        let walk = std::mem::take(&mut self.walk);
        self.walks += 1;
        let whole = walk
            .total
            .is_some_and(|total| walk.met.len() as u64 >= total);
        let quiet = !walk.moved && whole;
        if quiet {
            return None;
        }
        if self.walks > 1 && !walk.found_new {
            if let Some(total) = walk.total.filter(|_| !whole) {
                tracing::warn!(
                    "the service speaks of {total} users and lists {}: whoever it leaves out is not in this run",
                    walk.met.len()
                );
            }
            return None;
        }
        if self.walks == MOST_WALKS {
            tracing::warn!(
                "the list of users kept changing while it was read {MOST_WALKS} times; \
                 search again to be sure that nobody is missed"
            );
            return None;
        }
        tracing::info!("the list of users changed while it was read; reading it again");
        self.walk.pages.next()
    }

    /// The users of a page who have not been met before.
    ///
    /// # Errors
    /// [`SourceError::Endless`] where the service gives the same page for every number.
    pub(super) fn see(&mut self, page: Page<UserRef>) -> Result<Vec<UserRef>, SourceError> {
        let walk = &mut self.walk;
        let first = walk.pages.next == 0;
        let (page_is_empty, counted) = (page.empty, page.pages.is_some());
        if first {
            walk.total = page.total;
        }
        walk.moved |= page.total.is_none() || page.total != walk.total;
        walk.pages.see(&page);
        let mut new_in_walk = false;
        let mut fresh = Vec::new();
        for user in page.entries {
            let Some(name) = user.identities().next() else {
                continue;
            };
            let print = self.prints.of(name);
            new_in_walk |= walk.met.insert(print);
            if self.seen.insert(print) {
                fresh.push(user);
            }
        }
        walk.found_new |= !fresh.is_empty();
        if !first && !page_is_empty && !counted && !new_in_walk {
            return Err(SourceError::Endless);
        }
        Ok(fresh)
    }
}

/// The users of a search as rows, read page by page as they are asked for. Blocks the thread.
pub(super) struct SearchRows {
    api: Arc<Api>,
    runtime: Handle,
    text: String,
    methods: MethodSet,
    walks: Walks,
    ready: std::vec::IntoIter<UserRef>,
    number: u64,
}

impl SearchRows {
    /// A search whose first page was read already.
    pub(super) fn new(
        api: Arc<Api>,
        runtime: Handle,
        text: &str,
        methods: MethodSet,
        first: Page<UserRef>,
    ) -> Result<Self, SourceError> {
        let mut walks = Walks::default();
        Ok(Self {
            ready: walks.see(first)?.into_iter(),
            walks,
            api,
            runtime,
            text: text.to_owned(),
            methods,
            number: 0,
        })
    }

    /// The next user; `None` after the last.
    fn user(&mut self) -> Result<Option<UserRef>, SourceError> {
        loop {
            if let Some(user) = self.ready.next() {
                return Ok(Some(user));
            }
            let Some(number) = self.walks.next() else {
                return Ok(None);
            };
            let page = self.runtime.block_on(self.api.search(&self.text, number))?;
            self.ready = self.walks.see(page)?.into_iter();
        }
    }
}

impl Iterator for SearchRows {
    type Item = Result<Row, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let user = self.user().transpose()?;
        self.number += 1;
        Some(user.map(|user| Row::new(self.number, user, self.methods)))
    }
}

#[cfg(test)]
mod tests {
    use super::Walks;
    use crate::{api::Page, model::UserRef};

    const SIZE: usize = 25;

    /// What the service gives for a page of this list.
    fn page(users: &[String], number: u64, totals: bool) -> Page<UserRef> {
        let start = (number as usize * SIZE).min(users.len());
        let here = &users[start..(start + SIZE).min(users.len())];
        Page {
            entries: here.iter().map(|name| UserRef::by_form(name)).collect(),
            pages: totals.then(|| users.len().div_ceil(SIZE) as u64),
            total: totals.then_some(users.len() as u64),
            empty: here.is_empty(),
        }
    }

    fn users(n: u32) -> Vec<String> {
        (0..n).map(|n| format!("user{n:04}@x")).collect()
    }

    /// Walks the list while `change` changes it after each page. Who was found, and pages read.
    fn walk(
        mut list: Vec<String>,
        totals: bool,
        mut change: impl FnMut(&mut Vec<String>, u32),
    ) -> (Vec<String>, u32) {
        let mut walks = Walks::default();
        let (mut found, mut pages) = (Vec::new(), 0);
        while let Some(number) = walks.next() {
            let fresh = walks.see(page(&list, number, totals)).expect("an end");
            found.extend(fresh.iter().map(UserRef::to_string));
            pages += 1;
            change(&mut list, pages);
        }
        (found, pages)
    }

    #[test]
    fn a_still_list_is_read_once() {
        for (count, totals, pages) in [
            (0, true, 1),
            (25, true, 1),
            (130, true, 6),
            (0, false, 2),
            (130, false, 14),
        ] {
            let (found, read) = walk(users(count), totals, |_, _| {});
            assert_eq!(
                (found.len(), read),
                (count as usize, pages),
                "{count} {totals}"
            );
        }
    }

    #[test]
    fn nobody_is_missed_who_was_there_throughout() {
        for totals in [true, false] {
            for after in 1..6 {
                let (found, _) = walk(users(130), totals, |list, page| {
                    if page == after {
                        list.remove(3);
                    }
                });
                let missed: Vec<_> = users(130)
                    .into_iter()
                    .filter(|user| !found.contains(user))
                    .collect();
                assert!(
                    missed.is_empty() || missed == ["user0003@x"],
                    "{totals} {after}: {missed:?}"
                );
            }
        }
    }

    #[test]
    fn one_who_goes_and_one_who_comes_later_hide_nobody() {
        let (found, _) = walk(users(130), true, |list, page| match page {
            1 => drop(list.remove(0)),
            3 => list.push("zzz@x".to_owned()),
            _ => {}
        });
        assert!(found.contains(&"user0025@x".to_owned()));
    }

    #[test]
    fn a_list_that_never_rests_is_given_up_after_a_few_walks() {
        let mut next = 1_000;
        let (_, pages) = walk(users(60), true, |list, _| {
            next += 1;
            list.remove(0);
            list.push(format!("user{next}@x"));
        });
        assert!(pages < 30, "{pages}");
    }

    #[test]
    fn a_service_that_gives_one_page_for_all_is_found_out() {
        let mut walks = Walks::default();
        let list = users(60);
        walks.next();
        walks.see(page(&list, 0, false)).expect("the first");
        walks.next();
        assert!(walks.see(page(&list, 0, false)).is_err());
    }
}
