//! The matching as an admin sets it: at most one rule per level.

use super::key::{key_of, text_of};
use crate::directory::Object;
use crate::fields::shape::{Shape, wrong_type};
use crate::fields::{Problem, below};
use crate::id::ObjectKind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

const PATH_CHARS_MAX: usize = 200;
/// The most aliases of a level.
pub const ALIASES_MAX: usize = 500;

/// Which levels are matched, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Matching {
    /// Pendo's visitors to contacts.
    pub contact: Option<Rule>,
    /// Pendo's accounts to accounts.
    pub account: Option<Rule>,
}

/// One level's pair of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What Pendo has.
    pub pendo: PendoKey,
    /// What the directory has: a field of the object, or `id`.
    pub object: String,
    /// Whether both sides are lower-cased before they are compared.
    pub ignore_case: bool,
    /// Of visitors or Pendo accounts, by their ids to the letter, the object whose they are whatever their keys say.
    pub aliases: BTreeMap<String, String>,
}

/// What of a Pendo visitor or account is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PendoKey {
    /// The visitor's id.
    VisitorId,
    /// The account's id.
    AccountId,
    /// A metadata field of the visitor or account.
    Metadata {
        /// Its group: `agent`, `custom`, `auto` …
        group: String,
        /// Its name in the group.
        field: String,
    },
}

impl PendoKey {
    /// Parses `visitorId` (contacts), `accountId` (accounts) or `metadata.<group>.<field>`.
    ///
    /// # Errors
    /// A sentence that says what can be used.
    pub fn parse(level: ObjectKind, text: &str) -> Result<Self, String> {
        match (level, text) {
            (ObjectKind::Contact, "visitorId") => return Ok(Self::VisitorId),
            (ObjectKind::Account, "accountId") => return Ok(Self::AccountId),
            _ => {}
        }
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        let parts = text.strip_prefix("metadata.").and_then(|path| path.split_once('.'));
        match parts {
            Some((group, field)) if text.len() <= PATH_CHARS_MAX && is_name(group) && is_name(field) => {
                Ok(Self::Metadata { group: group.to_owned(), field: field.to_owned() })
            }
            _ => {
                let id = id_name(level);
                Err(format!("\"{text}\" cannot be matched: use {id} or a metadata path such as metadata.agent.email"))
            }
        }
    }

    /// Whether this is the id that every row carries, not a metadata field.
    #[must_use]
    pub fn is_id(&self) -> bool {
        matches!(self, Self::VisitorId | Self::AccountId)
    }
}

impl fmt::Display for PendoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VisitorId => f.write_str("visitorId"),
            Self::AccountId => f.write_str("accountId"),
            Self::Metadata { group, field } => write!(f, "metadata.{group}.{field}"),
        }
    }
}

impl Serialize for PendoKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Matching {
    /// Parses a matching; a level that is absent or null is not matched.
    ///
    /// # Errors
    /// The first thing that is missing, unknown or of a wrong type; no level at all.
    pub fn parse(body: &Value) -> Result<Self, Problem> {
        let shape = Shape::of(body, "", &["contact", "account"])?;
        let level = |kind: ObjectKind| match shape.optional(kind.name()) {
            None | Some(Value::Null) => Ok(None),
            Some(rule) => Rule::parse(kind, rule).map(Some),
        };
        let matching = Self { contact: level(ObjectKind::Contact)?, account: level(ObjectKind::Account)? };
        if matching == Self::default() {
            let detail = "no level is matched; give contact, account or both, such as \
                          {\"account\":{\"account\":\"accountId\",\"object\":\"id\"}}";
            return Err(Problem::at("", detail));
        }
        Ok(matching)
    }
}

impl Rule {
    /// The key of an object, as it is compared; `None` when it has none.
    #[must_use]
    pub fn key_of(&self, id: &str, object: &Object) -> Option<String> {
        let text = text_of(id, object, &self.object)?;
        key_of(&text, self.ignore_case).map(Cow::into_owned)
    }

