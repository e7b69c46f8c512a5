//! What a formula comes to. It is a finite number, or there is a reason why it has none; nothing else can come of a formula.

use super::{Expression, Formula, Operand, Operator};
use crate::fields::outcome::Reason;

impl Formula {
    /// The formula's number; `number` tells an operand's.
    ///
    /// # Errors
    /// The reason of the first operand, in the order in which they stand, that has no number; otherwise
    /// [`Reason::Undefined`] where something is divided by zero or grows beyond what a double can hold.
    pub fn evaluate(&self, number: &impl Fn(&Operand) -> Result<f64, Reason>) -> Result<f64, Reason> {
        // What is missing is said before what can't be calculated, wherever either stands.
        for term in self.terms() {
            number(&term.operand)?;
        }
        // Zero has no sign here.
        self.0.value(number).map(|value| value + 0.0)
    }
}

impl Expression {
    fn value(&self, number: &impl Fn(&Operand) -> Result<f64, Reason>) -> Result<f64, Reason> {
        let value = match self {
            Self::Number(digits) => digits.parse().map_err(|_| Reason::Undefined)?,
            Self::Term(term) => number(&term.operand)?,
            Self::Negative(inner) => -inner.value(number)?,
            Self::Binary(operator, left, right) => operator.of(left.value(number)?, right.value(number)?),
        };
        // Each step by itself: one over one over zero would be zero again.
        if value.is_finite() { Ok(value) } else { Err(Reason::Undefined) }
    }
}

impl Operator {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Plus => left + right,
            Self::Minus => left - right,
            Self::Times => left * right,
            Self::Over => left / right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::formula::drawn::formulas;
    use proptest::prelude::*;

    /// `a` is 6, `zero` 0, the directory's `seats` 4; `none` was never used, and `gone` is unmatched.
    fn number(operand: &Operand) -> Result<f64, Reason> {
        match operand {
            Operand::Directory(column) if column == "seats" => Ok(4.0),
            Operand::Directory(_) => Err(Reason::NoNumber),
            Operand::Field(field) => match field.as_str() {
                "a" => Ok(6.0),
                "zero" => Ok(0.0),
                "most" => Ok(f64::MAX),
                "none" => Err(Reason::NeverUsed),
                _ => Err(Reason::Unmatched),
            },
        }
    }

    fn value(text: &str) -> Result<f64, Reason> {
        Formula::parse(text).unwrap().evaluate(&number)
    }

    #[test]
    fn times_and_over_come_before_plus_and_minus_and_all_goes_from_left_to_right() {
        for (text, expected) in [
            (r#""a""#, 6.0),
            (r#""a" / directory.seats"#, 1.5),
            (r#""a" / directory.seats * 100"#, 150.0),
            (r#""a" / (directory.seats * 100)"#, 0.015),
            (r#"1 + "a" * 2 - 0.5"#, 12.5),
            (r#"(1 + "a") * 2"#, 14.0),
            (r#""a" - 3 - 2"#, 1.0),
            (r#""a" - (3 - 2)"#, 5.0),
            (r#"12 / "a" / 2"#, 1.0),
            (r#"-"a" * -2"#, 12.0),
            (r#"--"a""#, 6.0),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_zero_has_no_sign() {
        assert_eq!(value(r#"-"zero""#).map(f64::to_bits), Ok(0.0_f64.to_bits()));
    }

    #[test]
    fn what_has_no_number_is_told_by_the_first_that_has_none() {
        for (text, reason) in [
            (r#""a" / "zero""#, Reason::Undefined),
            (r#""zero" / "zero""#, Reason::Undefined),
            (r#"1 / (1 / "zero")"#, Reason::Undefined),
            (r#""most" + "most""#, Reason::Undefined),
            (r#""most" * 10 / 10"#, Reason::Undefined),
            (r#""none" + "gone""#, Reason::NeverUsed),
            (r#""gone" + "none""#, Reason::Unmatched),
            (r#""a" / "zero" + "none""#, Reason::NeverUsed),
            (r#"0 * "none""#, Reason::NeverUsed),
            (r#""a" / directory.plan"#, Reason::NoNumber),
            (r#"directory.plan / "gone""#, Reason::NoNumber),
        ] {
            assert_eq!(value(text), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_its_operands_are_a_formula_is_a_finite_number_or_a_reason(
            formula in formulas(),
            numbers in prop::collection::vec(prop_oneof![
                3 => any::<f64>().prop_map(Ok),
                3 => (-9..9_i8).prop_map(|small| Ok(f64::from(small))),
                1 => Just(Err(Reason::Backfilling)),
            ], 1..9),
        ) {
            let given = |operand: &Operand| {
                let length = operand.to_string().len();
                numbers[length % numbers.len()]
            };
            match formula.evaluate(&given) {
                Ok(value) => prop_assert!(value.is_finite()),
                Err(reason) => prop_assert!(matches!(reason, Reason::Backfilling | Reason::Undefined)),
            }
        }
    }
}
