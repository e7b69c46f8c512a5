//! A request's JSON into checked stages. What is not known is refused here, before anything is read.

use serde_json::{Map, Value as Json};

use crate::query::accumulate::Aggregator;
use crate::query::expression::{Expression, Operator, Path};
use crate::query::run::Run;
use crate::query::source::{Source, What};
use crate::query::stage::{Expansion, Group, Known, Stage, Switch};
use crate::query::{Refusal, parser};
use crate::value::Value;

/// A checked aggregation.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) stages: Vec<Stage>,
    pub(crate) is_csv: bool,
}

impl Plan {
    /// Reads the body of an aggregation.
    pub(crate) fn parse(body: &[u8], run: &Run<'_>) -> Result<Plan, Refusal> {
        let json: Json =
            serde_json::from_slice(body).map_err(|error| Refusal::bad(format!("Cannot parse request: {error}")))?;
        let is_csv = match json.pointer("/response/mimeType").and_then(Json::as_str) {
            None | Some("application/json") => false,
            Some("text/csv") => true,
            Some(other) => return Err(Refusal::senseless(format!("unknown mimeType: {other}"))),
        };
        let Some(pipeline) = json.pointer("/request/pipeline") else {
            return Err(Refusal::senseless("request.pipeline is missing"));
        };
        Ok(Plan { stages: pipeline_of(pipeline, true, run)?, is_csv })
    }

    /// Whether it begins with the list of visitors that are not to be processed.
    pub(crate) fn reads_do_not_process_list(&self) -> bool {
        matches!(self.stages.first(), Some(Stage::Source(source)) if source.what == What::DoNotProcessVisitors)
    }
}

fn pipeline_of(json: &Json, has_source: bool, run: &Run<'_>) -> Result<Vec<Stage>, Refusal> {
    let Some(list) = json.as_array().filter(|list| !list.is_empty()) else {
        return Err(Refusal::senseless("a pipeline must be a list of at least one stage"));
    };
    let stages = list.iter().map(|stage| stage_of(stage, run)).collect::<Result<Vec<Stage>, Refusal>>()?;
    let is_source = |stage: &Stage| matches!(stage, Stage::Source(_) | Stage::Spawn(_));
    if has_source && !stages.first().is_some_and(is_source) {
        return Err(Refusal::senseless("a pipeline must begin with source or spawn"));
    }
    if stages.iter().skip(usize::from(has_source)).any(is_source) {
        return Err(Refusal::senseless("source and spawn must come first"));
    }
    Ok(stages)
}

fn stage_of(json: &Json, run: &Run<'_>) -> Result<Stage, Refusal> {
    let keys = json.as_object().filter(|keys| keys.len() == 1);
    let Some((name, body)) = keys.and_then(|keys| keys.iter().next()) else {
        return Err(Refusal::senseless("a stage must be an object of exactly one operator"));
    };
    Ok(match &**name {
        "source" => Stage::Source(Source::parse(body, run)?),
        "spawn" => Stage::Spawn(pipelines(body, true, run)?),
        "fork" => Stage::Fork(pipelines(body, false, run)?),
        "identified" => {
            let text = text_of(body, name)?;
            Stage::Identified(Path::dotted(text.trim_start_matches('!')), !text.starts_with('!'))
        }
        "filter" => Stage::Filter(
            parser::parse(text_of(body, name)?).ok_or_else(|| Refusal::bad("Cannot parse filter expression"))?,
        ),
        "select" => Stage::Select(expressions(body, name)?),
        "eval" => Stage::Eval(expressions(body, name)?),
        "set" => {
            Stage::Set(object(body, name)?.iter().map(|(out, value)| (out.clone(), Value::from_json(value))).collect())
        }
        "group" => Stage::Group(group(object(body, name)?)?),
        "reduce" => Stage::Group(Group { keys: Vec::new(), fields: aggregators(body)?, is_reduce: true }),
        "sort" => Stage::Sort(sort(body)?),
        "limit" => Stage::Limit(whole(body, name)?),
        "skip" => Stage::Skip(whole(body, name)?),
        "count" => Stage::Count,
        "cat" => Stage::Cat,
        "bulkExpand" | "expand" | "expandList" => Stage::Expand(expansions(object(body, name)?)?),
        "merge" => merge(object(body, name)?, run)?,
        "join" => Stage::Join(
            paths(object(body, name)?.get("fields"), "join.fields")?.into_iter().map(|(_, path)| path).collect(),
        ),
        "switch" => Stage::Switch(switches(object(body, name)?)?),
        "unwind" => unwind(object(body, name)?)?,
        "unmarshal" => Stage::Unmarshal(mappings(Some(body), name)?),
        "useragent" => Stage::UserAgent(mappings(Some(body), name)?),
        "segment" | "itemSeen" | "pages" | "features" | "matchRules" | "retention" | "sessionReplays" => {
            return Err(Refusal::senseless(format!("operator {name} is not supported by this simulator")));
        }
        unknown => return Err(Refusal::senseless(format!("unknown operator: {unknown}"))),
    })
}

fn pipelines(json: &Json, has_source: bool, run: &Run<'_>) -> Result<Vec<Vec<Stage>>, Refusal> {
    let list = json
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| Refusal::senseless("pipelines must be a list of lists"))?;
    list.iter().map(|pipeline| pipeline_of(pipeline, has_source, run)).collect()
}

fn text_of<'a>(json: &'a Json, name: &str) -> Result<&'a str, Refusal> {
    json.as_str().ok_or_else(|| Refusal::senseless(format!("{name} must be a text")))
}

fn object<'a>(json: &'a Json, name: &str) -> Result<&'a Map<String, Json>, Refusal> {
    json.as_object().ok_or_else(|| Refusal::senseless(format!("{name} must be an object")))
}

