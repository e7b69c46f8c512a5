//! The question to Pendo that gives the same value, and how to read its answer.

use super::ExplainError;
use super::source::Source;
use crate::fields::{Function, GUIDE_TYPES, Measured, Plan};
use crate::id::{Kind, ObjectKind, VisitorHash};
use crate::pendo::reproduce::{Figure, Question, Whose, body};
use crate::time::{DAY_MS, HourRange};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A question to Pendo.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reproduction {
    /// Where it is sent, with an integration key in `x-pendo-integration-key`.
    pub path: &'static str,
    /// What its answer has.
    pub gives: Gives,
    /// How the answer becomes the value.
    pub reading: String,
    /// The body to send.
    #[schemars(extend("type" = "object"))]
    pub body: Value,
}

/// What an answer of Pendo's has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    /// The value itself, as `value` of the only row.
    Value,
    /// An instant in ms since 1970, as `value` of the only row.
    Instant,
    /// A row for each hour with events.
    Hours,
}

/// The question for a field of the source's object; `None` where it would name too many ids.
pub(super) async fn reproduction(
    source: &Source<'_>,
    measured: &Measured,
    plan: &Plan,
    window: Option<HourRange>,
    excluded: &BTreeSet<VisitorHash>,
) -> Result<Option<Reproduction>, ExplainError> {
    let Some(range) = window.filter(|window| !window.is_empty()) else { return Ok(None) };
    let links = &source.world.links;
    let names = match source.object {
        ObjectKind::Account => source.names(excluded).await?,
        ObjectKind::Contact => source.names(&links.visitors_of(source.id).iter().copied().collect()).await?,
    };
    let whose = match source.object {
        ObjectKind::Account => Whose::Accounts(links.pendo_accounts_of(source.id)),
        ObjectKind::Contact => {
            let account = source.world.directory.account_of_contact(source.id).unwrap_or_default();
            let counted = links.visitors_of(source.id).iter().filter(|visitor| !excluded.contains(visitor));
            let visitors = counted.filter_map(|visitor| {
                // A visitor that fits others too is this contact's in the Pendo accounts of its account only.
                let is_shared = links.contacts_fitting(*visitor).nth(1).is_some();
                Some((names.get(visitor)?.as_str(), is_shared.then(|| links.pendo_accounts_of(account))))
            });
            Whose::Visitors(visitors.collect())
        }
    };
    let properties = measured.properties();
    // How Pendo compares properties in a filter is not sure.
    if properties.as_ref().is_some_and(|properties| !properties.names.is_empty()) {
        return Ok(None);
    }
    let usage = &measured.usage;
    let types = GUIDE_TYPES.into_iter().filter(|name| usage.has_type(name)).collect();
    let Some((figure, gives, reading)) = figure(measured.function, plan, range) else { return Ok(None) };
    // A change looks at the window before as well.
    let range = if measured.function == Function::Trend { plan.reach() } else { range };
    let ids = usage.ids.as_ref().map(|ids| ids.iter().map(String::as_str).collect());
    let types = (usage.kind == Kind::Guide).then_some(types);
    let apps = usage.apps.as_ref().map(|apps| apps.iter().copied().collect());
    // What an account's rows are left without; a contact's question names those who count.
    let without = match source.object {
        ObjectKind::Account => names.values().map(String::as_str).collect(),
        ObjectKind::Contact => Vec::new(),
    };
    let kind = measured.kind();
    let body =
        body(&Question { kind, properties: properties.as_ref(), range, ids, apps, types, whose, without, figure });
    Ok(body.map(|body| Reproduction { path: "POST /api/v1/aggregation", gives, reading, body }))
}

