//! The command: starts the stack, and then is a client of its API like any other. It connects, uploads, maps, waits for
//! the first sync and shows what came of it.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use shared::time::DAY_MS;

use crate::api::{Api, ApiError};
use crate::export::{self, ExportLine};
use crate::options::{Arguments, Plan};
use crate::overview::{self, Addresses};
use crate::progress::Progress;
use crate::setup::{self, Configured, SetupError, Wanted};
use crate::signals::Signals;
use crate::stack::{Options, Stack, StartError};
use crate::status::Status;
use crate::tokens::{AccessLevel, TokenError};
use crate::{explanation, parts, report, showcase};

const LOOK_EVERY: Duration = Duration::from_millis(250);
const SERVE_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the command ended early.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Options(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the answer could not be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("{path} can't be written: {source}")]
    Output {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

impl CommandError {
    /// 2 for what the caller asked wrongly, 1 for what went wrong.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Options(_)
            | Self::Setup(SetupError::OtherDefinition { .. } | SetupError::OtherSignal { .. } | SetupError::File(_)) => {
                ExitCode::from(2)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the command to its end.
pub async fn run(arguments: Arguments) -> ExitCode {
    let started = Instant::now();
    let outcome = match arguments.plan() {
        Ok(plan) => started_stack(plan, started).await,
        Err(refusal) => Err(CommandError::Options(refusal)),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            complain(&with_causes(&error));
            error.exit_code()
        }
    }
}

async fn started_stack(plan: Plan, started: Instant) -> Result<ExitCode, CommandError> {
    let options = Options {
        port: plan.port,
        data_dir: plan.data_dir.clone(),
        clock: plan.clock.clone(),
        pendo: plan.pendo.clone(),
        // Days that are let pass are synced one by one; the schedule would come between.
        scheduled_after_ms: plan.now_ms,
        ..Options::default()
    };
    let stack = Stack::start(options).await?;
    let outcome = tokio::select! {
        outcome = whole_run(&stack, &plan, started) => outcome,
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
    };
    stack.stop().await;
    outcome
}

/// Until it is done (`--once`), or until somebody stops it.
async fn whole_run(stack: &Stack, plan: &Plan, started: Instant) -> Result<ExitCode, CommandError> {
    let high = stack.token(AccessLevel::High)?;
    let api = Api::new(stack.api_url(), high.clone());
    let (Configured { fields, report, .. }, signals) = set_up(stack, &api, plan).await?;
    let first = until_idle(stack, &api).await?;
    let run = first.last_run.as_ref().map(|run| run.report.clone()).unwrap_or_default();
    let run = report::of_run(&run, started.elapsed());
    let status = put_to_work(stack, &api, plan, signals, first).await?;
    let took = started.elapsed();

    let lines = values(&api).await?;
    let mut explained = None;
    for (object, list) in [("account", "accounts"), ("contact", "contacts")] {
        let names = overview::names(&api.all_items(&format!("/v1/directory/{list}?limit=1000")).await?);
        let of_level = fields.names(object);
        if !of_level.is_empty() {
            say(&format!("\n{}", overview::table(object, &of_level, &names, &lines)));
        }
        if explained.is_none()
            && let Some(highest) = overview::highest(object, &of_level, &lines)
        {
            let name = names.get(&highest.id).map_or(highest.id.as_str(), String::as_str);
            let of_formula = fields.formulas(object);
            let mut told = Vec::new();
            for line in [Some(highest), overview::first_of(highest, &of_formula, &lines)].into_iter().flatten() {
                let path = format!("{}&limit={}", overview::explain_path(line), explanation::PEOPLE);
                told.push(explanation::lines(name, &api.get(&path).await?));
                if object == "account" {
                    let peers = api.all_items(&overview::peers_path(line)).await?;
                    told.extend(explanation::standing(&line.id, &peers));
                }
            }
            explained = Some((overview::explain_path(highest), told.join("\n")));
        }
    }
    if let Some((_, lines)) = &explained {
        say(&format!("\n{lines}"));
    }
    if let Some(section) = showcase::section(&api).await {
        say(&format!("\n{section}"));
    }
    say(&format!("\n{}", overview::match_summary(&report).join("\n")));
    say(&format!("\n{}", status.comparison().join("\n")));
    let shortfall = status.shortfall();
    match &shortfall {
        None => say(&format!(
            "\nComplete after {:.1} s; read up to {}.",
            took.as_secs_f64(),
            status.as_of.as_deref().unwrap_or("now")
        )),
        Some(shortfall) => complain(&format!("the sync is not complete: {shortfall}")),
    }

    if let Some(path) = &plan.export {
        write(path, &export::render(&lines)?)?;
    }
    if let Some(path) = &plan.report {
        write(path, &format!("{run:#}\n"))?;
    }
    if plan.once {
        return Ok(if shortfall.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let first_account = lines.iter().find(|line| line.object == "account" && line.value.is_number());
    let simulator = stack.simulator().map(|simulator| simulator.url().to_owned());
    say(&format!(
        "\n{}\nServing and syncing at twenty past each hour, until Ctrl-C.",
        overview::next_steps(&Addresses {
            api: &stack.api_url(),
            simulator: simulator.as_deref(),
            high: &high,
            standard: &stack.token(AccessLevel::Standard)?,
            account: first_account.map_or("A-001", |line| line.id.as_str()),
            explain: explained.as_ref().map_or("/v1/values", |(path, _)| path.as_str()),
        })
    ));
    serve(&api, status).await
}

/// Says when a run has ended, for as long as nobody stops it.
async fn serve(api: &Api, mut last: Status) -> Result<ExitCode, CommandError> {
    loop {
        tokio::time::sleep(SERVE_LOOK_EVERY).await;
        let status: Status = serde_json::from_value(api.get("/v1/status").await?)?;
        if let Some(line) = status.news_since(&last) {
            say(&line);
        }
        last = status;
    }
}

/// Brings the stack to what was asked, with its jobs held: one sync then finds everything in place. Answers what was
/// configured.
async fn set_up(stack: &Stack, api: &Api, plan: &Plan) -> Result<(Configured, Signals), CommandError> {
    stack.hold_jobs();
    let wanted = Wanted::read(api, plan).await?;
    let signals = Signals::compare(api, &plan.signals).await?;
    say(&setup::connect(api, plan).await?);
    for (list, upload) in [("accounts", &plan.accounts), ("contacts", &plan.contacts)] {
        for part in parts::parts_of(upload) {
            for refusal in setup::upload(api, list, upload.is_ndjson, part).await? {
                complain(&refusal);
            }
        }
    }
    let configured = wanted.save(api, plan).await?;
    configured.said.iter().for_each(|said| say(said));
    api.send(Method::POST, "/v1/sync", &json!({})).await?;
    stack.release_jobs();
    Ok((configured, signals))
}

/// Creates the signals and, in the simulator, lets the days pass on which they are seen at work. Answers how things stand
/// then.
async fn put_to_work(
    stack: &Stack,
    api: &Api,
    plan: &Plan,
    mut signals: Signals,
    mut status: Status,
) -> Result<Status, CommandError> {
    if !signals.all_stand() {
        stack.hold_jobs();
        let refusals = signals.create(api).await;
        stack.release_jobs();
        refusals.iter().for_each(|refusal| complain(refusal));
        say(&signals.said());
        status = until_idle(stack, api).await?;
        if let Some(said) = signals.enrol(api, plan).await {
            say(&said);
            status = until_idle(stack, api).await?;
        }
    }
    for _ in 0..plan.days_shown {
        stack.clock().advance_ms(DAY_MS);
        api.send(Method::POST, "/v1/sync", &json!({})).await?;
        let last = std::mem::replace(&mut status, until_idle(stack, api).await?);
        say(&format!("A day passes. {}", status.news_since(&last).unwrap_or_default()));
    }
    Ok(status)
}

/// Waits until no job is left, showing how far history is.
async fn until_idle(stack: &Stack, api: &Api) -> Result<Status, CommandError> {
    let mut progress = Progress::start();
    loop {
        let is_idle = tokio::time::timeout(LOOK_EVERY, stack.run_job_queue_idle()).await.is_ok();
        let status: Status = serde_json::from_value(api.get("/v1/status").await?)?;
        if is_idle {
            progress.finish();
            return Ok(status);
        }
        let (kinds, reading) = status.reading();
        if let Some(line) = progress.show(&kinds, &reading) {
            complain(&line);
        }
    }
}

async fn values(api: &Api) -> Result<Vec<ExportLine>, CommandError> {
    let mut items = Vec::new();
    for object in ["account", "contact"] {
        items.extend(api.all_items(&format!("/v1/values?object={object}&limit=1000")).await?);
    }
    Ok(export::lines(items)?)
}

fn write(path: &Path, content: &str) -> Result<(), CommandError> {
    std::fs::write(path, content).map_err(|source| CommandError::Output { path: path.display().to_string(), source })
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        // A sentence that tells its cause already is not told it again.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

/// To the person who reads; a reader that has gone away is no failure.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

fn complain(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
