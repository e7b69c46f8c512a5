//! Fiscal periods: quarters and years that begin with a month of somebody's own.

use super::problem::Problem;
use super::shape::{Shape, wrong_type};
use crate::time::months_of;
use serde::Serialize;
use serde_json::{Value, json};

/// Periods back or ahead at most.
const OFFSET_MAX: i32 = 40;

/// A quarter or year of the fiscal calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FiscalLength {
    /// Three months.
    Quarter,
    /// Twelve.
    Year,
}

/// One of them, seen from today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct FiscalPeriod {
    /// How long it is.
    pub period: FiscalLength,
    /// So many periods back; 0 is the running one, -1 the next.
    pub offset: i32,
    /// The month with which the year begins, 1 for January.
    pub first_month: i32,
}

impl FiscalPeriod {
    pub(super) fn parse(value: &Value, pointer: &str) -> Result<Self, Problem> {
        let shape = Shape::of(value, pointer, &["period", "offset", "first_month"])?;
        let period = match shape.text("period", "quarter or year")? {
            "quarter" => FiscalLength::Quarter,
            "year" => FiscalLength::Year,
            other => {
                let detail = format!("period \"{other}\" is not known; use quarter or year");
                return Err(Problem::at(shape.pointer_to("period"), detail));
            }
        };
        let whole = |name: &str, default: i32, from: i32, to: i32| {
            let wanted = format!("a whole number from {from} to {to}");
            let Some(value) = shape.optional(name) else { return Ok(default) };
            let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
            let found = number.filter(|number| (from..=to).contains(number));
            found.ok_or_else(|| match value {
                Value::Number(_) => Problem::at(shape.pointer_to(name), format!("{name} must be {wanted}")),
                other => wrong_type(&shape.pointer_to(name), other, &wanted),
            })
        };
        Ok(Self {
            period,
            offset: whole("offset", 0, -OFFSET_MAX, OFFSET_MAX)?,
            first_month: whole("first_month", 1, 1, 12)?,
        })
    }

    /// Whether a day lies in it.
    pub(super) fn holds(self, day: i32, today: i32) -> bool {
        self.number(day) == self.number(today).saturating_sub(self.offset)
    }

    /// Counts periods: two days of one have one number.
    fn number(self, day: i32) -> i32 {
        let length = match self.period {
            FiscalLength::Quarter => 3,
            FiscalLength::Year => 12,
        };
        months_of(day).saturating_sub(self.first_month - 1).div_euclid(length)
    }

    pub(super) fn schema() -> Value {
        json!({"type": "object", "required": ["period"], "additionalProperties": false, "properties": {
            "period": {"enum": ["quarter", "year"]},
            "offset": {"type": "integer", "minimum": -OFFSET_MAX, "maximum": OFFSET_MAX},
            "first_month": {"type": "integer", "minimum": 1, "maximum": 12}}})
    }
}
