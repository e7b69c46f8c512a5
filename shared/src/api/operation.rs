//! What a function can be asked. One table for each: the function routes by it, the local gateway takes its paths from it, and
//! `docs/openapi.json` and `docs/api.md` are made from it.

use super::{Problem, Request};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Exactly the level `high`.
    High,
    /// Any level of the workspace.
    Any,
}

/// The shape of a body.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The shape of a type.
pub fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What may stand under a name of a query.
#[derive(Debug)]
pub enum Takes {
    /// Any text.
    Text,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number from 1 to this one.
    UpTo(usize),
    /// What an answer gave as `next`.
    Cursor,
}

/// One name of a query.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What may stand under it.
    pub takes: Takes,
    /// Whether it must be given.
    pub is_required: bool,
    /// What it says.
    pub about: &'static str,
    /// A value that works.
    pub example: &'static str,
}

/// A body that is sent.
#[derive(Debug)]
pub struct Body {
    /// Its media types; the example is of the first.
    pub types: &'static [&'static str],
    /// Its shape, where it is JSON.
    pub shape: Option<Shape>,
    /// A body that works.
    pub example: &'static str,
}

/// One thing that can be asked.
#[derive(Debug)]
pub struct Operation<A: 'static> {
    /// What the function does.
    pub act: A,
    /// Its name in the document.
    pub id: &'static str,
    /// `GET`, `POST` …
    pub method: &'static str,
    /// Its path; `{id}` stands for any one part.
    pub path: &'static str,
    /// Who may ask.
    pub level: Level,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// The names that its query takes.
    pub query: &'static [Parameter],
    /// The body that it takes.
    pub body: Option<Body>,
    /// The answers when all goes well: status and shape; `None` is CSV, or nothing with 204.
    pub replies: &'static [(u16, Option<Shape>)],
    /// Whether it takes an `Idempotency-Key`.
    pub is_creating: bool,
    /// Whether it takes `If-Match`.
    pub takes_if_match: bool,
    /// Whether it answers an `ETag`.
    pub answers_etag: bool,
}

/// Finds what is asked, with the part of the path that stands for `{id}`.
///
/// # Errors
/// 404 for a path that no operation has, 405 for another method.
pub fn find<'r, A>(
    operations: &'static [Operation<A>],
    request: &'r Request,
) -> Result<(&'static Operation<A>, &'r str), Problem> {
    let mut allowed = Vec::new();
    for operation in operations {
        let Some(id) = matched(operation.path, &request.path) else { continue };
        if operation.method == request.method {
            return Ok((operation, id));
        }
        allowed.push(operation.method);
    }
    if !allowed.is_empty() {
        return Err(Problem::method(allowed.join(", ")));
    }
    let mut paths: Vec<&str> = operations.iter().map(|operation| operation.path).collect();
    paths.dedup();
    Err(Problem::not_found("unknown-route", format!("There is no such route: see {}.", paths.join(", "))))
}

fn matched<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    match pattern.split_once("{id}") {
        Some((before, after)) => path.strip_prefix(before)?.strip_suffix(after).filter(|id| !id.contains('/')),
        None => (pattern == path).then_some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::tests::event;

    const fn operation(act: u8, method: &'static str, path: &'static str) -> Operation<u8> {
        Operation {
            act,
            id: "",
            method,
            path,
            level: Level::High,
            summary: "",
            query: &[],
            body: None,
            replies: &[],
            is_creating: false,
            takes_if_match: false,
            answers_etag: false,
        }
    }

    static OPERATIONS: [Operation<u8>; 4] = [
        operation(1, "GET", "/v1/fields"),
        operation(2, "POST", "/v1/fields"),
        operation(3, "GET", "/v1/fields/{id}"),
        operation(4, "GET", "/v1/fields/{id}/versions"),
    ];

    #[test]
    fn a_path_and_a_method_find_one_operation_or_a_refusal() {
        for (method, path, act, id) in [
            ("GET", "/v1/fields", 1, ""),
            ("POST", "/v1/fields", 2, ""),
            ("GET", "/v1/fields/7", 3, "7"),
            ("GET", "/v1/fields/7/versions", 4, "7"),
        ] {
            let request = Request::of(event(method, path));
            let (operation, found) = find(&OPERATIONS, &request).unwrap();
            assert_eq!((operation.act, found), (act, id), "{method} {path}");
        }
        for (method, path, status) in [
            ("PUT", "/v1/fields", 405),
            ("DELETE", "/v1/fields/7", 405),
            ("GET", "/v1/fields/7/versions/8", 404),
            ("GET", "/v1/fields/7/8/versions", 404),
            ("GET", "/v1/field", 404),
            ("GET", "", 404),
        ] {
            let request = Request::of(event(method, path));
            assert_eq!(find(&OPERATIONS, &request).unwrap_err().status, status, "{method} {path}");
        }
    }
}
