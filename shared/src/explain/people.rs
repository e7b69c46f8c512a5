//! Who contributes to a value: all of them in few bytes each, and those of a page in full.

use super::ExplainError;
use super::parts::{Gathered, Person};
use super::source::{Source, Whose};
use crate::fields::Plan;
use crate::id::{Kind, VisitorHash};
use crate::time::HourRange;
use crate::usage::row::UsageRow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Contacts that are named of those that a visitor fits.
const CONTACTS_MAX: usize = 10;

/// A person's place among those of a value: whoever contributes most comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    weight: Reverse<u64>,
    visitor: VisitorHash,
}

impl Rank {
    /// Reads what was written by `Display`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (weight, visitor) = text.split_once('/')?;
        Some(Self { weight: Reverse(weight.parse().ok()?), visitor: VisitorHash(visitor.parse().ok()?) })
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.weight.0, self.visitor.0)
    }
}

/// Everybody who contributes, with the number by which they are ranked.
#[derive(Default)]
pub(super) struct People(HashMap<VisitorHash, u64>);

impl People {
    pub(super) fn add(&mut self, visitor: VisitorHash, weight: u64) {
        let sum = self.0.entry(visitor).or_default();
        *sum = sum.saturating_add(weight);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first `limit` behind `after`, in their order, and whether there are more.
    pub(super) fn page(&self, after: Option<Rank>, limit: usize) -> (Vec<Rank>, bool) {
        let ranks = self.0.iter().map(|(visitor, weight)| Rank { weight: Reverse(*weight), visitor: *visitor });
        let mut ranks: Vec<Rank> = ranks.filter(|rank| after.is_none_or(|after| *rank > after)).collect();
        ranks.sort_unstable();
        let has_more = ranks.len() > limit;
        ranks.truncate(limit);
        (ranks, has_more)
    }
}

/// Reads the rows of these people again, and shows each of them in full. Ends early where the answer grows too large, but
/// never without one; answers whether it did.
pub(super) async fn in_full(
    source: &mut Source<'_>,
    plan: &Plan,
    ranges: &BTreeMap<Kind, HourRange>,
    counts: impl Fn(&UsageRow<'_>) -> bool,
    ranks: &[Rank],
    bytes_max: usize,
) -> Result<(Vec<Person>, bool), ExplainError> {
    let mut gathered: HashMap<VisitorHash, Gathered> =
        ranks.iter().map(|rank| (rank.visitor, Gathered::default())).collect();
    let mut see = |row: &UsageRow<'_>, whose: Whose| {
        if whose == Whose::Own
            && let Some(person) = gathered.get_mut(&row.visitor)
            && counts(row)
        {
            person.add(plan, row);
        }
    };
    source.visit(ranges, Some(plan), &mut see).await?;
    let names = source.names(&ranks.iter().map(|rank| rank.visitor).collect()).await?;
    let people = ranks.iter().filter_map(|rank| {
        let person = gathered.remove(&rank.visitor)?;
        let contacts =
            source.world.links.contacts_fitting(rank.visitor).take(CONTACTS_MAX).map(str::to_owned).collect();
        Some(person.shown(names.get(&rank.visitor).cloned(), contacts))
    });
    Ok(fitting(people, bytes_max))
}

/// As many as an answer holds, but at least one; and whether that is not all of them.
fn fitting(people: impl Iterator<Item = Person>, bytes_max: usize) -> (Vec<Person>, bool) {
    let (mut fitting, mut bytes) = (Vec::new(), 0);
    for person in people {
        bytes += size_of_answer(&person);
        if bytes > bytes_max && !fitting.is_empty() {
            return (fitting, true);
        }
        fitting.push(person);
    }
    (fitting, false)
}

/// About how many bytes a person takes in an answer.
fn size_of_answer(person: &Person) -> usize {
    /// The sums of one part, with its name.
    const PART_BYTES: usize = 180;
    let hours: usize = person.days.iter().map(|day| 1 + day.hours.len()).sum();
    let ids = person.objects.iter().map(|object| &object.id);
    let ids = ids.chain(person.pendo_accounts.iter().map(|account| &account.id));
    let texts: usize = ids.flatten().map(String::len).sum();
    texts + PART_BYTES * (1 + hours + person.objects.len() + person.pendo_accounts.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Definition, Field};
    use crate::id::FieldId;
    use crate::time::{Hour, Zone};
    use serde_json::json;

    /// A person with so many hours of use.
    fn person(hours: i32) -> Person {
        let body = json!({"name": "x", "object": "account", "usage": {"kind": "page"}, "function": "count", "window": {"all_time": true}});
        let field = Field::new(FieldId::from_text("f"), Definition::parse(&body).unwrap(), 0, None);
        let plan = Plan::new(&field, Hour(hours), Zone::UTC, Hour(0)).unwrap();
        let mut gathered = Gathered::default();
        for hour in 0..hours {
            let (first_ms, last_ms) = (Hour(hour).start_ms(), Hour(hour).start_ms());
            let (account, visitor, hour) = (Some("a"), VisitorHash(1), Hour(hour));
            let (kind, app, object, event_type) = (Kind::Page, 1, "p", "");
            let row = UsageRow {
                kind,
                hour,
                account,
                visitor,
                app,
                object,
                event_type,
                events: 1,
                minutes: 1,
                first_ms,
                last_ms,
            };
            gathered.add(&plan, &row);
        }
        gathered.shown(Some("v".to_owned()), Vec::new())
    }

    #[test]
    fn a_page_ends_early_where_people_are_large_and_holds_at_least_one() {
        let one = serde_json::to_string(&person(48)).unwrap().len();
        let estimate = size_of_answer(&person(48));
        assert!((one..2 * one).contains(&estimate), "{one} bytes, {estimate} estimated");
        let page = |bytes_max| {
            let (people, is_cut) = fitting([person(48), person(48), person(48)].into_iter(), bytes_max);
            (people.len(), is_cut)
        };
        assert_eq!((page(3 * estimate), page(3 * estimate - 1), page(0)), ((3, false), (2, true), (1, true)));
    }

    #[test]
    fn pages_hold_everybody_once_and_the_highest_first() {
        let mut people = People::default();
        for (visitor, weight) in [(1, 5), (2, 9), (3, 5), (4, 0), (2, 1), (5, 5)] {
            people.add(VisitorHash(visitor), weight);
        }
        for limit in 1..=6 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (page, has_more) = people.page(after, limit);
                after = page.last().map(|rank| Rank::parse(&rank.to_string()).unwrap());
                seen.extend(page.iter().map(|rank| (rank.weight.0, rank.visitor.0)));
                if !has_more {
                    break;
                }
            }
            assert_eq!(seen, [(10, 2), (5, 1), (5, 3), (5, 5), (0, 4)], "pages of {limit}");
        }
        for text in ["", "1", "1/", "a/1", "1/2/3", "-1/2"] {
            assert_eq!(Rank::parse(text), None, "{text}");
        }
    }
}
