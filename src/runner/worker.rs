//! What is done to one row: try until it is settled, and tell the report what became of it.
//!
//! Nothing here decides what an answer means, or writes a record.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    api::{Api, UnlockTry},
    event::{Event, Events},
    model::{LockFlags, Outcome, OutcomeKind, Row, Target},
    retry::{Next, RetryPolicy, Tries},
    shutdown::Shutdown,
};

use super::{Place, Places};

/// How a row is worked on.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// How often and how far apart one PATCH is tried.
    pub retry: RetryPolicy,
}

/// Whoever works on rows. Clones share everything.
#[derive(Debug, Clone)]
pub struct Worker {
    /// How.
    pub settings: WorkerSettings,
    /// The service.
    pub api: Arc<Api>,
    /// Places for requests under way.
    pub places: Places,
    /// Where the report listens.
    pub events: Events,
    /// The stop.
    pub shutdown: Shutdown,
}

impl Worker {
    /// Works on one row to its end. Sends exactly one [`Event::Finished`] or [`Event::Abandoned`].
    pub async fn work(self, row: Row, place: Place) {
        let span = tracing::debug_span!("row", row = row.number, user = %row.user);
        async {
            let event = match self.unlock(&row, place).await {
                Some(outcome) => {
                    tracing::debug!(outcome = %outcome.kind, attempts = outcome.attempts, "final");
                    let at = SystemTime::now();
                    Event::Finished { row, outcome, at }
                }
                None => Event::Abandoned { row },
            };
            self.events.send(event).await;
        }
        .instrument(span)
        .await;
    }

    /// What became of the row; `None` where a stop came first.
    async fn unlock(&self, row: &Row, place: Place) -> Option<Outcome> {
        let target = match target_of(row) {
            Ok(target) => target,
            Err(outcome) => return Some(outcome),
        };
        let mut story = Story::default();
        let mut tries = Tries::new(self.settings.retry);
        let mut place = Some(place);
        loop {
            let held = match place.take() {
                Some(place) => place,
                None => self.shutdown.unless_stopped(self.places.take()).await?,
            };
            story.start.get_or_insert_with(Instant::now);
            let tried = self.api.unlock(&target).await.ok()?;
            drop(held);
            let not_before = tried.not_before;
            if !story.take_in(tries.number(), tried) {
                return Some(story.outcome());
            }
            match tries.next(not_before, &self.events, &self.shutdown).await {
                Next::Try => {}
                Next::UsedUp => return Some(story.outcome()),
                Next::Cut => return None,
            }
        }
    }
}

/// The row's target, or what becomes of a row that has none.
fn target_of(row: &Row) -> Result<Target, Outcome> {
    let invalid = |why: &str| Outcome::without_request(OutcomeKind::Invalid, why);
    match (&row.defect, &row.user.id) {
        (Some(defect), _) => Err(invalid(defect)),
        (None, None) => Err(invalid("no user ID")),
        (None, Some(id)) => Ok(Target {
            user_id: id.clone(),
            methods: row.methods,
        }),
    }
}

/// What the answers so far have told of a user.
#[derive(Debug, Default)]
struct Story {
    start: Option<Instant>,
    attempts: u32,
    http_status: Option<u16>,
    flags: LockFlags,
    last: Option<(OutcomeKind, String)>,
}

impl Story {
    /// The record is the last answer: a request that was not answered changes neither what the
    /// service said of the locks before, nor what follows from it. Returns whether another try
    /// may give a better answer.
    fn take_in(&mut self, number: u32, tried: UnlockTry) -> bool {
        let verdict = tried.verdict;
        let answered = tried.answer.status();
        self.attempts = number;
        self.http_status = answered.or(self.http_status);
        if verdict.flags.any_known() {
            self.flags = verdict.flags;
        }
        let said_more = matches!(
            self.last,
            Some((OutcomeKind::Unlocked | OutcomeKind::StillLocked, _))
        );
        if answered.is_some() || !said_more {
            self.last = Some((verdict.kind, verdict.error));
        }
        verdict.again
    }

    fn outcome(self) -> Outcome {
        let (kind, error) = self
            .last
            .unwrap_or((OutcomeKind::Failed, "nothing was sent".to_owned()));
        Outcome {
            kind,
            http_status: self.http_status,
            flags: self.flags,
            attempts: self.attempts,
            duration: self.start.map_or(Duration::ZERO, |start| start.elapsed()),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Story;
    use crate::{
        api::{UnlockTry, Verdict},
        model::{Answer, LockFlags, OutcomeKind},
    };

    fn tried(answer: Answer, kind: OutcomeKind, flags: LockFlags) -> UnlockTry {
        let verdict = Verdict {
            kind,
            flags,
            again: true,
            error: kind.to_string(),
        };
        UnlockTry {
            answer,
            verdict,
            not_before: None,
        }
    }

    #[test]
    fn the_record_is_the_last_answer_and_flags_are_never_lost() {
        use OutcomeKind::{Failed, StillLocked};
        let none = LockFlags::default();
        let mixed = LockFlags {
            token: Some(false),
            sms: Some(true),
            voice: Some(false),
        };
        let mut story = Story::default();
        story.take_in(1, tried(Answer::Status(500), StillLocked, mixed));
        story.take_in(2, tried(Answer::Cut, Failed, none));
        let outcome = story.outcome();
        assert_eq!(
            (outcome.kind, outcome.http_status, outcome.flags),
            (StillLocked, Some(500), mixed)
        );

        let mut story = Story::default();
        story.take_in(1, tried(Answer::Status(500), StillLocked, mixed));
        story.take_in(2, tried(Answer::Status(503), Failed, none));
        story.take_in(3, tried(Answer::Timeout, Failed, none));
        let outcome = story.outcome();
        assert_eq!(
            (outcome.kind, outcome.http_status, outcome.flags),
            (Failed, Some(503), mixed)
        );
        assert_eq!(outcome.attempts, 3);
    }
}
