//! What holds for a field however it is set: by itself, edited, or with a whole configuration.

use crate::deleted;
use crate::source::pendo_problem;
use serde_json::Value;
use shared::api::Problem;
use shared::context::Context;
use shared::fields::{Definition, FIELDS_MAX, Field, Usage};
use shared::id::{Kind, ObjectKind, WorkspaceId};
use shared::matching::Matching;
use shared::pendo::{Client, catalog};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How often a change is redone when somebody else changes the fields too.
pub(crate) const ATTEMPTS_MAX: usize = 6;

/// A field on a level that is not matched could never have a value.
pub(crate) fn refuse_unmatched(matching: &Matching, level: ObjectKind) -> Result<(), Problem> {
    if matching.rule(level).is_some() {
        return Ok(());
    }
    let name = level.name();
    let example = match level {
        ObjectKind::Account => r#"{"account":{"account":"accountId","object":"id"}}"#,
        ObjectKind::Contact => r#"{"contact":{"visitor":"visitorId","object":"email"}}"#,
    };
    let why = if matching.contact.is_some() {
        "Only contacts are matched: account usage follows the Pendo account on each row, so accounts need a rule of their own. Set it"
    } else {
        "This level is not matched yet: set it"
    };
    Err(Problem::conflict(
        "level-not-matched",
        format!("{why} with PUT /v1/matching, for {name}s such as {example} beside the rules that stand."),
    )
    .at("/object"))
}

/// The matching that stands; no level before it was first saved.
pub(crate) async fn matching(context: &Context, workspace: &WorkspaceId) -> Result<Matching, Problem> {
    Ok(context.store.matching_get(workspace).await?.map(|stands| stands.value).unwrap_or_default())
}

/// The field of this level and name.
pub(crate) fn of_same_name<'f>(
    fields: impl IntoIterator<Item = &'f Field>,
    definition: &Definition,
) -> Option<&'f Field> {
    let is_same = |field: &&Field| {
        field.definition.object == definition.object && field.definition.name_key() == definition.name_key()
    };
    fields.into_iter().find(is_same)
}

/// The refusal of a name that another field has.
pub(crate) fn name_taken(by: &Field) -> Problem {
    let detail = format!(
        "An {} field \"{}\" exists with another definition: choose another name, change that field with PUT /v1/fields/{{id}}, or \
         delete it first.",
        by.definition.object.name(),
        by.definition.name
    );
    Problem::conflict("duplicate-name", detail).at("/name").with("id", by.id.as_str())
}

/// A workspace has so many fields and no more.
pub(crate) fn refuse_too_many(fields: usize) -> Result<(), Problem> {
    if fields <= FIELDS_MAX {
        return Ok(());
    }
    let detail = format!("A workspace has at most {FIELDS_MAX} fields: delete one that is not needed.");
    Err(Problem::conflict("too-many-fields", detail))
}

/// Whether a field reads this kind.
pub(crate) fn is_used(fields: &[Field], kind: Kind) -> bool {
    fields.iter().any(|field| field.definition.kind() == Some(kind))
}

/// Groups that a refusal lists at most.
const GROUPS_LISTED: usize = 10;

/// The ids and groups that a field may name, by kind: Pendo's, and the ids of what Pendo has deleted since it was read.
#[derive(Default)]
pub(crate) struct KnownIds(BTreeMap<Kind, Known>);

/// Those of one kind.
#[derive(Default)]
struct Known {
    ids: HashSet<String>,
    groups: BTreeSet<String>,
}

impl KnownIds {
    /// Asks Pendo for those of some kinds.
    pub(crate) async fn read(
        context: &Context,
        workspace: &WorkspaceId,
        client: &Client,
        kinds: BTreeSet<Kind>,
    ) -> Result<Self, Problem> {
        let deleted = deleted::of_kinds(context, workspace, kinds.clone()).await?;
        let mut known = BTreeMap::new();
        for kind in kinds {
            let listed = catalog::list(client, kind).await.map_err(pendo_problem)?;
            let groups = listed.iter().filter_map(|entry| entry.group.clone()).collect();
            let gone = deleted.get(&kind).into_iter().flatten().cloned();
            let ids = listed.into_iter().map(|entry| entry.id).chain(gone).collect();
            known.insert(kind, Known { ids, groups });
        }
        Ok(Self(known))
    }

