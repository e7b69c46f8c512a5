//! Reads the text of a formula, character by character. Whatever the text is, reading it ends with a formula or with what is
//! wrong and where.

use super::{Expression, Formula, Operand, Operator, Term};
use crate::fields::definition::NAME_CHARS_MAX;
use crate::fields::problem::Problem;

/// Fields, columns and constants of a formula at most.
pub const FORMULA_TERMS_MAX: usize = 100;
/// Brackets and signs within each other at most.
pub const FORMULA_DEPTH_MAX: usize = 32;

const POINTER: &str = "/formula";
const DIGITS_MAX: usize = 20;
const DIRECTORY: &str = "directory";
const WANTED: &str = "a field in double quotes, directory. with a column, a number or (";

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// The first thing that is wrong, with its character.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut reader = Reader { text: text.chars().collect(), at: 0, terms: 0, depth: 0 };
        let formula = Self(reader.sum()?);
        if let Some(sign) = reader.next() {
            return Err(reader.unexpected(sign, "+, -, * or /"));
        }
        if formula.fields().is_empty() {
            let detail = "the formula names no calculated field; name at least one in double quotes, such as \"MAU\"";
            return Err(Problem::at(POINTER, detail));
        }
        Ok(formula)
    }
}

/// Whether a column can stand without quotes.
pub(super) fn is_word(column: &str) -> bool {
    let mut letters = column.chars();
    letters.next().is_some_and(begins_word) && letters.all(goes_on)
}

const fn begins_word(sign: char) -> bool {
    sign.is_ascii_alphabetic() || sign == '_'
}

const fn goes_on(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_'
}

struct Reader {
    text: Vec<char>,
    /// What is read.
    at: usize,
    terms: usize,
    depth: usize,
}

