//! What every value means, written a second time and as plainly as can be: over the simulator's raw rows, one value at a
//! time, with nothing kept and nothing shared. It knows the wire's words and no code of the product.

mod properties;
mod time;
mod whose;

use chrono::NaiveDate;
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::{millisecond, second};

const HOUR_MS: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;
/// The functions whose windows end with the last whole day when nothing else is said.
const WHOLE_BY_DEFAULT: [&str; 6] =
    ["distinct_visitors", "active_days", "average_per_active_day", "average_per_active_user", "stickiness", "trend"];

/// All that a value depends on.
pub(crate) struct Reference {
    rows: Vec<RawRow>,
    /// Rows of visitors that are not to be processed: they count as read and are nobody's.
    erased: Vec<RawRow>,
    visitors: BTreeMap<String, Value>,
    pendo_accounts: BTreeMap<String, Value>,
    accounts: BTreeMap<String, Value>,
    contacts: BTreeMap<String, Value>,
    matching: Value,
    /// Whose usage counts nowhere.
    exclusions: Value,
    zone: Tz,
    as_of_ms: i64,
    /// The day that is taken for today, if it is not the one in which `as_of_ms` lies.
    today: Option<NaiveDate>,
    history_from_ms: Option<i64>,
    fits: RefCell<HashMap<(String, String), Fit>>,
    statuses: RefCell<HashMap<(String, String), Option<&'static str>>>,
}

/// The objects that fit a key of Pendo's; nothing when there is no key to compare.
type Fit = Option<BTreeSet<String>>;

/// Whose a row is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Object(String),
    Unmatched,
    Ambiguous,
    WithoutId,
}

