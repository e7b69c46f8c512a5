//! Which rows a field looks at: a kind, some of its objects or all, of some apps or all, for guides the types of event, and for
//! track events what their properties must be.

use super::filter::{FILTERS_MAX, Filter};
use super::problem::{Problem, below};
use super::shape::{Shape, dotted, listed, wrong_type};
use crate::exclusions::Exclusions;
use crate::id::Kind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// How many objects a field may name.
pub const IDS_MAX: usize = 1_000;
/// How many track types a field that looks at properties may name.
pub(super) const TRACK_TYPES_MAX: usize = 20;
/// The types of guide events that a field may name.
pub const GUIDE_TYPES: [&str; 6] =
    ["guideSeen", "guideAdvanced", "guideDismissed", "guideActivity", "guideSnoozed", "guideTimeout"];

/// How many groups a field may name.
const GROUPS_MAX: usize = 100;
/// How many apps a field may name.
const APPS_MAX: usize = 100;
const ID_CHARS_MAX: usize = 512;
const KINDS: [&str; 5] = ["feature", "guide", "page", "track", "event"];

/// The rows of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Usage {
    /// The kind of usage.
    pub kind: Kind,
    /// The features, pages, guides or track types; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<BTreeSet<String>>,
    /// Pendo's groups, by name, whose objects count as if they were named, whichever they are; absent means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeSet<String>>,
    /// Pendo's ids of the apps in which it happened; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apps: Option<BTreeSet<i64>>,
    /// The types of guide events; absent means seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<BTreeSet<String>>,
    /// What the properties of track events must be, all of it; empty means anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Whose usage does not count, beside those whom the workspace excludes; absent means nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Exclusions>,
}

impl JsonSchema for Usage {
    fn schema_name() -> Cow<'static, str> {
        "Usage".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let is = |kind: Kind| serde_json::json!({"properties": {"kind": {"const": kind.name()}}, "required": ["kind"]});
        let names = |list: &str| serde_json::json!({"properties": {list: {"minItems": 1}}, "required": [list]});
        json_schema!({"type": "object", "required": ["kind"], "additionalProperties": false, "properties": {
            "kind": {"enum": KINDS, "description": "The kind of usage. All activity (`event`) is never added to the others."},
            "ids": {"type": "array", "minItems": 1, "maxItems": IDS_MAX,
                "items": {"type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX, "pattern": r"\S"},
                "description": "The features, pages, guides or track types; all of them if left out. All activity has none."},
            "groups": {"type": "array", "minItems": 1, "maxItems": GROUPS_MAX,
                "items": {"type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX, "pattern": r"\S"},
                "description": "Pendo's groups of them, by name: whatever is in one of them counts as if it were named in `ids`, as Pendo last listed it."},
            "apps": {"type": "array", "minItems": 1, "maxItems": APPS_MAX, "items": {"type": "integer", "format": "int64"},
                "description": "Pendo's ids of the apps in which it happened; all of them if left out."},
            "types": {"type": "array", "minItems": 1, "maxItems": IDS_MAX, "items": {"enum": GUIDE_TYPES},
                "description": "For guides: the types of events; those that were seen if left out."},
            "filters": {"type": "array", "minItems": 1, "maxItems": FILTERS_MAX, "items": generator.subschema_for::<Filter>(),
                "description": "For named track types: what properties of the events must be. All filters must hold."},
            "exclude": {"allOf": [generator.subschema_for::<Exclusions>(), {"anyOf": [names("visitors"), names("domains"), names("contacts")]}],
                "description": "Whose usage does not count, beside those whom the workspace excludes."}},
            "allOf": [
                {"if": is(Kind::Event), "then": {"properties": {"ids": false, "groups": false}}},
                {"if": is(Kind::Guide), "else": {"properties": {"types": false}}},
                {"if": {"required": ["filters"]}, "then": named_track_types()}]})
    }
}

impl Usage {
    pub(super) fn parse(value: &Value, pointer: &str) -> Result<Self, Problem> {
        let shape = Shape::of(value, pointer, &["kind", "ids", "groups", "apps", "types", "filters", "exclude"])?;
        let kind_name = shape.text("kind", &listed(&KINDS))?;
        let kind = kind_of(kind_name).map_err(|detail| Problem::at(shape.pointer_to("kind"), detail))?;

        let ids_at = shape.pointer_to("ids");
        let ids = shape.optional("ids").map(|list| texts(list, &ids_at)).transpose()?;
        if ids.is_some() && kind == Kind::Event {
            let detail =
                "usage.ids cannot be given for kind event, which is all activity; leave ids out or choose another kind";
            return Err(Problem::at(ids_at, detail));
        }

        let groups_at = shape.pointer_to("groups");
        let groups = shape.optional("groups").map(|list| texts(list, &groups_at)).transpose()?;
        if groups.is_some() && kind == Kind::Event {
            let detail = "usage.groups cannot be given for kind event, which is all activity; leave groups out or choose another kind";
            return Err(Problem::at(groups_at, detail));
        }
        if let Some(groups) = groups.as_ref().filter(|groups| groups.len() > GROUPS_MAX) {
            let detail = format!("usage.groups has {} entries; give 1 to {GROUPS_MAX} names of groups", groups.len());
            return Err(Problem::at(groups_at, detail));
        }

        let apps_at = shape.pointer_to("apps");
        let apps = shape.optional("apps").map(|list| apps(list, &apps_at)).transpose()?;

        let types_at = shape.pointer_to("types");
        let types = shape.optional("types").map(|list| texts(list, &types_at)).transpose()?;
        if types.is_some() && kind != Kind::Guide {
            let detail = format!("usage.types applies to kind guide only; leave it out for kind {}", kind.name());
            return Err(Problem::at(types_at, detail));
        }
        if let Some(unknown) = types.iter().flatten().find(|name| !GUIDE_TYPES.contains(&name.as_str())) {
            let detail = format!("usage.types does not know \"{unknown}\"; use {}", listed(&GUIDE_TYPES));
            return Err(Problem::at(types_at, detail));
        }

        let filters_at = shape.pointer_to("filters");
        let filters =
            shape.optional("filters").map(|list| Filter::list(list, &filters_at)).transpose()?.unwrap_or_default();

        let exclude_at = shape.pointer_to("exclude");
        let exclude = shape.optional("exclude").map(|some| Exclusions::parse(some, &exclude_at)).transpose()?;
        if exclude.as_ref().is_some_and(Exclusions::is_empty) {
            let detail = "usage.exclude names nobody; give visitors, domains or contacts, or leave it out";
            return Err(Problem::at(exclude_at, detail));
        }
        Ok(Self { kind, ids, groups, apps, types, filters, exclude })
    }

