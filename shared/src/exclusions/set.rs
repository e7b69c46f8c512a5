//! What is excluded, as an admin says it: checked whole when it is parsed.

use crate::fields::shape::{Shape, dotted, wrong_type};
use crate::fields::{Problem, below};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The most visitors that may be named.
pub const VISITORS_MAX: usize = 1_000;
/// The most domains that may be named.
pub const DOMAINS_MAX: usize = 100;
/// The most contacts that may be named.
pub const CONTACTS_MAX: usize = 1_000;

const ID_CHARS_MAX: usize = 512;
const DOMAIN_CHARS_MAX: usize = 253;
/// A domain for those who read the document.
const DOMAIN_PATTERN: &str = r"^[^\s@\u0000-\u001f\u007f-\u009f]+$";

/// Visitors, e-mail domains and contacts whose usage does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Exclusions {
    /// Pendo's visitors, by their ids to the letter.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub visitors: BTreeSet<String>,
    /// What stands behind the @ of addresses, in small letters.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub domains: BTreeSet<String>,
    /// Contacts of the directory, by their ids.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub contacts: BTreeSet<String>,
}

/// The workspace's exclusions as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Whose usage counts in no field.
    pub exclusions: Exclusions,
    /// When they were last changed, ms since 1970.
    pub changed_at_ms: i64,
}

impl Exclusions {
    /// Parses what stands at `pointer`; a list that is absent names nobody.
    ///
    /// # Errors
    /// The first thing that is unknown, of a wrong type, impossible or too much.
    pub fn parse(value: &Value, pointer: &str) -> Result<Self, Problem> {
        let shape = Shape::of(value, pointer, &["visitors", "domains", "contacts"])?;
        Ok(Self {
            visitors: texts(&shape, "visitors", VISITORS_MAX, id)?,
            domains: texts(&shape, "domains", DOMAINS_MAX, domain)?,
            contacts: texts(&shape, "contacts", CONTACTS_MAX, id)?,
        })
    }

    /// Whether nobody is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.visitors.is_empty() && self.domains.is_empty() && self.contacts.is_empty()
    }

    /// These and those of others.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self {
            visitors: &self.visitors | &others.visitors,
            domains: &self.domains | &others.domains,
            contacts: &self.contacts | &others.contacts,
        }
    }
}

impl TryFrom<Value> for Exclusions {
    type Error = Problem;

    fn try_from(body: Value) -> Result<Self, Problem> {
        Self::parse(&body, "")
    }
}

fn texts(
    shape: &Shape<'_>,
    name: &str,
    max: usize,
    check: impl Fn(&str) -> Result<String, String>,
) -> Result<BTreeSet<String>, Problem> {
    let Some(value) = shape.optional(name) else { return Ok(BTreeSet::new()) };
    let pointer = shape.pointer_to(name);
    let Value::Array(items) = value else { return Err(wrong_type(&pointer, value, "a list of text")) };
    if items.len() > max {
        let detail = format!("{} has {} entries; give at most {max}", dotted(&pointer), items.len());
        return Err(Problem::at(pointer, detail));
    }
    let text = |(at, item): (usize, &Value)| {
        let place = below(&pointer, &at.to_string());
        let text = item.as_str().ok_or_else(|| wrong_type(&place, item, "text"))?;
        check(text).map_err(|detail| Problem::at(place.clone(), format!("{} {detail}", dotted(&place))))
    };
    items.iter().enumerate().map(text).collect()
}

fn id(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > ID_CHARS_MAX {
        return Err(format!("must have 1 to {ID_CHARS_MAX} characters, not only spaces; give an id to the letter"));
    }
    Ok(text.to_owned())
}

fn domain(text: &str) -> Result<String, String> {
    let is_foreign = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '@';
    if text.is_empty() || text.chars().count() > DOMAIN_CHARS_MAX || text.chars().any(is_foreign) {
        return Err("is no domain; give what stands behind the @ of an address, such as example.com".to_owned());
    }
    Ok(text.to_lowercase())
}

impl JsonSchema for Exclusions {
    fn schema_name() -> Cow<'static, str> {
        "Exclusions".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let id = json_schema!({"type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX, "pattern": r"\S"});
        json_schema!({"type": "object", "additionalProperties": false, "properties": {
            "visitors": {"type": "array", "maxItems": VISITORS_MAX, "items": id,
                "description": "Pendo's visitors, by their ids to the letter."},
            "domains": {"type": "array", "maxItems": DOMAINS_MAX,
                "items": {"type": "string", "maxLength": DOMAIN_CHARS_MAX, "pattern": DOMAIN_PATTERN},
                "description": "What stands behind the @ of addresses, whatever its case: of visitors' ids, of the field that matching compares, and of the column email of contacts. A part of a domain is another domain."},
            "contacts": {"type": "array", "maxItems": CONTACTS_MAX, "items": id,
                "description": "Contacts of the directory, by their ids."}}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        let cases = [
            (json!([]), "/usage/exclude", "object"),
            (json!({"hosts": []}), "/usage/exclude/hosts", "visitors, domains or contacts"),
            (json!({"visitors": "ann"}), "/usage/exclude/visitors", "a list of text"),
            (json!({"visitors": null}), "/usage/exclude/visitors", "a list of text"),
            (json!({"visitors": ["ann", 7]}), "/usage/exclude/visitors/1", "text"),
            (json!({"visitors": [" "]}), "/usage/exclude/visitors/0", "1 to 512"),
            (json!({"visitors": ["x".repeat(513)]}), "/usage/exclude/visitors/0", "1 to 512"),
            (json!({"visitors": many(1_001)}), "/usage/exclude/visitors", "at most 1000"),
            (json!({"contacts": [""]}), "/usage/exclude/contacts/0", "1 to 512"),
            (json!({"contacts": many(1_001)}), "/usage/exclude/contacts", "at most 1000"),
            (json!({"domains": ["@x.test"]}), "/usage/exclude/domains/0", "behind the @"),
            (json!({"domains": ["x.test", "a b"]}), "/usage/exclude/domains/1", "example.com"),
            (json!({"domains": [""]}), "/usage/exclude/domains/0", "no domain"),
            (json!({"domains": ["x".repeat(254)]}), "/usage/exclude/domains/0", "no domain"),
            (json!({"domains": many(101)}), "/usage/exclude/domains", "at most 100"),
        ];
        for (body, pointer, part) in cases {
            let problem = Exclusions::parse(&body, "/usage/exclude").unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
        for most in [json!({"visitors": many(1_000), "domains": many(100), "contacts": many(1_000)}), json!({})] {
            assert!(Exclusions::parse(&most, "").is_ok());
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(
            visitors in prop::collection::btree_set("[a-zA-Z @]{0,6}[a-z]", 0..4),
            domains in prop::collection::btree_set("[a-z.-]{1,9}", 0..4),
            contacts in prop::collection::btree_set("[A-Z0-9-]{1,6}", 0..4),
        ) {
            let some = Exclusions { visitors, domains, contacts };
            prop_assert_eq!(Exclusions::parse(&json!(some), ""), Ok(some.clone()));
            prop_assert_eq!(some.is_empty(), json!(some) == json!({}));
            prop_assert_eq!(&some.and(&some), &some);
        }
    }

    #[test]
    fn a_domain_is_kept_in_small_letters_and_an_id_as_it_is() {
        let body = json!({"domains": ["Example.COM", "example.com"], "visitors": [" Ann"]});
        let parsed = Exclusions::parse(&body, "").unwrap();
        assert_eq!(json!(parsed), json!({"visitors": [" Ann"], "domains": ["example.com"]}));
    }
}
