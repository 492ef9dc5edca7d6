//! Whether the service answers at all.
//!
//! While it does not, rows are held instead of failed: one request at a time is sent to see whether
//! it is back, and all others wait. And nobody is given up for silence before the service was
//! heard by somebody afterwards, for only then was the silence about that user.
//!
//! Nothing here sends a request, or knows what one is.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{Mutex, OwnedMutexGuard, watch},
    time::{Instant, sleep_until},
};

use crate::{
    event::{Event, Events},
    shutdown::{CancelReason, Shutdown},
};

/// So many requests without an answer, one after the other, are an outage, if they were not all
/// about one user.
const SILENCES: usize = 3;
/// So many users, one after the other, who are answered nothing but a bare 500, are one too.
const ILL_USERS: usize = 5;
/// The first and the longest time between two probes.
const FIRST_PROBE: Duration = Duration::from_millis(250);
const LONGEST_PROBE: Duration = Duration::from_secs(3);
/// Who waits to be heard by somebody else asks for itself after this time.
const PATIENCE: Duration = Duration::from_secs(1);

/// What an exchange says of the service's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answers.
    Answers,
    /// A 500 that says nothing about the user.
    Ill,
    /// No answer came, or a gateway's in its place.
    Silent,
    /// Not even a connection.
    Unreachable,
    /// A server is there, and its certificate is not to be trusted.
    Untrusted,
}

/// Whom a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// One user, by a number that tells users apart.
    User(u64),
    /// No user: signing in, a list, a probe.
    Nobody,
}

type Probing = Pin<Box<dyn Future<Output = ()> + Send>>;
type Probe = Box<dyn Fn() -> Probing + Send + Sync>;

/// The state of health, shared by all who send. Clones share it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    state: watch::Sender<State>,
    /// Held by who probes; others queue for it.
    turn: Arc<Mutex<()>>,
    /// Held by who asks for a sign.
    asking: Mutex<()>,
    probe: OnceLock<Probe>,
    longest: Duration,
    events: Events,
    shutdown: Shutdown,
}

/// What the signs so far add up to. Pure: time is told.
#[derive(Debug, Default)]
struct State {
    /// Signs since the last answer, in a row.
    bad: usize,
    unanswered: usize,
    unreachable: bool,
    /// Those about no user.
    about_nobody: usize,
    about: HashSet<About>,
    /// When the first of them came.
    since: Option<Instant>,
    answered: Option<Instant>,
    outage: Option<Outage>,
    /// What can be said of the last bad sign, in one line.
    said: String,
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    next_probe: Instant,
    interval: Duration,
}

impl State {
    /// Takes a sign in. True where an outage begins or ends with it.
    fn take(&mut self, sign: Sign, about: About, now: Instant) -> bool {
        if sign == Sign::Answers {
            let over = self.outage.is_some();
            *self = Self {
                answered: Some(now),
                ..Self::default()
            };
            return over;
        }
        // Where it is about no user, it is about the service.
        let ill = sign == Sign::Ill && about != About::Nobody;
        self.bad += 1;
        self.unanswered += usize::from(!ill);
        self.unreachable |= matches!(sign, Sign::Unreachable | Sign::Untrusted);
        self.about_nobody += usize::from(about == About::Nobody);
        if self.about.len() < ILL_USERS {
            self.about.insert(about);
        }
        let since = *self.since.get_or_insert(now);
        if let Some(outage) = &mut self.outage {
            outage.interval = (outage.interval * 2).min(LONGEST_PROBE);
            outage.next_probe = now + outage.interval;
            return false;
        }
        let begins = self.is_outage();
        if begins {
            self.outage = Some(Outage {
                since,
                next_probe: now + FIRST_PROBE,
                interval: FIRST_PROBE,
            });
        }
        begins
    }

    fn is_outage(&self) -> bool {
        let not_one_user = self.about.len() > 1;
        let silent = self.unanswered >= SILENCES && self.unanswered == self.bad;
        (silent && (not_one_user || self.unreachable))
            || self.about_nobody >= SILENCES
            || self.about.len() >= ILL_USERS
    }
}

/// The right to send one request now. While it is a probe's, nobody else has one.
#[derive(Debug)]
pub struct Pass(
    #[expect(dead_code, reason = "held until it is dropped")] Option<OwnedMutexGuard<()>>,
);

impl Health {
    /// A service of which nothing was heard yet. An outage longer than this stops the job.
    #[must_use]
    pub fn new(longest: Duration, events: Events, shutdown: Shutdown) -> Self {
        Self(Arc::new(Inner {
            state: watch::Sender::default(),
            turn: Arc::default(),
            asking: Mutex::default(),
            probe: OnceLock::new(),
            longest,
            events,
            shutdown,
        }))
    }

