//! Why a key of Pendo's fits nobody: the object that it would fit but for a capital letter, a space, a tag or a domain.

use super::key::{key_of, text_of};
use super::rule::Rule;
use crate::directory::{ID, Object};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What stands between a visitor or Pendo account and the objects of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WhyUnmatched")]
pub enum Why {
    /// Several objects have the key alike, and nothing decides between them.
    DuplicateKey,
    /// There is nothing to compare.
    WithoutId,
    /// Only capital and small letters differ.
    Case,
    /// Only spaces differ, and perhaps the case.
    Spaces,
    /// An e-mail address has a tag (`ann+test@x.test`) on one side.
    PlusTag,
    /// It stands in another column of the directory, such as the id.
    OtherColumn,
    /// An e-mail address is the same but for its domain.
    Domain,
    /// Nothing in the directory is like it.
    Unknown,
}

/// What is nearest to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// What stands between.
    pub why: Why,
    /// The objects that it would fit, in byte order.
    pub objects: Vec<String>,
    /// The column in which it stands, of [`Why::OtherColumn`].
    pub column: Option<String>,
}

/// The ways in which keys are likened, the nearest first; a column that holds the key lies between the two.
const BEFORE_COLUMNS: [Why; 3] = [Why::Case, Why::Spaces, Why::PlusTag];

/// For each of these texts, which fit nobody, what is nearest among the objects of a level.
#[must_use]
pub fn nearest<'t>(
    rule: &Rule,
    objects: &BTreeMap<String, Object>,
    texts: &BTreeSet<&'t str>,
) -> HashMap<&'t str, Near> {
    let mut by_form: HashMap<(Why, String), Vec<&str>> = HashMap::new();
    for (id, object) in objects {
        let Some(text) = text_of(id, object, &rule.object) else { continue };
        for why in BEFORE_COLUMNS.into_iter().chain([Why::Domain]) {
            if let Some(form) = form(why, &text) {
                by_form.entry((why, form)).or_default().push(id);
            }
        }
    }
    let columns = in_columns(rule, objects, texts);
    let like = |why: Why, text: &str| {
        let objects = by_form.get(&(why, form(why, text)?))?;
        Some(Near { why, objects: objects.iter().map(|id| (*id).to_owned()).collect(), column: None })
    };
    let near = |text: &str| {
        let found = BEFORE_COLUMNS.into_iter().find_map(|why| like(why, text));
        let found = found.or_else(|| columns.get(form(Why::Case, text)?.as_str()).cloned());
        let found = found.or_else(|| like(Why::Domain, text));
        found.unwrap_or_else(|| Near { why: Why::Unknown, objects: Vec::new(), column: None })
    };
    texts.iter().map(|text| (*text, near(text))).collect()
}

/// A text without what is let pass; `None` where it does not apply.
fn form(why: Why, text: &str) -> Option<String> {
    let lower = key_of(text, true)?.into_owned();
    if why == Why::Case {
        return Some(lower);
    }
    let close: String = lower.chars().filter(|letter| !letter.is_whitespace()).collect();
    if why == Why::Spaces {
        return Some(close);
    }
    let (name, domain) = close.split_once('@')?;
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    Some(if why == Why::PlusTag { format!("{name}@{domain}") } else { name.to_owned() }).filter(|_| !name.is_empty())
}

/// By lower-cased key the objects that have it in a column other than the rule's: the first such column by name.
fn in_columns(rule: &Rule, objects: &BTreeMap<String, Object>, texts: &BTreeSet<&str>) -> HashMap<String, Near> {
    let wanted: BTreeSet<String> = texts.iter().filter_map(|text| form(Why::Case, text)).collect();
    let mut found: BTreeMap<(String, &str), Vec<String>> = BTreeMap::new();
    for (id, object) in objects {
        let columns = object.keys().map(String::as_str).chain([ID]).filter(|column| *column != rule.object);
        for column in columns.collect::<BTreeSet<_>>() {
            let text = text_of(id, object, column);
            let key = text.and_then(|text| form(Why::Case, &text)).filter(|key| wanted.contains(key));
            if let Some(key) = key {
                found.entry((key, column)).or_default().push(id.clone());
            }
        }
    }
    let mut near = HashMap::new();
    for ((key, column), objects) in found {
        let column = Some(column.to_owned());
        near.entry(key).or_insert(Near { why: Why::OtherColumn, objects, column });
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::sample::{directory, matching};
    use serde_json::json;

    fn found(text: &str) -> (Why, Vec<String>, Option<String>) {
        let directory = directory(
            json!({}),
            json!({"c-1": {"email": "Ann@Acme.test", "crm": "77"}, "c-2": {"email": "bob@acme.test"},
                   "c-3": {"email": "kim+work@acme.test"}, "c-4": {"email": "lee brown@acme.test"},
                   "c-5": {"email": "twin@one.test"}, "c-6": {"email": "twin@two.test"}, "c-7": {"crm": "c-1"}}),
        );
        let rules = matching(json!({"contact": {"visitor": "visitorId", "object": "email"}}));
        let texts = BTreeSet::from([text]);
        let near = nearest(rules.contact.as_ref().unwrap(), &directory.contacts, &texts).remove(text).unwrap();
        (near.why, near.objects, near.column)
    }

    #[test]
    fn the_nearest_object_is_found_and_what_stands_between() {
        for (text, why, objects, column) in [
            ("ann@acme.test", Why::Case, vec!["c-1"], None),
            (" ANN@acme.test ", Why::Case, vec!["c-1"], None),
            ("leebrown@acme.test", Why::Spaces, vec!["c-4"], None),
            ("b ob@Acme.test", Why::Spaces, vec!["c-2"], None),
            ("bob+test@acme.test", Why::PlusTag, vec!["c-2"], None),
            ("kim@acme.test", Why::PlusTag, vec!["c-3"], None),
            ("77", Why::OtherColumn, vec!["c-1"], Some("crm")),
            ("C-2", Why::OtherColumn, vec!["c-2"], Some("id")),
            ("c-1", Why::OtherColumn, vec!["c-7"], Some("crm")),
            ("bob@acme.example", Why::Domain, vec!["c-2"], None),
            ("twin@three.test", Why::Domain, vec!["c-5", "c-6"], None),
            ("nobody@x.test", Why::Unknown, vec![], None),
            ("@acme.test", Why::Unknown, vec![], None),
            ("+@acme.test", Why::Unknown, vec![], None),
            ("bob", Why::Unknown, vec![], None),
        ] {
            let objects = objects.into_iter().map(str::to_owned).collect();
            assert_eq!(found(text), (why, objects, column.map(str::to_owned)), "{text}");
        }
    }
}
