//! A checked definition at a moment: which rows it takes and what it starts from. Nothing here can fail.

use super::accumulator::Accumulator;
use super::field::Field;
use super::function::Function;
use super::usage::Usage;
use crate::id::{FieldId, Kind, ObjectKind};
use crate::time::{Hour, HourRange, Zone};
use crate::usage::row::UsageRow;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

/// A field ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Plan {
    field: FieldId,
    version: u64,
    object: ObjectKind,
    usage: Usage,
    function: Function,
    reach: HourRange,
    window: HourRange,
    zone: Zone,
    today: i32,
    first_day: i32,
}

impl Plan {
    /// Plans `field` as of the end of the last complete hour; `first_hour` is where all time begins.
    #[must_use]
    pub fn new(field: &Field, as_of: Hour, zone: Zone, first_hour: Hour) -> Self {
        let definition = &field.definition;
        let window = definition.window.range(as_of, zone, first_hour);
        Self {
            field: field.id.clone(),
            version: field.computes_since,
            object: definition.object,
            usage: definition.usage.clone(),
            function: definition.function,
            reach: definition.reach(as_of, zone, first_hour),
            window,
            zone,
            today: zone.local_day(as_of.start_ms()),
            first_day: zone.local_day(window.from.start_ms()),
        }
    }

    /// The field's id.
    #[must_use]
    pub fn field(&self) -> &FieldId {
        &self.field
    }

    /// The first version of the field that computes this: what its values and folds are kept under.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether accounts or contacts have the value.
    #[must_use]
    pub fn object(&self) -> ObjectKind {
        self.object
    }

    /// The kind of usage.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.usage.kind
    }

    /// What is computed.
    #[must_use]
    pub fn function(&self) -> Function {
        self.function
    }

    /// All hours that it looks at: the window, and of a trend the equal one before it.
    #[must_use]
    pub fn reach(&self) -> HourRange {
        self.reach
    }

    /// Whether a local day lies in the window itself, not in the one before it.
    #[must_use]
    pub fn is_current(&self, local_day: i32) -> bool {
        self.first_day <= local_day
    }

    /// The local days of a window that ends with a midnight.
    #[must_use]
    pub fn days(&self) -> u64 {
        let end = self.zone.local_day(self.window.to.start_ms());
        u64::try_from(i64::from(end) - i64::from(self.first_day)).unwrap_or(0)
    }

    /// The zone in which days are cut.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The local day in which `as_of` lies.
    #[must_use]
    pub fn today(&self) -> i32 {
        self.today
    }

    /// Whether the row is one of the field's: its kind, object, app, type and hour.
    #[must_use]
    pub fn takes(&self, row: &UsageRow<'_>) -> bool {
        self.reach.holds(row.hour) && self.takes_at_any_time(row)
    }

    /// Whether the row is one of the field's whatever its hour: what a fold of closed days is made of.
    #[must_use]
    pub fn takes_at_any_time(&self, row: &UsageRow<'_>) -> bool {
        row.kind == self.usage.kind
            && self.only_objects().is_none_or(|ids| ids.contains(row.object))
            && self.usage.has_app(row.app)
            && self.usage.has_type(row.event_type)
    }

    /// Whether a row of this object counts as use: of adoption, whose other rows only say who there is, the named objects.
    #[must_use]
    pub fn is_use_of_named(&self, object: &str) -> bool {
        self.function != Function::AdoptionRate || self.is_named(object)
    }

    /// The objects of whose rows alone it takes any; `None` where it may take every object's.
    #[must_use]
    pub fn only_objects(&self) -> Option<&BTreeSet<String>> {
        self.usage.ids.as_ref().filter(|_| self.function != Function::AdoptionRate)
    }

    fn is_named(&self, object: &str) -> bool {
        self.usage.ids.as_ref().is_none_or(|ids| ids.contains(object))
    }

    /// The hours that it looks at within a range.
    #[must_use]
    pub fn hours_within(&self, range: HourRange) -> HourRange {
        within(self.reach, range)
    }

    /// Whether its window, and of a trend the one before it too, holds every hour of a range, or none.
    #[must_use]
    pub fn takes_all_or_nothing(&self, range: HourRange) -> bool {
        [self.reach, self.window]
            .into_iter()
            .map(|hours| within(hours, range))
            .all(|hours| hours.is_empty() || hours == range)
    }

    /// Hashes all that decides what the plan keeps of rows within a range: a fold of them may be kept as long as this
    /// and the rows stand still. `as_of` is not part of it, unless it lies within the range.
    pub fn hash_within(&self, range: HourRange, hasher: &mut impl Hasher) {
        (&self.field, self.version, self.object, &self.usage, self.function).hash(hasher);
        for hours in [self.reach, self.window].map(|hours| within(hours, range)) {
            // Where nothing of it lies, it does not matter where else it lies.
            (!hours.is_empty()).then_some(hours).hash(hasher);
        }
        self.zone.hash(hasher);
    }

    /// The accumulator of no rows.
    #[must_use]
    pub fn start(&self) -> Accumulator {
        Accumulator::empty(self.function)
    }
}

