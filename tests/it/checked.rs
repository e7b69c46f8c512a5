//! A definition that was checked over rows that nobody has: it has a value or a reason, in whatever order and parts they come.

use crate::fuzz::{SEED, bodies, drawn, runner};
use crate::harness::pick;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use shared::fields::{Accumulator, Definition, Field, Plan, Reason};
use shared::id::{FieldId, Kind, VisitorHash};
use shared::time::{HOUR_MS, Hour, Zone};
use shared::usage::row::UsageRow;

/// A row that Pendo would not send: kind, hour, visitor, app, object, type, events, minutes, first and last.
type Odd = (Kind, i32, u64, i64, &'static str, &'static str, u64, u64, i64, i64);

/// What rows of track events with a property have.
const PRO: &str = r#"["pro"]"#;
const FIVE: &str = r#"["5"]"#;

fn rows(as_of: i32) -> impl Strategy<Value = Vec<Odd>> {
    let hour = prop_oneof![8 => (as_of - 3_000)..(as_of + 2), 1 => any::<i32>(), 1 => select(vec![i32::MIN, i32::MAX])];
    let number = || prop_oneof![4 => 0..5_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)];
    let time = || {
        prop_oneof![
            6 => (i64::from(as_of) * HOUR_MS - 9_999_999_999)..(i64::from(as_of) * HOUR_MS),
            1 => any::<i64>(),
            // The ends of the calendar, and of the numbers.
            1 => (select(vec![i64::MIN, i64::MAX, 8_210_266_876_799_999, -8_334_601_228_800_000]), -2..3_i64)
                .prop_map(|(end, by)| end.saturating_add(by)),
        ]
    };
    let row = (
        select(Kind::ALL.to_vec()),
        hour,
        0..4_u64,
        prop_oneof![0..3_i64, any::<i64>()],
        select(vec!["a", "b", "c", "z", ""]),
        select(vec![
            "guideSeen",
            "guideAdvanced",
            "guideDismissed",
            "",
            "x",
            PRO,
            FIVE,
            "[null]",
            "[1e14]",
            "[{}]",
            "[-0.1]",
            "[[]",
            "[]",
            "[[7.5,-2,3]]",
            "[[1e26,-1e14,0.1]]",
            "[[null,1,2]]",
        ]),
        number(),
        number(),
        time(),
        time(),
    );
    prop::collection::vec(row, 0..25)
}

#[test]
fn a_definition_that_was_checked_has_a_value_or_a_reason_whatever_the_rows_are() {
    let zones = ["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "Etc/GMT+12", "Pacific/Kiritimati"];
    let zones = zones.map(|name| Zone::parse(name).unwrap());
    // From 1970 over now to the year 2100.
    let moments = || prop_oneof![1 => 0..20_000_i32, 6 => 480_000..520_000_i32, 1 => 520_000..1_139_544_i32];
    let strategy = (bodies(), moments(), moments(), select(zones.to_vec()))
        .prop_flat_map(|(body, as_of, first, zone)| (Just((body, as_of, first, zone)), rows(as_of)));
    let mut runner = runner();
    let (n, mut values, mut reasons) = (pick(3_000, 50_000), 0, 0);
    for _ in 0..n {
        let ((body, as_of, first, zone), rows) = drawn(&strategy, &mut runner);
        let Ok(definition) = Definition::parse(&body) else { continue };
        let field = Field::new(FieldId::from_text("f"), definition, 0, None);
        let Some(plan) = Plan::new(&field, Hour(as_of), zone, Hour(first)) else { continue };
        let rows: Vec<UsageRow<'_>> = rows
            .iter()
            .map(|&(kind, hour, visitor, app, object, event_type, events, minutes, first_ms, last_ms)| UsageRow {
                // Track events are what the plan takes of them.
                kind: if kind == Kind::Track && plan.kind().is_properties() { plan.kind() } else { kind },
                hour: Hour(hour),
                account: Some("A"),
                visitor: VisitorHash(visitor),
                app,
                object,
                event_type,
                events,
                minutes,
                first_ms,
                last_ms,
            })
            .filter(|row| plan.takes(row))
            .collect();
        let folded = |rows: &mut dyn Iterator<Item = &UsageRow<'_>>| {
            let mut accumulator = plan.start();
            rows.for_each(|row| accumulator.add(&plan, row, zone.local_day(row.hour.start_ms())));
            accumulator
        };
        let outcome =
            |accumulator: &Accumulator| (accumulator.outcome(&plan).value(), accumulator.outcome(&plan).reason());
        let all = outcome(&folded(&mut rows.iter()));
        match &all {
            (Value::Null, reason) => assert!(reason.is_some_and(Reason::is_told_by_usage), "{body}: {reason:?}"),
            (Value::Number(number), None) => assert!(number.as_f64().is_some_and(f64::is_finite), "{body}: {number}"),
            (Value::String(_), None) => {
                assert!(!field.definition.measured().unwrap().function.is_number(), "{body}");
            }
            other => panic!("{body}: {other:?}"),
        }
        let mut halves = folded(&mut rows.iter().step_by(2));
        halves.merge(&folded(&mut rows.iter().skip(1).step_by(2)));
        assert_eq!((outcome(&folded(&mut rows.iter().rev())), outcome(&halves)), (all.clone(), all.clone()), "{body}");
        values += usize::from(all.1.is_none());
        reasons += usize::from(all.1.is_some());
    }
    println!("checked definitions: seed {SEED}, n {n}, {values} values, {reasons} reasons, failures 0");
    assert!(values * 5 > n && reasons * 20 > n, "{values} {reasons}");
}
