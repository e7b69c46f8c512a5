//! A value taken apart: what it means, over which hours, whose rows they are, and sums at every level that add up to it.

use super::advice::{Advice, advice};
use super::formula::{self, FormulaOperand};
use super::found::{Found, leaves_a_trace};
use super::parts::{Day, LeftOut, Person, UsedObject, UsedValue, days, objects, values};
use super::path::{MatchPath, path};
use super::people::{Rank, in_full};
use super::reproduction::{Reproduction, reproduction};
use super::source::Source;
use super::sums::Sums;
use super::{ExplainError, REREADS_MAX};
use crate::context::Context;
use crate::fields::{Definition, Field, Function, Measure, Measured, Plan, Reason};
use crate::id::{FieldId, ObjectKind, WorkspaceId};
use crate::sync::evaluate::Moment;
use crate::time::{Hour, HourRange, parse_instant};
use crate::usage::row::UsageRow;
use crate::values::{Line, Query as ValuesQuery, ValuesError, list};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most bytes of a page's people: a function may answer 6 MB in all.
const PEOPLE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Which value is asked for.
#[derive(Clone, Debug)]
pub struct ExplanationQuery {
    /// Account or contact.
    pub object: ObjectKind,
    /// The object's id.
    pub id: String,
    /// The field, by name or id.
    pub field: String,
    /// Where to go on.
    pub after: Option<Rank>,
    /// People of a page at most.
    pub limit: usize,
    /// Rows that are added up at most, since somebody waits; they are read twice.
    pub rows_max: u64,
}

/// A value, and what it is made from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// The value as `GET /v1/values` has it.
    #[serde(flatten)]
    pub line: Line,
    /// The same in a sentence.
    pub sentence: String,
    /// What the field computes.
    pub definition: Defined,
    /// The zone in which days are cut.
    pub time_zone: String,
    /// How the sums below make the value.
    pub adds_up: &'static str,
    /// Where there is no value, or a frozen one: why, and what to do.
    pub advice: Option<Advice>,
    /// Why the usage is the object's.
    pub matching: MatchPath,
    /// Of a formula: what it calculates with, in its order, each once. Its fields are taken apart in turn; of itself it has no
    /// people, days and objects.
    pub operands: Vec<FormulaOperand>,
    /// What all rows that count add up to; null where no value can be told.
    pub total: Option<Sums>,
    /// How many people contribute; theirs are the `items` of all pages.
    pub people: usize,
    /// Whether field, rows, directory and matching as they stand now give the value. False for moments only: something has changed,
    /// and the value is computed anew.
    pub is_current: bool,
    /// What of the object's usage of this kind in this window does not count.
    pub left_out: Vec<LeftOut>,
    /// The local days.
    pub days: Vec<Day>,
    /// The features, pages, guides or track types.
    pub objects: Vec<UsedObject>,
    /// Where a property is computed with: its values, those with most events first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<UsedValue>,
    /// How many more values there are, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_values: Option<usize>,
    /// The question that gives the same at Pendo; null where no value can be told, where it would name too many ids, or where
    /// one question does not do: averages, shares, stickiness, trend, formulas and whatever looks at properties.
    pub pendo: Option<Reproduction>,
    /// A page of the people, whoever contributes most first.
    pub items: Vec<Person>,
    /// Where the next page of people begins.
    pub next: Option<String>,
    /// The same, not encoded yet.
    #[serde(skip)]
    pub next_rank: Option<Rank>,
}

/// A field's definition with its id and version.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "DefinitionVersion")]
pub struct Defined {
    /// The field's id.
    pub id: FieldId,
    /// The version of the definition.
    pub version: u64,
    /// What it computes.
    #[serde(flatten)]
    pub definition: Definition,
}

/// Explains a value.
///
/// # Errors
/// What was asked for does not exist; [`ExplainError::TooMuch`] to add up at once; the table's.
pub async fn explain(
    context: &Context,
    workspace: &WorkspaceId,
    query: &ExplanationQuery,
) -> Result<Explanation, ExplainError> {
    let mut rereads = 0;
    loop {
        let outcome = explained(context, workspace, query).await;
        let is_settled = match &outcome {
            Ok(explanation) => explanation.is_current,
            Err(error) => !error.is_overtaken(),
        };
        if is_settled || rereads == REREADS_MAX {
            return outcome;
        }
        rereads += 1;
    }
}

