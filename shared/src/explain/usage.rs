//! The usage browser: an object's stored rows, newest hour first, page by page.
//!
//! Days are read one after the other, and of a day only the rows that still fit the page are held. Within an hour the rows
//! of a visitor stand together; their further order is that of a hash, so that a cursor is short whatever ids look like.

use super::source::{Source, Whose};
use super::{ExplainError, REREADS_MAX};
use crate::context::Context;
use crate::id::{Kind, ObjectKind, VisitorHash, WorkspaceId};
use crate::store::span_hours;
use crate::time::{Hour, HourRange, to_the_millisecond, to_the_second};
use crate::usage::row::UsageRow;
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A day that is read costs as much as so many rows, however few it has.
const DAY_COSTS_ROWS: u64 = 5_000;

/// Which rows are asked for.
#[derive(Clone, Debug)]
pub struct UsageQuery {
    /// Account or contact.
    pub object: ObjectKind,
    /// The object's id.
    pub id: String,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only this feature, page, guide or track type.
    pub usage_object: Option<String>,
    /// Only this visitor, by Pendo's id.
    pub visitor: Option<String>,
    /// Hours that begin here or later.
    pub from: Option<Hour>,
    /// Hours that begin before.
    pub to: Option<Hour>,
    /// Where to go on.
    pub after: Option<Position>,
    /// Rows of a page at most.
    pub limit: usize,
    /// After so many rows of the shards a page ends early, with whatever it has, so that an answer comes in time.
    pub rows_max: u64,
}

/// One stored row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "UsageRow")]
pub struct UsageLine {
    /// The hour in which it lies.
    pub hour: String,
    /// The kind of usage.
    pub kind: Kind,
    /// The feature, page, guide or track type; null for all activity.
    pub usage_object: Option<String>,
    /// The type of a guide event; null for other kinds.
    pub event_type: Option<String>,
    /// Pendo's app id.
    pub app: i64,
    /// Pendo's visitor id; null where it was erased meanwhile.
    pub visitor: Option<String>,
    /// The Pendo account on the row.
    pub pendo_account: Option<String>,
    /// Events.
    pub events: u64,
    /// Pendo's minutes.
    pub minutes: u64,
    /// The first event.
    pub first: String,
    /// The last event.
    pub last: String,
    /// Whether it counts in no field, since the workspace excludes the visitor or the contact.
    pub excluded: bool,
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct UsagePage {
    /// The rows.
    pub items: Vec<UsageLine>,
    /// Where the next page begins; there may be more although a page has few rows, or none.
    pub next: Option<Position>,
}

/// A row's place in the order of all rows of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    hour: Reverse<Hour>,
    visitor: VisitorHash,
    /// A hash of the row's other keys.
    row: u64,
    /// Which one it is of rows that are equal in all keys.
    nth: u32,
}

impl Position {
    fn of(row: &UsageRow<'_>) -> Self {
        let mut hasher = twox_hash::XxHash3_64::default();
        (row.kind, row.object, row.event_type, row.app, row.account).hash(&mut hasher);
        Self { hour: Reverse(row.hour), visitor: row.visitor, row: hasher.finish(), nth: 0 }
    }

    /// Behind every row of an hour.
    fn behind(hour: Hour) -> Self {
        Self { hour: Reverse(hour), visitor: VisitorHash(u64::MAX), row: u64::MAX, nth: u32::MAX }
    }

    /// Reads what was written by `Display`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let mut part = || parts.next();
        let position = Self {
            hour: Reverse(Hour(part()?.parse().ok()?)),
            visitor: VisitorHash(part()?.parse().ok()?),
            row: part()?.parse().ok()?,
            nth: part()?.parse().ok()?,
        };
        parts.next().is_none().then_some(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.hour.0.0, self.visitor.0, self.row, self.nth)
    }
}

/// Reads a page.
///
/// # Errors
/// What was asked for does not exist; the table's.
pub async fn usage(context: &Context, workspace: &WorkspaceId, query: &UsageQuery) -> Result<UsagePage, ExplainError> {
    let mut rereads = 0;
    loop {
        match read(context, workspace, query).await {
            Err(error) if error.is_overtaken() && rereads < REREADS_MAX => rereads += 1,
            outcome => return outcome,
        }
    }
}

