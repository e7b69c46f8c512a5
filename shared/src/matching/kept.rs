//! The matching as it is kept: with what its last change replaced, so that the change can be taken back.

use super::Matching;
use serde::{Deserialize, Serialize};

/// What stands, and what stood before its last change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMatching {
    /// The rules.
    pub stands: Matching,
    /// The rules that they replaced; `None` where they are the first.
    pub before: Option<Matching>,
}

impl KeptMatching {
    /// What is kept once rules are saved; equal ones replace nothing.
    #[must_use]
    pub fn after(kept: Option<Self>, saved: Matching) -> Self {
        match kept {
            Some(kept) if kept.stands == saved => kept,
            kept => Self { stands: saved, before: kept.map(|kept| kept.stands) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_change_replaced_is_kept_until_the_next_change() {
        let rules =
            |column: &str| Matching::parse(&json!({"account": {"account": "accountId", "object": column}})).unwrap();
        let first = KeptMatching::after(None, rules("id"));
        assert_eq!((&first.stands, &first.before), (&rules("id"), &None));
        let kept = KeptMatching::after(Some(first), rules("crm"));
        assert_eq!((&kept.stands, &kept.before), (&rules("crm"), &Some(rules("id"))));
        assert_eq!(KeptMatching::after(Some(kept.clone()), rules("crm")), kept);
        let back = KeptMatching::after(Some(kept), rules("id"));
        assert_eq!((back.stands, back.before), (rules("id"), Some(rules("crm"))));
    }
}