fn within(hours: HourRange, range: HourRange) -> HourRange {
    HourRange { from: hours.from.max(range.from), to: hours.to.min(range.to) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Definition;
    use crate::id::VisitorHash;
    use serde_json::json;

    fn plan(usage: serde_json::Value) -> Plan {
        let body = json!({"name": "x", "object": "account", "usage": usage, "function": "count",
                          "window": {"rolling_days": 1, "complete_days": true}});
        let definition = Definition::parse(&body).unwrap();
        let field = Field::new(FieldId::from_text("f"), definition, 0, None);
        Plan::new(&field, Hour(60), Zone::UTC, Hour(0))
    }

    fn row(kind: Kind, hour: i32, object: &'static str, event_type: &'static str) -> UsageRow<'static> {
        let (first_ms, last_ms) = (Hour(hour).start_ms(), Hour(hour).start_ms());
        let visitor = VisitorHash(1);
        UsageRow {
            kind,
            hour: Hour(hour),
            account: None,
            visitor,
            app: 1,
            object,
            event_type,
            events: 1,
            minutes: 1,
            first_ms,
            last_ms,
        }
    }

    #[test]
    fn a_row_is_taken_by_kind_object_and_hour() {
        let plan = plan(json!({"kind": "feature", "ids": ["export"]}));
        assert!(plan.takes(&row(Kind::Feature, 24, "export", "")));
        assert!(plan.takes(&row(Kind::Feature, 47, "export", "")));
        assert!(!plan.takes(&row(Kind::Feature, 48, "export", "")), "after the window");
        assert!(!plan.takes(&row(Kind::Feature, 23, "export", "")), "before the window");
        assert!(!plan.takes(&row(Kind::Page, 24, "export", "")), "another kind");
        assert!(!plan.takes(&row(Kind::Feature, 24, "import", "")), "another object");
        assert!(plan.takes_at_any_time(&row(Kind::Feature, 23, "export", "")));
    }

    #[test]
    fn a_row_of_another_app_is_not_taken() {
        let of_app = |app: i64| plan(json!({"kind": "page", "apps": [app]}));
        assert!(of_app(1).takes(&row(Kind::Page, 24, "p", "")));
        assert!(!of_app(-1).takes(&row(Kind::Page, 24, "p", "")));
    }

    #[test]
    fn without_ids_every_object_of_the_kind_is_taken() {
        let pages = plan(json!({"kind": "page"}));
        assert!(pages.takes(&row(Kind::Page, 24, "anything", "")));
        assert!(!pages.takes(&row(Kind::Event, 24, "", "")));
        let guides = plan(json!({"kind": "guide"}));
        assert!(guides.takes(&row(Kind::Guide, 24, "g", "guideSeen")));
        assert!(!guides.takes(&row(Kind::Guide, 24, "g", "guideAdvanced")));
    }
}
