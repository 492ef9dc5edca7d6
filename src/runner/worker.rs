//! What is done to one row: look the user up where that is needed, try until it is settled, and
//! tell the report what became of it.
//!
//! Nothing here decides what an answer means, or writes a record.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    api::{Address, Api, Try, Verdict},
    event::{Event, Events},
    model::{Answer, Found, LockFlags, Outcome, OutcomeKind, Row, Target, UserRef},
    retry::{Retry, Tried},
    shutdown::{Fault, Shutdown},
};

use super::{Place, Places};

/// How a row is worked on.
#[derive(Clone)]
pub struct WorkerSettings {
    /// Whether to unlock; without, each user is looked up and no more.
    pub unlock: bool,
    /// Whether to look every user up, and to send no PATCH where nothing asked for is locked.
    pub only_locked: bool,
    /// Claims a user whom a look-up found for a row.
    pub claim: Claims,
}

/// Where users are claimed: the row that was looked up, and the ID that was found.
pub type Claims = Arc<dyn Fn(&Row, &str) -> Claim + Send + Sync>;

/// What comes of claiming a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The row has the user.
    Granted,
    /// Another row has.
    Duplicate,
    /// The row has its record already, from the run that this one goes on with.
    Recorded,
}

/// How work on a row ends.
enum Ending {
    /// It is final.
    Final(Outcome),
    /// It had its record already.
    Recorded,
}

impl Ending {
    /// Whether the row is the one that stands for its user.
    const fn is_about_its_user(&self) -> bool {
        match self {
            Self::Recorded => false,
            Self::Final(outcome) => {
                !matches!(outcome.kind, OutcomeKind::Duplicate | OutcomeKind::Invalid)
            }
        }
    }
}

/// Whoever works on rows.
pub struct Worker {
    /// How.
    pub settings: WorkerSettings,
    /// How often and how far apart one request is tried.
    pub retry: Retry,
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
    /// Returns what became of the row; `None` where a stop cut it.
    pub async fn work(self: Arc<Self>, mut row: Row, place: Place) -> Option<OutcomeKind> {
        let span = tracing::debug_span!("row", row = row.number, user = %row.user);
        async {
            let _wire = self.shutdown.tripwire(Fault::Row(row.number));
            let mut story = Story::new(place);
            let ending = self.settle(&mut row, &mut story).await;
            let kind = match &ending {
                Some(Ending::Final(outcome)) => Some(outcome.kind),
                Some(Ending::Recorded) | None => None,
            };
            let event = match ending {
                Some(Ending::Recorded) => Event::Recorded { row },
                Some(Ending::Final(outcome)) => {
                    tracing::debug!(outcome = %outcome.kind, attempts = outcome.attempts, "final");
                    Event::Finished {
                        row,
                        outcome,
                        at: SystemTime::now(),
                        place: story.place.take(),
                    }
                }
                None => Event::Abandoned { row },
            };
            drop(story);
            self.events.send(event).await;
            kind
        }
        .instrument(span)
        .await
    }

    /// What became of the row; `None` where a stop came first. What a look-up found is entered
    /// into the row.
    async fn settle(&self, row: &mut Row, story: &mut Story) -> Option<Ending> {
        if let Some(defect) = &row.defect {
            let invalid = Outcome::without_request(OutcomeKind::Invalid, defect.as_str());
            return Some(Ending::Final(invalid));
        }
        let known = row.user.clone();
        if let Some(address) = self.address_to_ask(&known) {
            let found;
            (*story, found) = self.look_up(address, std::mem::take(story)).await?;
            let Some(found) = found else {
                return Some(Ending::Final(story.outcome()));
            };
            let flags = found.flags;
            let ending = self.take_over(found, row, story);
            if ending.as_ref().is_none_or(Ending::is_about_its_user) {
                self.events.send(Event::LookedUp { flags }).await;
            }
            if ending.is_some() {
                return ending;
            }
        }
        let Some(user_id) = row.user.id.clone() else {
            let invalid = Outcome::without_request(OutcomeKind::Invalid, "no user ID");
            return Some(Ending::Final(invalid));
        };
        if !self.settings.unlock {
            let why = "only the user ID is known, which nobody can be looked up by";
            let unverified = Outcome::without_request(OutcomeKind::Unverified, why);
            return Some(Ending::Final(unverified));
        }
        let target = Target {
            user_id,
            methods: row.methods,
        };
        *story = self.unlock(&target, std::mem::take(story)).await?;
        Some(Ending::Final(story.outcome()))
    }

