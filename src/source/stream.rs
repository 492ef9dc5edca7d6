//! The rows of a source, one after the other, into one channel.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::SystemTime,
};

use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    api::{Api, ListError, Page},
    event::{Event, WeakEvents},
    model::{Outcome, OutcomeKind, Row, UserRef},
    shutdown::{CancelReason, Fault, Shutdown},
};

use super::{
    Choice, Select, Source, SourceError, SourceSettings, Survey, every::Rows, locked,
    search::SearchRows,
};

/// Rows that may have been read and not yet taken.
const CAPACITY: usize = 256;
/// The reader waits until there is room for so many: to be woken for each row would cost more than
/// reading it.
const ROOM: usize = 128;

/// A source that was looked at before anything is sent.
#[derive(Debug)]
pub struct Prepared {
    settings: SourceSettings,
    asked: Option<Asked>,
    /// What it holds; `None` where that shows only as it is read.
    pub survey: Option<Survey>,
    /// Which columns of a table were taken and why, a line each.
    pub columns: Vec<String>,
}

/// What the service has told of a source so far.
#[derive(Debug)]
enum Asked {
    /// The first page of a search.
    FirstPage(Page<UserRef>),
    /// All rows.
    Rows(Vec<Row>),
}

/// What must be known of a list that the service keeps before its first row is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// That there is one.
    Start,
    /// How many users it holds: as the service says, else by reading it.
    Count,
    /// All of it.
    All,
}

/// Where rows that need not go on are told of.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Who has been seen; shared with whoever finds IDs.
    pub select: Arc<Mutex<Select>>,
    /// The report.
    pub events: WeakEvents,
    /// The stop.
    pub shutdown: Shutdown,
}

impl Prepared {
    /// Reads the whole source once, where it is at hand and can be read twice: a flaw at its end
    /// shows before anything is sent.
    ///
    /// # Errors
    /// [`SourceError`], with the position.
    pub fn new(settings: SourceSettings) -> Result<Self, SourceError> {
        let once = matches!(&settings.source, Source::Table(input, _) if input.is_stream());
        let mut prepared = Self {
            asked: None,
            survey: None,
            columns: Vec::new(),
            settings,
        };
        if !once && let Some(rows) = Rows::open(&prepared.settings)? {
            prepared.columns = rows.columns();
            prepared.survey = Some(prepared.settings.survey(rows)?);
        }
        Ok(prepared)
    }

    /// Asks the service, where it keeps the list, for as much of it as is needed now.
    ///
    /// # Errors
    /// [`SourceError::List`].
    pub async fn ask(&mut self, api: &Arc<Api>, need: Need) -> Result<(), SourceError> {
        let rows = match &self.settings.source {
            Source::Table(..) | Source::Named(_) | Source::Earlier(_) => return Ok(()),
            Source::Locked { after, until } => {
                locked::read(api, *after, *until, self.settings.methods).await?
            }
            Source::Search(text) => {
                let first = api.search(text, 0).await?;
                let enough = match need {
                    Need::Start => true,
                    // How many of them are a shard's shows only as they are read.
                    Need::Count => first.total.is_some() && self.settings.shard.is_none(),
                    Need::All => false,
                };
                if enough {
                    self.asked = Some(Asked::FirstPage(first));
                    return Ok(());
                }
                let (api, runtime) = (Arc::clone(api), Handle::current());
                let rows = SearchRows::new(api, runtime, text, self.settings.methods, first)?;
                let rows = self.settings.limited(rows);
                let read = tokio::task::spawn_blocking(move || rows.collect::<Result<_, _>>());
                read.await.map_err(|_| SourceError::Endless)??
            }
        };
        let rows: Vec<Row> = rows;
        let again = Rows::Listed(rows.clone().into_iter());
        self.survey = Some(self.settings.survey(again)?);
        self.asked = Some(Asked::Rows(rows));
        Ok(())
    }