    /// How to ask the service for a sign where no user's request will do.
    pub fn probe_with(&self, probe: impl Fn() -> Probing + Send + Sync + 'static) {
        let _ = self.0.probe.set(Box::new(probe));
    }

    /// Waits for the right to send. In an outage that is the next probe's, in the order of asking.
    pub async fn pass(&self) -> Pass {
        if self.outage().is_none() {
            return Pass(None);
        }
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        let mut changes = self.0.state.subscribe();
        while let Some(outage) = self.outage() {
            if Instant::now() >= outage.next_probe {
                return Pass(Some(turn));
            }
            let last_moment = outage.since + self.0.longest;
            tokio::select! {
                () = sleep_until(outage.next_probe.min(last_moment)) => self.give_up_in_time(),
                _ = changes.changed() => {}
            }
        }
        Pass(None)
    }

    /// Takes note of what a request came to; `said` is what can be said of it where it was bad.
    pub async fn heard(&self, sign: Sign, about: About, said: &str) {
        let mut turned = false;
        let now = Instant::now();
        self.0.state.send_if_modified(|state| {
            turned = state.take(sign, about, now);
            if sign != Sign::Answers {
                said.clone_into(&mut state.said);
            }
            // Who begins to listen after this finds it in the state.
            self.0.state.receiver_count() > 0
        });
        if turned {
            self.tell().await;
        }
        // One that was trusted before may be in the middle of a change; else it is the wrong one, or the wrong CA.
        if sign == Sign::Untrusted && self.0.state.borrow().answered.is_none() {
            let why = format!("the server is not to be trusted, and was sent nothing: {said}");
            self.0.shutdown.cancel(CancelReason::Refused(why));
        }
        self.give_up_in_time();
    }

    async fn tell(&self) {
        let since = self
            .outage()
            .map(|outage| SystemTime::now() - outage.since.elapsed());
        match since {
            Some(_) => tracing::warn!(
                "the service does not answer ({}); holding the rows and asking again until it does",
                self.0.state.borrow().said
            ),
            None => tracing::info!("the service answers again"),
        }
        self.0.events.send(Event::Away { since }).await;
    }

    /// Stops the job where the outage has lasted too long.
    fn give_up_in_time(&self) {
        let away = self.outage().map(|outage| outage.since.elapsed());
        if let Some(away) = away.filter(|away| *away >= self.0.longest) {
            self.0.shutdown.cancel(CancelReason::Guard(format!(
                "the service has not answered for {} s ({}); --max-outage says how long to wait",
                away.as_secs(),
                self.0.state.borrow().said
            )));
        }
    }

    /// Waits until it shows whom silence was about that was met at this instant at last. `None`:
    /// the user, since somebody was answered after it. Else it is an outage's, and counts for
    /// nothing from this instant on.
    pub async fn blame(&self, last: Instant) -> Option<Instant> {
        let mut changes = self.0.state.subscribe();
        loop {
            let (answered, outage) = {
                let state = changes.borrow_and_update();
                (state.answered, state.outage)
            };
            if let Some(outage) = outage {
                return Some(outage.since);
            }
            if answered.is_some_and(|answered| answered > last) {
                return None;
            }
            let heard = tokio::time::timeout(PATIENCE, changes.changed()).await;
            if heard.is_err() {
                self.ask().await;
            }
        }
    }

    /// Asks the service for a sign, unless somebody is asking already.
    async fn ask(&self) {
        if let (Some(probe), Ok(_asking)) = (self.0.probe.get(), self.0.asking.try_lock()) {
            probe().await;
        }
    }

    /// The outage that is on; `None` where the service answers.
    fn outage(&self) -> Option<Outage> {
        self.0.state.borrow().outage
    }

