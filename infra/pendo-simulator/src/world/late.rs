//! When a row can be seen: mostly minutes after its last event, sometimes hours later, rarely days; and some rows come in two parts.

use crate::options::Late;
use crate::random::{Dice, mix};
use crate::row::{DAY_MS, Row};

const MINUTE_MS: i64 = 60_000;

/// Draws a row's arrival. The draws are made in any case, so that punctual and late worlds hold the same rows.
pub(super) fn settle(row: &mut Row, dice: &mut Dice, late: Late) {
    let delay_ms = match dice.below(1000) {
        0..5 => DAY_MS + i64::from(dice.below(7 * 24 * 60)) * MINUTE_MS,
        5..35 => 15 * MINUTE_MS + i64::from(dice.below(465)) * MINUTE_MS,
        _ => MINUTE_MS + i64::from(dice.below(540)) * 1000,
    };
    let straggles = dice.below(100) < 10;
    let straggling_ms = i64::from(dice.between(20, 180)) * MINUTE_MS;
    let early = dice.between(1, row.events.saturating_sub(1).max(1));
    let early_delay_ms = i64::from(dice.between(1, 8)) * MINUTE_MS;
    match late {
        Late::Never => row.arrives = sent_ms(row) + 2 * MINUTE_MS,
        Late::Share { percent, hours } => {
            let lot = mix(&[0x1A7E, u64::from(row.visitor), u64::from(row.object), row.first.cast_unsigned()]);
            let minutes = (lot >> 32) % (u64::from(hours) * 60).max(1);
            let is_late = lot % 100 < u64::from(percent);
            let late_minutes = if is_late { i64::try_from(minutes).unwrap_or_default() } else { 0 };
            row.arrives = sent_ms(row) + (2 + late_minutes) * MINUTE_MS;
        }
        Late::Mixed => {
            row.arrives = sent_ms(row) + delay_ms;
            if row.events >= 2 && row.last - row.first >= 10 * MINUTE_MS {
                // What was done in the first part of the hour need not wait for the rest; now and then the rest lags behind.
                row.early_events = early;
                row.early_at = row.early_last() + early_delay_ms;
                row.arrives += if straggles { straggling_ms } else { 0 };
            }
            debug_assert!(row.arrives <= sent_ms(row) + 9 * DAY_MS, "late by nine days at most");
        }
    }
}

fn sent_ms(row: &Row) -> i64 {
    if row.kind.is_single() { row.first } else { row.last }
}
