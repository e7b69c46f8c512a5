//! Names that the queries of several operations take.

use shared::api::Problem;
use shared::api::operation::{Parameter, Takes};
use shared::api::page::LIMIT_MAX;
use std::collections::BTreeMap;

/// A name that may be left out and takes any text; the others are told by how they differ.
pub(crate) const TEXT: Parameter =
    Parameter { name: "", takes: Takes::Text, is_required: false, about: "", example: "" };
pub(crate) const LIMIT: Parameter = Parameter {
    name: "limit",
    takes: Takes::UpTo(LIMIT_MAX),
    about: "The most items of a page, 1 to 1,000; 100 if left out.",
    example: "10",
    ..TEXT
};
pub(crate) const CURSOR: Parameter = Parameter {
    name: "cursor",
    takes: Takes::Cursor,
    about: "Where a page begins: `next` of the page before.",
    ..TEXT
};
/// The level of one object, and its id.
pub(crate) const OBJECT: Parameter = Parameter {
    name: "object",
    takes: Takes::OneOf(&["account", "contact"]),
    is_required: true,
    about: "`account` or `contact`.",
    example: "account",
};
pub(crate) const OBJECT_ID: Parameter =
    Parameter { name: "id", takes: Takes::Text, is_required: true, about: "The object's id.", example: "A-1" };
pub(crate) const FIELD_ASKED: Parameter = Parameter {
    name: "field",
    takes: Takes::Text,
    is_required: true,
    about: "A field of this level, by name or id.",
    example: "MAU",
};
pub(crate) const FORMAT: Parameter = Parameter {
    name: "format",
    takes: Takes::OneOf(&["json", "csv"]),
    about: "`json` or `csv`, whose next cursor stands in the header `x-next-cursor`.",
    example: "json",
    ..TEXT
};
pub(crate) const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    takes: Takes::OneOf(&["true", "false"]),
    about: "`true` reports and saves nothing.",
    example: "true",
    ..TEXT
};
pub(crate) const ALL: Parameter = Parameter {
    name: "all",
    takes: Takes::OneOf(&["true"]),
    about: "`true` deletes the whole list. One of the two must be said.",
    ..TEXT
};

/// What a query says under a name that is true or false; false where it is left out.
pub(crate) fn flag(query: &BTreeMap<&str, &str>, name: &'static str, slug: &'static str) -> Result<bool, Problem> {
    match query.get(name) {
        None | Some(&"false") => Ok(false),
        Some(&"true") => Ok(true),
        Some(_) => Err(Problem::invalid(slug, format!("?{name}"), format!("\"{name}\" is true or false."))),
    }
}
