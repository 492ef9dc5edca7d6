//! `check`: whether a run could begin, one line for each thing that it takes. Nothing is changed at
//! the service.

mod finding;
mod network;

use std::{ffi::OsString, sync::Arc, time::Duration};

use clap::CommandFactory;

use crate::{
    api::{Address, Api, Halt},
    auth::{AccessToken, Credentials},
    cli::{CheckArgs, Cli, Command, OutputFormat, RunArgs},
    config::{
        ConfigError, Connection, Environment, Given, GivenError, PaceSettings, resolve_check,
        resolve_connection,
    },
    error::AppError,
    http::Url,
    model::Answer,
    shutdown::{CancelReason, Shutdown},
};

use super::service::Service;
use finding::{Finding, Findings, Value};

/// Nobody can have this address (RFC 6761): who may look users up is told that there is none.
const NOBODY: &str = "bulk-unlock-check@nobody.invalid";
/// What a token has to be good for.
const MAY_READ: &str = "rsa.user.read";
const MAY_UNLOCK: &str = "rsa.user.factor.manage";
/// Whoever waits for an answer is not patient.
const LONGEST: Duration = Duration::from_secs(10);

/// How its findings are to look, where `check` was typed.
pub(super) fn is_asked(typed: &[OsString]) -> Option<OutputFormat> {
    let matches = Cli::command().try_get_matches_from(typed).ok()?;
    let (_, own) = matches.subcommand().filter(|(name, _)| *name == "check")?;
    let output = own.get_one::<OutputFormat>("output").copied();
    Some(output.unwrap_or(OutputFormat::Text))
}

/// A configuration that cannot be read is the first thing that was found.
pub(super) fn refused(error: &ConfigError, output: OutputFormat) -> Result<u8, AppError> {
    let failed = Finding::fail("configuration", error.to_string(), error.hint());
    let findings = Findings {
        checks: vec![failed],
        ..Findings::default()
    };
    told(findings, 2, output)
}

/// Looks at all that `run` would be given.
pub(super) async fn run(
    args: &CheckArgs,
    typed: &[OsString],
    env: &Environment,
) -> Result<u8, AppError> {
    let output = args.output.unwrap_or(OutputFormat::Text);
    match Given::read(&as_run(typed), env) {
        Ok(given) => match &given.cli.command {
            Command::Run(args) => look(&given, args, env, output).await,
            _ => unreachable!("`run` was put in the place of `check`"),
        },
        Err(GivenError::Config(error)) => refused(&error, output),
        Err(GivenError::Usage(error)) => {
            let why = error.to_string();
            let failed = Finding::fail("configuration", why.trim(), "see bulk-unlock run --help");
            let findings = Findings {
                checks: vec![failed],
                ..Findings::default()
            };
            told(findings, 2, output)
        }
    }
}

/// The same words for `run`: it takes every option of `check`.
fn as_run(typed: &[OsString]) -> Vec<OsString> {
    let mut words = typed.to_vec();
    let before = words.iter().enumerate().skip(1);
    let own = before
        .filter(|(_, word)| *word == "check")
        .map(|(place, _)| place)
        .find(|place| is_command(&words[..=*place]));
    if let Some(place) = own {
        words[place] = "run".into();
    }
    words
}

/// Whether the last of these words is a command, and no option's value.
fn is_command(words: &[OsString]) -> bool {
    let matches = Cli::command().try_get_matches_from(words);
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("check"))
}

async fn look(
    given: &Given,
    args: &RunArgs,
    env: &Environment,
    output: OutputFormat,
) -> Result<u8, AppError> {
    let mut findings = Findings {
        configuration: values(given),
        ..Findings::default()
    };
    let settings = resolve_check(args, env).map_err(|error| given.placed(error));
    findings.checks.push(match &settings {
        Ok(_) => configuration(given),
        Err(error) => Finding::fail("configuration", error.to_string(), error.hint()),
    });
    let connection = resolve_connection(&args.connection, env).map_err(|error| given.placed(error));
    findings.checks.push(match &connection {
        Ok(connection) => Finding::ok("key", in_words(&connection.credentials)),
        Err(error) => Finding::fail("key", error.to_string(), error.hint()),
    });
    if let Ok(connection) = &connection {
        findings.checks.push(network::url(&connection.base));
    }
    let (Ok(pace), Ok(connection)) = (settings, connection) else {
        return told(findings, 2, output);
    };
    let timeout = pace.timeout.min(LONGEST);
    let issuer = issuer(&connection.credentials);
    let proxied = env.names_a_proxy() && !connection.is_plain();
    let network = network::look(&connection, issuer, timeout, proxied).await?;
    findings.checks.extend(network);
    let within_reach = !findings.has_failed();
    findings.checks.push(rate(given, &pace));
    if within_reach {
        let asked = sign_in(connection, pace, timeout).await;
        findings.checks.extend(asked);
    }
    told(findings, 3, output)
}

/// Prints it, and returns the exit code.
fn told(mut findings: Findings, code: u8, output: OutputFormat) -> Result<u8, AppError> {
    findings.exit_code = if findings.has_failed() { code } else { 0 };
    super::print(&match output {
        OutputFormat::Json => findings.to_json(),
        OutputFormat::Text => findings.to_text(),
    })?;
    Ok(findings.exit_code)
}

fn values(given: &Given) -> Vec<Value> {
    let origins = given.origins.iter();
    let values = origins.filter_map(|(option, origin)| {
        Some(Value {
            option: option.clone(),
            value: given.values.get(option)?.clone(),
            origin: origin.place(),
        })
    });
    values.collect()
}