    /// What to look the user up by; `None` where that is not needed, or cannot be done.
    fn address_to_ask<'a>(&self, user: &'a UserRef) -> Option<Address<'a>> {
        if user.id.is_some() && self.settings.unlock && !self.settings.only_locked {
            return None;
        }
        let by_name = || user.username.as_deref().map(Address::Username);
        user.email.as_deref().map(Address::Email).or_else(by_name)
    }

    /// Enters what was found into the row. Returns the ending, where that ends the row.
    fn take_over(&self, found: Found, row: &mut Row, story: &mut Story) -> Option<Ending> {
        let ended =
            |story: &Story, kind, error: String| Some(Ending::Final(story.ended(kind, error)));
        match &row.user.id {
            Some(id) if !id.eq_ignore_ascii_case(&found.id) => {
                let error = format!("this address belongs to another user ID, {}", found.id);
                return ended(story, OutcomeKind::Invalid, error);
            }
            Some(_) => {}
            None if matches!(found.id.as_str(), "." | "..") => {
                let error = "the service gave an ID that no URL can carry".to_owned();
                return ended(story, OutcomeKind::Invalid, error);
            }
            None => match (self.settings.claim)(row, &found.id) {
                Claim::Granted => {}
                Claim::Recorded => return Some(Ending::Recorded),
                Claim::Duplicate => {
                    row.user.id = Some(found.id);
                    let error = "another row has the same user".to_owned();
                    return ended(story, OutcomeKind::Duplicate, error);
                }
            },
        }
        // Only now is it known that they are this row's user's.
        story.flags = found.flags;
        row.user.id = Some(found.id);
        row.user.email = found.email.or(row.user.email.take());
        row.user.username = found.username.or(row.user.username.take());
        let locked = found.flags.any_locked(row.methods);
        if locked == Some(false) && (self.settings.only_locked || !self.settings.unlock) {
            return ended(story, OutcomeKind::AlreadyUnlocked, String::new());
        }
        let kind = match locked {
            Some(_) => OutcomeKind::StillLocked,
            None => OutcomeKind::Unverified,
        };
        (!self.settings.unlock).then(|| Ending::Final(story.ended(kind, String::new())))
    }

    /// Looks a user up. Without the user the story has its end; `None` where a stop came first.
    async fn look_up(&self, address: Address<'_>, story: Story) -> Option<(Story, Option<Found>)> {
        let try_once = |(mut story, _): (Story, _)| async move {
            let held = self.place(&mut story).await?;
            let tried = self.api.lookup(address).await.ok()?;
            Some(match tried.meaning {
                Ok(found) => {
                    story.begin_anew();
                    story.place = Some(held);
                    Tried::Settled((story, Some(found)))
                }
                Err(verdict) => {
                    let again = verdict.again;
                    story.place = Some(held).filter(|_| !again);
                    story.take_in(tried.answer, verdict);
                    Tried::new((story, None), again, tried.next)
                }
            })
        };
        self.retry.run((story, None), try_once).await
    }

    /// Unlocks a user; the story then has its end. `None` where a stop came first.
    async fn unlock(&self, target: &Target, story: Story) -> Option<Story> {
        let try_once = |mut story: Story| async move {
            let held = self.place(&mut story).await?;
            let tried: Try<Verdict> = self.api.unlock(target).await.ok()?;
            story.attempts += 1;
            let again = tried.meaning.again;
            story.place = Some(held).filter(|_| !again);
            story.take_in(tried.answer, tried.meaning);
            Some(Tried::new(story, again, tried.next))
        };
        self.retry.run(story, try_once).await
    }

    /// A place for one request; `None` where a stop came first.
    async fn place(&self, story: &mut Story) -> Option<Place> {
        let place = match story.place.take() {
            Some(place) => place,
            None => self.shutdown.unless_stopped(self.places.take()).await?,
        };
        story.start.get_or_insert_with(Instant::now);
        Some(place)
    }
}

/// What the answers so far have told of a user.
#[derive(Debug, Default)]
struct Story {
    /// The place that came with the row, for its first request; at the end the one that it keeps
    /// until it is on record.
    place: Option<Place>,
    start: Option<Instant>,
    attempts: u32,
    http_status: Option<u16>,
    flags: LockFlags,
    last: Option<(OutcomeKind, String)>,
}

impl Story {
    fn new(place: Place) -> Self {
        Self {
            place: Some(place),
            ..Self::default()
        }
    }

    /// What was said of failed look-ups is no word on the unlock that follows.
    fn begin_anew(&mut self) {
        (self.http_status, self.last) = (None, None);
    }

    /// The record is the last answer: a request that was not answered changes neither what the
    /// service said of the locks before, nor what follows from it.
    fn take_in(&mut self, answer: Answer, verdict: Verdict) {
        tracing::debug!(
            attempt = self.attempts,
            status = %answer,
            outcome = %verdict.kind,
            reason = verdict.error,
            again = verdict.again,
            "tried"
        );
        let answered = answer.status();
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
    }

    /// The outcome of a row that ends with a look-up.
    fn ended(&self, kind: OutcomeKind, error: String) -> Outcome {
        Outcome {
            kind,
            http_status: Some(200),
            flags: self.flags,
            attempts: 0,
            duration: self.duration(),
            error,
        }
    }

    fn outcome(&self) -> Outcome {
        let unsent = (OutcomeKind::Failed, "nothing was sent".to_owned());
        let (kind, error) = self.last.clone().unwrap_or(unsent);
        Outcome {
            kind,
            http_status: self.http_status,
            flags: self.flags,
            attempts: self.attempts,
            duration: self.duration(),
            error,
        }
    }

    fn duration(&self) -> Duration {
        self.start.map_or(Duration::ZERO, |start| start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::Story;
    use crate::{
        api::Verdict,
        model::{Answer, LockFlags, OutcomeKind},
    };

    fn verdict(kind: OutcomeKind, flags: LockFlags) -> Verdict {
        Verdict {
            kind,
            flags,
            again: true,
            error: kind.to_string(),
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
        story.take_in(Answer::Status(500), verdict(StillLocked, mixed));
        story.take_in(Answer::Cut, verdict(Failed, none));
        let outcome = story.outcome();
        assert_eq!(
            (outcome.kind, outcome.http_status, outcome.flags),
            (StillLocked, Some(500), mixed)
        );

        let mut story = Story::default();
        story.take_in(Answer::Status(500), verdict(StillLocked, mixed));
        story.take_in(Answer::Status(503), verdict(Failed, none));
        story.take_in(Answer::Timeout, verdict(Failed, none));
        let outcome = story.outcome();
        assert_eq!(
            (outcome.kind, outcome.http_status, outcome.flags),
            (Failed, Some(503), mixed)
        );
    }
}
