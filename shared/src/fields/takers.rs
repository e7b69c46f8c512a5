//! Which plans can take a row, found by its kind and object: a row asks those few and not all of them.

use super::plan::Plan;
use crate::id::Kind;
use crate::usage::row::UsageRow;
use std::collections::HashMap;

/// The places of plans by what they look at.
#[derive(Clone, Debug, Default)]
pub struct Takers(Vec<(Kind, OfKind)>);

#[derive(Clone, Debug, Default)]
struct OfKind {
    /// Those that name no objects.
    any: Vec<usize>,
    /// Those that name an object, by its id.
    named: HashMap<String, Vec<usize>>,
}

impl Takers {
    /// Finds plans by their places among these.
    #[must_use]
    pub fn of(plans: &[Plan]) -> Self {
        let mut takers = Self::default();
        for (at, plan) in plans.iter().enumerate() {
            let of_kind = match takers.0.iter().position(|(kind, _)| *kind == plan.kind()) {
                Some(known) => &mut takers.0[known].1,
                None => &mut takers.0.push_mut((plan.kind(), OfKind::default())).1,
            };
            match plan.only_objects() {
                None => of_kind.any.push(at),
                Some(ids) => ids.iter().for_each(|id| of_kind.named.entry(id.clone()).or_default().push(at)),
            }
        }
        takers
    }

    /// The places of the plans that can take a row; [`Plan::takes`] says which of them do.
    pub fn places(&self, row: &UsageRow<'_>) -> impl Iterator<Item = usize> {
        let of_kind = self.0.iter().find(|(kind, _)| *kind == row.kind).map(|(_, of_kind)| of_kind);
        let any = of_kind.map_or(&[][..], |of_kind| &of_kind.any);
        // Most often nobody names any object, and then the row's need not be looked up.
        let named = of_kind.filter(|of_kind| !of_kind.named.is_empty());
        let named = named.and_then(|of_kind| of_kind.named.get(row.object)).map_or(&[][..], Vec::as_slice);
        any.iter().chain(named).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Definition, Field};
    use crate::id::{FieldId, VisitorHash};
    use crate::time::{Hour, Zone};
    use serde_json::json;

    fn plan(usage: serde_json::Value, function: &str) -> Plan {
        let mut body = json!({"name": "x", "object": "account", "usage": usage, "function": function,
                              "window": {"rolling_days": 1, "complete_days": true}});
        if function == "adoption_rate" {
            body["of"] = json!("same_kind");
        }
        let field = Field::new(FieldId::from_text("f"), Definition::parse(&body).unwrap(), 0, None);
        Plan::new(&field, Hour(60), Zone::UTC, Hour(0)).unwrap()
    }

    #[test]
    fn every_plan_that_takes_a_row_is_found_once_and_few_others_are() {
        let plans = [
            plan(json!({"kind": "feature"}), "count"),
            plan(json!({"kind": "feature", "ids": ["a"]}), "count"),
            plan(json!({"kind": "feature", "ids": ["a", "b"]}), "minutes"),
            plan(json!({"kind": "feature", "ids": ["b"]}), "adoption_rate"),
            plan(json!({"kind": "page", "ids": ["a"]}), "count"),
            plan(json!({"kind": "guide"}), "count"),
        ];
        let takers = Takers::of(&plans);
        let expected: [(Kind, &str, &[usize]); 6] = [
            (Kind::Feature, "a", &[0, 3, 1, 2]),
            (Kind::Feature, "b", &[0, 3, 2]),
            (Kind::Feature, "c", &[0, 3]),
            (Kind::Page, "a", &[4]),
            (Kind::Page, "c", &[]),
            (Kind::Track, "a", &[]),
        ];
        for (kind, object, places) in expected {
            let row = UsageRow {
                kind,
                hour: Hour(30),
                account: None,
                visitor: VisitorHash(1),
                app: 1,
                object,
                event_type: "",
                events: 1,
                minutes: 1,
                first_ms: 0,
                last_ms: 0,
            };
            let found: Vec<usize> = takers.places(&row).collect();
            assert_eq!(found, places, "{kind:?} {object}");
            let mut takes: Vec<usize> = (0..plans.len()).filter(|at| plans[*at].takes(&row)).collect();
            takes.retain(|at| !found.contains(at));
            assert!(takes.is_empty(), "{takes:?} take {kind:?} {object} and are not found");
        }
    }
}
