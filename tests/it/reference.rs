//! What every value means, written a second time and as plainly as can be: over the simulator's raw rows, one value at a
//! time, with nothing kept and nothing shared. It knows the wire's words and no code of the product.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc, Weekday};
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
            let who = (row.visitor_id.as_str(), row.account_id.as_deref());
            if let Owner::Object(id) = owners.entry(who).or_insert_with(|| self.owner(object, row)) {
                match rows.get_mut(id.as_str()) {
                    Some(rows) => rows.push(row),
                    None => drop(rows.insert(id.clone(), vec![row])),
                }
            }
        }
        let function = definition["function"].as_str().unwrap();
        let window = (from_ms, to_ms);
        let objects = self.objects(object);
        let line = |id: &String| {
            let reason = self.status(object, id).or(is_not_read.then_some("not_read"));
            let (value, reason) = match reason {
                Some(reason) => (Value::Null, Some(reason)),
                None => match self.fold(function, window, &is_named, rows.get(id).map_or(&[], Vec::as_slice)) {
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
        function: &str,
        window: (i64, i64),
        is_named: &dyn Fn(&str) -> bool,
        rows: &[&RawRow],
    ) -> Result<Value, &'static str> {
        let days_apart = |one: NaiveDate, other: NaiveDate| (one - other).num_days();
        let last = rows.iter().map(|row| row.last_ms).max();
        let events = |rows: &[&RawRow]| rows.iter().map(|row| u64::from(row.events)).sum::<u64>();
        let visitors = rows.iter().map(|row| &row.visitor_id).collect::<BTreeSet<_>>();
        let dates = |rows: &[&RawRow]| rows.iter().map(|row| self.date(row.hour_ms)).collect::<BTreeSet<_>>().len();
        let of_visitor =
            |visitor: &String| rows.iter().filter(|row| row.visitor_id == *visitor).copied().collect::<Vec<&RawRow>>();
        Ok(match function {
            "count" => json!(events(rows)),
            "minutes" => json!(rows.iter().map(|row| u64::from(row.minutes)).sum::<u64>()),
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

    /// Whose a row is on a level.
    pub(crate) fn owner(&self, object: &str, row: &RawRow) -> Owner {
        let account = row.account_id.as_deref().filter(|id| !id.trim().is_empty());
        if object == "account" {
            return match account {
                None => Owner::WithoutId,
                Some(id) => owner_of(self.fitting_accounts(id)),
            };
        }
        let Some(several) = self.fitting_contacts(&row.visitor_id) else { return Owner::WithoutId };
        if several.len() < 2 {
            return owner_of(Some(several));
        }
        let linked = account.map_or(Owner::WithoutId, |id| owner_of(self.fitting_accounts(id)));
        let Owner::Object(linked) = linked else { return Owner::Ambiguous };
        let there = several.into_iter().filter(|contact| self.contacts[contact]["account_id"] == linked);
        match there.collect::<Vec<_>>().as_slice() {
            [one] => Owner::Object(one.clone()),
            _ => Owner::Ambiguous,
        }
    }

    /// Why an object has no usage to show; nothing when it is matched.
    fn status(&self, object: &str, id: &str) -> Option<&'static str> {
        let key = (object.to_owned(), id.to_owned());
        if let Some(known) = self.statuses.borrow().get(&key) {
            return *known;
        }
        let status = self.found_status(object, id);
        self.statuses.borrow_mut().insert(key, status);
        status
    }

    fn found_status(&self, object: &str, id: &str) -> Option<&'static str> {
        let mut reason = Some("unmatched");
        if object == "account" {
            for pendo_account in self.pendo_accounts.keys() {
                let fitting = self.fitting_accounts(pendo_account).unwrap_or_default();
                match (fitting.contains(id), fitting.len()) {
                    (true, 1) => return None,
                    (true, _) => reason = Some("ambiguous"),
                    (false, _) => {}
                }
            }
            return reason;
        }
        let home = &self.contacts[id]["account_id"];
        let is_linked = home.as_str().is_some_and(|home| self.status("account", home).is_none());
        for visitor in self.visitors.keys().filter(|id| !is_anonymous(id)) {
            let fitting = self.fitting_contacts(visitor).unwrap_or_default();
            if !fitting.contains(id) {
                continue;
            }
            let alone_there = fitting.iter().filter(|contact| self.contacts[*contact]["account_id"] == *home).count();
            if fitting.len() == 1 || (alone_there == 1 && is_linked) {
                return None;
            }
            reason = Some("ambiguous");
        }
        reason
    }

    fn fitting_accounts(&self, pendo_account: &str) -> Fit {
        self.fitting("account", pendo_account)
    }

    fn fitting_contacts(&self, visitor: &str) -> Fit {
        self.fitting("contact", visitor)
    }

    /// The objects that fit; looked up once per id, since there are many rows.
    fn fitting(&self, object: &str, pendo_id: &str) -> Fit {
        let key = (object.to_owned(), pendo_id.to_owned());
        if let Some(known) = self.fits.borrow().get(&key) {
            return known.clone();
        }
        let rule = &self.matching[object];
        let fit = match object {
            "account" => fitting(rule, "account", pendo_id, &self.pendo_accounts, &self.accounts),
            _ => fitting(rule, "visitor", pendo_id, &self.visitors, &self.contacts),
        };
        self.fits.borrow_mut().insert(key, fit.clone());
        fit
    }

    fn window(&self, definition: &Value, kind: &str) -> (i64, i64) {
        let window = &definition["window"];
        if window["all_time"] == true {
            let first = self
                .rows
                .iter()
                .chain(&self.erased)
                .filter(|row| kind_name(row.kind) == kind)
                .map(|row| row.hour_ms)
                .min();
            return (self.history_from_ms.or(first).unwrap_or(self.as_of_ms), self.as_of_ms);
        }
        let today = self.today();
        if let Some(date) = window["since"].as_str() {
            return (self.begin_of(date.parse().unwrap()).min(self.as_of_ms), self.as_of_ms);
        }
        let is_whole_by_default = WHOLE_BY_DEFAULT.contains(&definition["function"].as_str().unwrap());
        if let Some(period) = window["calendar"].as_str() {
            let offset = window["offset"].as_u64().unwrap_or(u64::from(is_whole_by_default));
            let from = (0..offset).fold(first_of(period, today), |date, _| first_of(period, date.pred_opt().unwrap()));
            let mut next = from.succ_opt().unwrap();
            while first_of(period, next) == from {
                next = next.succ_opt().unwrap();
            }
            return (self.begin_of(from), if offset == 0 { self.as_of_ms } else { self.begin_of(next) });
        }
        let is_whole = window["complete_days"].as_bool().unwrap_or(is_whole_by_default);
        let end = if is_whole { today } else { today.succ_opt().unwrap() };
        let from = rolled_back(window, end);
        (self.begin_of(from), if is_whole { self.begin_of(today) } else { self.as_of_ms })
    }

    /// Where the equal window before begins, if its rows matter too.
    fn previous_from(&self, definition: &Value) -> Option<i64> {
        if definition["function"] != "trend" {
            return None;
        }
        let mut twice = definition.clone();
        let window = twice["window"].as_object_mut().unwrap();
        if let Some(offset) = window.get("calendar").map(|_| window.get("offset").and_then(Value::as_u64).unwrap_or(1))
        {
            window.insert("offset".to_owned(), json!(offset + 1));
        }
        for member in ["rolling_days", "rolling_weeks", "rolling_months"] {
            if let Some(count) = window.get(member).and_then(Value::as_u64) {
                window.insert(member.to_owned(), json!(2 * count));
            }
        }
        Some(self.window(&twice, definition["usage"]["kind"].as_str().unwrap()).0)
    }

    fn date(&self, at_ms: i64) -> NaiveDate {
        instant(at_ms).with_timezone(&self.zone).date_naive()
    }

    /// The first hour whose local date is this one: found by walking.
    fn begin_of(&self, date: NaiveDate) -> i64 {
        let mut at_ms = date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis() - 2 * DAY_HOURS * HOUR_MS;
        while self.date(at_ms) < date {
            at_ms += HOUR_MS;
        }
        at_ms
    }

    /// The events of a kind and level by class, from rows that are read.
    pub(crate) fn classes(&self, object: &str, kind: &str) -> BTreeMap<&'static str, u64> {
        let mut classes: BTreeMap<&'static str, u64> =
            ["matched", "unmatched", "ambiguous", "without_id"].map(|class| (class, 0)).into();
        for row in self.rows.iter().filter(|row| kind_name(row.kind) == kind) {
            let class = match self.owner(object, row) {
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

/// The objects whose column says the same as Pendo's key; nothing when there is no key to compare.
fn fitting(
    rule: &Value,
    pendo_member: &str,
    pendo_id: &str,
    people: &BTreeMap<String, Value>,
    objects: &BTreeMap<String, Value>,
) -> Fit {
    let path = rule[pendo_member].as_str()?;
    let key = |text: &str| {
        let text = text.trim();
        let text = if rule["ignore_case"] == true { text.to_lowercase() } else { text.to_owned() };
        Some(text).filter(|text| !text.is_empty())
    };
    let wanted = match path.strip_prefix("metadata.") {
        None => key(pendo_id)?,
        Some(path) => {
            let value = people.get(pendo_id)?.pointer(&format!("/{}", path.replace('.', "/")))?;
            key(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))?
        }
    };
    let column = rule["object"].as_str()?;
    let has = |object: &Value| object[column].as_str().and_then(key).is_some_and(|found| found == wanted);
    Some(objects.iter().filter(|(_, object)| has(object)).map(|(id, _)| id.clone()).collect())
}

fn owner_of(fitting: Fit) -> Owner {
    let Some(fitting) = fitting else { return Owner::WithoutId };
    let mut fitting = fitting.into_iter();
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Owner::Object(one),
        (Some(_), Some(_)) => Owner::Ambiguous,
        (None, _) => Owner::Unmatched,
    }
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

/// The first date of the day, week, month or quarter that holds a date: found by walking.
fn first_of(period: &str, mut date: NaiveDate) -> NaiveDate {
    let is_first = |date: NaiveDate| match period {
        "day" => true,
        "week" => date.weekday() == Weekday::Mon,
        "month" => date.day() == 1,
        _ => date.day() == 1 && [1, 4, 7, 10].contains(&date.month()),
    };
    while !is_first(date) {
        date = date.pred_opt().unwrap();
    }
    date
}

/// The date a rolling window's length before another: a month before is the same day, or the last before it that there is.
fn rolled_back(window: &Value, end: NaiveDate) -> NaiveDate {
    let count = |member: &str| window[member].as_u64();
    if let Some(months) = count("rolling_months") {
        let month = i64::from(end.year()) * 12 + i64::from(end.month0()) - i64::try_from(months).unwrap();
        let (year, month) =
            (i32::try_from(month.div_euclid(12)).unwrap(), u32::try_from(month.rem_euclid(12)).unwrap());
        let there = (1..=end.day()).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month + 1, day));
        return there.unwrap();
    }
    let days = count("rolling_days").or_else(|| Some(count("rolling_weeks")? * 7)).unwrap();
    end - chrono::Days::new(days)
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

fn instant(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap()
}

fn second(at_ms: i64) -> String {
    instant(at_ms).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn millisecond(at_ms: i64) -> String {
    instant(at_ms).to_rfc3339_opts(SecondsFormat::Millis, true)
}
