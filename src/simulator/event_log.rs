//! What happened to users before anybody called: named by the scenario, or made up from the seed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    scenario::{Event, MethodWords, Scenario, UserForm, span},
    user::{METHODS, SimUser, approve_is_locked, random_for},
};

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimEvent {
    /// The ID of the user that it is about; `None` where the scenario names somebody else.
    pub user: Option<String>,
    /// The user as the log has it.
    pub user_id: String,
    /// What happened: 2 is a method that is now locked.
    pub code: u32,
    /// The method as the log has it.
    pub method: Option<String>,
    /// When, in whole milliseconds.
    pub at: Timestamp,
}

/// A method is now locked.
const LOCKED: u32 = 2;
/// A method is unlocked, as the user signed in with another one.
const UNLOCKED: u32 = 3;
/// A method that is locked was tried.
const REFUSED: u32 = 35;
/// The app's code was right.
const SIGNED_IN: u32 = 103;

/// How far back events are spread, in milliseconds.
const SPREAD: u64 = 600_000;

/// The log at this moment, oldest first.
pub(super) fn log(scenario: &Scenario, users: &[SimUser], now: Timestamp) -> Vec<SimEvent> {
    // What is compared with a parameter must not be finer than what was printed.
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let mut events: Vec<_> = scenario
        .event
        .iter()
        .map(|event| named(scenario, users, event, now))
        .collect();
    if scenario.events.automatic {
        events.extend(users.iter().flat_map(|user| made_up(scenario, user, now)));
    }
    events.sort_by_key(|event| event.at);
    events
}

fn named(scenario: &Scenario, users: &[SimUser], event: &Event, now: Timestamp) -> SimEvent {
    let user = users.iter().find(|user| user.is_called(&event.user));
    let words = scenario.events.method_words;
    SimEvent {
        user: user.map(|user| user.id.clone()),
        user_id: user.map_or_else(
            || event.user.clone(),
            |user| name(user, scenario.events.user_id, u64::from(event.code)),
        ),
        code: event.code,
        method: event.method.as_deref().map(|method| word(method, words)),
        at: before(now, span(event.minutes_ago * 60.0)),
    }
}

/// One lock a locked method, and what else happens to people.
fn made_up(scenario: &Scenario, user: &SimUser, now: Timestamp) -> Vec<SimEvent> {
    let mut random = random_for(scenario.seed, &format!("events {}", user.id), 0);
    let mut happened = Vec::new();
    for (method, locked) in METHODS.iter().zip(user.locked) {
        let ago = random.u64(1..SPREAD);
        if locked {
            happened.push((LOCKED, *method, ago));
            if random.u8(..3) == 0 {
                happened.push((REFUSED, *method, random.u64(..ago)));
            }
        } else if random.u8(..8) == 0 {
            happened.push((UNLOCKED, *method, ago));
        } else if *method == METHODS[0] {
            happened.push((SIGNED_IN, *method, ago));
        }
    }
    if approve_is_locked(scenario.seed, &user.id) {
        happened.push((LOCKED, "APPROVE", random.u64(1..SPREAD)));
    }
    if random.u8(..20) == 0 {
        happened.push((LOCKED, "EMERGENCY", random.u64(1..SPREAD)));
    }
    let settings = &scenario.events;
    let event = |(code, method, ago)| SimEvent {
        user: Some(user.id.clone()),
        user_id: name(user, settings.user_id, ago),
        code,
        method: Some(word(method, settings.method_words)),
        at: before(now, Duration::from_millis(ago)),
    };
    happened.into_iter().map(event).collect()
}

/// To the millisecond; as long ago as can be said where it is longer.
fn before(now: Timestamp, ago: Duration) -> Timestamp {
    let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
    let at = now.checked_sub(ago).unwrap_or(Timestamp::MIN);
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// The user as the log has it; `turn` decides where the forms are mixed.
fn name(user: &SimUser, form: UserForm, turn: u64) -> String {
    let names = [&user.id, &user.email, &user.username];
    let place = match form {
        UserForm::Id => 0,
        UserForm::Email => 1,
        UserForm::Username => 2,
        UserForm::Mixed => (turn % 3) as usize,
    };
    names[place].clone()
}

/// The method as the log has it; what is none of ours stays as it is.
fn word(method: &str, words: MethodWords) -> String {
    let word = match (method, words) {
        ("TOKEN", MethodWords::Tokencode) => "Authenticate Tokencode",
        ("TOKEN", MethodWords::Otp) => "Authenticate OTP",
        ("SMS", MethodWords::Tokencode) => "SMS Tokencode",
        ("SMS", MethodWords::Otp) => "SMS OTP",
        ("VOICE", MethodWords::Tokencode) => "Voice Tokencode",
        ("VOICE", MethodWords::Otp) => "Voice OTP",
        ("APPROVE", MethodWords::Tokencode | MethodWords::Otp) => "Approve",
        ("EMERGENCY", MethodWords::Plain) => "EMERGENCY_TOKENCODE",
        ("EMERGENCY", MethodWords::Tokencode) => "Emergency Tokencode",
        ("EMERGENCY", MethodWords::Otp) => "Emergency Access Code",
        (other, _) => other,
    };
    word.to_owned()
}