    /// Every id and group must be known, or stand in the definition that is replaced. `body` is the definition as it was sent.
    pub(crate) fn refuse_others(
        &self,
        definition: &Definition,
        before: Option<&Definition>,
        body: &Value,
    ) -> Result<(), Problem> {
        let Some(kind) = named_kind(definition) else { return Ok(()) };
        let nothing = Known::default();
        let known = self.0.get(&kind).unwrap_or(&nothing);
        let place = |list: &str, name: &String| {
            let given = body.pointer(list).and_then(Value::as_array);
            given.and_then(|given| given.iter().position(|item| item.as_str() == Some(name))).unwrap_or(0)
        };
        let fresh_groups = fresh(definition, before, |usage| &usage.groups);
        let unknown = fresh_groups.filter(|name| !known.groups.contains(*name));
        if let Some(index) = unknown.map(|name| place("/usage/groups", name)).min() {
            let some: Vec<&str> = known.groups.iter().take(GROUPS_LISTED).map(String::as_str).collect();
            let detail = match some.as_slice() {
                [] => format!("Pendo has no {} in a group of this name, nor in any other.", kind.name()),
                some => {
                    format!("Pendo has no {} in a group of this name; groups are {}.", kind.name(), some.join(", "))
                }
            };
            return Err(Problem::invalid("unknown-group", format!("/usage/groups/{index}"), detail));
        }
        let fresh_ids = fresh(definition, before, |usage| &usage.ids);
        let unknown = fresh_ids.filter(|id| !known.ids.contains(*id)).map(|id| place("/usage/ids", id)).min();
        let Some(index) = unknown else { return Ok(()) };
        let detail = format!(
            "Pendo has no {} with this id: look it up with GET /v1/pendo/catalog?kind={}.",
            kind.name(),
            kind.name()
        );
        Err(Problem::invalid("unknown-id", format!("/usage/ids/{index}"), detail))
    }
}

/// The kind whose objects have to be asked for, if a definition names any, or any group, that the one before it does not.
pub(crate) fn kind_to_ask(definition: &Definition, before: Option<&Definition>) -> Option<Kind> {
    let ids = fresh(definition, before, |usage| &usage.ids);
    ids.chain(fresh(definition, before, |usage| &usage.groups)).next().and(named_kind(definition))
}

/// The kind of the objects that a definition names.
fn named_kind(definition: &Definition) -> Option<Kind> {
    definition.kind().map(Kind::listed)
}

/// What a list of a definition has that the same list of the one before it has not.
fn fresh<'d>(
    definition: &'d Definition,
    before: Option<&'d Definition>,
    list: fn(&Usage) -> &Option<BTreeSet<String>>,
) -> impl Iterator<Item = &'d String> {
    let list = move |definition: &'d Definition| list(&definition.measured()?.usage).as_ref();
    let stand = before.filter(|before| named_kind(before) == named_kind(definition)).and_then(list);
    list(definition).into_iter().flatten().filter(move |name| !stand.is_some_and(|stand| stand.contains(*name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::id::FieldId;

    fn definition(name: &str, usage: &Value) -> Definition {
        let body = json!({"name": name, "object": "account", "usage": usage, "function": "count", "window": {"all_time": true}});
        Definition::parse(&body).unwrap()
    }

    #[test]
    fn a_name_is_taken_whatever_its_case() {
        let usage = json!({"kind": "event"});
        let stands = [Field::new(FieldId::random(), definition("MAU", &usage), 0, None)];
        assert_eq!(of_same_name(&stands, &definition("mau", &usage)), Some(&stands[0]));
        assert_eq!(of_same_name(&stands, &definition("DAU", &usage)), None);
        assert_eq!(name_taken(&stands[0]).status, 409);
    }

    #[test]
    fn only_ids_that_do_not_stand_yet_must_be_known() {
        let usage = |ids: &[&str]| json!({"kind": "feature", "ids": ids});
        let named = |ids: &[&str]| definition("x", &usage(ids));
        let one = Known { ids: HashSet::from(["a".to_owned()]), groups: BTreeSet::from(["G".to_owned()]) };
        let known = KnownIds([(Kind::Feature, one)].into());
        let body = json!({"usage": usage(&["c", "a", "b"])});
        let refused = |before: Option<&Definition>| known.refuse_others(&named(&["a", "b", "c"]), before, &body);
        assert_eq!(refused(None).unwrap_err().pointer.as_deref(), Some("/usage/ids/0"));
        assert_eq!(refused(Some(&named(&["c"]))).unwrap_err().pointer.as_deref(), Some("/usage/ids/2"));
        assert!(refused(Some(&named(&["b", "c"]))).is_ok());
        let of_groups = |groups: &[&str]| json!({"usage": {"kind": "feature", "groups": groups}});
        let refused = |groups: &[&str]| {
            let body = of_groups(groups);
            known.refuse_others(&definition("x", &body["usage"]), None, &body)
        };
        assert!(refused(&["G"]).is_ok());
        let problem = refused(&["G", "g"]).unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some("/usage/groups/1"));
        assert!(problem.detail.ends_with("groups are G."), "{}", problem.detail);
        assert_eq!(kind_to_ask(&named(&["a"]), None), Some(Kind::Feature));
        assert_eq!(kind_to_ask(&named(&["a"]), Some(&named(&["a", "b"]))), None);
        let page = definition("x", &json!({"kind": "page", "ids": ["a"]}));
        assert_eq!(kind_to_ask(&named(&["a"]), Some(&page)), Some(Kind::Feature), "an id is of its kind");
        assert_eq!(kind_to_ask(&definition("x", &json!({"kind": "feature"})), None), None);
    }
}