async fn explained(
    context: &Context,
    workspace: &WorkspaceId,
    query: &ExplanationQuery,
) -> Result<Explanation, ExplainError> {
    let Asked { field, line, fields, lines } = asked(context, workspace, query).await?;
    let mut source = Source::open(context, workspace, query.object, &query.id).await?;
    let matching = path(&source).await?;
    let definition = field.definition.named(&fields);
    let mut explanation = Explanation {
        sentence: String::new(),
        definition: Defined { id: field.id.clone(), version: field.version, definition },
        time_zone: source.connection.time_zone.name().to_owned(),
        adds_up: field.definition.measured().map_or(formula::ADDS_UP, |measured| adds_up(measured.function)),
        advice: advice(&line, &matching),
        matching,
        operands: Vec::new(),
        total: None,
        people: 0,
        // Whoever edits the field meanwhile must not have one version's value explained by another's definition.
        is_current: line.version == Some(field.version),
        left_out: Vec::new(),
        days: Vec::new(),
        objects: Vec::new(),
        values: Vec::new(),
        more_values: None,
        pendo: None,
        items: Vec::new(),
        next: None,
        next_rank: None,
        line,
    };
    match &field.definition.measure {
        Measure::Formula { formula } => {
            let columns = source.world.directory.objects(query.object).get(&query.id);
            explanation.operands = formula::operands(formula, &fields, &lines, columns);
            explanation.is_current &= formula::gives(formula, &explanation.operands, &explanation.line.value);
        }
        Measure::Usage(measured) => {
            let grouped = source.world.groups.named_in(field.clone());
            let measured = grouped.definition.measured().unwrap_or(measured);
            if let Some(plan) = plan(&source, &grouped, &explanation.line) {
                take_apart(&mut explanation, &mut source, &plan, measured, query).await?;
            }
        }
    }
    explanation.sentence = sentence(&explanation);
    Ok(explanation)
}

/// Adds up the rows that make a value of usage.
async fn take_apart(
    explanation: &mut Explanation,
    source: &mut Source<'_>,
    plan: &Plan,
    measured: &Measured,
    query: &ExplanationQuery,
) -> Result<(), ExplainError> {
    let ranges = BTreeMap::from([(plan.kind(), plan.reach())]);
    let rows = source.rows_in(&ranges).await?;
    if rows > query.rows_max {
        return Err(ExplainError::TooMuch { rows });
    }
    let found = Found::read(source, plan, measured, &ranges).await?;
    let (ranks, has_more) = found.people.page(query.after, query.limit);
    let counts = |row: &UsageRow<'_>| plan.takes(row) && leaves_a_trace(plan, row);
    let (people, is_cut) = in_full(source, plan, &ranges, counts, &ranks, PEOPLE_BYTES_MAX).await?;
    explanation.next_rank = ranks.get(people.len().wrapping_sub(1)).copied().filter(|_| has_more || is_cut);
    explanation.is_current &= found.accumulator.outcome(plan).value() == explanation.line.value;
    let window = shown_window(&explanation.line);
    explanation.pendo = reproduction(source, measured, plan, window, &found.excluded_visitors).await?;
    explanation.people = found.people.len();
    explanation.total = Some(found.total.shown());
    explanation.left_out = found.left_out();
    explanation.days = days(&found.days);
    explanation.objects = objects(found.objects);
    (explanation.values, explanation.more_values) = values(found.values);
    explanation.items = people;
    Ok(())
}

/// A field with its value, and all fields; the lines of all of them where it is a formula.
struct Asked {
    field: Field,
    line: Line,
    fields: Vec<Field>,
    lines: Vec<Line>,
}

async fn asked(context: &Context, workspace: &WorkspaceId, query: &ExplanationQuery) -> Result<Asked, ExplainError> {
    let unknown = || ValuesError::UnknownField(query.field.clone());
    if context.store.connection_get(workspace).await?.is_none() {
        return Err(ValuesError::NotConnected.into());
    }
    let fields = context.store.fields_get(workspace).await?.value;
    let of_level = || fields.iter().filter(|field| field.definition.object == query.object);
    let by_id = of_level().find(|field| field.id.as_str() == query.field);
    let by_name = || of_level().find(|field| field.definition.name.eq_ignore_ascii_case(&query.field));
    let field = by_id.or_else(by_name).ok_or_else(unknown)?.clone();
    let asked = ValuesQuery {
        object: Some(query.object),
        id: Some(query.id.clone()),
        // A formula with what it calculates with, as they stand at one time.
        field: field.definition.measured().map(|_| field.id.as_str().to_owned()),
        with_notes: true,
        ..ValuesQuery::default()
    };
    let lines = list(context, workspace, &asked).await?.items;
    let line = lines.iter().find(|line| line.field_id == field.id).ok_or_else(unknown)?.clone();
    Ok(Asked { field, line, fields, lines })
}