/// What should stand in a line.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) value: Value,
    pub(crate) reason: Option<&'static str>,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Reference {
    /// Over every row that has arrived, with the people those rows show.
    pub(crate) fn new(truth: Vec<RawRow>, matching: &Value, zone: Tz, now_ms: i64) -> Self {
        let people = |id: &dyn Fn(&RawRow) -> Option<String>| {
            let ids = truth.iter().filter_map(id).filter(|id| !id.is_empty());
            ids.map(|id| (id, json!({}))).collect::<BTreeMap<_, _>>()
        };
        let visitors = people(&|row| Some(row.visitor_id.clone()).filter(|_| !row.do_not_process));
        let pendo_accounts = people(&|row| row.account_id.clone());
        let as_of_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
        let rows = truth.into_iter().filter(|row| {
            row.kind != Kind::Poll && !row.excluded && !is_anonymous(&row.visitor_id) && row.hour_ms < as_of_ms
        });
        let (erased, rows) = rows.partition(|row| row.do_not_process);
        Self {
            rows,
            erased,
            visitors,
            pendo_accounts,
            accounts: BTreeMap::new(),
            contacts: BTreeMap::new(),
            matching: matching.clone(),
            exclusions: Value::Null,
            zone,
            as_of_ms,
            today: None,
            history_from_ms: None,
            fits: RefCell::default(),
            statuses: RefCell::default(),
        }
    }

    /// With the lists of the directory as CSV.
    pub(crate) fn with_directory(self, accounts: &str, contacts: &str) -> Self {
        self.with_objects(table(accounts), table(contacts))
    }

    /// With the objects of the directory by id.
    pub(crate) fn with_objects(mut self, accounts: BTreeMap<String, Value>, contacts: BTreeMap<String, Value>) -> Self {
        (self.accounts, self.contacts) = (accounts, contacts);
        self
    }

    /// The objects of a level, by id.
    pub(crate) fn objects(&self, level: &str) -> &BTreeMap<String, Value> {
        if level == "account" { &self.accounts } else { &self.contacts }
    }

    /// With history chosen to begin at an hour.
    pub(crate) fn with_history_from(mut self, from_ms: i64) -> Self {
        self.history_from_ms = Some(from_ms);
        self.rows.retain(|row| row.hour_ms >= from_ms);
        self.erased.retain(|row| row.hour_ms >= from_ms);
        self
    }

    /// With people whose usage counts nowhere.
    pub(crate) fn with_exclusions(mut self, exclusions: &Value) -> Self {
        self.exclusions = exclusions.clone();
        self
    }

    /// At the midnight that ends a day, when that day still is today.
    pub(crate) fn at_the_end_of(mut self, day: NaiveDate) -> Self {
        (self.as_of_ms, self.today) = (self.begin_of(day.succ_opt().unwrap()), Some(day));
        let end_ms = self.as_of_ms;
        self.rows.retain(|row| row.hour_ms < end_ms);
        self.erased.retain(|row| row.hour_ms < end_ms);
        self
    }

    fn today(&self) -> NaiveDate {
        self.today.unwrap_or_else(|| self.date(self.as_of_ms))
    }

    /// With visitors and Pendo accounts that Pendo lists, each with its metadata.
    pub(crate) fn with_people(mut self, visitors: &[(&str, Value)], accounts: &[(&str, Value)]) -> Self {
        self.visitors.extend(visitors.iter().map(|(id, metadata)| ((*id).to_owned(), metadata.clone())));
        self.pendo_accounts.extend(accounts.iter().map(|(id, metadata)| ((*id).to_owned(), metadata.clone())));
        self
    }

    /// What should stand in the lines of a field, by object.
    pub(crate) fn expected(&self, definition: &Value) -> BTreeMap<String, Expected> {
        let object = definition["object"].as_str().unwrap();
        let kind = definition["usage"]["kind"].as_str().unwrap();
        let (from_ms, to_ms) = self.window(definition, kind);
        let is_all_time = definition["window"]["all_time"] == true;
        let reach_ms = self.previous_from(definition).unwrap_or(from_ms);
        let is_not_read = !is_all_time && self.history_from_ms.is_some_and(|start| reach_ms < start);
        let is_adoption = definition["function"] == "adoption_rate";
        let is_named = |name: &str| {
            let ids = definition["usage"]["ids"].as_array();
            ids.is_none_or(|ids| ids.iter().any(|id| id.as_str() == Some(name)))
        };
        let exclusions = [&self.exclusions, &definition["usage"]["exclude"]];
        let mut rows: BTreeMap<String, Vec<&RawRow>> = BTreeMap::new();
        let mut owners: HashMap<(&str, Option<&str>), Owner> = HashMap::new();
        for row in &self.rows {
            let is_in_window = kind_name(row.kind) == kind && reach_ms <= row.hour_ms && row.hour_ms < to_ms;
            let has_type = kind != "guide" || has_type(row, &definition["usage"]["types"]);
            let apps = definition["usage"]["apps"].as_array();
            let has_app = apps.is_none_or(|apps| apps.contains(&json!(row.app_id)));
            if !is_in_window || !has_type || !has_app || !(is_adoption || is_named(&row.object_id)) {
                continue;
            }
            if self.is_excluded(exclusions, row) || !self.passes(definition, row) {
                continue;
            }
            let who = (row.visitor_id.as_str(), row.account_id.as_deref());
            if let Owner::Object(id) = owners.entry(who).or_insert_with(|| self.owner(object, row)) {
                match rows.get_mut(id.as_str()) {
                    Some(rows) => rows.push(row),
                    None => drop(rows.insert(id.clone(), vec![row])),
                }
            }
        }
        let window = (from_ms, to_ms);
        let objects = self.objects(object);
        let line = |id: &String| {
            let is_silent = object == "contact" && self.is_silent(exclusions, id);
            let reason = self.status(object, id).or(is_not_read.then_some("not_read"));
            let reason = reason.or(is_silent.then_some("excluded"));
            let (value, reason) = match reason {
                Some(reason) => (Value::Null, Some(reason)),
                None => match self.fold(definition, window, &is_named, rows.get(id).map_or(&[], Vec::as_slice)) {
                    Ok(value) => (value, None),
                    Err(reason) => (Value::Null, Some(reason)),
                },
            };
            (id.clone(), Expected { value, reason, from: second(from_ms), to: second(to_ms) })
        };
        objects.keys().map(line).collect()
    }

    /// The value of rows, or why there is none.
    fn fold(
        &self,
        definition: &Value,
        window: (i64, i64),
        is_named: &dyn Fn(&str) -> bool,
        rows: &[&RawRow],
    ) -> Result<Value, &'static str> {
        let function = definition["function"].as_str().unwrap();
        if function == "minutes" {
            return Ok(json!(rows.iter().map(|row| u64::from(row.minutes)).sum::<u64>()));
        }
        // Of some hours Pendo has minutes and no event: nobody was active in them.
        let active: BTreeSet<_> =
            rows.iter().filter(|row| row.events > 0).map(|row| grouped(definition, row)).collect();
        let rows: Vec<&RawRow> =
            rows.iter().copied().filter(|row| active.contains(&grouped(definition, row))).collect();
        let rows = rows.as_slice();
        if let Some(value) = properties::of_property(definition, rows) {
            return value;
        }
        let days_apart = |one: NaiveDate, other: NaiveDate| (one - other).num_days();
        let last = rows.iter().map(|row| row.last_ms).max();
        let events = |rows: &[&RawRow]| rows.iter().map(|row| u64::from(row.events)).sum::<u64>();
        let visitors = rows.iter().map(|row| &row.visitor_id).collect::<BTreeSet<_>>();
        let dates = |rows: &[&RawRow]| rows.iter().map(|row| self.date(row.hour_ms)).collect::<BTreeSet<_>>().len();
        let of_visitor =
            |visitor: &String| rows.iter().filter(|row| row.visitor_id == *visitor).copied().collect::<Vec<&RawRow>>();
        Ok(match function {
            "count" => json!(events(rows)),
            "distinct_visitors" => json!(visitors.len()),
            "active_days" => json!(dates(rows)),
            "first_used" => json!(millisecond(rows.iter().map(|row| row.first_ms).min().ok_or("never_used")?)),
            "last_used" => json!(millisecond(last.ok_or("never_used")?)),
            "days_since_last_used" => {
                json!(days_apart(self.today(), self.date(last.ok_or("never_used")?)))
            }
            "average_per_active_day" => over(events(rows), dates(rows) as u64)?,
            "average_per_active_user" => over(events(rows), visitors.len() as u64)?,
            "feature_breadth" => json!(rows.iter().map(|row| &row.object_id).collect::<BTreeSet<_>>().len()),
            "power_user_concentration" => {
                let most = visitors.iter().map(|visitor| events(&of_visitor(visitor))).max();
                over(most.unwrap_or_default(), events(rows))?
            }
            "stickiness" => {
                let active: usize = visitors.iter().map(|visitor| dates(&of_visitor(visitor))).sum();
                let days =
                    (window.0..window.1).step_by(3_600_000).map(|at_ms| self.date(at_ms)).collect::<BTreeSet<_>>();
                over(active as u64, (days.len() * visitors.len()) as u64)?
            }
            "adoption_rate" => {
                let users =
                    visitors.iter().filter(|visitor| of_visitor(visitor).iter().any(|row| is_named(&row.object_id)));
                over(users.count() as u64, visitors.len() as u64)?
            }
            "trend" => {
                let (now, before): (Vec<&RawRow>, Vec<&RawRow>) = rows.iter().partition(|row| row.hour_ms >= window.0);
                match (events(&now), events(&before)) {
                    (0, 0) => json!(0.0),
                    (_, 0) => return Err("new"),
                    (now, before) => json!((now as f64 - before as f64) / before as f64),
                }
            }
            other => panic!("no function {other}"),
        })
    }

    /// The events of a kind and level by class, from rows that are read.
    pub(crate) fn classes(&self, object: &str, kind: &str) -> BTreeMap<&'static str, u64> {
        let mut classes: BTreeMap<&'static str, u64> =
            ["matched", "unmatched", "ambiguous", "without_id", "excluded"].map(|class| (class, 0)).into();
        for row in self.rows.iter().filter(|row| kind_name(row.kind) == kind) {
            let class = match self.owner(object, row) {
                _ if self.is_excluded([&self.exclusions, &Value::Null], row) => "excluded",
                Owner::Object(_) => "matched",
                Owner::Unmatched => "unmatched",
                Owner::Ambiguous => "ambiguous",
                Owner::WithoutId => "without_id",
            };
            *classes.get_mut(class).unwrap() += u64::from(row.events);
        }
        let erased = self.erased.iter().filter(|row| kind_name(row.kind) == kind).map(|row| u64::from(row.events));
        classes.insert("erased", erased.sum());
        classes
    }
}

