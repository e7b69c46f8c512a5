//! Comparisons that can't hold at once: what nobody can ever meet is refused when it is written.

use super::{Comparison, Condition, Operator, Over, Target, Test};
use crate::signals::facts::Fact;
use std::collections::BTreeMap;

impl Condition {
    /// Whether parts of it that must hold at once can't: the first fact for which that is so. What is behind `any` and `not` is
    /// not looked into, so some conditions that nobody can meet are not found.
    #[must_use]
    pub fn contradiction(&self) -> Option<Fact> {
        let mut all = Vec::new();
        self.demanded(&mut all);
        // What held then and what holds now are two things; what was held or crossed holds now.
        let mut facts: BTreeMap<(&Fact, u32), Vec<&Test>> = BTreeMap::new();
        for Comparison { fact, test, over } in all {
            let ago = if let Over::Ago(days) = over { *days } else { 0 };
            facts.entry((fact, ago)).or_default().push(test);
        }
        let cant = |tests: &Vec<&Test>| is_empty_range(tests) || is_empty_list(tests);
        facts.into_iter().find(|(_, tests)| cant(tests)).map(|((fact, _), _)| fact.clone())
    }

    fn demanded<'a>(&'a self, all: &mut Vec<&'a Comparison>) {
        match self {
            Self::All(parts) => parts.iter().for_each(|part| part.demanded(all)),
            Self::Is(comparison) => all.push(comparison),
            Self::Any(_) | Self::Not(_) => {}
        }
    }
}

/// The numbers that meet every comparison with a number are none.
fn is_empty_range(tests: &[&Test]) -> bool {
    let numbers: Vec<(Operator, f64)> = tests
        .iter()
        .filter_map(|test| match test {
            Test::Number(operator, Target::Number(number)) => Some((*operator, *number)),
            _ => None,
        })
        .collect();
    // If any number meets all of them, one of the bounds does, or the number next to one.
    let tried = numbers.iter().flat_map(|(_, bound)| [*bound, bound.next_up(), bound.next_down()]);
    let meets = |tried: f64| tried.is_finite() && numbers.iter().all(|(is, number)| is.compare(tried, *number));
    !numbers.is_empty() && !tried.into_iter().any(meets)
}

/// The texts that all lists have are none.
fn is_empty_list(tests: &[&Test]) -> bool {
    let lists = tests.iter().filter_map(|test| match test {
        Test::In(texts) => Some(texts.clone()),
        _ => None,
    });
    let common = lists.reduce(|one, other| one.intersection(&other).cloned().collect());
    let refused = |text: &String| tests.iter().any(|test| matches!(test, Test::NotIn(texts) if texts.contains(text)));
    common.is_some_and(|common| common.iter().all(refused))
}
