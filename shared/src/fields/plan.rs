//! A checked definition at a moment: which rows it takes and what it starts from. Nothing here can fail.

use super::accumulator::Accumulator;
use super::field::Field;
use super::filter::Filter;
use super::function::Function;
use super::usage::Usage;
use crate::id::{FieldId, Kind, ObjectKind};
use crate::time::{Hour, HourRange, Zone};
use crate::usage::property::{self, Amount};
use crate::usage::row::UsageRow;
use serde_json::Value;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

/// A field ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Plan {
    field: FieldId,
    version: u64,
    object: ObjectKind,
    usage: Usage,
    kind: Kind,
    /// The properties that rows of this kind have, in the order of their values.
    properties: Vec<String>,
    of_property: Option<String>,
    function: Function,
    reach: HourRange,
    window: HourRange,
    zone: Zone,
    today: i32,
    first_day: i32,
}

impl Plan {
    /// Plans `field` as of the end of the last complete hour; `first_hour` is where all time begins. `None` for a formula,
    /// which takes no rows.
    #[must_use]
    pub fn new(field: &Field, as_of: Hour, zone: Zone, first_hour: Hour) -> Option<Self> {
        Self::on(field, zone.local_day(as_of.start_ms()), as_of, zone, first_hour)
    }

    /// Plans `field` as of the end of a local day, when all of that day has come and it still is today.
    #[must_use]
    pub fn at_end_of(field: &Field, day: i32, zone: Zone, first_hour: Hour) -> Option<Self> {
        Self::on(field, day, zone.midnight(day.saturating_add(1)), zone, first_hour)
    }

    fn on(field: &Field, today: i32, as_of: Hour, zone: Zone, first_hour: Hour) -> Option<Self> {
        let measured = field.definition.measured()?;
        let window = measured.window.range_on(today, as_of, zone, first_hour);
        Some(Self {
            field: field.id.clone(),
            version: field.computes_since,
            object: field.definition.object,
            usage: measured.usage.clone(),
            kind: measured.kind(),
            properties: measured
                .properties()
                .map_or_else(Vec::new, |properties| properties.names.into_iter().collect()),
            of_property: measured.of_property.clone(),
            function: measured.function,
            reach: measured.reach_on(today, as_of, zone, first_hour),
            window,
            zone,
            today,
            first_day: zone.local_day(window.from.start_ms()),
        })
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

    /// The kind of usage that it reads.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The properties by which rows of its kind are told apart, in the order of their values.
    #[must_use]
    pub fn properties(&self) -> &[String] {
        &self.properties
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
        row.kind == self.kind
            && self.only_objects().is_none_or(|ids| ids.contains(row.object))
            && self.usage.has_app(row.app)
            && self.usage.has_type(row.event_type)
            && self.meets_filters(row)
    }

    fn meets_filters(&self, row: &UsageRow<'_>) -> bool {
        if self.usage.filters.is_empty() {
            return true;
        }
        let values = property::read(row.event_type);
        let value = |name: &String| self.place(name).and_then(|place| values.get(place)).unwrap_or(&Value::Null);
        self.usage.filters.iter().all(|filter| filter.holds(value(&filter.property), self.zone, self.today))
    }

    /// The property that is computed with.
    #[must_use]
    pub fn of_property(&self) -> Option<&String> {
        self.of_property.as_ref()
    }

    /// Whether Pendo adds up the numbers of that property, so that its rows are not told apart by them.
    #[must_use]
    pub fn leaves_adding_to_pendo(&self) -> bool {
        self.of_property.as_ref().is_some_and(|name| self.place(name).is_none())
    }

    /// What the events of a row have of the numbers that are computed with; `None` where they have none.
    #[must_use]
    pub fn amount(&self, row: &UsageRow<'_>) -> Option<Amount> {
        if self.leaves_adding_to_pendo() {
            return property::amount(row.event_type);
        }
        Some(Amount::of_events(property::number(&self.property(row)?)?, row.events))
    }

    /// The value that the events of a row have of the property that is computed with; `None` where they have none.
    #[must_use]
    pub fn property(&self, row: &UsageRow<'_>) -> Option<Value> {
        let place = self.place(self.of_property.as_ref()?)?;
        property::read(row.event_type).into_iter().nth(place).filter(|value| !value.is_null())
    }

    fn place(&self, name: &String) -> Option<usize> {
        self.properties.binary_search(name).ok()
    }

    /// Whether the field excludes somebody beside those whom the workspace does.
    #[must_use]
    pub fn has_exclusions(&self) -> bool {
        self.usage.exclude.is_some()
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
        (&self.field, self.version, self.object, &self.usage, self.function, &self.of_property).hash(hasher);
        for hours in [self.reach, self.window].map(|hours| within(hours, range)) {
            // Where nothing of it lies, it does not matter where else it lies.
            (!hours.is_empty()).then_some(hours).hash(hasher);
        }
        self.zone.hash(hasher);
        // What counts today may not tomorrow.
        self.usage.filters.iter().any(Filter::is_relative).then_some(self.today).hash(hasher);
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
        Plan::new(&field, Hour(60), Zone::UTC, Hour(0)).unwrap()
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
    fn a_row_is_taken_by_its_properties() {
        let filters = json!([{"property": "rows", "operator": ">", "value": 9}, {"property": "plan", "operator": "is", "value": "pro"}]);
        let plan = plan(json!({"kind": "track", "ids": ["export"], "filters": filters}));
        let row = |values| row(plan.kind(), 24, "export", values);
        assert!(plan.takes(&row(r#"["Pro","10"]"#)));
        assert!(!plan.takes(&row(r#"["Pro",9]"#)));
        assert!(!plan.takes(&row(r#"[null,10]"#)));
        assert!(!plan.takes(&row("")), "rows of another make");
        assert!(!plan.takes(&UsageRow { kind: Kind::Track, ..row(r#"["Pro",10]"#) }), "all track events");
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