impl Reader {
    /// The next character that is no space.
    fn next(&mut self) -> Option<char> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.peek()
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn sum(&mut self) -> Result<Expression, Problem> {
        let mut left = self.product()?;
        loop {
            let operator = match self.next() {
                Some('+') => Operator::Plus,
                Some('-' | '−') => Operator::Minus,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression, Problem> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.next() {
                Some('*' | '×') => Operator::Times,
                Some('/' | '÷') => Operator::Over,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expression::Binary(operator, Box::new(left), Box::new(self.signed()?));
        }
    }

    fn signed(&mut self) -> Result<Expression, Problem> {
        match self.next() {
            Some('-' | '−') => {
                self.deeper()?;
                let inner = self.signed()?;
                self.depth -= 1;
                Ok(Expression::Negative(Box::new(inner)))
            }
            Some('(') => {
                let opened = self.at + 1;
                self.deeper()?;
                let inner = self.sum()?;
                match self.next() {
                    Some(')') => self.at += 1,
                    None => {
                        return Err(wrong(format!(
                            "the ( at character {opened} of the formula is never closed; add )"
                        )));
                    }
                    Some(sign) => return Err(self.unexpected(sign, "+, -, *, / or )")),
                }
                self.depth -= 1;
                Ok(inner)
            }
            Some(sign) => self.term(sign),
            None => {
                let at = self.at + 1;
                Err(wrong(format!("the formula ends at character {at}, where something is missing; give {WANTED}")))
            }
        }
    }

    /// Takes the sign or bracket that leads one step deeper.
    fn deeper(&mut self) -> Result<(), Problem> {
        self.at += 1;
        self.depth += 1;
        if self.depth <= FORMULA_DEPTH_MAX {
            return Ok(());
        }
        Err(wrong(format!(
            "at character {} the formula is more than {FORMULA_DEPTH_MAX} brackets and signs deep; make a field of a part of it",
            self.at
        )))
    }

    fn term(&mut self, sign: char) -> Result<Expression, Problem> {
        self.terms += 1;
        let at = self.at + 1;
        if self.terms > FORMULA_TERMS_MAX {
            let detail = format!(
                "at character {at} the formula has more than {FORMULA_TERMS_MAX} fields, columns and constants; make a field of a part of it"
            );
            return Err(wrong(detail));
        }
        if sign.is_ascii_digit() {
            return self.number().map(Expression::Number);
        }
        let operand = if sign == '"' {
            Operand::Field(self.quoted()?)
        } else if begins_word(sign) {
            self.column()?
        } else {
            return Err(self.unexpected(sign, WANTED));
        };
        Ok(Expression::Term(Term { operand, at }))
    }

    /// Digits, and digits behind a point.
    fn number(&mut self) -> Result<String, Problem> {
        let at = self.at + 1;
        let mut digits = self.taken(|sign| sign.is_ascii_digit());
        if self.peek() == Some('.') {
            self.at += 1;
            let decimals = self.taken(|sign| sign.is_ascii_digit());
            if decimals.is_empty() {
                return Err(wrong(format!(
                    "the number at character {at} of the formula ends with a point; add a digit"
                )));
            }
            digits = format!("{digits}.{decimals}");
        }
        if digits.len() > DIGITS_MAX {
            let detail = format!("the number at character {at} of the formula has more than {DIGITS_MAX} digits");
            return Err(wrong(format!("{detail}; give a shorter one")));
        }
        Ok(digits)
    }

    /// `directory.` and a column.
    fn column(&mut self) -> Result<Operand, Problem> {
        let at = self.at + 1;
        let word = self.taken(goes_on);
        if word != DIRECTORY || self.peek() != Some('.') {
            let word: String = word.chars().take(NAME_CHARS_MAX).collect();
            let detail = format!("\"{word}\" at character {at} of the formula is not known");
            return Err(wrong(format!(
                "{detail}; put the name of a field in double quotes, or give directory. with a column"
            )));
        }
        self.at += 1;
        match self.peek() {
            Some('"') => self.quoted().map(Operand::Directory),
            Some(sign) if begins_word(sign) => {
                let column = self.taken(goes_on);
                if column.len() > NAME_CHARS_MAX { Err(too_long(at)) } else { Ok(Operand::Directory(column)) }
            }
            _ => Err(wrong(format!(
                "the directory. at character {at} of the formula has no column; give one, in double quotes unless it is a plain word"
            ))),
        }
    }

    fn taken(&mut self, is_taken: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&is_taken) {
            self.at += 1;
        }
        self.text.get(start..self.at).into_iter().flatten().collect()
    }

    /// A name in double quotes; a backslash makes the quote or backslash after it part of the name.
    fn quoted(&mut self) -> Result<String, Problem> {
        let at = self.at + 1;
        self.at += 1;
        let mut name = String::new();
        let mut length = 0;
        loop {
            let sign = match self.peek() {
                Some('"') => {
                    self.at += 1;
                    break;
                }
                Some('\\') => {
                    self.at += 1;
                    self.peek().filter(|sign| matches!(sign, '"' | '\\')).ok_or_else(|| {
                        wrong(format!(
                            "the \\ at character {} of the formula stands before neither \" nor \\; write \\\\ for a backslash",
                            self.at
                        ))
                    })?
                }
                Some(sign) => sign,
                None => {
                    let detail = format!("the name that begins at character {at} of the formula has no end; add \"");
                    return Err(wrong(detail));
                }
            };
            self.at += 1;
            length += 1;
            if length > NAME_CHARS_MAX {
                return Err(too_long(at));
            }
            name.push(sign);
        }
        if name.trim().is_empty() {
            return Err(wrong(format!("the name at character {at} of the formula is empty; give a name")));
        }
        Ok(name)
    }

    fn unexpected(&self, sign: char, wanted: &str) -> Problem {
        wrong(format!("\"{sign}\" at character {} of the formula is not expected there; give {wanted}", self.at + 1))
    }
}

fn too_long(at: usize) -> Problem {
    wrong(format!(
        "the name at character {at} of the formula has more than {NAME_CHARS_MAX} characters; give the name as it stands"
    ))
}

fn wrong(detail: String) -> Problem {
    Problem::at(POINTER, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        Formula::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_formula_prints_with_no_brackets_but_those_it_needs() {
        for (written, expected) in [
            (r#""MAU"/directory.seats*100"#, r#""MAU" / directory.seats * 100"#),
            (r#"( "a" )"#, r#""a""#),
            (r#"("a" + "b") + 1"#, r#""a" + "b" + 1"#),
            (r#""a" + ("b" + 1)"#, r#""a" + ("b" + 1)"#),
            (r#""a" - ("b" - 1)"#, r#""a" - ("b" - 1)"#),
            (r#"("a" + "b") * 0.10"#, r#"("a" + "b") * 0.10"#),
            (r#"("a" * "b") + 007"#, r#""a" * "b" + 007"#),
            (r#"-("a" + 1) * -(-"b")"#, r#"-("a" + 1) * --"b""#),
            (r#""a" ÷ "b" × 2 − 1"#, r#""a" / "b" * 2 - 1"#),
            ("directory.\"seats\"\n+ \"a\"", r#"directory.seats + "a""#),
            (r#""q\"\\" + directory."licence seats""#, r#""q\"\\" + directory."licence seats""#),
        ] {
            assert_eq!(printed(written), expected);
            assert_eq!(printed(expected), expected);
        }
    }

    #[test]
    fn operands_know_where_they_stand() {
        let formula = Formula::parse("\"ä\" +\n( directory.x / \"ä\")").unwrap();
        let terms: Vec<(String, usize)> =
            formula.terms().into_iter().map(|term| (term.operand.to_string(), term.at)).collect();
        assert_eq!(terms, [("\"ä\"".to_owned(), 1), ("directory.x".to_owned(), 9), ("\"ä\"".to_owned(), 23)]);
        assert_eq!(formula.fields(), ["ä"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_character() {
        let deep = format!("{}\"a\"{}", "(".repeat(33), ")".repeat(33));
        let long = format!("\"a\"{}", " + 1".repeat(100));
        for (text, part) in [
            ("", "ends at character 1"),
            ("\"a\" +", "ends at character 6"),
            ("\"a\" \"b\"", "\"\"\" at character 5"),
            ("MAU / 2", "\"MAU\" at character 1"),
            ("\"a\" / seats", "\"seats\" at character 7"),
            ("\"a\" / directory", "\"directory\" at character 7"),
            ("\"a\" / directory.", "directory. at character 7"),
            ("\"a\" / directory. seats", "directory. at character 7"),
            ("\"a\" / directory.7", "directory. at character 7"),
            ("\"a\" + 1.", "number at character 7"),
            ("\"a\" + .5", "\".\" at character 7"),
            ("\"a\" + 1e5", "\"e\" at character 8"),
            ("\"a\" + 1.5.5", "\".\" at character 10"),
            ("\"a\" + 1234567890.1234567890", "more than 20 digits"),
            ("(\"a\"", "( at character 1 of the formula is never closed"),
            ("(\"a\" \"b\")", "give +, -, *, / or )"),
            ("\"a\")", "\")\" at character 4"),
            ("\"a", "begins at character 1"),
            ("\"a\\n\"", "\\ at character 3"),
            ("\" \"", "character 1 of the formula is empty"),
            ("+\"a\"", "\"+\" at character 1"),
            ("\"a\" ** 2", "\"*\" at character 6"),
            ("\"a\" % 2", "\"%\" at character 5"),
            ("1 + directory.seats", "no calculated field"),
            (&deep, "at character 33 the formula is more than 32"),
            (&long, "more than 100 fields, columns and constants"),
            (&format!("\"{}\"", "x".repeat(121)), "more than 120 characters"),
            (&format!("\"a\" + directory.{}", "x".repeat(121)), "more than 120 characters"),
        ] {
            let problem = Formula::parse(text).unwrap_err();
            assert_eq!(problem.pointer, "/formula", "{text}");
            assert!(problem.detail.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn what_lies_just_inside_is_taken() {
        assert!(Formula::parse(&format!("{}\"a\"{}", "(".repeat(32), ")".repeat(32))).is_ok());
        assert!(Formula::parse(&format!("\"a\"{}", "+1".repeat(99))).is_ok());
        assert!(Formula::parse(&format!("{}\"a\"", "-".repeat(32))).is_ok());
        assert!(Formula::parse(&format!("\"{}\"", "\u{1f980}".repeat(120))).is_ok());
    }
}
