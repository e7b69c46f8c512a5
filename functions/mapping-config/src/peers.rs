//! Accounts beside each other: where each one's value stands among all, or among those that share a column of the directory.

use crate::operations::{Act, READ};
use crate::parameters::{CURSOR, LIMIT, TEXT};
use crate::values::problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::api::operation::{Level, Operation, Parameter, shape};
use shared::api::page;
use shared::api::{Problem, Reply, Request};
use shared::context::Context;
use shared::fields::{Field, Reason};
use shared::id::{ObjectKind, WorkspaceId};
use shared::values::peers::{Compared, Standing, standings};
use shared::values::{Query, ValuesError, list};

/// What can be asked.
pub(crate) const OPERATION: Operation<Act> = Operation {
    act: Act::Peers,
    id: "listPeers",
    path: "/v1/values/peers",
    level: Level::Any,
    summary: "Where each account's value stands among all accounts, or among those with an equal cell in a column of the directory: percentile and median, for five peers or more.",
    query: &[
        Parameter {
            name: "field",
            is_required: true,
            about: "A field of accounts with numbers, by name or id.",
            example: "MAU",
            ..TEXT
        },
        Parameter {
            name: "by",
            about: "The column whose equal cells make peers; all accounts are peers if left out.",
            example: "name",
            ..TEXT
        },
        LIMIT,
        CURSOR,
    ],
    replies: &[(200, Some(shape::<Peers>))],
    ..READ
};

/// A page of accounts beside each other.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Peers")]
pub(crate) struct Peers {
    /// The field's name.
    field: String,
    /// The column by which peers are chosen; null where all accounts are peers.
    by: Option<String>,
    /// The accounts, in the order of their ids.
    items: Vec<Peer>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// An account among its peers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Peer {
    /// The account's id.
    id: String,
    /// Its value, as `GET /v1/values` has it.
    #[schemars(extend("type" = ["number", "null"]))]
    value: Value,
    /// Why it is null.
    reason: Option<Reason>,
    /// What it shares with its peers; null where all accounts are peers, or its cell is empty.
    group: Option<String>,
    #[serde(flatten)]
    standing: Standing,
}

/// `GET /v1/values/peers`: a field's percentiles and medians, account by account.
pub(crate) async fn read(context: &Context, workspace: &WorkspaceId, request: &Request) -> Result<Reply, Problem> {
    let query = request.query()?;
    let asked = query.get("field").ok_or_else(|| {
        Problem::invalid("field", "?field", "Say \"field\": the name or id of a calculated field of accounts.")
    })?;
    let by = query.get("by").map(|by| (*by).to_owned());
    let (limit, after) = (page::limit(&query, page::LIMIT_DEFAULT)?, page::after(&query)?);
    let wanted = Query { object: Some(ObjectKind::Account), field: Some((*asked).to_owned()), ..Query::default() };
    let lines = list(context, workspace, &wanted).await.map_err(problem)?.items;
    let fields = context.store.fields_get(workspace).await?.value;
    let field = of_accounts(&fields, asked).ok_or_else(|| problem(ValuesError::UnknownField((*asked).to_owned())))?;
    if field.definition.measured().is_some_and(|measured| !measured.function.is_number()) {
        let detail = "This field is a time, or whatever a property is, and these are not compared: choose one of numbers, such as days_since_last_used.";
        return Err(Problem::invalid("time", "?field", detail));
    }
    let objects = context.store.objects_get(workspace, ObjectKind::Account).await?.value;
    if let Some(by) = by.as_ref().filter(|by| !objects.values().any(|object| object.get(by.as_str()).is_some())) {
        let detail = format!("No account has a column \"{by}\": see GET /v1/directory/accounts.");
        return Err(Problem::not_found("unknown-column", detail).at("?by"));
    }
    let lines: Vec<_> = lines.into_iter().filter(|line| line.field_id == field.id).collect();
    let group = |id: &str| objects.get(id)?.get(by.as_deref()?).and_then(shared_text);
    let groups: Vec<Option<String>> = lines.iter().map(|line| group(&line.id)).collect();
    let compared: Vec<Compared<'_>> = lines
        .iter()
        .zip(&groups)
        .map(|(line, group)| {
            let everybody = by.is_none().then_some("");
            Compared { value: line.value.as_f64(), group: group.as_deref().or(everybody) }
        })
        .collect();
    let all = standings(&compared);
    let peers = lines.into_iter().zip(groups).zip(all).map(|((line, group), standing)| Peer {
        id: line.id,
        value: line.value,
        reason: line.reason,
        group,
        standing,
    });
    let bytes = |peer: &Peer| peer.id.len() + peer.group.as_ref().map_or(0, String::len) + 300;
    let page = page::cut(peers, |peer| &peer.id, bytes, after.as_deref(), limit);
    Reply::json(200, &Peers { field: field.definition.name.clone(), by, items: page.items, next: page.next })
}

/// The field of accounts by id or name.
fn of_accounts<'f>(fields: &'f [Field], asked: &str) -> Option<&'f Field> {
    let of_level = || fields.iter().filter(|field| field.definition.object == ObjectKind::Account);
    let by_id = of_level().find(|field| field.id.as_str() == asked);
    by_id.or_else(|| of_level().find(|field| field.definition.name.eq_ignore_ascii_case(asked)))
}

/// What a cell shares with equal ones; nothing where it is empty.
fn shared_text(cell: &Value) -> Option<String> {
    match cell {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(_) | Value::Bool(_) => Some(cell.to_string()),
        _ => None,
    }
}
