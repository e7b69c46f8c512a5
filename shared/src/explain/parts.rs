//! The parts into which a value is taken.

use super::sums::{Sums, Tally};
use crate::fields::Plan;
use crate::time::{Hour, date_text, to_the_second};
use crate::usage::row::UsageRow;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A local day. A value's days add up to its sums, and a person's hours to the person's days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Day {
    /// The date in the connection's zone.
    pub date: String,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
    /// Its hours; only where it is a person's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<HourOfUse>,
}

/// An hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Hour")]
pub struct HourOfUse {
    /// Its first instant.
    pub hour: String,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// A feature, page, guide or track type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsedObject {
    /// Its id; null for all activity.
    pub id: Option<String>,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// A Pendo account as it stands on rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PendoAccount {
    /// Its id; null for rows without one.
    pub id: Option<String>,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// A visitor who contributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Person {
    /// Pendo's visitor id; null where it was erased meanwhile.
    pub visitor: Option<String>,
    /// The contacts that this visitor fits, at most ten.
    pub contacts: Vec<String>,
    /// The person's sums.
    #[serde(flatten)]
    pub sums: Sums,
    /// The Pendo accounts on the person's rows: by them rows are an account's, and decide between contacts alike.
    pub pendo_accounts: Vec<PendoAccount>,
    /// The features, pages, guides or track types.
    pub objects: Vec<UsedObject>,
    /// The local days, each with its hours.
    pub days: Vec<Day>,
}

/// Usage of the object's within the window that the field does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// `other_objects` or `other_apps` that the field does not name, `other_types` of guide events, `other_properties` that its filters do not let pass, `excluded` or `excluded_by_field`:
    /// of people whom the workspace, or this field, excludes; or `ambiguous`: rows of visitors that fit other contacts alike.
    pub why: &'static str,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// One person's rows, while they are added.
#[derive(Default)]
pub(super) struct Gathered {
    sums: Tally,
    accounts: BTreeMap<Option<String>, Tally>,
    objects: BTreeMap<String, Tally>,
    days: BTreeMap<i32, BTreeMap<Hour, Tally>>,
}

impl Gathered {
    pub(super) fn add(&mut self, plan: &Plan, row: &UsageRow<'_>) {
        let local_day = plan.zone().local_day(row.hour.start_ms());
        let account = self.accounts.entry(row.account.map(str::to_owned)).or_default();
        let object = self.objects.entry(row.object.to_owned()).or_default();
        let hour = self.days.entry(local_day).or_default().entry(row.hour).or_default();
        for tally in [&mut self.sums, account, object, hour] {
            tally.add(row);
            tally.add_number(plan, row);
        }
    }

    pub(super) fn shown(self, visitor: Option<String>, contacts: Vec<String>) -> Person {
        let accounts = self.accounts.into_iter();
        let day = |(day, hours): (i32, BTreeMap<Hour, Tally>)| {
            let mut sums = Tally::default();
            hours.values().for_each(|hour| sums.merge(hour));
            let hour = |(hour, tally): (&Hour, &Tally)| HourOfUse {
                hour: to_the_second(hour.start_ms()),
                sums: tally.shown(),
            };
            Day { date: date_text(day), sums: sums.shown(), hours: hours.iter().map(hour).collect() }
        };
        Person {
            visitor,
            contacts,
            sums: self.sums.shown(),
            pendo_accounts: accounts.map(|(id, tally)| PendoAccount { id, sums: tally.shown() }).collect(),
            objects: objects(self.objects),
            days: self.days.into_iter().map(day).collect(),
        }
    }
}

/// A value of the property that is computed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsedValue {
    /// The value as the events have it; null where they have none.
    #[schemars(extend("type" = ["string", "number", "boolean", "null"]))]
    pub value: Value,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Values that are shown at most.
const VALUES_MAX: usize = 200;

/// Those of the values with most events, and how many more there are, if there are more.
pub(super) fn values(values: BTreeMap<String, Tally>) -> (Vec<UsedValue>, Option<usize>) {
    let mut values: Vec<(String, Tally)> = values.into_iter().collect();
    values.sort_by_key(|(_, tally)| Reverse(tally.events));
    let more = values.len().checked_sub(VALUES_MAX).filter(|more| *more > 0);
    let shown = |(text, tally): (String, Tally)| UsedValue {
        value: serde_json::from_str(&text).unwrap_or_default(),
        sums: tally.shown(),
    };
    (values.into_iter().take(VALUES_MAX).map(shown).collect(), more)
}

/// The local days of a value.
pub(super) fn days(days: &BTreeMap<i32, Tally>) -> Vec<Day> {
    let day = |(day, tally): (&i32, &Tally)| Day { date: date_text(*day), sums: tally.shown(), hours: Vec::new() };
    days.iter().map(day).collect()
}

/// The objects of a value, or of a person.
pub(super) fn objects(objects: BTreeMap<String, Tally>) -> Vec<UsedObject> {
    let shown =
        |(id, tally): (String, Tally)| UsedObject { id: Some(id).filter(|id| !id.is_empty()), sums: tally.shown() };
    objects.into_iter().map(shown).collect()
}
