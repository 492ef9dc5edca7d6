//! The rows of any source, read as they are asked for.

use std::{sync::Arc, vec::IntoIter};

use tokio::runtime::Handle;

use crate::{
    api::{Api, Page},
    identity::Identity,
    model::{MethodSet, Row, UserRef},
};

use super::{
    FileRows, Source, SourceError, SourceSettings, Use, damage::defect, earlier::EarlierRows,
    search::SearchRows,
};

/// The rows of a source.
pub(super) enum Rows {
    Table(Box<FileRows>),
    Earlier(Box<EarlierRows>),
    Listed(IntoIter<Row>),
    Search(Box<SearchRows>),
}

impl Rows {
    /// Opens the source; `None` where its rows are with the service.
    pub(super) fn open(settings: &SourceSettings) -> Result<Option<Self>, SourceError> {
        let methods = settings.methods;
        Ok(Some(match &settings.source {
            Source::Table(input, format) => {
                Self::Table(Box::new(FileRows::open(input, format, methods)?))
            }
            Source::Earlier(path) => Self::Earlier(Box::new(EarlierRows::open(path)?)),
            Source::Named(names) => Self::Listed(named(names, methods).into_iter()),
            Source::Search(_) | Source::Locked { .. } => return Ok(None),
        }))
    }

    /// Which columns of a table were taken and why.
    pub(super) fn columns(&self) -> Vec<String> {
        let Self::Table(rows) = self else {
            return Vec::new();
        };
        let found = rows.columns();
        let mut lines: Vec<_> = found.taken.iter().map(ToString::to_string).collect();
        if !found.ignored.is_empty() {
            lines.push(format!("ignored: {}", found.ignored.join(", ")));
        }
        lines.push(found.form());
        lines
    }

    /// The rows of a search, whose first page was read already.
    pub(super) fn search(
        settings: &SourceSettings,
        api: Arc<Api>,
        runtime: Handle,
        first: Page<UserRef>,
    ) -> Result<Option<Self>, SourceError> {
        let Source::Search(text) = &settings.source else {
            return Ok(None);
        };
        let rows = SearchRows::new(api, runtime, text, settings.methods, first)?;
        Ok(Some(Self::Search(Box::new(rows))))
    }
}

impl Iterator for Rows {
    type Item = Result<Row, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Table(rows) => rows.next(),
            Self::Earlier(rows) => rows.next(),
            Self::Listed(rows) => rows.next().map(Ok),
            Self::Search(rows) => rows.next(),
        }
    }
}

/// Users as they were typed: with `@` an e-mail address, else a user ID.
fn named(names: &[String], methods: MethodSet) -> Vec<Row> {
    let row = |(number, name): (u64, &String)| {
        let user = match name.trim() {
            "" => UserRef::default(),
            name if name.contains('@') => UserRef::by_form(name),
            name => UserRef::by_id(name),
        };
        Row {
            defect: defect_of(&user),
            ..Row::new(number, user, methods)
        }
    };
    (1..).zip(names).map(row).collect()
}

/// Why this cannot be a user, who was not read from a table; `None` where it can.
pub(super) fn defect_of(user: &UserRef) -> Option<String> {
    match user.identities().next() {
        Some(Identity::Id(id)) => defect(Use::Id, id, None),
        Some(Identity::Email(email)) => defect(Use::Email, email, None),
        Some(Identity::Username(username)) => defect(Use::Username, username, None),
        None => Some("no user in this row".to_owned()),
    }
}
