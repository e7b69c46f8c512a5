//! What a condition comes to.

use super::{Because, Comparison, Condition, Operator, Over, Target, Test, Truth, Verdict};
use crate::signals::facts::{Known, Past};
use chrono::NaiveDate;

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl Condition {
    /// What it comes to at the end of a day, or now where that day still runs. What made it so is told: of a condition that
    /// holds the parts that hold, of one that nobody can tell those that nobody can.
    #[must_use]
    pub fn at(&self, past: &Past, day: i32) -> Verdict {
        match self {
            Self::Is(comparison) => comparison.at(past, day),
            Self::Not(part) => {
                let Verdict { truth, because } = part.at(past, day);
                let truth = match truth {
                    Truth::True => Truth::False,
                    Truth::False => Truth::True,
                    Truth::Unknown => Truth::Unknown,
                };
                Verdict { truth, because }
            }
            Self::All(parts) => joined(parts.iter().map(|part| part.at(past, day)), Truth::False, Truth::True),
            Self::Any(parts) => joined(parts.iter().map(|part| part.at(past, day)), Truth::True, Truth::False),
        }
    }
}

/// One part that is `decides` decides; if none is, one that is unknown leaves it unknown; else it is `otherwise`.
fn joined(parts: impl Iterator<Item = Verdict>, decides: Truth, otherwise: Truth) -> Verdict {
    let parts: Vec<Verdict> = parts.collect();
    let has = |truth| parts.iter().any(|part| part.truth == truth);
    let truth = if has(decides) {
        decides
    } else if has(Truth::Unknown) {
        Truth::Unknown
    } else {
        otherwise
    };
    let because = parts.into_iter().filter(|part| part.truth == truth).flat_map(|part| part.because).collect();
    Verdict { truth, because }
}

impl Comparison {
    fn at(&self, past: &Past, day: i32) -> Verdict {
        let back = |days: u32| day.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX));
        let day = if let Over::Ago(days) = self.over { back(days) } else { day };
        let (now, against) = self.on(past, day);
        let truth = match self.over {
            Over::Now | Over::Ago(_) => now,
            Over::Held(days) => {
                let before = (back(days.saturating_sub(1))..day).map(|day| self.on(past, day).0);
                let each: Vec<Truth> = before.chain([now]).collect();
                match each.iter().find(|truth| **truth != Truth::True) {
                    None => Truth::True,
                    Some(_) if each.contains(&Truth::False) => Truth::False,
                    Some(_) => Truth::Unknown,
                }
            }
            Over::Crossed(days) if now == Truth::True => {
                // From the newest day back: a day on which it did not hold shows that it crossed since.
                let each: Vec<Truth> = (back(days)..day).map(|day| self.on(past, day).0).collect();
                if each.contains(&Truth::False) {
                    Truth::True
                } else if each.contains(&Truth::Unknown) {
                    Truth::Unknown
                } else {
                    Truth::False
                }
            }
            Over::Crossed(_) => now,
        };
        let because = Because { of: self.clone(), was: past.at(&self.fact, day), against };
        Verdict { truth, because: vec![because] }
    }

    /// What the comparison of one day comes to, and the other number of it.
    fn on(&self, past: &Past, day: i32) -> (Truth, Option<f64>) {
        let known = past.at(&self.fact, day);
        match &self.test {
            Test::Number(operator, target) => {
                let against = match target {
                    Target::Number(number) => Some(*number),
                    Target::Fact(fact, times) => number(&past.at(fact, day)).map(|number| number * times),
                };
                let Some((number, against)) = number(&known).zip(against) else { return (Truth::Unknown, against) };
                let is_other = matches!(target, Target::Fact(..));
                (operator.compare(number, against).into(), is_other.then_some(against))
            }
            Test::In(texts) => (text(&known).map_or(Truth::Unknown, |text| texts.contains(&text).into()), None),
            Test::NotIn(texts) => (text(&known).map_or(Truth::Unknown, |text| (!texts.contains(&text)).into()), None),
            Test::Changed { by, days } => {
                let then = day.saturating_sub(i32::try_from(*days).unwrap_or(i32::MAX));
                let before = past.at(&self.fact, then).number();
                let Some((number, before)) = known.number().zip(before) else { return (Truth::Unknown, before) };
                // Of nothing there is no share; nothing after nothing is no change.
                let share = if before == 0.0 {
                    if number != 0.0 {
                        return (Truth::Unknown, Some(before));
                    }
                    0.0
                } else {
                    (number - before) / before.abs()
                };
                ((if *by < 0.0 { share <= *by } else { share >= *by }).into(), Some(before))
            }
            Test::WithinNext(days) => {
                (within(&known, |date| (0..=i64::from(*days)).contains(&(date - i64::from(day)))), None)
            }
            Test::WithinPast(days) => {
                (within(&known, |date| (0..=i64::from(*days)).contains(&(i64::from(day) - date))), None)
            }
        }
    }
}

/// Tables have numbers as texts, too.
pub(in crate::signals) fn number(known: &Known) -> Option<f64> {
    known.number().or_else(|| known.text()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// A column of the directory may hold numbers where others hold texts.
fn text(known: &Known) -> Option<String> {
    match known {
        Known::Text(text) => Some(text.clone()),
        Known::Number(number) => Some(number.to_string()),
        Known::Nothing { .. } => None,
    }
}

/// A date by its day, or by what begins with one. What is no date can't be told.
pub(in crate::signals) fn date(text: &str) -> Option<i64> {
    let date: NaiveDate = text.get(..10)?.parse().ok()?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days())
}

fn within(known: &Known, holds: impl Fn(i64) -> bool) -> Truth {
    known.text().and_then(date).map_or(Truth::Unknown, |date| holds(date).into())
}

impl Operator {
    pub(super) fn compare(self, number: f64, against: f64) -> bool {
        match self {
            Self::Above => number > against,
            Self::AtLeast => number >= against,
            Self::Below => number < against,
            Self::AtMost => number <= against,
            Self::Equals => number == against,
            Self::NotEquals => number != against,
        }
    }
}