async fn read(context: &Context, workspace: &WorkspaceId, query: &UsageQuery) -> Result<UsagePage, ExplainError> {
    let mut source = Source::open(context, workspace, query.object, &query.id).await?;
    let ranges = ranges(query, &source);
    let (mut taken, mut next, mut cost) = (Taken::new(query), None, 0_u64);
    for day in days(&source, &ranges) {
        if taken.is_full() {
            break;
        }
        if cost >= query.rows_max {
            next = Some(Position::behind(day.to));
            break;
        }
        let part: BTreeMap<Kind, HourRange> = within(&ranges, day);
        let rows = source.visit(&part, None, &mut |row, whose| taken.see(row, whose)).await?;
        cost += if rows > 0 { rows + DAY_COSTS_ROWS } else { 0 };
    }
    let (rows, last) = taken.page();
    let names = source.names(&rows.iter().map(|(visitor, _)| *visitor).collect()).await?;
    let named = |(visitor, line): (VisitorHash, UsageLine)| UsageLine { visitor: names.get(&visitor).cloned(), ..line };
    Ok(UsagePage { items: rows.into_iter().map(named).collect(), next: last.or(next) })
}

/// What can be shown of each kind: what was read and counts, cut to what is asked.
fn ranges(query: &UsageQuery, source: &Source<'_>) -> BTreeMap<Kind, HourRange> {
    let connection = &source.connection;
    let from = connection.history_from.unwrap_or_default().max(query.from.unwrap_or_default());
    let ends = [connection.frozen_as_of, query.to, query.after.map(|after| after.hour.0.plus(1))];
    let mut ranges = BTreeMap::new();
    // Track events with properties are all there as track events.
    for (kind, state) in source.checkpoint.kinds.iter().filter(|(kind, _)| !kind.is_properties()) {
        let Some(as_of) = state.as_of.filter(|_| query.kind.is_none_or(|wanted| wanted == *kind)) else { continue };
        let to = ends.into_iter().flatten().fold(as_of, Hour::min);
        if from < to {
            ranges.insert(*kind, HourRange { from, to });
        }
    }
    ranges
}

/// The days that may hold rows, newest first.
fn days(source: &Source<'_>, ranges: &BTreeMap<Kind, HourRange>) -> impl Iterator<Item = HourRange> + use<> {
    let to = ranges.values().map(|range| range.to).max().unwrap_or_default();
    let from = ranges.values().map(|range| range.from).min().unwrap_or_default();
    let days = source.spans(to).into_iter().rev().flat_map(|span| {
        let hours = span_hours(span);
        (hours.from.utc_day()..hours.to.utc_day()).rev()
    });
    let days = days.map(|day| HourRange { from: Hour(day * 24), to: Hour((day + 1) * 24) });
    days.filter(move |day| day.from < to && from < day.to)
}

fn within(ranges: &BTreeMap<Kind, HourRange>, day: HourRange) -> BTreeMap<Kind, HourRange> {
    let cut = |range: &HourRange| HourRange { from: range.from.max(day.from), to: range.to.min(day.to) };
    ranges.iter().map(|(kind, range)| (*kind, cut(range))).filter(|(_, range)| !range.is_empty()).collect()
}

/// The first rows of those that were seen, in their order, and one more that tells whether there is a next page.
struct Taken<'q> {
    query: &'q UsageQuery,
    visitor: Option<VisitorHash>,
    rows: BTreeMap<Position, UsageLine>,
    /// Rows that were seen and are equal in all keys to the last one of the page before.
    equals: u32,
}

impl<'q> Taken<'q> {
    fn new(query: &'q UsageQuery) -> Self {
        Self { query, visitor: query.visitor.as_deref().map(VisitorHash::of), rows: BTreeMap::new(), equals: 0 }
    }

    fn is_full(&self) -> bool {
        self.rows.len() > self.query.limit
    }

    fn see(&mut self, row: &UsageRow<'_>, whose: Whose) {
        let is_wanted = matches!(whose, Whose::Own | Whose::Excluded(_))
            && self.visitor.is_none_or(|visitor| visitor == row.visitor)
            && self.query.usage_object.as_ref().is_none_or(|object| object == row.object);
        if !is_wanted {
            return;
        }
        let mut position = Position::of(row);
        match self.query.after {
            Some(after) if position == (Position { nth: 0, ..after }) => {
                position.nth = self.equals;
                self.equals += 1;
                if position <= after {
                    return;
                }
            }
            Some(after) if position < after => return,
            _ => {
                while self.rows.contains_key(&position) {
                    position.nth += 1;
                }
            }
        }
        self.rows.insert(position, line(row, whose != Whose::Own));
        if self.rows.len() > self.query.limit + 1 {
            self.rows.pop_last();
        }
    }