    fn parse(level: ObjectKind, value: &Value) -> Result<Self, Problem> {
        let pendo_name = pendo_member(level);
        let shape = Shape::of(value, &format!("/{}", level.name()), &[pendo_name, "object", "ignore_case", "aliases"])?;
        let wanted = format!("{} or a metadata path such as metadata.agent.email", id_name(level));
        let pendo = PendoKey::parse(level, shape.text(pendo_name, &wanted)?)
            .map_err(|detail| Problem::at(shape.pointer_to(pendo_name), detail))?;
        let object = shape.text("object", "a field of the directory, such as id")?.trim();
        if object.is_empty() {
            let detail = format!("{}.object is empty; name a field of the directory, such as id", level.name());
            return Err(Problem::at(shape.pointer_to("object"), detail));
        }
        let ignore_case = shape.optional_bool("ignore_case")?.unwrap_or(false);
        let aliases = shape.optional("aliases").map(|found| aliases_of(level, found, &shape.pointer_to("aliases")));
        Ok(Self { pendo, object: object.to_owned(), ignore_case, aliases: aliases.transpose()?.unwrap_or_default() })
    }
}

fn aliases_of(level: ObjectKind, value: &Value, pointer: &str) -> Result<BTreeMap<String, String>, Problem> {
    let example = format!("an object from Pendo's ids to {} ids, such as {{\"pendo-id\":\"C-1\"}}", level.name());
    let members = value.as_object().ok_or_else(|| wrong_type(pointer, value, &example))?;
    if members.len() > ALIASES_MAX {
        let detail =
            format!("{} aliases are more than {ALIASES_MAX}; a rule that fits more needs fewer", members.len());
        return Err(Problem::at(pointer, detail));
    }
    let alias = |(pendo, object): (&String, &Value)| {
        let place = below(pointer, pendo);
        let id = object.as_str().ok_or_else(|| wrong_type(&place, object, "the id of an object"))?;
        if pendo.trim().is_empty() || id.is_empty() {
            return Err(Problem::at(
                place,
                "an alias leads from an id of Pendo's to an id of the directory; neither is empty",
            ));
        }
        Ok((pendo.clone(), id.to_owned()))
    };
    members.iter().map(alias).collect()
}

impl Serialize for Matching {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut levels = serializer.serialize_map(None)?;
        for level in [ObjectKind::Contact, ObjectKind::Account] {
            if let Some(rule) = self.rule(level) {
                levels.serialize_entry(level.name(), &Wire { level, rule })?;
            }
        }
        levels.end()
    }
}

impl JsonSchema for Matching {
    fn schema_name() -> Cow<'static, str> {
        "Matching".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let rule = |level: ObjectKind, id: &str| {
            let member = pendo_member(level);
            json_schema!({"type": "object", "required": [member, "object"], "additionalProperties": false, "properties": {
                member: {"type": "string", "maxLength": PATH_CHARS_MAX, "pattern": format!(r"^({id}|metadata\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$"), "description": format!("{id}, or a metadata path such as metadata.agent.email.")},
                "object": {"type": "string", "pattern": r"\S", "description": "A column of the directory, or id."},
                "ignore_case": {"type": "boolean", "default": false},
                "aliases": {"type": "object", "maxProperties": ALIASES_MAX, "propertyNames": {"pattern": r"\S"}, "additionalProperties": {"type": "string", "minLength": 1},
                            "description": format!("By hand: whose a {member} is, whatever its key says. From Pendo's id, to the letter, to the object's id.")}}})
        };
        json_schema!({"type": "object", "additionalProperties": false, "properties": {
            "contact": rule(ObjectKind::Contact, "visitorId"), "account": rule(ObjectKind::Account, "accountId")}})
    }
}

/// A rule on the wire, where Pendo's side is named after the level.
struct Wire<'a> {
    level: ObjectKind,
    rule: &'a Rule,
}

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rule = serializer.serialize_map(None)?;
        rule.serialize_entry(pendo_member(self.level), &self.rule.pendo)?;
        rule.serialize_entry("object", &self.rule.object)?;
        rule.serialize_entry("ignore_case", &self.rule.ignore_case)?;
        if !self.rule.aliases.is_empty() {
            rule.serialize_entry("aliases", &self.rule.aliases)?;
        }
        rule.end()
    }
}

impl TryFrom<Value> for Matching {
    type Error = Problem;

    fn try_from(body: Value) -> Result<Self, Problem> {
        Self::parse(&body)
    }
}

fn pendo_member(level: ObjectKind) -> &'static str {
    match level {
        ObjectKind::Contact => "visitor",
        ObjectKind::Account => "account",
    }
}

