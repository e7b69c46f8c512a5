//! The configuration as one file: exported; compared; and taken, all of it or nothing.

mod change;
mod shown;
mod state;

pub(crate) use shown::ConfigurationChange;

use crate::checks::ATTEMPTS_MAX;
use crate::operations::{Act, JSON, READ};
use crate::parameters::{DRY_RUN, TEXT, flag};
use crate::source::{client, connection, refused};
use change::Change;
use shared::api::operation::{Body, Operation, Parameter, Takes, shape};
use shared::api::{Problem, Reply, Request, refuse_stale};
use shared::configuration::Configuration;
use shared::context::Context;
use shared::id::WorkspaceId;
use shared::store::StoreError;
use state::State;

const CONFIGURATION: &str = "/v1/configuration";

/// How the file is asked for.
pub(crate) const EXPORT: Operation<Act> = Operation {
    act: Act::ReadConfiguration,
    id: "readConfiguration",
    path: CONFIGURATION,
    summary: "Matching, exclusions and calculated fields as one file, which this or another workspace takes. No key, no directory and no ids are in it.",
    replies: &[(200, Some(shape::<Configuration>))],
    answers_etag: true,
    ..READ
};

/// How a file is sent.
pub(crate) const IMPORT: Operation<Act> = Operation {
    act: Act::PutConfiguration,
    id: "saveConfiguration",
    method: "PUT",
    path: CONFIGURATION,
    summary: "Takes matching, exclusions and fields from a file, all of it or nothing, and answers what was changed; or tells what would be. Fields are the same by level and name. What the file leaves out stays.",
    query: &[
        DRY_RUN,
        Parameter {
            name: "prune",
            takes: Takes::OneOf(&["true", "false"]),
            about: "`true` deletes the fields that the file does not name.",
            example: "false",
            ..TEXT
        },
    ],
    body: Some(Body {
        types: JSON,
        shape: Some(shape::<Configuration>),
        example: r#"{"format":1,"matching":{"contact":{"visitor":"visitorId","object":"email"},"account":{"account":"accountId","object":"id"}},"exclusions":{"domains":["our-company.example"]},"fields":[{"name":"MAU","object":"account","usage":{"kind":"event"},"function":"distinct_visitors","window":{"rolling_days":28,"complete_days":true}},{"name":"Active days","object":"contact","usage":{"kind":"event"},"function":"active_days","window":{"calendar":"month","offset":1}}]}"#,
    }),
    replies: &[(200, Some(shape::<ConfigurationChange>))],
    takes_if_match: true,
    answers_etag: true,
    ..READ
};

/// `GET /v1/configuration`.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    request.query()?;
    let stands = State::read(context, workspace).await?;
    Ok(Reply::json(200, &Configuration::of(stands.matching(), stands.exclusions(), &stands.fields.value))?
        .tagged(&stands.tag()?))
}

/// `PUT /v1/configuration`; with `?dry_run=true` it saves nothing, with `?prune=true` it deletes what the file does not name.
pub(crate) async fn put(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let is_dry_run = flag(&query, "dry_run", "dry-run")?;
    let prunes = flag(&query, "prune", "prune")?;
    let body = request.file()?;
    let file = Configuration::parse(&body).map_err(|problem| refused("invalid-configuration", problem))?;
    if prunes && file.fields.is_none() {
        let detail =
            "The file has no \"fields\", so nothing says which ones stay: give the list, or leave \"prune\" out.";
        return Err(Problem::invalid("prune", "?prune", detail));
    }
    let connection = connection(context, workspace).await?;
    let by = request.asker(context.clock.now_ms());
    for _ in 0..ATTEMPTS_MAX {
        let stands = State::read(context, workspace).await?;
        let tag = stands.tag()?;
        refuse_stale(request, Some(&tag))?;
        let change = Change::of(stands, &file, prunes, &by);
        if change.is_empty() {
            let status = if is_dry_run { "dry_run" } else { "unchanged" };
            return Ok(Reply::json(200, &change.shown(status, 0, Vec::new()))?.tagged(&tag));
        }
        let client = client(context, &connection).await?.naming(change.properties());
        change.refuse_impossible(context, workspace, (&connection, &client), &body).await?;
        let (status, tag) = if is_dry_run {
            ("dry_run", tag)
        } else {
            match change.save(context, workspace, &connection, &client, &by).await? {
                Some(saved) => ("saved", saved.tag()?),
                None => continue,
            }
        };
        let values = change.extent(context, workspace).await?;
        let backfills = change.backfills(context, workspace, &connection, &client).await?;
        return Ok(Reply::json(200, &change.shown(status, values, backfills))?.tagged(&tag));
    }
    Err(Problem::from(StoreError::Conflict { key: "configuration".to_owned() }))
}
