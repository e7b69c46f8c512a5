//! When a row can be seen: mostly minutes after its last event, sometimes hours later, rarely days; and some rows come in two parts.

use crate::random::Dice;
use crate::row::{DAY_MS, HOUR_MS, Row};

const MINUTE_MS: i64 = 60_000;

/// Draws a row's arrival. The draws are made in any case, so that punctual and late worlds hold the same rows.
pub(super) fn settle(row: &mut Row, dice: &mut Dice, late: bool) {
    let draw = dice.below(1000);
    let delay_ms = match draw {
        0..5 => DAY_MS + i64::from(dice.below(7 * 24 * 60)) * MINUTE_MS,
        5..35 => 15 * MINUTE_MS + i64::from(dice.below(465)) * MINUTE_MS,
        _ => MINUTE_MS + i64::from(dice.below(540)) * 1000,
    };
    let in_parts = dice.below(100) < 12 && row.events >= 4;
    let early = dice.between(1, row.events.saturating_sub(1).max(1));
    let early_delay_ms = i64::from(dice.between(1, 8)) * MINUTE_MS;
    let server_ms = if row.kind.is_single() { row.first } else { row.last };
    if !late {
        row.arrives = server_ms + 2 * MINUTE_MS;
        return;
    }
    row.arrives = server_ms + delay_ms;
    if in_parts {
        row.early_events = early;
        row.early_at = server_ms + early_delay_ms;
        row.arrives = row.arrives.max(row.early_at + 20 * MINUTE_MS);
    }
    debug_assert!(
        row.arrives <= server_ms + 9 * DAY_MS && row.arrives >= row.hour && HOUR_MS > 0,
        "late by nine days at most"
    );
}