fn figure(function: Function, plan: &Plan, range: HourRange) -> Option<(Figure, Gives, String)> {
    const VALUE: &str = "The member \"value\" of the only row is the value; no row, or null, is 0.";
    const INSTANT: &str =
        "The member \"value\" of the only row is the value, in ms since 1970; no row, or null, is never used.";
    const AMOUNT: &str = "The member \"value\" of the only row is the value, but for a millionth: doubles differ by the order in which they are added. \
         No row, or null, is 0 for a sum and nothing else for the others.";
    const QUOTIENT: &str = "The member \"value\" of the only row is the value, but for the last digits: Pendo divides doubles. No row, or null, is no value.";
    const CHANGE: &str = "The member \"value\" of the only row is the value, but for the last digits. No row, or null, is 0 if nothing happened in \
         either window, and no value if there was nothing in the one before only.";
    let zone = plan.zone().name();
    Some(match function {
        Function::Count => (Figure::Events, Gives::Value, VALUE.to_owned()),
        Function::Minutes => (Figure::Minutes, Gives::Value, VALUE.to_owned()),
        Function::DistinctVisitors => (Figure::Visitors, Gives::Value, VALUE.to_owned()),
        Function::ActiveDays => match offset_ms(plan, range) {
            Some(offset_ms) => (Figure::Days(offset_ms), Gives::Value, VALUE.to_owned()),
            None => {
                let reading = format!(
                    "The number of different dates that the rows' hours have in {zone} is the value: its clocks change within the window."
                );
                (Figure::Hours, Gives::Hours, reading)
            }
        },
        Function::FirstUsed => (Figure::First, Gives::Instant, INSTANT.to_owned()),
        Function::LastUsed => (Figure::Last, Gives::Instant, INSTANT.to_owned()),
        Function::DaysSinceLastUsed => {
            let reading = format!(
                "The member \"value\" of the only row is the last event, in ms since 1970. The dates in {zone} from it to as_of are the value."
            );
            (Figure::Last, Gives::Instant, reading)
        }
        Function::Sum => (Figure::Sum, Gives::Value, AMOUNT.to_owned()),
        Function::Average => (Figure::Average, Gives::Value, AMOUNT.to_owned()),
        Function::Min => (Figure::Least, Gives::Value, AMOUNT.to_owned()),
        Function::Max => (Figure::Most, Gives::Value, AMOUNT.to_owned()),
        Function::AveragePerActiveDay => match offset_ms(plan, range) {
            Some(offset_ms) => (Figure::PerDay(offset_ms), Gives::Value, QUOTIENT.to_owned()),
            None => {
                let reading = format!(
                    "The rows' events added up, over the number of different dates that their hours have in {zone}, are the value: its clocks change within the window."
                );
                (Figure::Hours, Gives::Hours, reading)
            }
        },
        Function::AveragePerActiveUser => (Figure::PerVisitor, Gives::Value, QUOTIENT.to_owned()),
        Function::FeatureBreadth => (Figure::Objects, Gives::Value, VALUE.to_owned()),
        Function::PowerUserConcentration => (Figure::Concentration, Gives::Value, QUOTIENT.to_owned()),
        Function::AdoptionRate => (Figure::Adoption, Gives::Value, QUOTIENT.to_owned()),
        // Where clocks change within the window, no number of ms makes local days of hours.
        Function::Stickiness => {
            (Figure::Stickiness(offset_ms(plan, range)?, plan.days()), Gives::Value, QUOTIENT.to_owned())
        }
        Function::Trend => (Figure::Trend(range.from), Gives::Value, CHANGE.to_owned()),
        // Values of properties are read one by one here, and what is the same value is decided here.
        Function::Latest | Function::DistinctValues => return None,
    })
}

/// By how much the zone is ahead of UTC, if that is the same all through the range.
fn offset_ms(plan: &Plan, range: HourRange) -> Option<i64> {
    let zone = plan.zone();
    let days = zone.local_day(range.from.start_ms())..=zone.local_day(range.to.start_ms()).saturating_add(1);
    let mut offsets = days.map(|day| i64::from(day) * DAY_MS - zone.midnight(day).start_ms());
    let first = offsets.next()?;
    offsets.all(|offset| offset == first).then_some(first)
}
