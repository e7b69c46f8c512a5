//! From what is known of an object to its score, and what each input costs of it.

use super::answer::{InputScored, Missing, NotScored, Scored};
use super::{Group, Health, Input, Linear, Profile, Rule, Scoring, WhenMissing};
use crate::signals::condition;
use crate::signals::event::Driver;
use crate::signals::facts::{Gap, Known, Past};

impl Health {
    /// What the health of an object comes to on a day, by its inputs alone.
    #[must_use]
    pub fn score(&self, past: &Past, day: i32) -> Scored {
        let Some(profile) = self.profiles.iter().find(|profile| profile.fits(past, day)) else {
            return Scored { not_scored: Some(NotScored::NoProfile), ..Scored::default() };
        };
        let mut inputs: Vec<InputScored> = profile.inputs.iter().map(|input| input.look(past, day)).collect();
        let covered = rounded(profile.covered(&inputs));
        // Whatever counts for what is missing, with nothing known nothing is scored.
        let is_any_known = inputs.iter().any(|input| input.scored.is_some());
        let is_enough = is_any_known && covered >= self.minimum_weight;
        let weighed = is_enough.then(|| profile.weigh(self.missing, &mut inputs)).flatten();
        let capped = weighed.map(|score| profile.cap(score, &mut inputs));
        let score = capped.as_ref().map(|(score, _)| rounded(score.clamp(0.0, 100.0)));
        Scored {
            score,
            calculated: score,
            not_scored: score.is_none().then_some(NotScored::TooLittleKnown),
            by_hand: None,
            profile: Some(profile.name.clone()),
            covered,
            drivers: drivers(&inputs),
            inputs,
            vetoed_by: capped.and_then(|(_, by)| by),
        }
    }
}

/// To a billionth, so that the last place of a sum of weights decides no band.
fn rounded(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

/// Those that cost points, the most first, and then those that are missing.
fn drivers(inputs: &[InputScored]) -> Vec<Driver> {
    let telling = inputs.iter().filter(|input| input.costs > 0.0 || input.missing.is_some());
    let mut drivers: Vec<Driver> = telling
        .map(|input| Driver {
            input: input.name.clone(),
            scored: input.scored,
            was: input.was.clone(),
            costs: input.costs,
        })
        .collect();
    drivers.sort_by(|one, other| other.costs.total_cmp(&one.costs));
    drivers
}

/// What counts as one in the whole: an input without a group, or a group.
struct Part<'a> {
    weight: f64,
    group: Option<&'a Group>,
    /// Its inputs, by their places in the profile.
    inputs: Vec<usize>,
}

/// An input that counts in a part.
struct Counted {
    at: usize,
    weight: f64,
    points: f64,
}

impl Profile {
    fn parts(&self) -> Vec<Part<'_>> {
        let places = |name: Option<&str>| -> Vec<usize> {
            let all = self.inputs.iter().enumerate();
            all.filter(|(_, input)| input.group.as_deref() == name).map(|(at, _)| at).collect()
        };
        let alone = places(None).into_iter();
        let alone = alone.map(|at| Part { weight: self.inputs[at].weight, group: None, inputs: vec![at] });
        let groups = self.groups.iter();
        let groups =
            groups.map(|group| Part { weight: group.weight, group: Some(group), inputs: places(Some(&group.name)) });
        alone.chain(groups).filter(|part| !part.inputs.is_empty()).collect()
    }

    /// The share of the weight that is known. Of a group it is the share of the weights in it.
    fn covered(&self, inputs: &[InputScored]) -> f64 {
        let parts = self.parts();
        let whole: f64 = parts.iter().map(|part| part.weight).sum();
        let known = parts.iter().map(|part| {
            let all: f64 = part.inputs.iter().map(|at| inputs[*at].weight).sum();
            let known = part.inputs.iter().map(|at| &inputs[*at]).filter(|input| input.scored.is_some());
            part.weight * known.map(|input| input.weight).sum::<f64>() / all
        });
        known.sum::<f64>() / whole
    }

    /// The weighted mean of the parts, Σ(weight × points) ÷ Σ weight, with what each input costs of 100.
    fn weigh(&self, missing: WhenMissing, inputs: &mut [InputScored]) -> Option<f64> {
        let instead = match missing {
            WhenMissing::Skip => None,
            WhenMissing::Neutral => Some(50.0),
            WhenMissing::Worst => Some(0.0),
        };
        let parts: Vec<(f64, Vec<Counted>)> = self
            .parts()
            .into_iter()
            .map(|Part { weight, group, inputs: places }| {
                let counted = places.into_iter().filter_map(|at| {
                    let points = inputs[at].scored.or(instead)?;
                    Some(Counted { at, weight: inputs[at].weight, points })
                });
                let rule = group.map_or(Rule::Mean, |group| group.rule);
                (weight, rule.keep(counted.collect()))
            })
            .filter(|(_, counted)| !counted.is_empty())
            .collect();
        let whole: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let mut sum = 0.0;
        for (weight, counted) in &parts {
            let all: f64 = counted.iter().map(|input| input.weight).sum();
            sum += weight * (counted.iter().map(|input| input.weight * input.points).sum::<f64>() / all);
            for Counted { at, weight: of_part, points } in counted {
                inputs[*at].costs = (weight / whole) * (of_part / all) * (100.0 - points);
            }
        }
        (whole > 0.0).then(|| sum / whole)
    }

    /// The lowest cap of those inputs that veto; it tells whose it is where it takes something away.
    fn cap(&self, score: f64, inputs: &mut [InputScored]) -> (f64, Option<String>) {
        let mut lowest: Option<(usize, f64)> = None;
        for (at, input) in self.inputs.iter().enumerate() {
            let Some((veto, scored)) = input.veto.zip(inputs[at].scored) else { continue };
            if scored < veto.below {
                inputs[at].vetoed = true;
                if lowest.is_none_or(|(_, cap)| veto.caps_at < cap) {
                    lowest = Some((at, veto.caps_at));
                }
            }
        }
        match lowest {
            Some((at, cap)) if cap < score => {
                inputs[at].costs += score - cap;
                (cap, Some(inputs[at].name.clone()))
            }
            _ => (score, None),
        }
    }
}

