//! From serde's complaint to a sentence with a JSON pointer.
//!
//! Serde says where with line and column; the pointer is found by walking the text up to there. Values are never
//! repeated in the sentence, names of members are.

use super::Problem;

/// Explains why a JSON text does not have the members that are known. The text itself is known to be JSON.
#[must_use]
pub fn explain(body: &[u8], error: &serde_json::Error) -> Problem {
    let place = pointer_at(body, offset(body, error.line(), error.column()));
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let mut ticked = text.split('`').skip(1).step_by(2);
    if text.starts_with("missing field") {
        let name = ticked.next().unwrap_or_default();
        return Problem::invalid(
            "missing-field",
            format!("{place}/{}", escape(name)),
            format!("The field \"{name}\" is missing."),
        );
    }
    if text.starts_with("unknown field") {
        let name = ticked.next().unwrap_or_default();
        let known: Vec<&str> = ticked.collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Problem::invalid(
            "unknown-field",
            place,
            format!("The field \"{name}\" is unknown; known here: {known}."),
        );
    }
    if text.starts_with("duplicate field") {
        let name = ticked.next().unwrap_or_default();
        return Problem::invalid("repeated-field", place, format!("The field \"{name}\" stands twice."));
    }
    if text.starts_with("unknown variant") {
        let known: Vec<&str> = ticked.skip(1).collect();
        return Problem::invalid(
            "unknown-value",
            place,
            format!("This value is unknown; known here: {}.", known.join(", ")),
        );
    }
    match text.split_once(", expected ") {
        Some((_, expected)) if text.starts_with("invalid ") => {
            Problem::invalid("wrong-type", place, format!("Here belongs {expected}."))
        }
        _ => Problem::invalid("invalid", place, format!("This can't be used: {text}.")),
    }
}

/// Counts line and column (both from 1; column in bytes) to a byte offset.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let start: usize = body.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (start + column).min(body.len())
}

/// A member name as a part of a pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// One open array or object.
enum Open {
    Array(usize),
    Object { name: String, in_value: bool },
}

/// The pointer of what was read last before `end`.
fn pointer_at(body: &[u8], end: usize) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while at < end {
        let byte = body[at];
        at += 1;
        match byte {
            b'{' => open.push(Open::Object { name: String::new(), in_value: false }),
            b'[' => open.push(Open::Array(0)),
            // What was just closed is meant: the path of whatever holds it.
            b'}' | b']' => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Open::Array(index)) => *index += 1,
                Some(Open::Object { in_value, .. }) => *in_value = false,
                None => {}
            },
            b':' => {
                if let Some(Open::Object { in_value, .. }) = open.last_mut() {
                    *in_value = true;
                }
            }
            b'"' => {
                let text_end = string_end(body, at);
                if let Some(Open::Object { name, in_value: false }) = open.last_mut() {
                    *name = serde_json::from_slice(&body[at - 1..text_end]).unwrap_or_default();
                }
                at = text_end;
            }
            _ => {}
        }
    }
    open.iter()
        .map(|open| match open {
            Open::Array(index) => format!("/{index}"),
            Open::Object { name, .. } if name.is_empty() => String::new(),
            Open::Object { name, .. } => format!("/{}", escape(name)),
        })
        .collect()
}

/// The offset after the closing quote of the string that began before `at`.
fn string_end(body: &[u8], mut at: usize) -> usize {
    while at < body.len() {
        match body[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Outer {
        name: String,
        usage: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        kind: String,
        ids: Option<Vec<String>>,
    }

    #[test]
    fn the_pointer_leads_to_the_fault() {
        for (body, pointer, kind) in [
            (r#"{"name":"a","usage":{"kind":"feature","idz":[]}}"#, "/usage/idz", "unknown-field"),
            (r#"{"name":"a","usage":{"ids":[]}}"#, "/usage/kind", "missing-field"),
            (r#"{"usage":{"kind":"feature"}}"#, "/name", "missing-field"),
            (r#"{"name":"a","usage":{"kind":"feature","ids":["x", 7]}}"#, "/usage/ids/1", "wrong-type"),
            ("{\"name\":\"a\",\n \"usage\":{\"kind\":\n 5}}", "/usage/kind", "wrong-type"),
            (r#"{"name":"a","name":"b","usage":{"kind":"x"}}"#, "/name", "repeated-field"),
            (r#"{"a/b":1}"#, "/a~1b", "unknown-field"),
        ] {
            let error = serde_json::from_str::<Outer>(body).unwrap_err();
            let problem = explain(body.as_bytes(), &error);
            assert_eq!((problem.pointer.as_deref(), problem.slug), (Some(pointer), kind), "{body} {error}");
            assert_eq!(problem.status, 422);
        }
    }

    #[test]
    fn a_value_is_never_repeated() {
        let body = r#"{"name":{"deep":"my-secret-key"},"usage":{"kind":"x"}}"#;
        let wrong = r#"{"name":"a","usage":"my-secret-key"}"#;
        for body in [body, wrong] {
            let error = serde_json::from_str::<Outer>(body).unwrap_err();
            assert!(!explain(body.as_bytes(), &error).detail.contains("my-secret-key"));
        }
    }
}
