//! `guidesSeen` and `pollsSeen`: what each visitor has seen and answered, derived from the single events.

use std::collections::BTreeMap;

use crate::query::field::Field;
use crate::query::item::Item;
use crate::query::run::Run;
use crate::row::Row;
use crate::value::{Record, Value};

/// One row per visitor, guide and step.
pub(crate) fn guides(rows: &[Row], run: &Run<'_>) -> Vec<Item> {
    let mut seen: BTreeMap<(Value, Value, Value), Record> = BTreeMap::new();
    for row in rows {
        let extra = |name: &str| run.world.extra(row).and_then(|record| record.get(name)).cloned().unwrap_or_default();
        let (visitor, guide, step) =
            (Field::Visitor.value(row, run), Field::Guide.value(row, run), extra("guideStepId"));
        let record = seen.entry((visitor.clone(), guide.clone(), step.clone())).or_default();
        if record.is_empty() {
            record.set("visitorId", visitor);
            record.set("guideId", guide);
            record.set("guideStepId", step);
            record.set("firstSeenAt", Value::int(row.first));
            record.set("seenCount", Value::Number(0.0));
        }
        let kind = extra("type");
        let state =
            kind.as_text().unwrap_or("").rsplit(':').next().unwrap_or("").trim_start_matches("guide").to_lowercase();
        match &*state {
            "seen" => {
                let count = record.get("seenCount").and_then(Value::number).unwrap_or(0.0);
                record.set("seenCount", Value::Number(count + 1.0));
                record.set("lastSeenAt", Value::int(row.first));
            }
            "advanced" => record.set("lastAdvancedAutoAt", Value::int(row.first)),
            "dismissed" => record.set("lastDismissedAutoAt", Value::int(row.first)),
            "timeout" => record.set("lastTimeoutAt", Value::int(row.first)),
            _ => {}
        }
        record.set("lastState", Value::text(state));
    }
    seen.into_values().map(Item::Made).collect()
}

/// One row per visitor, account and poll: the latest answer.
pub(crate) fn polls(rows: &[Row], run: &Run<'_>) -> Vec<Item> {
    let mut seen: BTreeMap<(Value, Value, Value), Record> = BTreeMap::new();
    for row in rows {
        let extra = |name: &str| run.world.extra(row).and_then(|record| record.get(name)).cloned().unwrap_or_default();
        let (visitor, account, poll) =
            (Field::Visitor.value(row, run), Field::Account.value(row, run), extra("pollId"));
        let record = seen.entry((visitor.clone(), account.clone(), poll.clone())).or_default();
        record.set("visitorId", visitor);
        record.set("accountId", account);
        record.set("guideId", Field::Guide.value(row, run));
        record.set("pollId", poll);
        record.set("time", Value::int(row.first));
        record.set("response", extra("pollResponse"));
        record.set("pollResponse", extra("pollResponse"));
    }
    seen.into_values().map(Item::Made).collect()
}