fn id_name(level: ObjectKind) -> &'static str {
    match level {
        ObjectKind::Contact => "visitorId",
        ObjectKind::Account => "accountId",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_matching_prints_as_it_was_written() {
        let body = r#"{"contact":{"visitor":"visitorId","object":"email","ignore_case":true},"account":{"account":"metadata.custom.crm-id","object":"id","ignore_case":false}}"#;
        let matching = Matching::parse(&serde_json::from_str(body).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&matching).unwrap(), body);
        assert_eq!(serde_json::from_str::<Matching>(body).unwrap(), matching);
    }

    #[test]
    fn case_counts_unless_told_otherwise() {
        let matching = Matching::parse(&json!({"account": {"account": "accountId", "object": " id "}})).unwrap();
        let (pendo, aliases) = (PendoKey::AccountId, BTreeMap::new());
        let rule = Rule { pendo, object: "id".to_owned(), ignore_case: false, aliases };
        assert_eq!(matching, Matching { contact: None, account: Some(rule) });
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let contact = |key: Value| json!({"contact": {"visitor": key, "object": "email"}});
        let aliased = |aliases: Value| json!({"account": {"account": "accountId", "object": "id", "aliases": aliases}});
        let many: serde_json::Map<String, Value> =
            (0..=ALIASES_MAX).map(|number| (number.to_string(), json!("A"))).collect();
        let cases = [
            (json!({}), "", "no level"),
            (json!({"contact": null, "account": null}), "", "no level"),
            (json!({"visitor": {}}), "/visitor", "contact or account"),
            (json!({"contact": {"account": "accountId", "object": "id"}}), "/contact/account", "not known"),
            (json!({"contact": {"object": "email"}}), "/contact/visitor", "missing"),
            (json!({"contact": {"visitor": "visitorId"}}), "/contact/object", "missing"),
            (json!({"contact": {"visitor": "visitorId", "object": " "}}), "/contact/object", "empty"),
            (json!({"account": {"account": "visitorId", "object": "id"}}), "/account/account", "use accountId"),
            (contact(json!("accountId")), "/contact/visitor", "use visitorId"),
            (contact(json!("email")), "/contact/visitor", "metadata.agent.email"),
            (contact(json!("metadata.email")), "/contact/visitor", "metadata.agent.email"),
            (contact(json!("metadata.agent.")), "/contact/visitor", "metadata.agent.email"),
            (contact(json!("metadata.agent.e mail")), "/contact/visitor", "metadata.agent.email"),
            (contact(json!(7)), "/contact/visitor", "a number"),
            (
                json!({"account": {"account": "accountId", "object": "id", "ignore_case": "yes"}}),
                "/account/ignore_case",
                "true or false",
            ),
            (aliased(json!(["p"])), "/account/aliases", "an object"),
            (aliased(json!({"p/1": 7})), "/account/aliases/p~11", "a number"),
            (aliased(json!({"p": ""})), "/account/aliases/p", "neither is empty"),
            (aliased(json!({" ": "A"})), "/account/aliases/ ", "neither is empty"),
            (aliased(many.into()), "/account/aliases", "500"),
        ];
        for (body, pointer, part) in cases {
            let problem = Matching::parse(&body).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{body}: {problem}");
            assert!(problem.detail.contains(part), "{body}: {problem}");
        }
    }

    fn rules(id: PendoKey) -> impl Strategy<Value = Option<Rule>> {
        let path = ("[a-z]{1,8}", "[a-zA-Z0-9_-]{1,12}").prop_map(|(group, field)| PendoKey::Metadata { group, field });
        let aliases = prop::collection::btree_map("[a-z/~ @]{0,4}[a-z]", "[a-zA-Z0-9-]{1,8}", 0..4);
        let rule = (prop_oneof![Just(id), path], "[a-z][a-z _]{0,8}[a-z]", any::<bool>(), aliases);
        let rule = rule.prop_map(|(pendo, object, ignore_case, aliases)| Rule { pendo, object, ignore_case, aliases });
        prop::option::of(rule)
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(contact in rules(PendoKey::VisitorId), account in rules(PendoKey::AccountId)) {
            prop_assume!(contact.is_some() || account.is_some());
            let matching = Matching { contact, account };
            prop_assert_eq!(Matching::parse(&json!(matching)), Ok(matching));
        }
    }
}
