//! What indicators promise.

mod body;
mod calibration;
mod drawn;
mod step;
mod templates;

use super::*;
use crate::fields::Problem;
use crate::id::FieldId;
use crate::signals::condition::laws::{TODAY, names};
use crate::signals::event::{Change, What};
use crate::signals::facts::{Gap, Known, Past};
use crate::signals::sight::Sight;
use serde_json::{Value, json};

fn parsed(body: &Value) -> Result<Indicator, Problem> {
    Indicator::parse(body, "/rule", &names())
}

/// "used" is at least 10, and whatever else is given.
fn indicator(also: Value) -> Indicator {
    let mut body = json!({"condition": {"field": "used", "is": "at_least", "value": 10}});
    body.as_object_mut().unwrap().extend(also.as_object().unwrap().clone());
    parsed(&body).unwrap()
}

fn field(name: &str) -> Fact {
    Fact::Field(FieldId::from_text(&format!("id of {name}")))
}

/// One object that is looked at day by day.
struct Object {
    past: Past,
    day: i32,
    is_rebased: bool,
    memory: Memory,
}

impl Object {
    fn new() -> Self {
        Self { past: Past::default(), day: TODAY, is_rebased: false, memory: Memory::default() }
    }

    fn note(&mut self, name: &str, known: Option<f64>) -> &mut Self {
        let known = known.map_or(Known::nothing(Gap::Stale), Known::Number);
        self.past.note(field(name), self.day, known);
        self
    }

    /// Steps, and steps again to see that nothing follows of that.
    fn step(&mut self, indicator: &Indicator) -> Vec<Change> {
        let sight = Sight { past: &self.past, day: self.day, at_ms: 0, is_rebased: self.is_rebased };
        let changes = indicator.step(&mut self.memory, &sight);
        let before = self.memory.clone();
        assert_eq!((indicator.step(&mut self.memory, &sight), &self.memory), (Vec::new(), &before));
        changes
    }

    fn release(&mut self, indicator: &Indicator) -> Vec<Change> {
        let sight = Sight { past: &self.past, day: self.day, at_ms: 0, is_rebased: self.is_rebased };
        let changes = indicator.release(&mut self.memory, &sight);
        let before = self.memory.clone();
        assert_eq!((indicator.release(&mut self.memory, &sight), &self.memory), (Vec::new(), &before));
        changes
    }

    /// Looks at the values of "used" of the next days, one a day; what each made it do: fire (`F`), clear (`C`) or nothing (`.`).
    fn days(&mut self, indicator: &Indicator, used: &[f64]) -> String {
        used.iter().map(|used| self.next(indicator, Some(*used))).collect()
    }

    fn next(&mut self, indicator: &Indicator, used: Option<f64>) -> char {
        self.day += 1;
        self.note("used", used);
        told(&self.step(indicator))
    }
}

fn told(changes: &[Change]) -> char {
    match changes {
        [] => '.',
        [Change { what: What::IndicatorFired { .. }, .. }] => 'F',
        [Change { what: What::IndicatorCleared {}, .. }] => 'C',
        more => panic!("{more:?} at once"),
    }
}
