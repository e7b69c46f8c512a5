//! Properties that a field looks at: before track events are told apart by one, Pendo is asked how many values it has.

use crate::source::pendo_problem;
use shared::api::Problem;
use shared::connection::Connection;
use shared::fields::{Definition, Field};
use shared::id::Kind;
use shared::pendo::Client;
use shared::pendo::properties::Numbered;
use shared::sync::values_a_day::{DAYS, seen};
use shared::time::{DAY_MS, to_the_second};
use shared::usage::properties::Properties;
use std::collections::BTreeSet;

/// Different values that a property may have on a day: each becomes a row of each person's and hour's.
const VALUES_MAX: u64 = 1_000;
/// Different sets of track types and properties that the fields of a workspace may look at: each is asked for by itself in each run.
const SETS_MAX: usize = 20;

/// What the kinds of these fields stand for.
pub(crate) fn of_fields<'f>(fields: impl IntoIterator<Item = &'f Field>) -> Vec<Properties> {
    fields.into_iter().filter_map(|field| of(&field.definition)).collect()
}

/// The properties that a definition looks at.
pub(crate) fn of(definition: &Definition) -> Option<Properties> {
    definition.measured()?.properties()
}

/// A workspace looks at so many sets of properties and no more.
pub(crate) fn refuse_too_many(fields: &[Field]) -> Result<(), Problem> {
    let sets: BTreeSet<Properties> = of_fields(fields).into_iter().collect();
    if sets.len() <= SETS_MAX {
        return Ok(());
    }
    let detail = format!(
        "The fields of a workspace look at {SETS_MAX} different sets of track types and properties at most, and this is one more: let it use \
         those of another field, or delete a field that is not needed."
    );
    Err(Problem::conflict("too-many-property-sets", detail).at("/usage"))
}

/// Refuses a property with too many values a day, and answers what should be known of the others, unless they are read already by a
/// field that stands.
pub(crate) async fn checked(
    client: &Client,
    connection: &Connection,
    definition: &Definition,
    standing: &[Field],
    now_ms: i64,
) -> Result<Vec<String>, Problem> {
    let Some(properties) = of(definition) else { return Ok(Vec::new()) };
    let kind = Kind::Properties(properties.id());
    if standing.iter().any(|field| field.definition.kind() == Some(kind)) {
        return Ok(Vec::new());
    }
    let found = seen(client, connection, &properties, now_ms).await.map_err(pendo_problem)?;
    let too_many = found
        .busiest
        .iter()
        .find_map(|(name, busiest)| Some((name, busiest.filter(|(_, values)| *values > VALUES_MAX)?)));
    if let Some((name, (day, values))) = too_many {
        let day: String = to_the_second(i64::from(day) * DAY_MS).chars().take(10).collect();
        let detail = format!(
            "The property \"{name}\" had {values} different values on {day}, and at most {VALUES_MAX} a day can be told apart: choose \
             another property."
        );
        return Err(Problem::invalid("too-many-values", place(definition, name), detail).with("values", values));
    }
    let unseen = found.busiest.iter().filter(|(_, busiest)| busiest.is_none()).map(|(name, _)| never_had(name));
    Ok(unseen.chain(found.amount.and_then(|(name, numbered)| without_number(&name, numbered))).collect())
}

fn never_had(name: &str) -> String {
    format!(
        "No event of these track types has had a property \"{name}\" in the last {DAYS} days: look whether that is its name."
    )
}

/// What should be known of a property that Pendo adds up.
fn without_number(name: &str, Numbered { events, numbers }: Numbered) -> Option<String> {
    if events == 0 {
        return Some(never_had(name));
    }
    (numbers < events).then(|| {
        format!(
            "Of the {events} events of the last {DAYS} days with a property \"{name}\", {} have something there that Pendo does not take for a \
             number, so they are not added up. With a filter such as {{\"property\": \"{name}\", \"operator\": \"present\"}} its values are read \
             one by one, and digits that were sent as text count, too.",
            events - numbers
        )
    })
}

/// Where a definition names a property.
fn place(definition: &Definition, name: &str) -> String {
    let filters = definition.measured().map(|measured| &measured.usage.filters);
    let at = filters.and_then(|filters| filters.iter().position(|filter| filter.property == name));
    at.map_or_else(|| "/of_property".to_owned(), |at| format!("/usage/filters/{at}/property"))
}