/// The plan by which the value was computed; `None` where none can be told.
fn plan(source: &Source<'_>, field: &Field, line: &Line) -> Option<Plan> {
    let can_be_told = |reason: Reason| reason.is_told_by_usage() || reason == Reason::Disconnected;
    if !line.reason.is_none_or(can_be_told) {
        return None;
    }
    let as_of = Hour::of_ms(parse_instant(line.as_of.as_ref()?)?);
    let kind = field.definition.kind()?;
    Moment::of(&source.connection, BTreeMap::from([(kind, as_of)])).plan(field)
}

/// The window as the line has it: that of an all-time field begins with the first hour that was read.
fn shown_window(line: &Line) -> Option<HourRange> {
    let hour = |text: &Option<String>| Some(Hour::of_ms(parse_instant(text.as_ref()?)?));
    Some(HourRange { from: hour(&line.from)?, to: hour(&line.to)? })
}

fn adds_up(function: Function) -> &'static str {
    match function {
        Function::Count => "The value is the sum of all events: of the people's, of the days', of the objects'.",
        Function::Minutes => "The value is the sum of all minutes: of the people's, of the days', of the objects'.",
        Function::DistinctVisitors => {
            "The value is the number of people: each counts once, on however many days and in however many objects."
        }
        Function::ActiveDays => {
            "The value is the number of days: each counts once, however many people were active on it."
        }
        Function::FirstUsed => "The value is the earliest of the people's first events.",
        Function::LastUsed => "The value is the latest of the people's last events.",
        Function::DaysSinceLastUsed => {
            "The value is the number of local dates from the latest of the people's last events to that of as_of."
        }
        Function::AveragePerActiveDay => "The value is all events over the number of days.",
        Function::AveragePerActiveUser => "The value is all events over the number of people.",
        Function::FeatureBreadth => {
            "The value is the number of objects: each counts once, whoever used it and however often."
        }
        Function::PowerUserConcentration => "The value is the events of the most active person over all events.",
        Function::Stickiness => {
            "The value is the people's days added up, over the number of people times the days of the window."
        }
        Function::AdoptionRate => {
            "The value is the number of people with usage of the objects that the field names, over the number of all people here."
        }
        Function::Sum => {
            "The value is the property's numbers added up: each event that has one counts, however many of one number there are."
        }
        Function::Average => "The value is the sum of the property's numbers over the number of events that have one.",
        Function::Min => "The value is the lowest of the property's numbers.",
        Function::Max => "The value is the highest of the property's numbers.",
        Function::Latest => "The value is what the property was on the last event that has it.",
        Function::DistinctValues => "The value is the number of different values of the property.",
        Function::Trend => {
            "Days from the window's first one on are of the window, those before are of the equal one before it: the value is the \
             events of the one less those of the other, over those of the other."
        }
    }
}

fn sentence(explanation: &Explanation) -> String {
    let Explanation { line, advice, total, people, days, .. } = explanation;
    let Line { object, id, field, value, .. } = line;
    let named = format!("{field} of {} {id}", object.name());
    let value = match value {
        serde_json::Value::String(instant) => instant.clone(),
        other => other.to_string(),
    };
    match (advice, total) {
        (Some(advice), _) if value == "null" => format!("{named} has no value. {}", advice.why),
        (_, Some(total)) => format!(
            "{named} is {value}: {} with {} and {} on {}.",
            some(*people as u64, "person", "people"),
            some(total.events, "event", "events"),
            some(total.minutes, "minute", "minutes"),
            some(days.len() as u64, "day", "days")
        ),
        _ if !explanation.operands.is_empty() => format!("{named} is {value}: {}.", formula::told(explanation)),
        _ => format!("{named} is {value}."),
    }
}

fn some(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
