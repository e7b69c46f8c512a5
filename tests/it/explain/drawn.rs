//! Rows and definitions that are drawn at random.

use super::{EXCLUDED, PENDO_ACCOUNTS, VISITORS};
use crate::harness::{HOUR_MS, all_time, field};
use crate::reference::kind_name;
use pendo_simulator::{DEFAULT_APP, Kind, RawRow, SECOND_APP};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is drawn for one row.
pub(crate) type Drawn = (usize, usize, usize, usize, i64, (u32, u32), usize);

pub(crate) fn rows() -> impl Strategy<Value = Vec<Drawn>> {
    let hours_ago = prop_oneof![3 => 0..40_i64, 2 => 0..24 * 9_i64, 1 => 0..24 * 70_i64];
    let events = (prop_oneof![1 => Just(0_u32), 6 => 1..30_u32], 0..20_u32);
    prop::collection::vec(
        (0..5_usize, 0..VISITORS.len(), 0..PENDO_ACCOUNTS.len() + 1, 0..3_usize, hours_ago, events, 0..4_usize),
        140..240,
    )
}

pub(crate) fn row(drawn: &Drawn, now_ms: i64) -> RawRow {
    let (kind, visitor, account, object, hours_ago, (events, minutes), more) = *drawn;
    let kind = [Kind::Event, Kind::Page, Kind::Feature, Kind::Track, Kind::Guide][kind];
    let at_ms = now_ms - hours_ago * HOUR_MS - i64::try_from(object).unwrap() * 60_000;
    let object = if kind == Kind::Event { "allevents".to_owned() } else { format!("{}-{object}", kind_name(kind)) };
    let mut row = RawRow::new(kind, &object, VISITORS[visitor], PENDO_ACCOUNTS.get(account).copied(), at_ms);
    row.hour_ms = at_ms - at_ms.rem_euclid(HOUR_MS);
    (row.first_ms, row.last_ms) = (at_ms, (at_ms + 1_000 * i64::from(minutes)).min(row.hour_ms + HOUR_MS - 1));
    match kind {
        Kind::Guide => {
            let types = ["guideSeen", "ui:web:guideSeen", "guideDismissed", "guideAdvanced"];
            (row.event_type, row.last_ms) = (Some(types[more].to_owned()), row.first_ms);
        }
        // Of some hours Pendo has minutes and no event.
        _ => (row.events, row.minutes) = (events, if events == 0 { minutes + 1 } else { minutes }),
    }
    if more == 3 && kind != Kind::Guide {
        row.app_id = SECOND_APP;
    }
    row
}

const FUNCTIONS: [&str; 14] = [
    "count",
    "minutes",
    "distinct_visitors",
    "active_days",
    "first_used",
    "last_used",
    "days_since_last_used",
    "average_per_active_day",
    "average_per_active_user",
    "feature_breadth",
    "power_user_concentration",
    "stickiness",
    "trend",
    "adoption_rate",
];
/// What is drawn for one field.
pub(crate) type Definition = (bool, usize, usize, usize, usize, usize, usize);

/// So many fields.
pub(crate) fn definitions(count: usize) -> impl Strategy<Value = Vec<Definition>> {
    let excluded = 0..3 * EXCLUDED.len();
    let drawn = (any::<bool>(), 0..5_usize, 0..FUNCTIONS.len(), 0..5_usize, 0..3_usize, 0..5_usize, excluded);
    prop::collection::vec(drawn, count)
}

pub(crate) fn definition(drawn: Definition, at: usize) -> Value {
    let (is_account, kind, function, window, some, app, excluded) = drawn;
    let kind = ["event", "page", "feature", "track", "guide"][kind];
    let function = match (kind, FUNCTIONS[function]) {
        ("guide", "minutes") | ("event", "feature_breadth" | "adoption_rate") => "count",
        (_, function) => function,
    };
    let is_account =
        is_account || ["average_per_active_user", "power_user_concentration", "adoption_rate"].contains(&function);
    let some = if function == "adoption_rate" { some.max(1) } else { some };
    let window = match window {
        0 => all_time(),
        1 => json!({"rolling_days": 2, "complete_days": false}),
        2 => json!({"rolling_days": 7}),
        3 => json!({"rolling_days": 60, "complete_days": true}),
        _ => json!({"rolling_days": 1, "complete_days": true}),
    };
    let window = match function {
        "stickiness" | "trend" => [json!({"rolling_days": 7}), json!({"calendar": "month"})][some % 2].clone(),
        _ => window,
    };
    let mut field = field(&format!("F {at}"), if is_account { "account" } else { "contact" }, kind, function, &window);
    match (kind, some) {
        ("event", _) | (_, 0) => {}
        ("guide", 1) if function != "adoption_rate" => {
            field["usage"]["types"] = json!(["guideAdvanced", "guideDismissed"])
        }
        (_, some) => field["usage"]["ids"] = json!((0..some).map(|n| format!("{kind}-{n}")).collect::<Vec<_>>()),
    }
    if function == "adoption_rate" {
        field["of"] = json!("same_kind");
    }
    if let Some(app) = [DEFAULT_APP, SECOND_APP].get(app) {
        field["usage"]["apps"] = json!([app]);
    }
    if let Some(excluded) = EXCLUDED.get(excluded) {
        field["usage"]["exclude"] = serde_json::from_str(excluded).unwrap();
    }
    field
}
