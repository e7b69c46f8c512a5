//! Formulas drawn at random, for tests; and that all of them, and whatever else is read, print to what reads the same.

use super::{Expression, Formula, Operand, Operator, Term};
use proptest::prelude::*;

fn expressions() -> impl Strategy<Value = Expression> {
    let term = |operand| Expression::Term(Term { operand, at: 0 });
    let name = || prop_oneof![3 => "[a-zA-Z_\"\\\\ äß(.]{0,9}[a-z]", 1 => "[a-z_][a-z0-9_]{0,9}"];
    let leaf = prop_oneof![
        "[0-9]{1,9}(\\.[0-9]{1,9})?".prop_map(Expression::Number),
        name().prop_map(move |name| term(Operand::Field(name))),
        name().prop_map(move |name| term(Operand::Directory(name))),
    ];
    leaf.prop_recursive(6, 40, 2, |inner| {
        let operator = prop::sample::select(vec![Operator::Plus, Operator::Minus, Operator::Times, Operator::Over]);
        prop_oneof![
            1 => inner.clone().prop_map(|inner| Expression::Negative(Box::new(inner))),
            3 => (operator, inner.clone(), inner)
                .prop_map(|(operator, left, right)| Expression::Binary(operator, Box::new(left), Box::new(right))),
        ]
    })
}

/// Any formula.
pub(super) fn formulas() -> impl Strategy<Value = Formula> {
    (expressions(), "[a-z]{1,3}").prop_map(|(expression, name)| {
        let field = Expression::Term(Term { operand: Operand::Field(name), at: 0 });
        Formula(Expression::Binary(Operator::Plus, Box::new(expression), Box::new(field)))
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(formula in formulas()) {
        prop_assert_eq!(Formula::parse(&formula.to_string()), Ok(formula));
    }

    #[test]
    fn whatever_text_is_read_ends_with_a_formula_or_a_problem(text in ".{0,40}") {
        let read = Formula::parse(&text);
        prop_assert!(read.is_ok() || read.unwrap_err().detail.len() < 1_000);
    }

    /// Made of what formulas are made of, so that much of it is nearly one.
    #[test]
    fn whatever_pieces_are_read_print_to_what_reads_the_same(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\"a\"", "\"", "\\", "directory.", "directory.\"", "seats", "1", "0.5", ".", "(", ")", "-", "+", "*", "/", " ", "e", "÷",
        ]), 0..14),
    ) {
        if let Ok(formula) = Formula::parse(&pieces.concat()) {
            prop_assert_eq!(Formula::parse(&formula.to_string()), Ok(formula));
        }
    }

    #[test]
    fn bytes_of_any_kind_never_stop_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Formula::parse(&String::from_utf8_lossy(&bytes)));
    }
}
