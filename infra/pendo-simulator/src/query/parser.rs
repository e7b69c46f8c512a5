//! Tokens into an expression. Precedence from loose to tight: `||`, `&&`, equality, order, sum, product, sign. There is no `in`.

use crate::query::expression::{Expression, Operator, Path, Step};
use crate::query::function::Function;
use crate::query::lexer::{self, Token};
use crate::value::{Name, Value};

/// Parses an expression; nothing if the text is none.
pub(crate) fn parse(text: &str) -> Option<Expression> {
    let mut parser = Parser { tokens: lexer::split(text)?, place: 0, depth: 0 };
    let expression = parser.level(0)?;
    (parser.place == parser.tokens.len()).then_some(expression)
}

const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or)],
    &[("&&", Operator::And)],
    &[("==", Operator::Equal), ("!=", Operator::Unequal)],
    &[("<=", Operator::AtMost), (">=", Operator::AtLeast), ("<", Operator::Less), (">", Operator::More)],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::Over), ("%", Operator::Rest)],
];
const DEPTH_MAX: u32 = 200;

struct Parser {
    tokens: Vec<Token>,
    place: usize,
    depth: u32,
}

impl Parser {
    fn level(&mut self, level: usize) -> Option<Expression> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.peeks(sign)) {
            self.place += 1;
            let right = self.level(level + 1)?;
            left = Expression::Two(*operator, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn signed(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let expression = if self.takes("!") {
            Expression::Not(Box::new(self.signed()?))
        } else if self.takes("-") {
            match self.signed()? {
                Expression::Constant(Value::Number(number)) => Expression::Constant(Value::Number(-number)),
                other => Expression::Minus(Box::new(other)),
            }
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Some(expression)
    }

    fn primary(&mut self) -> Option<Expression> {
        let token = self.tokens.get(self.place)?.clone();
        self.place += 1;
        match token {
            Token::Number(number) => Some(Expression::Constant(Value::Number(number))),
            Token::Text(text) => Some(Expression::Constant(Value::text(text))),
            Token::Sign("(") => {
                let inner = self.level(0)?;
                self.takes(")").then_some(inner)
            }
            Token::Sign("[") => Some(Expression::List(self.parts("]")?)),
            Token::Sign(_) => None,
            Token::Name(name) => match &*name {
                "true" => Some(Expression::Constant(Value::Bool(true))),
                "false" => Some(Expression::Constant(Value::Bool(false))),
                "null" | "nil" => Some(Expression::Constant(Value::Null)),
                _ if self.takes("(") => self.call(&name),
                _ => self.path(&name),
            },
        }
    }

    fn call(&mut self, name: &str) -> Option<Expression> {
        let function = Function::of_name(name)?;
        let parts = self.parts(")")?;
        function.takes(parts.len()).then_some(Expression::Call(function, parts))
    }

    fn parts(&mut self, end: &'static str) -> Option<Vec<Expression>> {
        let mut parts = Vec::new();
        while !self.takes(end) {
            if !parts.is_empty() && !self.takes(",") {
                return None;
            }
            parts.push(self.level(0)?);
        }
        Some(parts)
    }

    fn path(&mut self, head: &str) -> Option<Expression> {
        let mut path = Path::name(head);
        loop {
            if self.takes(".") {
                let Token::Name(name) = self.tokens.get(self.place)? else { return None };
                path.rest.push(Step::Name(Name::from(name.as_str())));
                self.place += 1;
            } else if self.takes("[") {
                let step = match self.tokens.get(self.place)? {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
                    Token::Number(number) if number.fract() == 0.0 => Step::Place(*number as usize),
                    Token::Text(name) => Step::Name(Name::from(name.as_str())),
                    _ => return None,
                };
                path.rest.push(step);
                self.place += 1;
                if !self.takes("]") {
                    return None;
                }
            } else {
                return Some(Expression::Path(path));
            }
        }
    }

    fn peeks(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.place), Some(Token::Sign(found)) if *found == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.peeks(sign);
        self.place += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::options::Options;
    use crate::query::item::Item;
    use crate::query::run::Run;
    use crate::value::Record;
    use crate::world::World;

    fn value(text: &str) -> Value {
        let world = World::new(&Options::empty(), 0, false);
        let run = Run::new(&world, Clock::fixed(1_782_822_600_000).now_ms(), 0);
        let json =
            serde_json::json!({"a": 2, "polls": [{"id": "p"}], "account": "O\"Brien", "type": "ui:web:guideSeen"});
        let item = Item::Made(Record::from_json(json.as_object().unwrap()));
        parse(text).unwrap().value(&item, &run)
    }

    #[test]
    fn products_bind_tighter_than_sums_and_sums_than_orders() {
        assert_eq!(value("1 + a * 3 == 7 && !(a > 2)"), Value::Bool(true));
        assert_eq!(value("7 - 2 - 1"), Value::Number(4.0));
        assert_eq!(value("1782822600000 - 1782822600000 % 3600000"), Value::Number(1_782_820_800_000.0));
    }

    #[test]
    fn paths_go_through_lists_and_miss_quietly() {
        assert_eq!(value("polls[0].id"), Value::text("p"));
        assert_eq!(value("isNull(polls[1].id.x)"), Value::Bool(true));
    }

    #[test]
    fn quotes_in_an_id_need_their_backslash() {
        assert_eq!(value(r#"account == "O\"Brien""#), Value::Bool(true));
        assert!(parse(r#"account == "O"Brien""#).is_none());
    }

    #[test]
    fn there_is_no_in() {
        assert!(parse(r#"account in ["a","b"]"#).is_none());
        assert!(parse("nonsense(a)").is_none());
    }

    #[test]
    fn functions_know_the_time_and_the_types() {
        assert_eq!(value("now() - 30*1000*60*60*24"), Value::Number(1_780_230_600_000.0));
        assert_eq!(value("startOfPeriod(`daily`, now())"), Value::Number(1_782_777_600_000.0));
        assert_eq!(value("dateAdd(now(), -1, \"days\")"), Value::Number(1_782_736_200_000.0));
        assert_eq!(value("date(2026, 6, 30)"), value("date(\"2026-06-30\")"));
        assert_eq!(value("eventSubType(type)"), Value::text("guideSeen"));
    }
}