fn whole(json: &Json, name: &str) -> Result<usize, Refusal> {
    let number = json.as_u64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| Refusal::senseless(format!("{name} must be a whole number")))
}

/// An expression in a place other than a filter.
pub(crate) fn expression(json: &Json) -> Result<Expression, Refusal> {
    match json {
        Json::String(text) => {
            parser::parse(text).ok_or_else(|| Refusal::bad(format!("Cannot parse expression: {text}")))
        }
        other => Ok(Expression::Constant(Value::from_json(other))),
    }
}

fn expressions(json: &Json, name: &str) -> Result<Vec<(String, Expression)>, Refusal> {
    object(json, name)?.iter().map(|(out, json)| Ok((out.clone(), expression(json)?))).collect()
}

fn paths(json: Option<&Json>, name: &str) -> Result<Vec<(String, Path)>, Refusal> {
    let list = json
        .and_then(Json::as_array)
        .ok_or_else(|| Refusal::senseless(format!("{name} must be a list of field names")))?;
    list.iter().map(|field| text_of(field, name).map(|field| (field.to_owned(), Path::dotted(field)))).collect()
}

fn mappings(json: Option<&Json>, name: &str) -> Result<Vec<(String, Path)>, Refusal> {
    let Some(json) = json else { return Ok(Vec::new()) };
    object(json, name)?.iter().map(|(out, field)| Ok((out.clone(), Path::dotted(text_of(field, name)?)))).collect()
}

fn group(keys: &Map<String, Json>) -> Result<Group, Refusal> {
    if let Some(unknown) = keys.keys().find(|key| !matches!(&***key, "group" | "fields")) {
        return Err(Refusal::senseless(format!("group.{unknown} is not supported")));
    }
    let fields = keys.get("fields").map_or(Ok(Vec::new()), aggregators)?;
    Ok(Group { keys: paths(keys.get("group"), "group.group")?, fields, is_reduce: false })
}

/// Aggregators as an object, or as a list of objects.
fn aggregators(json: &Json) -> Result<Vec<(String, Aggregator)>, Refusal> {
    let objects: Vec<&Json> = match json {
        Json::Null => Vec::new(),
        Json::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let mut fields = Vec::new();
    for one in objects {
        for (out, aggregator) in object(one, "fields")? {
            fields.push((out.clone(), Aggregator::parse(aggregator)?));
        }
    }
    Ok(fields)
}

fn sort(json: &Json) -> Result<Vec<(Path, bool)>, Refusal> {
    let fields = paths(Some(json), "sort")?;
    let order = |(name, path): (String, Path)| match name.strip_prefix('-') {
        Some(name) => (Path::dotted(name), true),
        None => (path, false),
    };
    Ok(fields.into_iter().map(order).collect())
}

fn expansions(keys: &Map<String, Json>) -> Result<Vec<Expansion>, Refusal> {
    let mut expansions = Vec::new();
    for (out, json) in keys {
        for (kind, id) in object(json, "expand")? {
            let of = match &**kind {
                "visitor" => Known::Visitor,
                "account" => Known::Account,
                "page" | "feature" | "trackType" | "guide" => Known::Item,
                unknown => return Err(Refusal::senseless(format!("cannot expand {unknown}"))),
            };
            expansions.push(Expansion { out: out.clone(), of, id: Path::dotted(text_of(id, "expand")?) });
        }
    }
    Ok(expansions)
}

fn merge(keys: &Map<String, Json>, run: &Run<'_>) -> Result<Stage, Refusal> {
    let fields = paths(keys.get("fields"), "merge.fields")?.into_iter().map(|(_, path)| path).collect();
    let inner = keys.get("pipeline").ok_or_else(|| Refusal::senseless("merge.pipeline is missing"))?;
    Ok(Stage::Merge {
        fields,
        mappings: mappings(keys.get("mappings"), "merge.mappings")?,
        pipeline: pipeline_of(inner, true, run)?,
    })
}

fn switches(keys: &Map<String, Json>) -> Result<Vec<Switch>, Refusal> {
    let mut switches = Vec::new();
    for (out, json) in keys {
        for (field, cases) in object(json, "switch")? {
            let cases = cases.as_array().ok_or_else(|| Refusal::senseless("the cases of a switch must be a list"))?;
            let cases = cases.iter().map(case).collect::<Result<_, Refusal>>()?;
            switches.push(Switch { out: out.clone(), field: Path::dotted(field), cases });
        }
    }
    Ok(switches)
}

fn case(json: &Json) -> Result<(Value, Option<(Operator, Value)>), Refusal> {
    let mut value = Value::Null;
    let mut test = None;
    for (key, json) in object(json, "a switch's case")? {
        let operator = match &**key {
            "value" => {
                value = Value::from_json(json);
                continue;
            }
            "==" => Operator::Equal,
            "!=" => Operator::Unequal,
            "<" => Operator::Less,
            "<=" => Operator::AtMost,
            ">" => Operator::More,
            ">=" => Operator::AtLeast,
            unknown => return Err(Refusal::senseless(format!("unknown switch operator: {unknown}"))),
        };
        test = Some((operator, Value::from_json(json)));
    }
    Ok((value, test))
}

fn unwind(keys: &Map<String, Json>) -> Result<Stage, Refusal> {
    let field = text_of(keys.get("field").unwrap_or(&Json::Null), "unwind.field")?.to_owned();
    let path = Path::dotted(&field);
    let index = keys.get("index").and_then(Json::as_str).map(str::to_owned);
    let keep_empty = keys.get("keepEmpty").and_then(Json::as_bool).unwrap_or(false);
    Ok(Stage::Unwind { field, path, index, keep_empty })
}
