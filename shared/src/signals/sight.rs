//! What a rule sees of one object at one time, and what it remembers of a condition.

use super::condition::{Because, Condition, Truth, Verdict};
use super::facts::Past;
use serde::{Deserialize, Serialize};

/// What a rule sees of one object.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// What is known of it up to `day`.
    pub past: &'a Past,
    /// The local day that runs, counted from 1970.
    pub day: i32,
    /// Now, ms since 1970.
    pub at_ms: i64,
    /// Whether its values may be others than before for another reason than behaviour: a new version of a field, matching, a
    /// key in the directory, a tag edit, history that arrives, an erasure. Then nothing moves; what would have is noted.
    pub is_rebased: bool,
}

impl Sight<'_> {
    /// What a condition comes to here.
    #[must_use]
    pub fn of(&self, condition: &Condition) -> Verdict {
        condition.at(self.past, self.day)
    }
}

/// What is remembered of a condition for one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edge {
    /// What it last came to, when that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
    /// It came to this without behaviour on this day, so nothing followed; until it is released by hand, or turns again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Owed>,
}

/// A turn that nothing followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owed {
    /// Whether the condition became true, and not false.
    pub rose: bool,
    /// On which day, counted from 1970.
    pub day: i32,
}

/// How a condition turned.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// It did not, or nobody can tell.
    None,
    /// It became true by behaviour, for these reasons.
    Rose(Vec<Because>),
    /// It became false by behaviour.
    Fell,
}

impl Edge {
    /// Looks at a condition again. The first look is where it starts from, and no turn; a condition that nobody can tell
    /// leaves what was known; and what turns without behaviour is noted and moves nothing.
    pub fn look(&mut self, verdict: Verdict, sight: &Sight<'_>) -> Turn {
        let now = match verdict.truth {
            Truth::True => true,
            Truth::False => false,
            Truth::Unknown => return Turn::None,
        };
        let before = self.known.replace(now);
        match before {
            Some(before) if before != now => {}
            _ => return Turn::None,
        }
        // It turned back, so what was owed is not owed any more.
        if self.owed.take().is_some_and(|owed| owed.rose != now) {
            return Turn::None;
        }
        if sight.is_rebased {
            self.owed = Some(Owed { rose: now, day: sight.day });
            return Turn::None;
        }
        if now { Turn::Rose(verdict.because) } else { Turn::Fell }
    }
}
