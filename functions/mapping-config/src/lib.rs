//! Everything an admin sets and a reader reads: what Pendo offers, matching, exclusions, directory, fields, values, status.
//!
//! Thin: it routes and answers. Whoever configures needs the level `high`; values and status are for any level of the
//! workspace. Visitor ids are shown to `high` only: by matching, by the usage browser and by explanations.

mod act;
mod audit;
mod catalog;
mod checks;
mod compare;
mod configuration;
mod deleted;
mod directory;
mod edit;
mod estimate;
mod exclusions;
mod fields;
mod formulas;
mod history;
mod matching;
pub mod operations;
mod parameters;
mod peers;
mod people;
mod preview;
mod properties;
mod signals;
mod source;
mod suggestion;
mod unmatched;
mod usage;
mod values;
mod versions;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use operations::{Act, OPERATIONS};
use shared::api::{Access, Problem, Reply, Request, answer, find, once};
use shared::context::Context;
use shared::id::{FieldId, SignalId, WorkspaceId};
use tracing::Instrument;

/// Answers one request.
pub async fn handle(context: &Context, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let request = Request::of(request);
    let id = request.id.clone();
    let outcome = Box::pin(route(context, request)).instrument(tracing::info_span!("request", request.id = id)).await;
    answer(&id, outcome)
}

async fn route(context: &Context, request: Request) -> Result<Reply, Problem> {
    let access = Access::of(&request, &context.config)?;
    let (operation, id) = find(&OPERATIONS, &request)?;
    let (workspace, id) = (access.at(operation.level)?, FieldId::from_text(id));
    let request = &request.taking(operation.query);
    let work = act(context, workspace, request, operation.act, &id);
    if operation.is_creating { once(context, workspace, request, work).await } else { work.await }
}

async fn act(
    context: &Context,
    workspace: &WorkspaceId,
    request: &Request,
    act: Act,
    id: &FieldId,
) -> Result<Reply, Problem> {
    match act {
        Act::Metadata => catalog::metadata(context, workspace, request).await,
        Act::Catalog => catalog::catalog(context, workspace, request).await,
        Act::Estimate => estimate::read(context, workspace, request).await,
        Act::ReadMatching => matching::read(context, workspace, request).await,
        Act::PutMatching => matching::put(context, workspace, request).await,
        Act::UndoMatching => matching::undo(context, workspace, request).await,
        Act::ReadExclusions => exclusions::read(context, workspace, request).await,
        Act::PutExclusions => exclusions::put(context, workspace, request).await,
        Act::Unmatched => unmatched::read(context, workspace, request).await,
        Act::ReadObjects(kind) => directory::read(context, workspace, kind, request).await,
        Act::Upload(kind) => directory::upload(context, workspace, kind, request).await,
        Act::DeleteObjects(kind) => directory::delete(context, workspace, kind, request).await,
        Act::ListFields => fields::list(context, workspace, request).await,
        Act::CreateField => fields::create(context, workspace, request).await,
        Act::PreviewField => preview::read(context, workspace, request).await,
        Act::ReadField => fields::read(context, workspace, id, request).await,
        Act::EditField => edit::put(context, workspace, id, request).await,
        Act::DeleteField => fields::delete(context, workspace, id, request).await,
        Act::Versions => versions::list(context, workspace, id, request).await,
        Act::CompareVersions => Box::pin(compare::read(context, workspace, id, request)).await,
        Act::ReadConfiguration => configuration::read(context, workspace, request).await,
        Act::PutConfiguration => Box::pin(configuration::put(context, workspace, request)).await,
        Act::Values => values::read(context, workspace, request).await,
        Act::History => history::read(context, workspace, request).await,
        Act::Explain => usage::explained(context, workspace, request).await,
        Act::Peers => peers::read(context, workspace, request).await,
        Act::Usage => usage::read(context, workspace, request).await,
        Act::Status => values::status(context, workspace, request).await,
        Act::Sync => values::sync(context, workspace, request).await,
        Act::Audit => audit::read(context, workspace, request).await,
        _ => act_on_signals(context, workspace, request, act, &SignalId::from_text(id.as_str())).await,
    }
}

async fn act_on_signals(
    context: &Context,
    workspace: &WorkspaceId,
    request: &Request,
    act: Act,
    id: &SignalId,
) -> Result<Reply, Problem> {
    use signals::{by_hand, tried, turned};
    match act {
        Act::CreateSignal => signals::create(context, workspace, request).await,
        Act::SignalTemplates => signals::templates(request),
        Act::PreviewSignal => tried::read(context, workspace, request).await,
        Act::SignalEvents => turned::events(context, workspace, request).await,
        Act::ReadSignal => signals::read(context, workspace, id, request).await,
        Act::EditSignal => signals::put(context, workspace, id, request).await,
        Act::DeleteSignal => signals::delete(context, workspace, id, request).await,
        Act::SignalObjects => turned::objects(context, workspace, id, request).await,
        Act::ActOnSignal => Box::pin(by_hand::post(context, workspace, id, request)).await,
        Act::Impact => turned::impact(context, workspace, id, request).await,
        Act::Calibration => turned::calibration(context, workspace, id, request).await,
        Act::Renewals => turned::renewals(context, workspace, id, request).await,
        Act::ReplaySignal => turned::replay(context, workspace, id, request).await,
        // All others have had their turn.
        _ => signals::list(context, workspace, request).await,
    }
}
