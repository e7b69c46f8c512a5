//! A question to Pendo that gives a value: the rows as a sync asks for them, those of one object, and what they come to.

use super::subject::Subject;
use super::usage::{Scope, grouped, object_key};
use crate::id::Kind;
use crate::time::{DAY_MS, Hour, HourRange};
use crate::usage::properties::Properties;
use serde_json::{Value, json};

/// Ids of a question at most; Pendo's language knows no sets, so each is compared by itself.
const IDS_MAX: usize = 300;

/// Whose rows.
pub enum Whose<'a> {
    /// Those of these Pendo accounts.
    Accounts(&'a [String]),
    /// Those of these visitors: everywhere, or in these Pendo accounts only.
    Visitors(Vec<(&'a str, Option<&'a [String]>)>),
}

/// What of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// How many events.
    Events,
    /// How many minutes.
    Minutes,
    /// How many visitors.
    Visitors,
    /// How many days, of a zone that is so many ms ahead of UTC.
    Days(i64),
    /// The hours in which there were any, a row each.
    Hours,
    /// When the first event was.
    First,
    /// When the last event was.
    Last,
    /// The numbers of a property added up.
    Sum,
    /// That over the events.
    Average,
    /// The lowest of them.
    Least,
    /// The highest.
    Most,
    /// How many events a day that had any, of a zone that is so many ms ahead of UTC.
    PerDay(i64),
    /// How many events a visitor.
    PerVisitor,
    /// How many different objects.
    Objects,
    /// The events of the visitor with most of them over all events.
    Concentration,
    /// The visitors of the question's objects over those of all objects.
    Adoption,
    /// Days on which visitors came, added up over visitors, over so many days times the visitors; as of [`Figure::PerDay`].
    Stickiness(i64, u64),
    /// The events from this hour on less those before it, over those before it.
    Trend(Hour),
}

/// How the rows of a question become one number: the stages, the last of which has a member `value`.
fn quotient(above: Value, below: Value) -> [Value; 2] {
    [json!({"reduce": [{"above": above}, {"below": below}]}), json!({"eval": {"value": "above / below"}})]
}

/// The stage that puts each row into its local day.
fn local_day(offset_ms: i64) -> Value {
    let sign = if offset_ms < 0 { '-' } else { '+' };
    let local = format!("hour {sign} {}", offset_ms.unsigned_abs());
    json!({"eval": {"day": format!("{local} - ({local}) % {DAY_MS}")}})
}

/// A question.
pub struct Question<'a> {
    /// The kind of usage.
    pub kind: Kind,
    /// What a kind of track events with properties stands for.
    pub properties: Option<&'a Properties>,
    /// The hours.
    pub range: HourRange,
    /// The features, pages, guides or track types; all if `None`.
    pub ids: Option<Vec<&'a str>>,
    /// The apps; all if `None`.
    pub apps: Option<Vec<i64>>,
    /// The types of guide events; all if `None`.
    pub types: Option<Vec<&'a str>>,
    /// Whose rows.
    pub whose: Whose<'a>,
    /// Visitors whose rows are left out.
    pub without: Vec<&'a str>,
    /// What of them.
    pub figure: Figure,
}

