//! One visitor's active hour: pages viewed, features clicked, track events sent, and the `event` rows that hold all of it once more.

use std::sync::Arc;

use crate::random::Dice;
use crate::row::{HOUR_MS, Kind, NONE, Period, Row};
use crate::value::{Record, Value};
use crate::world::activity::{HOME_ORIGINS, Habit};
use crate::world::tags::{PageTag, Tags};
use crate::world::{World, guide, late};

/// Makes the rows of an hour.
pub(super) fn make(
    world: &mut World,
    tags: &[Tags],
    habit: &Habit,
    hour_ms: i64,
    dice: &mut Dice,
    fresh: &mut Vec<Row>,
) {
    let second = habit.second_app && dice.chance(250_000);
    let Some(tags) = tags.get(usize::from(second)) else { return };
    let scene = Scene::new(world, tags, habit, hour_ms, dice);
    let views = 1 + u32::from(dice.chance(400_000)) + u32::from(dice.chance(200_000));
    let start = dice.below(u32::try_from(tags.pages.len()).unwrap_or(1));
    for step in 0..views {
        let place = (start + step * 3) as usize % tags.pages.len().max(1);
        if let Some(page) = tags.pages.get(place) {
            make_page(world, &scene, page, dice, fresh);
        }
    }
    let mut untagged = if dice.chance(300_000) { dice.between(1, 6) } else { 0 };
    if dice.chance(300_000) {
        untagged += make_track(world, &scene, tags, dice, fresh);
    }
    if untagged > 0 {
        push(world, scene.row(Kind::Event, tags.all_events, untagged, dice), dice, fresh);
    }
    if dice.chance(110_000) {
        guide::make(world, &scene, tags, dice, fresh);
    }
}

/// What the rows of an hour share.
pub(super) struct Scene {
    visitor: u32,
    account: u32,
    origin: u32,
    app: i64,
    hour_ms: i64,
}

impl Scene {
    fn new(world: &World, tags: &Tags, habit: &Habit, hour_ms: i64, dice: &mut Dice) -> Scene {
        let account = habit.accounts[usize::from(dice.chance(400_000))];
        let origin = habit.origins[usize::from(dice.chance(150_000))];
        debug_assert!((origin as usize) < world.origins.len(), "habits name origins that exist");
        Scene { visitor: habit.visitor, account, origin, app: tags.app, hour_ms }
    }

    /// A row of some events at drawn times within the hour.
    pub(super) fn row(&self, kind: Kind, object: u32, events: u32, dice: &mut Dice) -> Row {
        let one = i64::from(dice.below(3_600_000));
        let other = if events > 1 { i64::from(dice.below(3_600_000)) } else { one };
        let (first, last) = (one.min(other), one.max(other));
        debug_assert!(last < HOUR_MS, "an event lies within its hour");
        let minutes = u32::try_from((last - first) / 60_000 + 1).unwrap_or(1).min(events);
        Row {
            kind,
            period: Period::Hour,
            object,
            visitor: self.visitor,
            account: self.account,
            origin: self.origin,
            extra: NONE,
            events,
            minutes,
            app: self.app,
            hour: self.hour_ms,
            first: self.hour_ms + first,
            last: self.hour_ms + last,
            arrives: 0,
            early_events: 0,
            early_at: 0,
        }
    }
}

/// Gives a row its arrival and keeps it.
pub(super) fn push(world: &World, mut row: Row, dice: &mut Dice, fresh: &mut Vec<Row>) {
    late::settle(&mut row, dice, world.late);
    fresh.push(row);
}

/// Keeps the further fields of a row.
pub(super) fn keep(world: &mut World, record: Record) -> u32 {
    world.extras.push(Arc::new(record));
    u32::try_from(world.extras.len() - 1).unwrap_or(NONE)
}

fn make_page(world: &mut World, scene: &Scene, page: &PageTag, dice: &mut Dice, fresh: &mut Vec<Row>) {
    let views = dice.between(1, 5);
    let mut all = views;
    push(world, scene.row(Kind::Page, page.id, views, dice), dice, fresh);
    if dice.chance(80_000) {
        // The same page once more with URL parameters: a row that differs in nothing else.
        let more = dice.between(1, 3);
        all += more;
        let mut row = scene.row(Kind::Page, page.id, more, dice);
        row.extra = keep(world, parameters(dice));
        push(world, row, dice, fresh);
    }
    if dice.chance(50_000) {
        // And from another server, address and browser.
        all += 1;
        let mut row = scene.row(Kind::Page, page.id, 1, dice);
        row.origin = (scene.origin + 1) % HOME_ORIGINS;
        push(world, row, dice, fresh);
    }
    for feature in &page.features {
        if dice.chance(420_000) {
            let clicks = dice.between(1, 6);
            all += clicks;
            push(world, scene.row(Kind::Feature, *feature, clicks, dice), dice, fresh);
        }
    }
    push(world, scene.row(Kind::Event, page.id, all, dice), dice, fresh);
}

fn make_track(world: &mut World, scene: &Scene, tags: &Tags, dice: &mut Dice, fresh: &mut Vec<Row>) -> u32 {
    let Some(track) = dice.pick(&tags.tracks).copied() else { return 0 };
    let events = dice.between(1, 3);
    let mut row = scene.row(Kind::Track, track, events, dice);
    let mut properties = Record::default();
    properties.set("format", Value::text(dice.pick(&["csv", "pdf", "xlsx"]).copied().unwrap_or("csv")));
    // A number that came as text, as happens.
    properties.set("rows", Value::text(dice.between(1, 5000).to_string()));
    properties.set("source", Value::text(if dice.chance(500_000) { "ui" } else { "api" }));
    let mut record = Record::default();
    record.set("properties", properties.into());
    row.extra = keep(world, record);
    push(world, row, dice, fresh);
    events
}

fn parameters(dice: &mut Dice) -> Record {
    let mut inner = Record::default();
    inner.set(
        "tab",
        Value::text(dice.pick(&["overview", "history", "a \"quoted\" tab"]).copied().unwrap_or("overview")),
    );
    inner.set("ref", Value::text(format!("r{}", dice.below(50))));
    let mut record = Record::default();
    record.set("parameters", inner.into());
    record
}
