//! A thousand jobs in paused time, each with an outage, a limit, lost answers, tokens that end or are revoked, and
//! a stop, drawn from a seed: everything that waits is real, and the service is a model that keeps account.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Claim, Places, Worker, WorkerSettings, run};
use crate::{
    api::{Api, ApiSettings},
    auth::{BoxFuture, Credentials, test_keys::ec_client},
    budget::Budget,
    event::{Event, Events},
    health::Health,
    http::{Http, HttpSettings, NoReply, Reply, Sent},
    model::{Answer, MethodSet, Outcome, OutcomeKind, Row, UserRef},
    retry::{Retry, RetryPolicy},
    shutdown::{CancelReason, Shutdown, Signal},
    throttle::{Throttle, ThrottleSettings},
};

const SEEDS: u64 = 1000;
/// No job here takes longer: one that does hangs.
const LONGEST: Duration = Duration::from_secs(86_400);
const MAX_OUTAGE: Duration = Duration::from_secs(60);

/// What a seed stands for.
#[derive(Debug, Clone)]
struct World {
    users: u64,
    places: usize,
    rate: u32,
    /// From when to when the service is away, in milliseconds.
    outage: (u64, u64),
    away: Away,
    token_life_s: u64,
    revoked_at: Option<u64>,
    stop_at: Option<u64>,
    drain_ms: u64,
    /// Of a hundred requests: refused by the limit, answered with an error, unlocked with the answer lost.
    limited: u8,
    ill: u8,
    lost: u8,
}

/// What is met where the service is away.
#[derive(Debug, Clone, Copy)]
enum Away {
    /// No connection, or no answer on one.
    Silence(Answer),
    /// Only this status, with nothing about the user.
    Bare(u16),
}

const AWAY: [Away; 4] = [
    Away::Silence(Answer::ConnectError),
    Away::Silence(Answer::Cut),
    Away::Bare(503),
    Away::Bare(500),
];

impl World {
    fn of(rng: &mut Rng) -> Self {
        let outage = rng.u64(..4000);
        let lasts = [0, 500, 5000, 90_000][rng.usize(..4)];
        Self {
            // Few users cannot show by themselves that it is not them.
            users: [rng.u64(1..5), rng.u64(1..60)][rng.usize(..2)],
            away: AWAY[rng.usize(..AWAY.len())],
            places: rng.usize(1..12),
            rate: rng.u32(5..100),
            outage: (outage, outage + lasts),
            token_life_s: rng.u64(2..30),
            revoked_at: rng.bool().then(|| rng.u64(..4000)),
            stop_at: rng.bool().then(|| rng.u64(..6000)),
            drain_ms: rng.u64(..3000),
            limited: rng.u8(..15),
            ill: rng.u8(..15),
            lost: rng.u8(..10),
        }
    }
}

/// What the service knows and has seen.
#[derive(Debug)]
struct Account {
    rng: Rng,
    begun: Instant,
    unlocked: BTreeSet<String>,
    tokens: BTreeMap<String, Instant>,
    revoked: bool,
    signing_in: usize,
    under_way: usize,
    let_through: usize,
    arrived: Vec<Instant>,
    /// When each wait that was asked for was heard of, and its end.
    waits: Vec<(Instant, Instant)>,
}

#[derive(Debug, Clone)]
struct Service(Arc<Mutex<Account>>, World);

impl Service {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request, from its arrival to its answer.
    async fn answer(self, sent: Sent) -> Result<Reply, NoReply> {
        let now = Instant::now();
        let is_token = sent.url.path().ends_with("/token");
        let (latency, reply) = {
            let mut account = self.account();
            account.arrived.push(now);
            account.under_way += 1;
            assert!(
                account.under_way <= self.1.places + 2,
                "more requests than places"
            );
            for (heard, until) in &account.waits {
                assert!(
                    now <= *heard || now >= *until,
                    "sent in a wait that was asked for"
                );
            }
            if is_token {
                account.signing_in += 1;
                assert_eq!(account.signing_in, 1, "one renewal serves all");
            }
            (
                account.rng.u64(1..400),
                self.decide(&mut account, &sent, now),
            )
        };
        // A request that is given up is under way no more.
        let _under_way = UnderWay(&self, is_token);
        sleep(Duration::from_millis(latency)).await;
        let wait = reply
            .as_ref()
            .ok()
            .and_then(|reply| reply.retry_after.as_deref());
        if let Some(seconds) = wait {
            let heard = Instant::now();
            let until = heard + Duration::from_secs(seconds.parse().expect("seconds"));
            self.account().waits.push((heard, until));
        }
        reply
    }

