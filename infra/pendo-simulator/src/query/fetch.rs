//! A source's rows as they can be seen now.

use std::collections::HashMap;

use crate::query::item::Item;
use crate::query::run::Run;
use crate::query::source::{Blacklist, Source, What};
use crate::query::{Refusal, function, seen, time};
use crate::row::{Kind, Period, Row};
use crate::value::{Record, Value};
use crate::world::{ItemKind, Sightings};

/// Reads a source.
pub(crate) fn fetch(source: &Source, run: &Run<'_>) -> Result<Vec<Item>, Refusal> {
    let world = run.world;
    Ok(match source.what {
        What::Usage(kind) => {
            let rows = usage(source, kind, run)?;
            let period = source.window.map_or(Period::Hour, |window| window.period);
            let rows = if kind.is_single() || period == Period::Hour { rows } else { widen(rows, period, run) };
            rows.into_iter().map(|row| Item::Raw(row, None)).collect()
        }
        What::GuidesSeen => seen::guides(&usage(source, Kind::Guide, run)?, run),
        What::PollsSeen => seen::polls(&usage(source, Kind::Poll, run)?, run),
        What::Visitors => {
            let records = world.visitor_records(&Sightings::by(world, run.now_ms));
            let is_wanted = |record: &Record| {
                !source.identified
                    || record.get("visitorId").and_then(Value::as_text).is_some_and(function::is_identified)
            };
            records.into_iter().filter(is_wanted).map(Item::Made).collect()
        }
        What::Accounts => {
            world.account_records(&Sightings::by(world, run.now_ms)).into_iter().map(Item::Made).collect()
        }
        What::Pages => items(source, ItemKind::Page, run),
        What::Features => items(source, ItemKind::Feature, run),
        What::TrackTypes => items(source, ItemKind::TrackType, run),
        What::Guides => items(source, ItemKind::Guide, run),
        What::Apps => {
            world.apps.iter().map(|(id, name)| made(&[("id", Value::int(*id)), ("name", Value::text(name))])).collect()
        }
        What::Groups => vec![made(&[
            ("id", Value::text("default")),
            ("name", Value::text("Default")),
            ("description", Value::text("")),
        ])],
        What::DoNotProcessVisitors => {
            let listed = world.visitors.iter().filter(|visitor| visitor.do_not_process);
            listed.map(|visitor| made(&[("visitorId", Value::Text(world.texts.text(visitor.id)))])).collect()
        }
        What::DoNotProcessAccounts => Vec::new(),
    })
}

fn usage(source: &Source, kind: Kind, run: &Run<'_>) -> Result<Vec<Row>, Refusal> {
    let world = run.world;
    let rows = match source.window {
        Some(window) => world.rows_between(kind, window.from_ms, window.to_ms),
        None => world.rows(kind),
    };
    run.touch(rows.len())?;
    let objects: Option<Vec<u32>> =
        source.objects.as_ref().map(|ids| ids.iter().filter_map(|id| world.texts.find(id)).collect());
    let is_wanted = |row: &Row| {
        source.apps.as_ref().is_none_or(|apps| apps.contains(&row.app))
            && objects.as_ref().is_none_or(|objects| objects.contains(&row.object))
            && match source.blacklist {
                Blacklist::Ignore => true,
                Blacklist::Apply => !world.is_excluded(row),
                Blacklist::Only => world.is_excluded(row),
            }
            && !world.is_hidden(row)
            && world.is_processed(row, run.now_ms)
    };
    Ok(rows.iter().filter(|row| is_wanted(row)).filter_map(|row| row.seen_at(run.now_ms)).collect())
}

/// Rows of one wider bucket that differ in nothing but their hours become one.
fn widen(rows: Vec<Row>, period: Period, run: &Run<'_>) -> Vec<Row> {
    let mut wide: Vec<Row> = Vec::new();
    let mut places: HashMap<([u32; 4], i64, i64, Option<Value>), usize> = HashMap::new();
    let mut starts: HashMap<i64, i64> = HashMap::new();
    for row in rows {
        let start = *starts.entry(row.hour).or_insert_with(|| time::start_of(period, row.hour, run.world.zone));
        let extra = run.world.extra(&row).map(|record| Value::Map(record.clone()));
        let place = *places
            .entry(([row.visitor, row.account, row.object, row.origin], row.app, start, extra))
            .or_insert(wide.len());
        match wide.get_mut(place) {
            Some(known) => {
                known.events += row.events;
                known.minutes += row.minutes;
                known.first = known.first.min(row.first);
                known.last = known.last.max(row.last);
            }
            None => wide.push(Row { hour: start, period, ..row }),
        }
    }
    wide
}

fn items(source: &Source, kind: ItemKind, run: &Run<'_>) -> Vec<Item> {
    let listed = run.world.items.iter().filter(|item| item.kind == kind);
    let listed = listed.filter(|item| source.apps.as_ref().is_none_or(|apps| apps.contains(&item.app)));
    listed.map(|item| Item::Made(Record::from_json(&run.world.shown(item, run.now_ms)))).collect()
}

fn made(fields: &[(&str, Value)]) -> Item {
    let mut record = Record::default();
    for (name, value) in fields {
        record.set(name, value.clone());
    }
    Item::Made(record)
}