    /// Whether it names objects, be it by groups.
    #[must_use]
    pub fn names_objects(&self) -> bool {
        self.ids.is_some() || self.groups.is_some()
    }

    /// Whether the field looks at what happened in this app.
    #[must_use]
    pub fn has_app(&self, app: i64) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(&app))
    }

    /// Whether the field looks at events of this type. Without `types` a guide field looks at those that were seen.
    #[must_use]
    pub fn has_type(&self, event_type: &str) -> bool {
        match &self.types {
            Some(types) => types.contains(event_type),
            None => self.kind != Kind::Guide || event_type == "guideSeen",
        }
    }
}

/// A field that looks at properties names its track types, for the document.
pub(super) fn named_track_types() -> Value {
    serde_json::json!({"properties": {"kind": {"const": Kind::Track.name()}, "ids": {"maxItems": TRACK_TYPES_MAX}, "groups": false}, "required": ["kind", "ids"]})
}

fn kind_of(name: &str) -> Result<Kind, String> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) {
        return Ok(kind);
    }
    if ["nps", "poll", "polls", "pollevents"].contains(&name.to_lowercase().as_str()) {
        return Err(format!(
            "kind \"{name}\" is refused: NPS is not mapped from Pendo; upload it as a numeric column named nps on the \
             directory, where formulas and health can use it"
        ));
    }
    Err(format!("usage.kind \"{name}\" is not known; use {}", listed(&KINDS)))
}

/// A list of at least one app's id.
fn apps(list: &Value, pointer: &str) -> Result<BTreeSet<i64>, Problem> {
    let Value::Array(items) = list else { return Err(wrong_type(pointer, list, "a list of whole numbers")) };
    if items.is_empty() || items.len() > APPS_MAX {
        let (place, count) = (dotted(pointer), items.len());
        let detail = format!("{place} has {count} entries; give 1 to {APPS_MAX} ids of apps, or leave it out for all");
        return Err(Problem::at(pointer, detail));
    }
    let id = |(index, item): (usize, &Value)| {
        let item_at = below(pointer, &index.to_string());
        item.as_i64()
            .ok_or_else(|| wrong_type(&item_at, item, "a whole number, the app's id as the catalogue shows it"))
    };
    items.iter().enumerate().map(id).collect()
}

/// A list of at least one text, none of them empty.
fn texts(list: &Value, pointer: &str) -> Result<BTreeSet<String>, Problem> {
    let place = dotted(pointer);
    let Value::Array(items) = list else { return Err(wrong_type(pointer, list, "a list of text")) };
    if items.is_empty() {
        return Err(Problem::at(
            pointer,
            format!("{place} is empty; name at least one, or leave it out for the default"),
        ));
    }
    if items.len() > IDS_MAX {
        let detail = format!("{place} has {} entries; give at most {IDS_MAX}, or leave it out for all", items.len());
        return Err(Problem::at(pointer, detail));
    }
    let mut found = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let item_at = below(pointer, &index.to_string());
        let Value::String(text) = item else { return Err(wrong_type(&item_at, item, "text")) };
        if text.trim().is_empty() || text.chars().count() > ID_CHARS_MAX {
            let detail =
                format!("{} must have 1 to {ID_CHARS_MAX} characters; give the id as Pendo shows it", dotted(&item_at));
            return Err(Problem::at(item_at, detail));
        }
        found.insert(text.clone());
    }
    Ok(found)
}