    fn decide(&self, account: &mut Account, sent: &Sent, now: Instant) -> Result<Reply, NoReply> {
        let world = &self.1;
        let at = (now - account.begun).as_millis() as u64;
        if (world.outage.0..world.outage.1).contains(&at) {
            return match world.away {
                Away::Silence(answer) => Err(silence(answer)),
                Away::Bare(status) => Ok(reply(status, "")),
            };
        }
        if account.rng.u8(..100) < world.limited {
            return Ok(Reply {
                retry_after: account.rng.bool().then(|| account.rng.u8(..4).to_string()),
                ..reply(429, "")
            });
        }
        if world.revoked_at.is_some_and(|revoked| at >= revoked) && !account.revoked {
            account.revoked = true;
            account.tokens.clear();
        }
        if sent.url.path().ends_with("/token") {
            let token = format!("token-{}", account.rng.u64(..));
            let life = world.token_life_s;
            account
                .tokens
                .insert(token.clone(), now + Duration::from_secs(life));
            let body = format!(r#"{{"access_token":"{token}","expires_in":{life}}}"#);
            return Ok(reply(200, &body));
        }
        let token = sent.bearer.as_deref().unwrap_or_default();
        let token = token.trim_start_matches("Bearer ");
        if account.tokens.get(token).is_none_or(|ends| now >= *ends) {
            return Ok(reply(401, r#"{"description":"Invalid token"}"#));
        }
        let user = sent
            .url
            .path_segments()
            .and_then(|mut path| path.nth_back(1));
        let user = user.unwrap_or_default().to_owned();
        account.let_through += 1;
        match account.rng.u8(..100) {
            drawn if drawn < world.ill => return Ok(reply(503, "")),
            drawn if drawn < world.ill + world.lost => {
                account.unlocked.insert(user);
                return Err(silence(Answer::Cut));
            }
            _ => {}
        }
        account.unlocked.insert(user.clone());
        let flags = r#""isTokenLocked":false,"isSmsLocked":false,"isVoiceLocked":false"#;
        Ok(reply(200, &format!(r#"{{"userId":"{user}",{flags}}}"#)))
    }
}

struct UnderWay<'a>(&'a Service, bool);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut account = self.0.account();
        account.under_way -= 1;
        account.signing_in -= usize::from(self.1);
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        body: Some(body.as_bytes().to_vec()),
        ..Reply::default()
    }
}

fn silence(answer: Answer) -> NoReply {
    let text = "silence".to_owned();
    NoReply {
        answer,
        text,
        untrusted: false,
    }
}

/// What the report heard.
#[derive(Debug, Default)]
struct Heard {
    finished: BTreeMap<u64, (String, Outcome)>,
    abandoned: BTreeSet<u64>,
}

async fn listen(mut events: mpsc::Receiver<Event>) -> Heard {
    let mut heard = Heard::default();
    while let Some(event) = events.recv().await {
        match event {
            Event::Finished { row, outcome, .. } => {
                let user = row.user.id.unwrap_or_default();
                let before = heard.finished.insert(row.number, (user, outcome));
                assert!(before.is_none(), "row {} ended twice", row.number);
            }
            Event::Abandoned { row } => {
                assert!(
                    heard.abandoned.insert(row.number),
                    "row {} ended twice",
                    row.number
                );
            }
            _ => {}
        }
    }
    heard
}

/// The job of one seed, to its end.
async fn job(seed: u64, http: &Http) {
    let mut rng = Rng::with_seed(seed);
    fastrand::seed(seed);
    let world = World::of(&mut rng);
    let shutdown = Shutdown::default();
    let begun = Instant::now();
    let account = Account {
        rng,
        begun,
        unlocked: BTreeSet::new(),
        tokens: BTreeMap::new(),
        revoked: false,
        signing_in: 0,
        under_way: 0,
        let_through: 0,
        arrived: Vec::new(),
        waits: Vec::new(),
    };
    let service = Service(Arc::new(Mutex::new(account)), world.clone());
    let answering = service.clone();
    let http =
        http.modelled(move |sent| -> BoxFuture<_> { Box::pin(answering.clone().answer(sent)) });
    let (events, heard) = Events::channel();
    let rate = format!("{}/s", world.rate).parse().expect("a rate");
    let retry = Retry {
        policy: RetryPolicy::attempts(RetryPolicy::DEFAULT_ATTEMPTS),
        health: Health::new(MAX_OUTAGE, events.clone(), shutdown.clone()),
        budget: Arc::new(Budget::new(f64::from(world.rate))),
        events: events.clone(),
        shutdown: shutdown.clone(),
    };
    let burst = std::num::NonZeroU32::MIN;
    let throttle = Throttle::new(ThrottleSettings { rate, burst });
    let settings = ApiSettings {
        base: "https://t.example/AdminInterface/restapi"
            .parse()
            .expect("a URL"),
        credentials: Credentials::OAuth(ec_client()),
        search_unsynched: false,
    };
    let places = Places::new(world.places.try_into().expect("not zero"));
    let worker = Arc::new(Worker {
        settings: WorkerSettings {
            unlock: true,
            only_locked: false,
            claim: Arc::new(|_, _| Claim::Granted),
        },
        api: Arc::new(Api::new(settings, http, Arc::new(throttle), retry.clone())),
        retry,
        places: places.clone(),
        events,
        shutdown: shutdown.clone(),
    });
    let stopping = tokio::spawn(stop(world.clone(), shutdown.clone(), begun));
    let listening = tokio::spawn(listen(heard));
    let (sender, mut rows) = mpsc::channel(world.users as usize);
    for number in 1..=world.users {
        let row = Row::new(
            number,
            UserRef::by_id(format!("u-{number}")),
            MethodSet::ALL,
        );
        sender.try_send(row).expect("room");
    }
    drop(sender);
    run(&mut rows, None, &places, &shutdown, |row, place| {
        Arc::clone(&worker).work(row, place)
    })
    .await;
    let ended = Instant::now();
    stopping.abort();
    drop(worker);
    let heard = listening.await.expect("no panic");
    let untouched = world.users as usize - heard.finished.len() - heard.abandoned.len();
    // A stop may come to a row that has no place yet: it has not begun, and is left.
    let placeless = usize::from(shutdown.is_stopped());
    let left = rows.len()..=rows.len() + placeless;
    assert!(
        left.contains(&untouched),
        "a row is lost: {untouched}, {left:?}"
    );
    check(&world, &service.account(), &heard, &shutdown, ended - begun);
}

/// The stop, and the end of its patience.
async fn stop(world: World, shutdown: Shutdown, begun: Instant) {
    let Some(at) = world.stop_at else { return };
    sleep_until(begun + Duration::from_millis(at)).await;
    shutdown.cancel(CancelReason::Interrupt(Signal::Interrupt));
    sleep(Duration::from_millis(world.drain_ms)).await;
    shutdown.abort();
}

fn check(world: &World, account: &Account, heard: &Heard, shutdown: &Shutdown, took: Duration) {
    for (user, outcome) in heard.finished.values() {
        let (kind, unlocked) = (outcome.kind, account.unlocked.contains(user));
        assert!(
            kind != OutcomeKind::Unlocked || unlocked,
            "{user}: {outcome:?}"
        );
        assert!(
            matches!(kind, OutcomeKind::Unlocked | OutcomeKind::Failed),
            "{user}: the service never said {outcome:?}"
        );
        let tries = RetryPolicy::DEFAULT_ATTEMPTS.get();
        assert!(
            kind != OutcomeKind::Failed || outcome.attempts == tries,
            "{user}: {outcome:?}"
        );
    }
    let (second, arrived) = (Duration::from_secs(1), &account.arrived);
    for (n, from) in arrived.iter().enumerate() {
        let within = arrived[n..]
            .iter()
            .take_while(|at| **at - *from < second)
            .count();
        assert!(
            within <= world.rate as usize,
            "{within} requests in a second"
        );
    }
    match shutdown.reason() {
        None => {
            assert!(heard.abandoned.is_empty(), "nobody asked for a stop");
            assert_eq!(heard.finished.len() as u64, world.users);
        }
        Some(CancelReason::Interrupt(_)) => {
            let at = world.stop_at.expect("it was asked for") + world.drain_ms;
            assert!(
                took <= Duration::from_millis(at + 1),
                "still there after {took:?}"
            );
        }
        Some(CancelReason::Guard(why)) => {
            let lasts = Duration::from_millis(world.outage.1 - world.outage.0);
            assert!(lasts >= MAX_OUTAGE, "{why}: the outage was shorter");
        }
        other => panic!("no reason to stop: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_jobs_lose_no_row_and_end_in_time() {
    let http = Http::new(&HttpSettings {
        timeout: Duration::from_secs(30),
        ca_file: None,
        plain: true,
        pool_size: 1,
    });
    let http = http.expect("no TLS is needed");
    // Taken when the test is built.
    let seeds = option_env!("BULK_UNLOCK_TEST_SEEDS");
    let seeds = seeds.map_or(0..SEEDS, |one| {
        let one = one.parse().expect("a number");
        one..one + 1
    });
    for seed in seeds {
        // What panics here says after which seed.
        let _told = Told(seed);
        let ended = timeout(LONGEST, job(seed, &http)).await;
        assert!(ended.is_ok(), "it hangs");
    }
}

struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "with BULK_UNLOCK_TEST_SEEDS={}", self.0);
        }
    }
}