fn configuration(given: &Given) -> Finding {
    let file = given.file.as_ref();
    let file = file.map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
    let profile = given.profile.as_ref();
    let profile = profile.map_or_else(String::new, |name| format!(", profile {name}"));
    let text = format!("{file}{profile}, {} options set", given.values.len());
    match &given.unknown_variables[..] {
        [] => Finding::ok("configuration", text),
        [(name, nearest), ..] => Finding::warn(
            "configuration",
            format!("{text}; {name} is no variable of this program"),
            format!("did you mean {nearest}?"),
        ),
    }
}

fn in_words(credentials: &Credentials) -> String {
    match credentials {
        Credentials::Legacy(_) => {
            "a legacy Administration API key that only its owner can read".to_owned()
        }
        Credentials::OAuth(client) => format!(
            "OAuth client {}, with a key that only its owner can read",
            client.client_id
        ),
        Credentials::Ready(_) => "a ready token; nothing renews it".to_owned(),
    }
}

fn issuer(credentials: &Credentials) -> Option<Url> {
    match credentials {
        Credentials::OAuth(client) => client.issuer.parse().ok(),
        Credentials::Legacy(_) | Credentials::Ready(_) => None,
    }
}

fn rate(given: &Given, pace: &PaceSettings) -> Finding {
    let origin = given.origins.get("rate");
    let origin = origin.map_or_else(|| "the default".to_owned(), |origin| origin.place());
    let shared = match pace.rate_store {
        Some(_) => ", shared by all who name the same store",
        None => "",
    };
    Finding::ok(
        "rate",
        format!(
            "at most {:.1}/s ({origin}), {} requests at once{shared}",
            pace.throttle.rate.per_s(),
            pace.concurrency
        ),
    )
}

/// Signs in, and asks for a user whom there is not.
async fn sign_in(connection: Connection, pace: PaceSettings, timeout: Duration) -> Vec<Finding> {
    let pace = PaceSettings {
        timeout,
        max_outage: LONGEST,
        ..pace
    };
    let is_client = matches!(connection.credentials, Credentials::OAuth(_));
    let shutdown = Shutdown::default();
    let mut service = match Service::open(connection, &pace, false, None, shutdown).await {
        Ok(service) => service,
        Err(error) => return vec![Finding::fail("rate", error.to_string(), error.hint())],
    };
    let api = Arc::clone(&service.api);
    let token = match service.attend(api.sign_in()).await {
        Ok(token) => token,
        Err(error) => {
            let error = service.stopped_or(error.into());
            return vec![Finding::fail("sign-in", error.to_string(), error.hint())];
        }
    };
    let looked = look_up(&mut service, &api).await;
    let signed_in = signed_in(&token, is_client);
    vec![
        signed_in,
        looking_up(looked, &token, is_client),
        unlocking(&token),
    ]
}

fn signed_in(token: &AccessToken, is_client: bool) -> Finding {
    let life = token.lifetime().map(|life| life.as_secs().div_ceil(60));
    let text = match (is_client, life) {
        (true, Some(minutes)) => format!("the service gave a token for {minutes} minutes"),
        (true, None) => "the service gave a token".to_owned(),
        (false, _) => "no request needed; the look-up shows whether the token is taken".to_owned(),
    };
    Finding::ok("sign-in", text)
}

/// What came of a look-up: the answer, or why the service let nothing through.
async fn look_up(service: &mut Service, api: &Api) -> Result<Answer, String> {
    match service.attend(api.lookup(Address::Email(NOBODY))).await {
        Ok(tried) => Ok(tried.answer),
        Err(Halt) => Err(match service.shutdown.reason() {
            Some(CancelReason::Refused(why)) => why,
            _ => "it was stopped".to_owned(),
        }),
    }
}

fn looking_up(looked: Result<Answer, String>, token: &AccessToken, is_client: bool) -> Finding {
    const NAME: &str = "look-ups";
    let may = token.scope().map(|scope| includes(scope, MAY_READ));
    match looked {
        Ok(Answer::Status(200 | 404)) => Finding::ok(
            NAME,
            format!("allowed: asked for {NOBODY}, whom nobody knows"),
        ),
        Ok(answer) => Finding::warn(
            NAME,
            format!("the service answered {answer}, which tells nothing"),
            "try again later",
        ),
        // A client that was given a token is known; it need not look anybody up.
        Err(why) if is_client && may != Some(true) && !why.contains("refuses the token") => {
            Finding::warn(
                NAME,
                why,
                format!(
                    "enable the scope {MAY_READ} for e-mail addresses, usernames, --search and --only-locked"
                ),
            )
        }
        Err(why) => Finding::fail(
            NAME,
            why,
            "check that this is the tenant's key, and that it has not been replaced or disabled",
        ),
    }
}

/// Nothing is unlocked to try: what the token is good for has to tell.
fn unlocking(token: &AccessToken) -> Finding {
    const NAME: &str = "unlocking";
    match token.scope() {
        Some(scope) if includes(scope, MAY_UNLOCK) => {
            Finding::ok(NAME, format!("the token's scope includes {MAY_UNLOCK}"))
        }
        Some(scope) => Finding::fail(
            NAME,
            format!("the token is good for nothing but: {scope}"),
            format!("enable the scope {MAY_UNLOCK} for the client"),
        ),
        None => Finding::warn(
            NAME,
            "cannot be told without unlocking somebody, as the service does not say what the token is good for",
            "try it on one user: bulk-unlock run --user ID",
        ),
    }
}

fn includes(scope: &str, wanted: &str) -> bool {
    scope.split_whitespace().any(|one| one == wanted)
}