/// The body of the question; `None` where it would name too many ids, or nobody. Its one row has a member `value`, but for
/// hours.
#[must_use]
pub fn body(question: &Question<'_>) -> Option<Value> {
    let Question { kind, properties, range, ids, apps, types, whose, without, figure } = question;
    let mut filters = vec![whose_rows(whose)?];
    if !without.is_empty() {
        let mut all: Vec<String> = without.iter().map(|id| format!("visitorId != {}", json!(id))).collect();
        all.sort_unstable();
        filters.push((all.len() <= IDS_MAX).then(|| all.join(" && "))?);
    }
    let named = match (ids, object_key(*kind)) {
        (Some(ids), Some(key)) => Some(any_of(key, ids.iter().copied())?),
        _ => None,
    };
    // Of adoption, the others stand below the line.
    filters.extend(named.clone().filter(|_| *figure != Figure::Adoption));
    if let Some(apps) = apps {
        let any: Vec<String> = apps.iter().map(|app| format!("appId == {app}")).collect();
        filters.push(any.join(" || "));
    }
    if let Some(types) = types {
        // Raw types may carry a prefix: `ui:web:guideSeen`.
        filters.push(any_of("eventSubType(type)", types.iter().copied())?);
    }
    let subject = properties.map_or(Subject::plain(*kind), Subject::of);
    let mut stages = grouped(subject, *range, &Scope::All);
    let group = stages.pop()?;
    stages.extend(filters.into_iter().map(|filter| json!({"filter": filter})));
    stages.push(group);
    if !matches!(figure, Figure::Events | Figure::Minutes) {
        stages.push(json!({"filter": "events > 0"}));
    }
    let by = |key: &str| json!({"group": {"group": [key], "fields": [{"events": {"sum": "events"}}]}});
    let reduce = |aggregator: Value| json!({"reduce": [{"value": aggregator}]});
    match figure {
        Figure::Events => stages.push(reduce(json!({"sum": "events"}))),
        Figure::Minutes => stages.push(reduce(json!({"sum": "minutes"}))),
        Figure::Visitors => {
            stages.push(json!({"group": {"group": ["visitorId"]}}));
            stages.push(reduce(json!({"count": null})));
        }
        Figure::Days(offset_ms) => {
            stages.push(local_day(*offset_ms));
            stages.push(json!({"group": {"group": ["day"]}}));
            stages.push(reduce(json!({"count": null})));
        }
        Figure::Hours => {
            stages.push(json!({"group": {"group": ["hour"], "fields": [{"events": {"sum": "events"}}]}}));
            stages.push(json!({"sort": ["hour"]}));
        }
        Figure::PerDay(offset_ms) => {
            stages.push(local_day(*offset_ms));
            stages.push(by("day"));
            stages.extend(quotient(json!({"sum": "events"}), json!({"count": null})));
        }
        Figure::PerVisitor => {
            stages.push(by("visitorId"));
            stages.extend(quotient(json!({"sum": "events"}), json!({"count": null})));
        }
        Figure::Objects => {
            stages.push(by(object_key(*kind)?));
            stages.push(reduce(json!({"count": null})));
        }
        Figure::Concentration => {
            stages.push(by("visitorId"));
            stages.extend(quotient(json!({"max": "events"}), json!({"sum": "events"})));
        }
        Figure::Adoption => {
            stages.push(json!({"eval": {"used": format!("if({}, 1, 0)", named?)}}));
            stages.push(json!({"group": {"group": ["visitorId"], "fields": [{"used": {"max": "used"}}]}}));
            stages.extend(quotient(json!({"sum": "used"}), json!({"count": null})));
        }
        Figure::Stickiness(offset_ms, days) => {
            stages.push(local_day(*offset_ms));
            stages.push(json!({"group": {"group": ["day", "visitorId"]}}));
            stages.push(json!({"group": {"group": ["visitorId"], "fields": [{"days": {"count": null}}]}}));
            stages.push(json!({"eval": {"most": format!("{days}")}}));
            stages.extend(quotient(json!({"sum": "days"}), json!({"sum": "most"})));
        }
        Figure::Trend(from) => {
            let from = from.start_ms();
            stages.push(json!({"eval": {"current": format!("if(hour >= {from}, events, 0)"), "previous": format!("if(hour >= {from}, 0, events)")}}));
            stages.push(json!({"eval": {"more": "current - previous"}}));
            stages.extend(quotient(json!({"sum": "more"}), json!({"sum": "previous"})));
        }
        Figure::First => stages.push(reduce(json!({"min": "first"}))),
        Figure::Last => stages.push(reduce(json!({"max": "last"}))),
        Figure::Sum => stages.push(reduce(json!({"sum": "sum"}))),
        Figure::Average => {
            stages.push(json!({"reduce": [{"sum": {"sum": "sum"}}, {"events": {"sum": "events"}}]}));
            stages.push(json!({"eval": {"value": "sum / events"}}));
        }
        Figure::Least => stages.push(reduce(json!({"min": "least"}))),
        Figure::Most => stages.push(reduce(json!({"max": "most"}))),
    }
    Some(json!({"response": {"mimeType": "application/json"}, "request": {"pipeline": stages}}))
}

