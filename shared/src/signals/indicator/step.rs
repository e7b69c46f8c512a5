//! What an indicator does for one object when it is looked at again.

use super::{Indicator, Memory, Strength};
use crate::signals::condition::{Because, Truth, Verdict, number};
use crate::signals::event::{By, Change, What};
use crate::signals::facts::{Fact, Past};
use crate::signals::sight::{Sight, Turn};
use crate::time::DAY_MS;
use std::ops::RangeInclusive;

impl Indicator {
    /// Looks at an object again: what follows of it, and what is remembered. The same look again changes nothing.
    pub fn step(&self, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let verdict = self.verdict(memory, sight);
        let (truth, because) = (verdict.truth, verdict.because.clone());
        if self.takes_standing && truth == Truth::True {
            // As if it had been looked at before, and not been met.
            memory.edge.known.get_or_insert(false);
        }
        let mut changes = Vec::new();
        match memory.edge.look(verdict, sight) {
            Turn::None => {}
            Turn::Rose(_) => memory.waits = Some(By::Behaviour),
            Turn::Fell => changes.extend(memory.clear(&because)),
        }
        if truth == Truth::True && !sight.is_rebased {
            changes.extend(self.fire(memory, sight, because));
        }
        if memory.is_firing {
            memory.strength = self.strength_at(sight).unwrap_or(memory.strength);
        }
        changes
    }

    /// Lets what is owed follow, by hand. What does not stand any more, or can't be told right now, is left as it is.
    pub fn release(&self, memory: &mut Memory, sight: &Sight<'_>) -> Vec<Change> {
        let Some(owed) = memory.edge.owed else { return Vec::new() };
        let Verdict { truth, because } = self.verdict(memory, sight);
        if truth != Truth::from(owed.rose) {
            return Vec::new();
        }
        memory.edge.owed = None;
        if !owed.rose {
            return memory.clear(&because).into_iter().collect();
        }
        memory.waits = Some(By::Release);
        self.fire(memory, sight, because).into_iter().collect()
    }

    /// What it would have done on each day of a stored past, oldest first. The first look is the starting point; the columns of
    /// the directory are those of today.
    #[must_use]
    pub fn replay(&self, past: &Past, days: RangeInclusive<i32>) -> Vec<(i32, Change)> {
        let from_the_start = Self { takes_standing: false, ..self.clone() };
        let mut memory = Memory::default();
        let mut changes = Vec::new();
        for day in days {
            let sight = Sight { past, day, at_ms: i64::from(day) * DAY_MS, is_rebased: false };
            changes.extend(from_the_start.step(&mut memory, &sight).into_iter().map(|change| (day, change)));
        }
        changes
    }

    /// Whether the condition held on each of its days and nothing holds it back.
    fn verdict(&self, memory: &mut Memory, sight: &Sight<'_>) -> Verdict {
        let held = self.held(sight);
        let Some(unless) = &self.unless else { return held };
        let unless = sight.of(unless);
        memory.is_held_back = match unless.truth {
            Truth::True => true,
            Truth::False => false,
            Truth::Unknown => memory.is_held_back,
        };
        if memory.is_held_back { Verdict { truth: Truth::False, because: unless.because } } else { held }
    }

    /// One day on which it did not hold breaks the row; else one that nobody can tell leaves it unknown. The reasons are those of
    /// the newest day that is so.
    #[must_use]
    pub fn held(&self, sight: &Sight<'_>) -> Verdict {
        let mut held = sight.of(&self.condition);
        for ago in 1..self.for_days {
            if held.truth == Truth::False {
                break;
            }
            let day = sight.day.saturating_sub(i32::try_from(ago).unwrap_or(i32::MAX));
            let before = self.condition.at(sight.past, day);
            if before.truth == Truth::False || (before.truth == Truth::Unknown && held.truth == Truth::True) {
                held = before;
            }
        }
        held
    }

    /// Fires what waits, once the cool-down is over.
    fn fire(&self, memory: &mut Memory, sight: &Sight<'_>, because: Vec<Because>) -> Option<Change> {
        let cools = memory
            .last_fired
            .is_some_and(|last| i64::from(sight.day) < i64::from(last) + i64::from(self.cool_down_days));
        if cools {
            return None;
        }
        let by = memory.waits.take()?;
        if memory.is_firing {
            return None;
        }
        memory.is_firing = true;
        memory.fired_on = Some(sight.day);
        memory.last_fired = Some(sight.day);
        memory.times = memory.times.saturating_add(1);
        memory.strength = self.strength_at(sight).unwrap_or(0);
        Some(Change { what: What::IndicatorFired { strength: memory.strength, by }, because })
    }

    /// How strong it is; nothing where that can't be told.
    fn strength_at(&self, sight: &Sight<'_>) -> Option<u8> {
        self.strength.as_ref().map_or(Some(100), |strength| strength.at(sight.past, sight.day))
    }
}

impl Memory {
    fn clear(&mut self, because: &[Because]) -> Option<Change> {
        self.waits = None;
        self.fired_on = None;
        std::mem::take(&mut self.is_firing)
            .then(|| Change { what: What::IndicatorCleared {}, because: because.to_vec() })
    }
}

impl Strength {
    /// 0 to 100; nothing where what it looks at is no number, or is divided by none above 0.
    fn at(&self, past: &Past, day: i32) -> Option<u8> {
        let known = |fact: &Fact| number(&past.at(fact, day));
        let looked_at = known(&self.fact)?;
        let looked_at = match &self.of {
            None => looked_at,
            Some(of) => looked_at / known(of).filter(|of| *of > 0.0)?,
        };
        // Halved first, so that ends far apart are no infinity apart.
        let share = (looked_at / 2.0 - self.from / 2.0) / (self.to / 2.0 - self.from / 2.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 0 to 100")]
        let strength = (share * 100.0).clamp(0.0, 100.0).round() as u8;
        Some(strength)
    }
}