/// What rows have in common that Pendo gives as one.
type Key<'r> = (&'r str, Option<&'r str>, &'r str, i64, i64, Vec<String>);

fn grouped<'r>(definition: &Value, row: &'r RawRow) -> Key<'r> {
    let values = properties::told_apart_by(definition, row);
    (&row.visitor_id, row.account_id.as_deref(), &row.object_id, row.app_id, row.hour_ms, values)
}

fn has_type(row: &RawRow, wanted: &Value) -> bool {
    let found = row.event_type.as_deref().unwrap_or_default().rsplit(':').next().unwrap_or_default();
    match wanted.as_array() {
        Some(types) => types.iter().any(|name| name.as_str() == Some(found)),
        None => found == "guideSeen",
    }
}

fn is_anonymous(visitor: &str) -> bool {
    visitor.starts_with("_PENDO_T_")
}

pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "event",
        Kind::Page => "page",
        Kind::Feature => "feature",
        Kind::Track => "track",
        Kind::Guide => "guide",
        Kind::Poll => "poll",
    }
}

fn over(numerator: u64, denominator: u64) -> Result<Value, &'static str> {
    if denominator == 0 { Err("undefined") } else { Ok(json!(numerator as f64 / denominator as f64)) }
}

/// A small CSV without quotes, as objects by `id`.
fn table(csv: &str) -> BTreeMap<String, Value> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let object = |line: &str| {
        let cells = names.iter().zip(line.split(',')).map(|(name, cell)| ((*name).to_owned(), json!(cell)));
        Value::Object(cells.collect::<Map<String, Value>>())
    };
    lines.filter(|line| !line.is_empty()).map(object).map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}
