//! Formulas, calculated a second time and by another way than the product's: tokens become postfix by precedence, and that
//! runs over a stack.

use crate::reference::{Expected, Reference};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A piece of a formula; `~` is the sign of a number, `-` stands between two.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    Field(String),
    Column(String),
    Sign(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text.trim_start();
    let mut found: Vec<Token> = Vec::new();
    while let Some(first) = rest.chars().next() {
        let quoted = |from: &str| {
            let (mut name, mut is_escaped) = (String::new(), false);
            for (at, sign) in from.char_indices() {
                match (is_escaped, sign) {
                    (false, '"') => return (name, at + 1),
                    (false, '\\') => is_escaped = true,
                    _ => {
                        name.push(sign);
                        is_escaped = false;
                    }
                }
            }
            panic!("{text}");
        };
        let (token, length) = if let Some(column) = rest.strip_prefix("directory.\"") {
            let (name, length) = quoted(column);
            (Token::Column(name), "directory.\"".len() + length)
        } else if let Some(column) = rest.strip_prefix("directory.") {
            let length = column.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(column.len());
            (Token::Column(column[..length].to_owned()), "directory.".len() + length)
        } else if first == '"' {
            let (name, length) = quoted(&rest[1..]);
            (Token::Field(name), length + 1)
        } else if first.is_ascii_digit() {
            let length = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(rest.len());
            (Token::Number(rest[..length].parse().unwrap()), length)
        } else {
            let is_sign_of_a_number =
                !matches!(found.last(), Some(Token::Number(_) | Token::Field(_) | Token::Column(_) | Token::Sign(')')));
            (Token::Sign(if first == '-' && is_sign_of_a_number { '~' } else { first }), first.len_utf8())
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    found
}

fn postfix(tokens: Vec<Token>) -> Vec<Token> {
    let rank = |sign: char| "+-*/~".find(sign).map(|at| [1, 1, 2, 2, 3][at]).unwrap_or(0);
    let (mut out, mut waiting): (Vec<Token>, Vec<char>) = (Vec::new(), Vec::new());
    for token in tokens {
        match token {
            Token::Sign(')') => {
                while let Some(sign) = waiting.pop().filter(|sign| *sign != '(') {
                    out.push(Token::Sign(sign));
                }
            }
            Token::Sign(sign) => {
                // Signs of numbers wait for what is behind them, and brackets for their end.
                while sign != '(' && sign != '~' && waiting.last().is_some_and(|top| rank(*top) >= rank(sign)) {
                    out.extend(waiting.pop().map(Token::Sign));
                }
                waiting.push(sign);
            }
            number => out.push(number),
        }
    }
    out.extend(waiting.into_iter().rev().map(Token::Sign));
    out
}

/// What a formula comes to; `number` tells the numbers of fields and columns, or why there is none.
pub(crate) fn calculated(
    text: &str,
    number: &dyn Fn(&Token) -> Result<f64, &'static str>,
) -> Result<f64, &'static str> {
    let tokens = tokens(text);
    for token in tokens.iter().filter(|token| matches!(token, Token::Field(_) | Token::Column(_))) {
        number(token)?;
    }
    let mut stack: Vec<f64> = Vec::new();
    for token in postfix(tokens) {
        let value = match token {
            Token::Number(value) => value,
            Token::Sign('~') => -stack.pop().unwrap(),
            Token::Sign(sign) => {
                let (right, left) = (stack.pop().unwrap(), stack.pop().unwrap());
                match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '/' if right == 0.0 => return Err("undefined"),
                    '/' => left / right,
                    other => panic!("{other} in {text}"),
                }
            }
            operand => number(&operand)?,
        };
        if value.is_infinite() || value.is_nan() {
            return Err("undefined");
        }
        stack.push(value);
    }
    let [value] = stack[..] else { panic!("{text}: {stack:?}") };
    Ok(if value == 0.0 { 0.0 } else { value })
}

/// What should stand in the lines of a field, which may be a formula over some of `fields`.
pub(crate) fn expected(reference: &Reference, field: &Value, fields: &[Value]) -> BTreeMap<String, Expected> {
    let Some(text) = field["formula"].as_str() else { return reference.expected(field) };
    let of_level = |name: &str| {
        let is_named = |other: &&Value| {
            other["object"] == field["object"] && other["name"].as_str().unwrap().eq_ignore_ascii_case(name)
        };
        fields.iter().find(is_named).unwrap_or_else(|| panic!("{name} in {text}"))
    };
    let mut used: BTreeMap<String, BTreeMap<String, Expected>> = BTreeMap::new();
    for token in tokens(text) {
        if let Token::Field(name) = token {
            used.insert(name.clone(), expected(reference, of_level(&name), fields));
        }
    }
    let objects = reference.objects(field["object"].as_str().unwrap());
    let line = |(id, columns): (&String, &Value)| {
        let number = |token: &Token| match token {
            Token::Field(name) => {
                let line = &used[name][id];
                line.value.as_f64().ok_or_else(|| line.reason.unwrap())
            }
            Token::Column(column) => {
                let cell = &columns[column.as_str()];
                let read = cell.as_f64().or_else(|| cell.as_str()?.parse().ok());
                read.ok_or("no_number")
            }
            other => panic!("{other:?}"),
        };
        let outcome = calculated(text, &number);
        let lines = || used.values().map(|lines| &lines[id]);
        let expected = Expected {
            value: outcome.map_or(Value::Null, |value| json!(value)),
            reason: outcome.err(),
            from: lines().map(|line| line.from.clone()).min().unwrap(),
            to: lines().map(|line| line.to.clone()).max().unwrap(),
        };
        (id.clone(), expected)
    };
    objects.iter().map(line).collect()
}

#[test]
fn the_second_way_knows_precedence_signs_and_brackets() {
    let number = |token: &Token| match token {
        Token::Field(name) if name == "a \"b\"" => Ok(6.0),
        Token::Column(name) if name == "x_1" || name == "y z" => Ok(4.0),
        _ => Err("no_number"),
    };
    for (text, expected) in [
        (r#""a \"b\"" - 3 - 2"#, Ok(1.0)),
        (r#"-"a \"b\"" * -(1 + directory.x_1)"#, Ok(30.0)),
        (r#"2 * --"a \"b\"" / directory."y z""#, Ok(3.0)),
        (r#"1 - -1"#, Ok(2.0)),
        (r#"1 / (directory.x_1 - 4)"#, Err("undefined")),
        (r#"1 / 0 + directory.z"#, Err("no_number")),
    ] {
        assert_eq!(calculated(text, &number), expected, "{text}");
    }
}
