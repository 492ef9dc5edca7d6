//! `plan`: what `run` would do, without unlocking anybody.

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    cli::{OutputFormat, PlanArgs},
    config::{Environment, PlanSettings, resolve_connection, resolve_plan},
    error::AppError,
    event::Event,
    report::{Plan, PlanDefect, Today, render_plan},
    runner::{Claim, Places, Worker, WorkerSettings},
    shutdown::Shutdown,
    source::{Defect, Need, Prepared, Select, SourceSettings},
};

use super::{
    job,
    service::{Service, apart, listen, stopped},
    simulated::source_of,
};

/// How often it is said how far the look-ups are.
const SAY_EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(args: &PlanArgs, env: &Environment) -> Result<u8, AppError> {
    let settings = resolve_plan(args, env)?;
    let shutdown = Shutdown::default();
    let signals = listen(&shutdown)?;
    let (source, simulated) = source_of(&settings.read, settings.simulate, true, &shutdown).await?;
    let of = source.clone();
    let mut prepared = apart(&shutdown, || Prepared::new(of)).await?;
    let connection = match &simulated {
        Some(simulated) => simulated.connection()?,
        None => resolve_connection(&args.connection, env)?,
    };
    let base_url = connection.base.to_string();
    let unsynched = settings.read.search_unsynched;
    let shard = settings.read.shard;
    let mut service = Service::open(connection, &settings.pace, unsynched, shard, shutdown).await?;
    get_ready(&mut prepared, &mut service).await?;
    let mut plan = plan_of(&prepared, &source, &settings, base_url);
    if settings.lookup {
        plan.today = Some(today(prepared, service, settings.pace.concurrency).await?);
    }
    signals.abort();
    let text = match settings.output {
        OutputFormat::Json => plan.to_json(),
        OutputFormat::Text => render_plan(&plan),
    };
    super::print(&text)?;
    match settings.read.max_users.filter(|most| plan.users > *most) {
        Some(most) => Err(AppError::Stopped {
            why: format!(
                "the source holds {} users, and --max-users allows {most}",
                plan.users
            ),
            exit_code: 4,
        }),
        None => Ok(0),
    }
}

/// Signs in, and asks the service for what it keeps.
async fn get_ready(source: &mut Prepared, service: &mut Service) -> Result<(), AppError> {
    let api = Arc::clone(&service.api);
    let signed_in = service.attend(api.sign_in()).await;
    signed_in.map_err(|error| service.stopped_or(error.into()))?;
    let asked = service.attend(source.ask(&api, Need::All)).await;
    asked.map_err(|error| service.stopped_or(error.into()))
}

fn plan_of(
    prepared: &Prepared,
    source: &SourceSettings,
    settings: &PlanSettings,
    base_url: String,
) -> Plan {
    let survey = prepared.survey.clone().unwrap_or_default();
    let read = &settings.read;
    let (lookups, unseen) = match read.only_locked {
        true => (survey.users() - survey.only_id, survey.only_id),
        false => (survey.without_id, 0),
    };
    // And one more request to sign in, which is not worth a word.
    let requests = survey.users() + lookups;
    Plan {
        source: source.source.to_string(),
        base_url,
        methods: read.methods,
        only_locked: read.only_locked,
        shard: read.shard.map(|shard| shard.to_string()),
        rows: survey.rows,
        users: survey.users(),
        by_method: survey.by_method.into(),
        duplicates: survey.duplicates,
        invalid: survey.invalid,
        unseen,
        lookups,
        requests,
        duration_s: requests as f64 / settings.pace.throttle.rate.per_s(),
        rate: settings.pace.throttle.rate,
        columns: prepared.columns.clone(),
        defects: survey.defects.into_iter().map(defect).collect(),
        today: None,
    }
}

fn defect(defect: Defect) -> PlanDefect {
    let Defect {
        row,
        line,
        user,
        why: error,
    } = defect;
    PlanDefect {
        row,
        line,
        user,
        error,
    }
}

/// Looks every user up.
async fn today(
    source: Prepared,
    service: Service,
    concurrency: NonZeroUsize,
) -> Result<Today, AppError> {
    let shutdown = service.shutdown.clone();
    let worker = Worker {
        settings: WorkerSettings {
            unlock: false,
            only_locked: false,
            claim: Arc::new(|_, _| Claim::Granted),
        },
        retry: service.retry,
        api: service.api,
        places: Places::new(concurrency),
        events: service.events,
        shutdown: shutdown.clone(),
    };
    let mut heard = service.heard;
    let mut today = Today::default();
    let total = source.total().unwrap_or_default();
    let listen = async {
        let (mut done, mut said) = (0_u64, Instant::now());
        while let Some(event) = heard.recv().await {
            if let Event::Finished { row, outcome, .. } = event {
                today.take(&row, &outcome);
                done += 1;
                if said.elapsed() >= SAY_EVERY {
                    said = Instant::now();
                    tracing::info!("{done} of {total} rows looked up");
                }
            }
        }
    };
    tokio::join!(job::work(source, Select::default(), None, worker), listen);
    today.sort();
    match shutdown.reason() {
        Some(reason) => Err(stopped(&reason)),
        None => Ok(today),
    }
}
