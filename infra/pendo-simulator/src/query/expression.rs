//! Expressions as trees, and what they come to on a row.

use crate::query::field::Field;
use crate::query::function::Function;
use crate::query::item::Item;
use crate::query::run::Run;
use crate::value::{Name, Value};

/// A parsed expression.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Constant(Value),
    Path(Path),
    List(Vec<Expression>),
    Not(Box<Expression>),
    Minus(Box<Expression>),
    Two(Operator, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
}

/// A dotted path with list places, such as `polls[0].id`.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) head: Name,
    /// The raw rows' field of that name.
    pub(crate) field: Option<Field>,
    pub(crate) rest: Vec<Step>,
}

/// One step into a value.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Name(Name),
    Place(usize),
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Plus,
    Minus,
    Times,
    Over,
    Rest,
}

impl Path {
    /// A path of one name.
    pub(crate) fn name(name: &str) -> Path {
        Path { head: Name::from(name), field: Field::of_name(name), rest: Vec::new() }
    }

    /// A path from its dotted text.
    pub(crate) fn dotted(text: &str) -> Path {
        let mut parts = text.split('.');
        let mut path = Path::name(parts.next().unwrap_or(""));
        path.rest.extend(parts.map(|part| Step::Name(Name::from(part))));
        path
    }
}

impl Expression {
    /// What the expression comes to on a row.
    pub(crate) fn value(&self, item: &Item, run: &Run<'_>) -> Value {
        match self {
            Expression::Constant(value) => value.clone(),
            Expression::Path(path) => item.get(path, run),
            Expression::List(parts) => Value::list(parts.iter().map(|part| part.value(item, run)).collect()),
            Expression::Not(inner) => Value::Bool(!inner.value(item, run).holds()),
            Expression::Minus(inner) => {
                inner.value(item, run).number().map_or(Value::Null, |number| Value::Number(-number))
            }
            Expression::Two(Operator::And, left, right) => {
                Value::Bool(left.value(item, run).holds() && right.value(item, run).holds())
            }
            Expression::Two(Operator::Or, left, right) => {
                Value::Bool(left.value(item, run).holds() || right.value(item, run).holds())
            }
            Expression::Two(operator, left, right) => operator.apply(&left.value(item, run), &right.value(item, run)),
            Expression::Call(function, parts) => function.call(parts, item, run),
        }
    }
}

impl Operator {
    pub(crate) fn apply(self, left: &Value, right: &Value) -> Value {
        match self {
            Operator::Equal => Value::Bool(left == right),
            Operator::Unequal => Value::Bool(left != right),
            Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast => {
                Value::Bool(self.compares(left, right))
            }
            Operator::Plus => match (left, right) {
                (Value::Text(left), Value::Text(right)) => Value::text(format!("{left}{right}")),
                _ => self.reckon(left, right),
            },
            _ => self.reckon(left, right),
        }
    }

    /// Orders two values of one type; values of different types have no order.
    fn compares(self, left: &Value, right: &Value) -> bool {
        let order = match (left, right) {
            (Value::Number(_), Value::Number(_))
            | (Value::Text(_), Value::Text(_))
            | (Value::Bool(_), Value::Bool(_)) => left.cmp(right),
            _ => return false,
        };
        match self {
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::More => order.is_gt(),
            _ => order.is_ge(),
        }
    }

    fn reckon(self, left: &Value, right: &Value) -> Value {
        let (Some(left), Some(right)) = (left.number(), right.number()) else { return Value::Null };
        let result = match self {
            Operator::Plus => left + right,
            Operator::Minus => left - right,
            Operator::Times => left * right,
            Operator::Over => left / right,
            _ => left % right,
        };
        if result.is_finite() { Value::Number(result) } else { Value::Null }
    }
}