    /// The rows with their visitors, and the last of them where more follow.
    fn page(mut self) -> (Vec<(VisitorHash, UsageLine)>, Option<Position>) {
        let is_cut = self.is_full();
        if is_cut {
            self.rows.pop_last();
        }
        let last = self.rows.keys().next_back().copied().filter(|_| is_cut);
        (self.rows.into_iter().map(|(position, line)| (position.visitor, line)).collect(), last)
    }
}

fn line(row: &UsageRow<'_>, excluded: bool) -> UsageLine {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    UsageLine {
        hour: to_the_second(row.hour.start_ms()),
        kind: row.kind,
        usage_object: text(row.object),
        event_type: text(row.event_type),
        app: row.app,
        visitor: None,
        pendo_account: row.account.map(str::to_owned),
        events: row.events,
        minutes: row.minutes,
        first: to_the_millisecond(row.first_ms),
        last: to_the_millisecond(row.last_ms),
        excluded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::source::By;

    fn row(hour: i32, visitor: u64, object: &'static str, events: u64) -> UsageRow<'static> {
        let hour = Hour(hour);
        UsageRow {
            kind: Kind::Page,
            hour,
            account: Some("a"),
            visitor: VisitorHash(visitor),
            app: 1,
            object,
            event_type: "",
            events,
            minutes: 1,
            first_ms: hour.start_ms(),
            last_ms: hour.start_ms(),
        }
    }

    fn query(limit: usize, after: Option<Position>) -> UsageQuery {
        UsageQuery {
            object: ObjectKind::Account,
            id: "A-1".to_owned(),
            kind: None,
            usage_object: None,
            visitor: None,
            from: None,
            to: None,
            after,
            limit,
            rows_max: u64::MAX,
        }
    }

    #[test]
    fn a_position_is_read_as_it_was_written_and_nothing_else_is() {
        let position = Position::of(&row(495_000, u64::MAX, "p", 1));
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        for text in ["", "1/2/3", "1/2/3/4/5", "a/2/3/4", "1/-2/3/4", "1/2/3/", "account/A-1"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }

    #[test]
    fn pages_hold_every_row_once_the_newest_first_whatever_their_size_and_equal_rows_too() {
        // Two rows of one key each in the first and the last hour.
        let rows = [
            row(3, 7, "p", 1),
            row(5, 2, "p", 2),
            row(5, 2, "q", 3),
            row(5, 1, "p", 4),
            row(3, 7, "p", 5),
            row(5, 2, "p", 6),
        ];
        for limit in 1..=7 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let query = query(limit, after);
                let mut taken = Taken::new(&query);
                rows.iter().for_each(|row| taken.see(row, Whose::Own));
                let (page, next) = taken.page();
                assert!(page.len() <= limit && (next.is_none() || page.len() == limit));
                seen.extend(page.into_iter().map(|(visitor, line)| (line.hour, visitor.0, line.events)));
                after = next;
                if after.is_none() {
                    break;
                }
            }
            let hours: Vec<&String> = seen.iter().map(|(hour, ..)| hour).collect();
            assert!(hours.is_sorted_by(|one, next| one >= next), "{seen:?}");
            let visitors: Vec<u64> = seen.iter().take(4).map(|(_, visitor, _)| *visitor).collect();
            assert_eq!(visitors, [1, 2, 2, 2], "of an hour, visitor by visitor");
            let mut events: Vec<u64> = seen.iter().map(|(.., events)| *events).collect();
            events.sort_unstable();
            assert_eq!(events, [1, 2, 3, 4, 5, 6], "pages of {limit}");
        }
    }

    #[test]
    fn rows_of_others_are_left_out() {
        let query = query(10, None);
        let mut taken = Taken::new(&query);
        taken.see(&row(1, 1, "p", 1), Whose::Other);
        taken.see(&row(1, 1, "p", 1), Whose::Contested);
        assert_eq!(taken.page().0, []);
        let mut taken = Taken::new(&query);
        taken.see(&row(1, 1, "p", 1), Whose::Own);
        taken.see(&row(2, 2, "p", 1), Whose::Excluded(By::Workspace));
        let shown: Vec<bool> = taken.page().0.into_iter().map(|(_, line)| line.excluded).collect();
        assert_eq!(shown, [true, false], "a row that does not count is shown as one");
    }

    #[test]
    fn what_was_read_of_a_day_is_behind_its_last_row() {
        let behind = Position::behind(Hour(24));
        assert!(Position::of(&row(24, u64::MAX, "p", 1)) < behind && behind < Position::of(&row(23, 0, "p", 1)));
    }
}
