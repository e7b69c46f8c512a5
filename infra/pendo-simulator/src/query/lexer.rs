//! Expression text into tokens.

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Sign(&'static str),
}

const SIGNS: [&str; 22] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", "?", ":",
];

/// Splits an expression; nothing if some character has no place in the language.
pub(crate) fn split(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if first == '"' || first == '`' {
            quoted(rest, first)?
        } else if first.is_ascii_digit() {
            number(rest)?
        } else if first.is_alphabetic() || first == '_' || first == '$' {
            name(rest)
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            (Token::Sign(sign), rest.get(sign.len()..)?)
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Some(tokens)
}

fn quoted(text: &str, quote: char) -> Option<(Token, &str)> {
    let mut content = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' if quote == '"' => content.push(match letters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'u' => {
                    let code: String = letters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                }
                same @ ('"' | '\\' | '/' | '`') => same,
                _ => return None,
            }),
            end if end == quote => return Some((Token::Text(content), text.get(place + 1..)?)),
            other => content.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<(Token, &str)> {
    let mut end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let after = text.get(end..)?;
    if let Some(exponent) = after.strip_prefix(['e', 'E']) {
        let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let digits = signed.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(signed.len());
        if digits > 0 {
            end += 1 + (exponent.len() - signed.len()) + digits;
        }
    }
    let number = text.get(..end)?.parse().ok()?;
    Some((Token::Number(number), text.get(end..)?))
}

fn name(text: &str) -> (Token, &str) {
    let end =
        text.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$').unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    (Token::Name(name.to_owned()), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_count_in_double_quotes_and_not_in_backticks() {
        assert_eq!(split(r#""a\"\\b""#), Some(vec![Token::Text("a\"\\b".to_owned())]));
        assert_eq!(split(r"`a\b`"), Some(vec![Token::Text("a\\b".to_owned())]));
    }

    #[test]
    fn a_quote_that_is_left_open_is_no_expression() {
        assert_eq!(split(r#"accountId == "O"Brien""#), None);
        assert_eq!(split("a ~ b"), None);
    }
}
