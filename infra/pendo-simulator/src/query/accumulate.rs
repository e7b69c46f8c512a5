//! The aggregators of `group` and `reduce`, and the state in which they gather.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::query::expression::Expression;
use crate::query::item::Item;
use crate::query::run::Run;
use crate::query::{Refusal, plan};
use crate::value::Value;

/// A checked aggregator.
#[derive(Clone, Debug)]
pub(crate) struct Aggregator {
    how: How,
    what: Expression,
    /// Only rows that meet this.
    when: Option<Expression>,
}

/// The ways to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Rows,
    Distinct,
    Sum,
    Average,
    Least,
    Most,
    Median,
    Deviation,
    Variance,
    First,
    List,
    ListAverage,
    Concat,
}

/// What has been gathered.
#[derive(Clone, Debug)]
pub(crate) enum Gathered {
    Rows(f64),
    Distinct(HashSet<Value>),
    Sum(f64),
    One(Value),
    Numbers(Vec<f64>),
    Values(Vec<Value>),
}

impl Aggregator {
    /// Reads `{"sum": "numEvents"}` and its like.
    pub(crate) fn parse(json: &Json) -> Result<Aggregator, Refusal> {
        let keys = json.as_object().filter(|keys| keys.len() == 1);
        let Some((name, argument)) = keys.and_then(|keys| keys.iter().next()) else {
            return Err(Refusal::senseless("an aggregator must be an object of exactly one key"));
        };
        let how = match &**name {
            "count" if argument.is_null() => How::Rows,
            "count" => How::Distinct,
            "countIf" => How::Rows,
            "sum" => How::Sum,
            "avg" | "mean" => How::Average,
            "min" => How::Least,
            "max" => How::Most,
            "median" => How::Median,
            "stddev" => How::Deviation,
            "var" => How::Variance,
            "first" => How::First,
            "list" | "listIf" => How::List,
            "listAverage" => How::ListAverage,
            "concat" => How::Concat,
            refused @ ("percentiles" | "daysActiveCreate" | "daysActiveUnion" | "daysActiveCount"
            | "minutesActiveUnion" | "minutesActiveCount" | "sequence") => {
                return Err(Refusal::senseless(format!("aggregator {refused} is not supported by this simulator")));
            }
            unknown => return Err(Refusal::senseless(format!("unknown aggregator: {unknown}"))),
        };
        let (what, when) = match (&**name, argument) {
            ("countIf", condition) => (Expression::Constant(Value::Null), Some(plan::expression(condition)?)),
            ("listIf", Json::Array(parts)) if parts.len() == 2 => {
                (plan::expression(&parts[0])?, Some(plan::expression(&parts[1])?))
            }
            ("listIf", _) => return Err(Refusal::senseless("listIf needs a value and a condition")),
            (_, Json::Array(parts)) => {
                (Expression::List(parts.iter().map(plan::expression).collect::<Result<_, _>>()?), None)
            }
            (_, one) => (plan::expression(one)?, None),
        };
        Ok(Aggregator { how, what, when })
    }

    /// Nothing gathered yet.
    pub(crate) fn start(&self) -> Gathered {
        match self.how {
            How::Rows => Gathered::Rows(0.0),
            How::Distinct => Gathered::Distinct(HashSet::new()),
            How::Sum => Gathered::Sum(0.0),
            How::Least | How::Most | How::First => Gathered::One(Value::Null),
            How::Average | How::Median | How::Deviation | How::Variance | How::ListAverage => {
                Gathered::Numbers(Vec::new())
            }
            How::List | How::Concat => Gathered::Values(Vec::new()),
        }
    }

    /// Takes a row in.
    pub(crate) fn take(&self, gathered: &mut Gathered, item: &Item, run: &Run<'_>) {
        if self.when.as_ref().is_some_and(|when| !when.value(item, run).holds()) {
            return;
        }
        if let Gathered::Rows(rows) = gathered {
            *rows += 1.0;
            return;
        }
        let value = self.what.value(item, run);
        if value == Value::Null {
            return;
        }
        match gathered {
            Gathered::Rows(_) => {}
            Gathered::Distinct(seen) => {
                seen.insert(value);
            }
            Gathered::Sum(sum) => *sum += value.number().unwrap_or(0.0),
            Gathered::One(kept) => {
                let replaces = match self.how {
                    How::Least => *kept == Value::Null || value < *kept,
                    How::Most => *kept == Value::Null || value > *kept,
                    _ => *kept == Value::Null,
                };
                if replaces {
                    *kept = value;
                }
            }
            Gathered::Numbers(numbers) => match &value {
                Value::List(values) => numbers.extend(values.iter().filter_map(Value::number)),
                one => numbers.extend(one.number()),
            },
            Gathered::Values(values) => values.push(value),
        }
    }

    /// What it all comes to.
    pub(crate) fn finish(&self, gathered: Gathered) -> Value {
        match gathered {
            Gathered::Rows(rows) => Value::Number(rows),
            #[expect(clippy::cast_precision_loss, reason = "counts are small")]
            Gathered::Distinct(seen) => Value::Number(seen.len() as f64),
            Gathered::Sum(sum) => Value::Number(sum),
            Gathered::One(value) => value,
            Gathered::Numbers(numbers) => self.statistic(numbers),
            Gathered::Values(values) if self.how == How::Concat => {
                Value::text(values.iter().filter_map(Value::as_text).collect::<Vec<_>>().join(","))
            }
            Gathered::Values(values) => Value::list(values),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn statistic(&self, mut numbers: Vec<f64>) -> Value {
        let count = numbers.len() as f64;
        if numbers.is_empty() {
            return Value::Null;
        }
        let mean = numbers.iter().sum::<f64>() / count;
        let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count;
        Value::Number(match self.how {
            How::Median => {
                numbers.sort_by(f64::total_cmp);
                let middle = numbers.len() / 2;
                if numbers.len().is_multiple_of(2) {
                    (numbers[middle - 1] + numbers[middle]) / 2.0
                } else {
                    numbers[middle]
                }
            }
            How::Deviation => variance.sqrt(),
            How::Variance => variance,
            _ => mean,
        })
    }
}