impl Rule {
    /// The inputs that decide: all for a mean, else the first of the best or of the worst.
    fn keep(self, counted: Vec<Counted>) -> Vec<Counted> {
        let is_better = |one: &Counted, other: &Counted| match self {
            Self::Mean => false,
            Self::Best => one.points > other.points,
            Self::Worst => one.points < other.points,
        };
        if self == Self::Mean {
            return counted;
        }
        counted.into_iter().reduce(|kept, next| if is_better(&next, &kept) { next } else { kept }).into_iter().collect()
    }
}

impl Input {
    /// Its value, from today or from the days for which it is not stale, and its points.
    fn look(&self, past: &Past, day: i32) -> InputScored {
        let (was, days_old) = self.last_known(past, day);
        let scored = match &was {
            Known::Nothing { why } if !why.is_told_by_usage() && self.is_stale(past, day) => Err(Missing::Stale),
            Known::Nothing { why } => Err(Missing::from(*why)),
            known => self.scoring.points(known),
        };
        InputScored {
            name: self.name.clone(),
            group: self.group.clone(),
            weight: self.weight,
            scored: scored.ok(),
            was,
            days_old,
            missing: scored.err(),
            costs: 0.0,
            vetoed: false,
        }
    }

    /// The newest day that tells something: a value, or that usage comes to none.
    fn last_known(&self, past: &Past, day: i32) -> (Known, u32) {
        for days in 0..=self.stale_after_days.unwrap_or(0) {
            let known = past.at(&self.fact, before(day, days));
            let is_told = match &known {
                // Pendo that was not read yet tells nothing.
                Known::Nothing { why } => *why != Gap::Stale && why.is_told_by_usage(),
                Known::Number(_) | Known::Text(_) => true,
            };
            if is_told {
                return (known, days);
            }
        }
        (past.at(&self.fact, day), 0)
    }

    /// Whether it was known once, before the days for which a value counts.
    fn is_stale(&self, past: &Past, day: i32) -> bool {
        let Some((allowed, days)) = self.stale_after_days.zip(past.days.get(&self.fact)) else { return false };
        days.range(..before(day, allowed)).any(|(_, known)| known.is_known())
    }
}

fn before(day: i32, days: u32) -> i32 {
    day.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX))
}

impl Scoring {
    /// The points of a value that is known.
    fn points(&self, known: &Known) -> Result<f64, Missing> {
        match self {
            Self::Bands { bands, inverse } => {
                let number = condition::number(known).ok_or(Missing::NoNumber)?;
                let points = along(bands, number).ok_or(Missing::NoNumber)?;
                Ok(if *inverse { 100.0 - points } else { points })
            }
            Self::Categories { categories, otherwise } => {
                // A column of the directory may hold numbers where others hold texts.
                let text = match known {
                    Known::Text(text) => text.clone(),
                    Known::Number(number) => number.to_string(),
                    Known::Nothing { .. } => return Err(Missing::NoCategory),
                };
                categories.get(&text).copied().or(*otherwise).ok_or(Missing::NoCategory)
            }
        }
    }
}

/// The points at a number: evenly along its band, and those of the nearest end outside of all.
fn along(bands: &[Linear], number: f64) -> Option<f64> {
    let (first, last) = bands.first().zip(bands.last())?;
    if number < first.from {
        return Some(first.scores[0]);
    }
    let Some(Linear { from, to, scores: [low, high] }) = bands.iter().find(|band| number < band.to) else {
        return Some(last.scores[1]);
    };
    let points = low + (number - from) / (to - from) * (high - low);
    Some(points.clamp(low.min(*high), low.max(*high)))
}