fn whose_rows(whose: &Whose<'_>) -> Option<String> {
    match whose {
        Whose::Accounts(accounts) => any_of("accountId", accounts.iter().map(String::as_str)),
        Whose::Visitors(visitors) => {
            let count: usize = visitors.iter().map(|(_, accounts)| 1 + accounts.map_or(0, <[String]>::len)).sum();
            if count > IDS_MAX {
                return None;
            }
            let one = |(visitor, accounts): &(&str, Option<&[String]>)| {
                let is_theirs = format!("visitorId == {}", json!(visitor));
                match accounts {
                    None => Some(is_theirs),
                    Some(accounts) => {
                        let is_there = any_of("accountId", accounts.iter().map(String::as_str))?;
                        Some(format!("({is_theirs} && ({is_there}))"))
                    }
                }
            };
            let any = visitors.iter().map(one).collect::<Option<Vec<_>>>()?.join(" || ");
            (!any.is_empty()).then_some(any)
        }
    }
}

fn any_of<'a>(key: &str, ids: impl Iterator<Item = &'a str>) -> Option<String> {
    let any: Vec<String> = ids.map(|id| format!("{key} == {}", json!(id))).collect();
    (1..=IDS_MAX).contains(&any.len()).then(|| any.join(" || "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Hour;

    fn filters(whose: Whose<'_>) -> Option<Vec<String>> {
        filters_without(whose, Vec::new())
    }

    fn filters_without(whose: Whose<'_>, without: Vec<&str>) -> Option<Vec<String>> {
        let range = HourRange { from: Hour(0), to: Hour(24) };
        let (ids, types) = (Some(vec!["g\"1"]), Some(vec!["guideSeen"]));
        let (apps, figure) = (Some(vec![-323_232, 5]), Figure::Events);
        let body =
            body(&Question { kind: Kind::Guide, properties: None, range, ids, apps, types, whose, without, figure })?;
        let stages = body.pointer("/request/pipeline").unwrap().as_array().unwrap();
        Some(stages.iter().filter_map(|stage| Some(stage["filter"].as_str()?.to_owned())).collect())
    }

    #[test]
    fn ids_are_quoted_and_compared_one_by_one() {
        let accounts = ["a".to_owned(), "b\\".to_owned()];
        let filters_of = filters(Whose::Accounts(&accounts)).unwrap();
        assert_eq!(
            filters_of[1..],
            [
                r#"accountId == "a" || accountId == "b\\""#,
                r#"guideId == "g\"1""#,
                "appId == -323232 || appId == 5",
                r#"eventSubType(type) == "guideSeen""#
            ]
        );
        let visitors = Whose::Visitors(vec![("v", None), ("w", Some(&accounts[..1]))]);
        assert_eq!(filters(visitors).unwrap()[1], r#"visitorId == "v" || (visitorId == "w" && (accountId == "a"))"#);
    }

    #[test]
    fn whoever_is_left_out_is_named() {
        let accounts = ["a".to_owned()];
        let found = filters_without(Whose::Accounts(&accounts), vec!["w", "v\""]).unwrap();
        assert_eq!(found[1..3], [r#"accountId == "a""#, r#"visitorId != "v\"" && visitorId != "w""#]);
        let many: Vec<String> = (0..=IDS_MAX).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(filters_without(Whose::Accounts(&accounts), many[1..].to_vec()).is_some());
        assert_eq!(filters_without(Whose::Accounts(&accounts), many), None);
    }

    #[test]
    fn nobody_and_too_many_are_no_question() {
        let many: Vec<String> = (0..=IDS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(filters(Whose::Accounts(&[])), None);
        assert_eq!(filters(Whose::Visitors(Vec::new())), None);
        assert_eq!(filters(Whose::Accounts(&many)), None);
        assert_eq!(filters(Whose::Visitors(vec![("v", Some(&many[1..]))])), None);
        assert!(filters(Whose::Accounts(&many[1..])).is_some());
    }
}
