//! How an object is matched: the rule, its key, and what of Pendo's that key fits.

use super::ExplainError;
use super::source::Source;
use crate::id::ObjectKind;
use crate::matching::{Rule, Status};
use crate::store::noun::People;
use schemars::JsonSchema;
use serde::Serialize;

/// Visitors or Pendo accounts that are named; all of them count.
const LINKED_MAX: usize = 100;
/// Other objects of the same key that are named.
const RIVALS_MAX: usize = 10;

/// Why usage is an object's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MatchPath {
    /// The rule of the object's level; null where the level is not matched.
    pub rule: Option<MatchRule>,
    /// The object's key as it is compared; null where it has none.
    pub key: Option<String>,
    /// `matched`, `ambiguous` or `unmatched`.
    pub status: Status,
    /// The Pendo accounts whose rows are an account's, or the visitors whose rows can be a contact's: at most a hundred.
    pub linked: Vec<Linked>,
    /// How many there are in all.
    pub linked_count: usize,
    /// Other objects of the same key, at most ten: what fits one fits all of them.
    pub same_key: Vec<String>,
}

/// One pair of fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MatchRule {
    /// What of Pendo's visitor or account is compared.
    pub pendo: String,
    /// The column of the directory that it is compared with.
    pub object: String,
    /// Whether case is ignored.
    pub ignore_case: bool,
}

/// A Pendo account or a visitor that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Linked {
    /// Its id at Pendo; null where it was erased meanwhile.
    pub id: Option<String>,
    /// What it has in the field that the rule names; null where that is its id.
    pub value: Option<String>,
    /// Whether an alias says so, not the key.
    pub by_alias: bool,
}

/// Says how the object is matched.
pub(super) async fn path(source: &Source<'_>) -> Result<MatchPath, ExplainError> {
    let (object, id, links) = (source.object, source.id, &source.world.links);
    let Some(rule) = source.matching.rule(object) else {
        let (linked, same_key) = (Vec::new(), Vec::new());
        return Ok(MatchPath { rule: None, key: None, status: Status::Unmatched, linked, linked_count: 0, same_key });
    };
    let objects = source.world.directory.objects(object);
    let key = objects.get(id).and_then(|columns| rule.key_of(id, columns));
    let is_rival =
        |(other, columns): &(&String, &_)| *other != id && key.is_some() && rule.key_of(other, columns) == key;
    let same_key = objects.iter().filter(is_rival).take(RIVALS_MAX).map(|(other, _)| other.clone()).collect();
    let (status, linked_count, linked) = match object {
        ObjectKind::Account => {
            let all = links.pendo_accounts_of(id);
            let named = all.iter().take(LINKED_MAX).cloned().map(Some).collect();
            (links.account_status(id), all.len(), linked(source, rule, People::Accounts, named).await?)
        }
        ObjectKind::Contact => {
            let all = links.visitors_of(id);
            let some = all.iter().take(LINKED_MAX);
            let names = source.names(&some.clone().copied().collect()).await?;
            let named = some.map(|visitor| names.get(visitor).cloned()).collect();
            (links.contact_status(id), all.len(), linked(source, rule, People::Visitors, named).await?)
        }
    };
    let rule = MatchRule { pendo: rule.pendo.to_string(), object: rule.object.clone(), ignore_case: rule.ignore_case };
    Ok(MatchPath { rule: Some(rule), key, status, linked, linked_count, same_key })
}

async fn linked(
    source: &Source<'_>,
    rule: &Rule,
    people: People,
    ids: Vec<Option<String>>,
) -> Result<Vec<Linked>, ExplainError> {
    let values = if rule.pendo.is_id() { vec![None; ids.len()] } else { source.values_of(people, &ids).await? };
    let is_alias = |id: &Option<String>| id.as_ref().is_some_and(|id| rule.aliases.contains_key(id));
    Ok(ids.into_iter().zip(values).map(|(id, value)| Linked { by_alias: is_alias(&id), id, value }).collect())
}