    /// Since when the outage that is on has lasted; `None` where the service answers.
    #[must_use]
    pub fn away_since(&self) -> Option<Instant> {
        self.outage().map(|outage| outage.since)
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.state.borrow().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{About, Health, Sign, State};
    use crate::{
        event::Events,
        shutdown::{CancelReason, Shutdown},
    };

    use About::{Nobody, User};
    use Sign::{Answers, Ill, Silent, Unreachable, Untrusted};

    #[test]
    fn what_is_an_outage_and_what_is_a_sick_user() {
        for (signs, outage) in [
            (vec![(Silent, User(1)); 9], false),
            (vec![(Ill, User(1)); 9], false),
            (vec![(Silent, User(1)), (Silent, User(2))], false),
            (
                vec![(Silent, User(1)), (Silent, User(2)), (Silent, User(1))],
                true,
            ),
            (vec![(Unreachable, User(1)); 3], true),
            (vec![(Silent, Nobody); 3], true),
            (vec![(Ill, Nobody); 3], true),
            (
                [vec![(Ill, User(1)); 9], vec![(Ill, Nobody); 2]].concat(),
                false,
            ),
            (
                [vec![(Ill, User(1)); 9], vec![(Ill, Nobody); 3]].concat(),
                true,
            ),
            (
                [vec![(Ill, User(1))], vec![(Silent, Nobody); 3]].concat(),
                true,
            ),
            ((1..=4).map(|user| (Ill, User(user))).collect(), false),
            ((1..=5).map(|user| (Ill, User(user))).collect(), true),
            (
                vec![
                    (Silent, User(1)),
                    (Silent, User(2)),
                    (Answers, User(3)),
                    (Silent, User(4)),
                ],
                false,
            ),
            (
                vec![
                    (Silent, User(1)),
                    (Silent, User(2)),
                    (Silent, User(3)),
                    (Answers, User(4)),
                ],
                false,
            ),
        ] {
            let mut state = State::default();
            for (sign, about) in &signs {
                state.take(*sign, *about, Instant::now());
            }
            assert_eq!(state.outage.is_some(), outage, "{signs:?}");
        }
    }

    fn health(longest: Duration) -> (Health, Shutdown) {
        let (events, mut heard) = Events::channel();
        tokio::spawn(async move { while heard.recv().await.is_some() {} });
        let shutdown = Shutdown::default();
        (Health::new(longest, events, shutdown.clone()), shutdown)
    }

    async fn fall_silent(health: &Health) {
        for user in 1..=3 {
            health.heard(Silent, User(user), "").await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_at_growing_intervals_until_it_answers() {
        let (health, _) = health(Duration::from_secs(600));
        let _ = health.pass().await;
        fall_silent(&health).await;
        let start = Instant::now();
        let mut probes = Vec::new();
        for user in 1..=9 {
            let pass = health.pass().await;
            probes.push(start.elapsed());
            let other = tokio::time::timeout(Duration::from_secs(60), health.pass());
            assert!(other.await.is_err(), "one at a time");
            health.heard(Silent, User(user), "").await;
            drop(pass);
        }
        assert!(probes[0] >= Duration::from_millis(250));
        let pass = health.pass().await;
        let waiting = tokio::spawn({
            let health = health.clone();
            async move {
                let _pass = health.pass().await;
                let _at_once = health.pass().await;
            }
        });
        health.heard(Answers, User(1), "").await;
        drop(pass);
        waiting.await.expect("all go on");
        assert_eq!(health.away_since(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_that_lasts_too_long_stops_the_job() {
        let (health, shutdown) = health(Duration::from_secs(2));
        fall_silent(&health).await;
        let probing = async {
            loop {
                let _pass = health.pass().await;
                health.heard(Silent, User(1), "").await;
            }
        };
        let start = Instant::now();
        assert_eq!(shutdown.unless_stopped(probing).await, None::<()>);
        assert!(start.elapsed() <= Duration::from_millis(2_500));
        assert!(
            shutdown
                .reason()
                .expect("stopped")
                .to_string()
                .contains("--max-outage")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_was_never_trusted_ends_the_job_at_once_and_another_one_is_waited_for() {
        let (health, shutdown) = health(Duration::from_secs(600));
        health.heard(Silent, User(1), "").await;
        health.heard(Untrusted, User(1), "no issuer").await;
        let reason = shutdown.reason().expect("stopped");
        assert!(matches!(reason, CancelReason::Refused(why) if why.contains("no issuer")));

        let (health, shutdown) = self::health(Duration::from_secs(600));
        health.heard(Answers, User(1), "").await;
        for _ in 0..3 {
            health.heard(Untrusted, User(1), "no issuer").await;
        }
        assert_eq!(shutdown.reason(), None);
        assert!(health.away_since().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_blamed_before_the_service_was_heard_again() {
        let (health, _) = health(Duration::from_secs(600));
        health.heard(Silent, User(1), "").await;
        let last = Instant::now();
        let blame = health.blame(last);
        tokio::pin!(blame);
        assert!(
            tokio::time::timeout(Duration::from_secs(9), &mut blame)
                .await
                .is_err()
        );
        health.heard(Answers, User(2), "").await;
        assert_eq!(blame.await, None, "it was the user");
        tokio::time::advance(Duration::from_secs(1)).await;
        fall_silent(&health).await;
        assert!(
            health.blame(Instant::now()).await.is_some(),
            "it was the outage"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_else_is_under_way_a_probe_asks() {
        let (health, _) = health(Duration::from_secs(600));
        let weak = health.clone();
        health.probe_with(move || {
            let health = weak.clone();
            Box::pin(async move { health.heard(Answers, Nobody, "").await })
        });
        health.heard(Silent, User(1), "").await;
        let last = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(health.blame(last).await, None);
    }
}
