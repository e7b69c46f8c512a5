//! One look at an object's health: what is remembered of it, and what is told when its band changes.

use super::{Health, Missing, Scored};
use crate::signals::event::{Band, By, Change, Driver, What};
use crate::signals::sight::Sight;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// The most drivers that are told with a change.
pub const DRIVERS_TOLD: usize = 5;

/// A score that a person set, for a time and a reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// 0 to 100.
    pub score: f64,
    /// Why.
    pub reason: String,
    /// Who set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The last day on which it stands, counted from 1970.
    pub until: i32,
    /// The first day on which it stands, counted from 1970.
    pub since: i32,
}

impl Override {
    /// Whether it stands on a day.
    #[must_use]
    pub fn stands(&self, day: i32) -> bool {
        (self.since..=self.until).contains(&day) && (0.0..=100.0).contains(&self.score)
    }
}

/// What is remembered of one object's health. Where it is not scored any more, or an input awaits Pendo, that is no change of
/// band: nothing is told, and the band stays as it was last known, from which a later score goes up or down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// The score as it read last; nothing where it was not scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The band in which it was when it last had a score that awaited nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// Since which day it is in this band, counted from 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i32>,
    /// What the last calculated score rests on: a hash of its profile and of the inputs that were missing without usage being
    /// why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<u64>,
    /// The score that stands by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Set>,
    /// A change of band without behaviour that was not told, until it is released by hand, or turns back, or a later one is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<OwedBand>,
}

/// A score that stands by hand, and what lies beneath it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The score that was set.
    pub score: f64,
    /// The band that would be without it.
    pub beneath: Option<Band>,
}

/// A change of band that nothing followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwedBand {
    /// The band as it was told last.
    pub from: Band,
    /// The band into which it would have gone, which is the one that stands; nothing where it has none any more.
    pub to: Option<Band>,
    /// On which day, counted from 1970.
    pub day: i32,
}

impl Memory {
    /// Whether the score of now can be held against that of `before`, and the difference is behaviour: it rests on the same
    /// inputs and the same profile, and nobody set one of both. Where it can't, rules that look at this score are to see it
    /// re-based.
    #[must_use]
    pub fn rests_on_the_same_as(&self, before: &Self) -> bool {
        self.basis == before.basis && self.set.map(|set| set.score) == before.set.map(|set| set.score)
    }
}

impl Health {
    /// Looks at an object's health again, and tells when its band changes.
    ///
    /// Behaviour tells it when the values of the same inputs in the same profile lead to another band. Nothing is told of the
    /// first score, which is where it starts from. When the object is re-based, fits another profile, or an input is known
    /// again or no longer for another reason than usage, the band goes to where the score is, and that is owed. A score set by
    /// hand, its beginning and its end, is told as by hand; what behaviour does beneath it is not told, only, at its end, where
    /// that has led.
    pub fn step(&self, memory: &mut Memory, sight: &Sight<'_>, over: Option<&Override>) -> (Scored, Vec<Change>) {
        let mut scored = self.score(sight.past, sight.day);
        let before = memory.set.map_or(memory.band, |set| set.beneath);
        let telling = scored.calculated.filter(|_| !scored.awaits_pendo());
        let calculated = telling.map(|score| self.bands.after(before, score, self.hysteresis)).or(before);
        let basis = telling.map(|_| scored.basis()).or(memory.basis);
        let rests_on_the_same = memory.basis == basis;
        memory.basis = basis;

        let over = over.filter(|over| over.stands(sight.day));
        let (band, by) = match over {
            Some(over) => (Some(self.bands.of(over.score)), By::Hand),
            None if memory.set.is_some() => (calculated, By::Hand),
            None => (calculated, By::Behaviour),
        };
        memory.set = over.map(|over| Set { score: over.score, beneath: calculated });
        if let Some(over) = over {
            scored.score = Some(over.score);
            scored.by_hand = Some(over.clone());
        }
        memory.score = scored.score;
        let is_told = !sight.is_rebased && (by == By::Hand || rests_on_the_same);
        let change = memory.go(band, sight.day, is_told, by);
        let changes = change.map(|from| scored.change(from, band, by)).into_iter().collect();
        (scored, changes)
    }
}

impl Memory {
    /// Goes into a band. Gives the band before where that is to be told.
    fn go(&mut self, band: Option<Band>, day: i32, is_told: bool, by: By) -> Option<Band> {
        if band == self.band {
            return None;
        }
        let before = std::mem::replace(&mut self.band, band);
        self.since = band.map(|_| day);
        let owed = self.owed.take();
        // The first band is where it starts from.
        let before = before?;
        let last_told = owed.map_or(before, |owed| owed.from);
        let is_back = band == Some(last_told);
        if !is_told {
            self.owed = (!is_back).then_some(OwedBand { from: last_told, to: band, day });
            return None;
        }
        // It turned back to what was told, so there is nothing to tell, unless a person did it.
        (by == By::Hand || !is_back).then_some(before)
    }
}

impl Scored {
    /// A hash of the profile and of the inputs that are missing without usage being why.
    fn basis(&self) -> u64 {
        let is_told = |missing: Option<Missing>| missing.is_none_or(Missing::is_told_by_usage);
        let missing = self.inputs.iter().filter(|input| !is_told(input.missing)).map(|input| input.name.as_str());
        // No name holds a line feed.
        let names: Vec<&str> = self.profile.as_deref().into_iter().chain(missing).collect();
        XxHash3_64::oneshot(names.join("\n").as_bytes())
    }

    fn change(&self, from: Band, to: Option<Band>, by: By) -> Change {
        // What was set by hand is not what the inputs cost.
        let inputs: &[Driver] = if self.by_hand.is_some() { &[] } else { &self.drivers };
        let drivers = inputs.iter().take(DRIVERS_TOLD).cloned().collect();
        Change {
            what: What::HealthChanged { from: Some(from), to, score: self.score, drivers, by },
            because: Vec::new(),
        }
    }
}

/// Tells by hand the change that is owed, if one is. Its drivers are not remembered; the score itself shows them.
pub fn release(memory: &mut Memory) -> Option<Change> {
    let OwedBand { from, to, .. } = memory.owed.take()?;
    let what = What::HealthChanged { from: Some(from), to, score: memory.score, drivers: Vec::new(), by: By::Release };
    Some(Change { what, because: Vec::new() })
}
