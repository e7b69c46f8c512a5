//! Guides shown and polls answered: single events with the client's time and the server's, which need not agree.

use crate::random::Dice;
use crate::row::{HOUR_MS, Kind, Row};
use crate::value::{Record, Value};
use crate::world::World;
use crate::world::hour::{Scene, keep, push};
use crate::world::tags::{GuideTag, Tags};

/// Shows one guide in an hour.
pub(super) fn make(world: &mut World, scene: &Scene, tags: &Tags, dice: &mut Dice, fresh: &mut Vec<Row>) {
    let Some(guide) = dice.pick(&tags.guides) else { return };
    let skew_ms = skew(dice);
    let seen = scene.row(Kind::Guide, guide.id, 1, dice);
    let reason = dice.pick(&["auto", "launcher", "badge"]).copied().unwrap_or("auto");
    let mut at_ms = seen.first;
    single(world, seen, at_ms, skew_ms, details(world, guide, 0, "guideSeen", Some(reason), dice), dice, fresh);
    let mut step = 0;
    while step + 1 < guide.steps.len() && dice.chance(600_000) {
        at_ms = (at_ms + i64::from(dice.between(2, 90)) * 1000).min(last_ms(&seen));
        single(world, seen, at_ms, skew_ms, details(world, guide, step, "guideAdvanced", None, dice), dice, fresh);
        step += 1;
        single(
            world,
            seen,
            at_ms,
            skew_ms,
            details(world, guide, step, "guideSeen", Some("continue"), dice),
            dice,
            fresh,
        );
    }
    if !guide.polls.is_empty() && dice.chance(350_000) {
        answer(world, guide, &seen, at_ms, skew_ms, dice, fresh);
    } else if dice.chance(500_000) {
        at_ms = (at_ms + i64::from(dice.between(1, 60)) * 1000).min(last_ms(&seen));
        single(world, seen, at_ms, skew_ms, details(world, guide, step, "guideDismissed", None, dice), dice, fresh);
    }
}

fn answer(
    world: &mut World,
    guide: &GuideTag,
    seen: &Row,
    at_ms: i64,
    skew_ms: i64,
    dice: &mut Dice,
    fresh: &mut Vec<Row>,
) {
    let score = i64::from(dice.between(0, 10).max(dice.between(0, 10)));
    let reason = dice
        .pick(&[
            "Easy to use",
            "Too slow",
            "Great support",
            "It's \"fine\"",
            "\u{3068}\u{3066}\u{3082}\u{826f}\u{3044}",
        ])
        .copied();
    let answers = [("NPSRating", Value::int(score)), ("NPSReason", Value::text(reason.unwrap_or("")))];
    for (poll, (kind, response)) in guide.polls.iter().zip(answers) {
        let at_ms = (at_ms + i64::from(dice.between(3, 40)) * 1000).min(last_ms(seen));
        let mut record = details(world, guide, 0, "pollResponse", None, dice);
        record.set("pollId", Value::text(poll));
        record.set("pollType", Value::text(kind));
        record.set("pollResponse", response);
        single(world, Row { kind: Kind::Poll, ..*seen }, at_ms, skew_ms, record, dice, fresh);
    }
}

/// Keeps a single event at the server's time, with the client's clock off by some seconds or minutes.
fn single(
    world: &mut World,
    row: Row,
    at_ms: i64,
    skew_ms: i64,
    record: Record,
    dice: &mut Dice,
    fresh: &mut Vec<Row>,
) {
    let extra = keep(world, record);
    push(world, Row { first: at_ms, last: at_ms - skew_ms, minutes: 0, extra, ..row }, dice, fresh);
}

fn details(world: &World, guide: &GuideTag, step: usize, kind: &str, reason: Option<&str>, dice: &mut Dice) -> Record {
    let mut record = Record::default();
    let prefix = if world.raw_types { "ui:web:" } else { "" };
    record.set("type", Value::text(format!("{prefix}{kind}")));
    record.set("guideStepId", guide.steps.get(step).map_or(Value::Null, Value::text));
    if let Some(reason) = reason {
        record.set("guideSeenReason", Value::text(reason));
    }
    record.set("eventId", Value::text(format!("{:016x}", dice.roll())));
    record.set("loadTime", Value::int(i64::from(dice.between(80, 900))));
    record.set("url", Value::text("https://app.example.test/home"));
    record.set("title", Value::text("Home"));
    record.set("language", Value::text("en-US"));
    record
}

fn skew(dice: &mut Dice) -> i64 {
    match dice.below(20) {
        0 => i64::from(dice.between(60, 900)) * 1000,
        1 => -i64::from(dice.between(5, 300)) * 1000,
        _ => i64::from(dice.between(100, 2500)),
    }
}

fn last_ms(row: &Row) -> i64 {
    row.hour + HOUR_MS - 1
}
