//! The rows of any source, read as they are asked for.

use std::{sync::Arc, vec::IntoIter};

use tokio::runtime::Handle;

use crate::{
    api::{Api, Page},
    model::{MethodSet, Row, UserRef},
};

use super::{
    Source, SourceError, SourceSettings, csv::CsvRows, earlier::EarlierRows, search::SearchRows,
};

/// The rows of a source.
pub(super) enum Rows {
    Table(Box<CsvRows>),
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
                Self::Table(Box::new(CsvRows::open(input, format, methods)?))
            }
            Source::Earlier(path) => Self::Earlier(Box::new(EarlierRows::open(path)?)),
            Source::Named(names) => Self::Listed(named(names, methods).into_iter()),
            Source::Search(_) | Source::Locked { .. } => return Ok(None),
        }))
    }

    /// Which columns of a table were taken and why.
    pub(super) fn columns(&self) -> Vec<String> {
        Vec::new()
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
            name if name.contains('@') => UserRef::by_form(name),
            name => UserRef::by_id(name),
        };
        let defect = super::csv::defect_of(&user);
        Row {
            defect,
            ..Row::new(number, user, methods)
        }
    };
    (1..).zip(names).map(row).collect()
}