    /// Rows, as far as that is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        let limit = self.settings.limit.unwrap_or(u64::MAX);
        match (&self.survey, &self.asked) {
            (Some(survey), _) => Some(survey.rows),
            // How many of them are a shard's shows only as they are read.
            (None, Some(Asked::FirstPage(_))) if self.settings.shard.is_some() => None,
            (None, Some(Asked::FirstPage(page))) => page.total.map(|total| total.min(limit)),
            (None, _) => None,
        }
    }

    /// Users to unlock, as far as that is known.
    #[must_use]
    pub fn users(&self) -> Option<u64> {
        self.survey
            .as_ref()
            .map_or_else(|| self.total(), |survey| Some(survey.users()))
    }

    /// Reads the rows on a thread of its own, as reading may block. A user who stands in an
    /// earlier row goes to the report as a duplicate, every other row into the channel. A source
    /// that fails in the middle stops the job.
    ///
    /// # Panics
    /// Outside a runtime.
    #[must_use]
    pub fn stream(self, api: Arc<Api>, sink: Sink) -> mpsc::Receiver<Row> {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let Self {
            settings, asked, ..
        } = self;
        let search = match &asked {
            Some(Asked::FirstPage(_)) => Some((api, Handle::current())),
            // A thread that is stuck in reading must not keep the service open.
            _ => None,
        };
        let runtime = Handle::current();
        thread::spawn(move || {
            let _wire = sink.shutdown.tripwire(Fault::Source);
            let rows = match (asked, search) {
                (Some(Asked::Rows(rows)), _) => Ok(Some(Rows::Listed(rows.into_iter()))),
                (Some(Asked::FirstPage(first)), Some((api, runtime))) => {
                    Rows::search(&settings, api, runtime, first)
                }
                _ => Rows::open(&settings),
            };
            let read = rows.and_then(|rows| match rows {
                Some(rows) => sink.read_all(settings.limited(rows), &sender, &runtime),
                None => Ok(None),
            });
            sink.ended(read);
        });
        receiver
    }
}

impl Sink {
    /// Hands the rows on. Returns how many there were; `None` where nobody took them any more.
    fn read_all(
        &self,
        rows: impl Iterator<Item = Result<Row, SourceError>>,
        sender: &mpsc::Sender<Row>,
        runtime: &Handle,
    ) -> Result<Option<u64>, SourceError> {
        let mut count = 0;
        let mut room = None;
        for row in rows {
            let row = row?;
            count += 1;
            match self.choose(&row) {
                Choice::Recorded => {}
                Choice::Repeats => self.duplicate(row),
                // The pool may have stopped; the rows that follow were not started.
                Choice::Work => {
                    let mut place = room.as_mut().and_then(Iterator::next);
                    if place.is_none() {
                        room = runtime.block_on(sender.reserve_many(ROOM)).ok();
                        place = room.as_mut().and_then(Iterator::next);
                    }
                    let Some(place) = place else {
                        return Ok(None);
                    };
                    place.send(row);
                }
            }
        }
        Ok(Some(count))
    }

    fn choose(&self, row: &Row) -> Choice {
        let mut select = self.select.lock().unwrap_or_else(PoisonError::into_inner);
        select.choose(row)
    }

    fn duplicate(&self, row: Row) {
        let why = "the same user stands in an earlier row";
        self.events.send_blocking(Event::Finished {
            outcome: Outcome::without_request(OutcomeKind::Duplicate, why),
            at: SystemTime::now(),
            place: None,
            row,
        });
    }

    /// The source came to its end after so many rows, was left early, or failed.
    fn ended(&self, read: Result<Option<u64>, SourceError>) {
        match read {
            Ok(Some(rows)) => self.events.send_blocking(Event::SourceEnded { rows }),
            // Whoever stopped the job had a reason of their own.
            Ok(None) | Err(SourceError::List(ListError::Stopped)) => {}
            Err(error) => self.shutdown.cancel(CancelReason::SourceFailed(format!(
                "{error}; {}",
                error.hint()
            ))),
        }
    }
}
