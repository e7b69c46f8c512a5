//! One pass over an object's rows in a window: what counts, and what is left out.

use super::ExplainError;
use super::parts::LeftOut;
use super::people::People;
use super::source::{By, Source, Whose};
use super::sums::Tally;
use crate::fields::{Accumulator, Function, Measured, Plan};
use crate::id::{Kind, VisitorHash};
use crate::time::HourRange;
use crate::usage::row::UsageRow;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a row changes what is kept of none: one without events mostly does not.
pub(super) fn leaves_a_trace(plan: &Plan, row: &UsageRow<'_>) -> bool {
    let mut alone = plan.start();
    alone.add(plan, row, 0);
    row.events > 0 || alone != plan.start()
}

/// What one pass over the object's rows in the window finds.
pub(super) struct Found {
    pub(super) accumulator: Accumulator,
    pub(super) total: Tally,
    pub(super) people: People,
    pub(super) days: BTreeMap<i32, Tally>,
    pub(super) objects: BTreeMap<String, Tally>,
    other_objects: Tally,
    other_apps: Tally,
    other_types: Tally,
    other_properties: Tally,
    /// By the value of the property that is computed with, as text of JSON.
    pub(super) values: BTreeMap<String, Tally>,
    excluded: Tally,
    excluded_by_field: Tally,
    /// The visitors who are excluded and whose rows would count.
    pub(super) excluded_visitors: BTreeSet<VisitorHash>,
    ambiguous: Tally,
}

impl Found {
    /// Reads them.
    pub(super) async fn read(
        source: &mut Source<'_>,
        plan: &Plan,
        measured: &Measured,
        ranges: &BTreeMap<Kind, HourRange>,
    ) -> Result<Self, ExplainError> {
        let mut found = Self {
            accumulator: plan.start(),
            total: Tally::default(),
            people: People::default(),
            days: BTreeMap::new(),
            objects: BTreeMap::new(),
            other_objects: Tally::default(),
            other_apps: Tally::default(),
            other_types: Tally::default(),
            other_properties: Tally::default(),
            values: BTreeMap::new(),
            excluded: Tally::default(),
            excluded_by_field: Tally::default(),
            excluded_visitors: BTreeSet::new(),
            ambiguous: Tally::default(),
        };
        let is_by_minutes = measured.function == Function::Minutes;
        let is_named = |object: &str| measured.usage.ids.as_ref().is_none_or(|ids| ids.contains(object));
        let mut see = |row: &UsageRow<'_>, whose: Whose| match whose {
            Whose::Other => {}
            Whose::Excluded(by) if plan.takes(row) => {
                found.excluded_visitors.insert(row.visitor);
                match by {
                    By::Workspace => found.excluded.add(row),
                    By::Field => found.excluded_by_field.add(row),
                }
            }
            Whose::Excluded(_) => {}
            Whose::Own if plan.takes(row) => {
                if leaves_a_trace(plan, row) {
                    let local_day = plan.zone().local_day(row.hour.start_ms());
                    found.add(plan, row, local_day, if is_by_minutes { row.minutes } else { row.events });
                }
            }
            Whose::Own if !is_named(row.object) => found.other_objects.add(row),
            Whose::Own if !measured.usage.has_app(row.app) => found.other_apps.add(row),
            Whose::Own if !measured.usage.has_type(row.event_type) => found.other_types.add(row),
            Whose::Own => found.other_properties.add(row),
            Whose::Contested if plan.takes(row) => found.ambiguous.add(row),
            Whose::Contested => {}
        };
        source.visit(ranges, Some(plan), &mut see).await?;
        Ok(found)
    }

    fn add(&mut self, plan: &Plan, row: &UsageRow<'_>, local_day: i32, weight: u64) {
        self.accumulator.add(plan, row, local_day);
        self.people.add(row.visitor, weight);
        let object = match self.objects.get_mut(row.object) {
            Some(tally) => tally,
            None => self.objects.entry(row.object.to_owned()).or_default(),
        };
        for tally in [&mut self.total, self.days.entry(local_day).or_default(), object] {
            tally.add(row);
            tally.add_number(plan, row);
        }
        if plan.function().is_of_property() && !plan.leaves_adding_to_pendo() {
            let value = plan.property(row).unwrap_or_default().to_string();
            self.values.entry(value).or_default().add(row);
        }
    }

    /// What of them does not count.
    pub(super) fn left_out(&self) -> Vec<LeftOut> {
        let all = [
            ("other_objects", &self.other_objects),
            ("other_apps", &self.other_apps),
            ("other_types", &self.other_types),
            ("other_properties", &self.other_properties),
            ("excluded", &self.excluded),
            ("excluded_by_field", &self.excluded_by_field),
            ("ambiguous", &self.ambiguous),
        ];
        let some = all.into_iter().filter(|(_, tally)| tally.rows > 0);
        some.map(|(why, tally)| LeftOut { why, sums: tally.shown() }).collect()
    }
}
