//! Where an account's value stands among those of the accounts that it is compared with.

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewer accounts with a value are no company to be compared with.
pub const PEERS_MIN: usize = 5;

/// An account's value, and by what it is compared.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    /// Its value, if it has one.
    pub value: Option<f64>,
    /// What it shares with its peers; none if there is nothing to share.
    pub group: Option<&'a str>,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Standing {
    /// Accounts with a value that are compared, this one among them.
    pub peers: usize,
    /// Accounts of the same group that have none and are left out.
    pub left_out: usize,
    /// How many of a hundred peers have a lower value, those with an equal one, itself among them, counted half: 50 is the middle.
    pub percentile: Option<f64>,
    /// The value in the middle of the peers', or the mean of the two in the middle.
    pub median: Option<f64>,
    /// Why there is no percentile.
    pub lacking: Option<Lacking>,
}

/// Why an account has no percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lacking {
    /// Its cell is empty, so that it shares nothing with others.
    NoGroup,
    /// Fewer than five peers have a value.
    TooFew,
    /// It has no value itself.
    NoValue,
}

/// Where each of the values stands, in their order.
#[must_use]
pub fn standings(accounts: &[Compared<'_>]) -> Vec<Standing> {
    let mut groups: BTreeMap<&str, (Vec<f64>, usize)> = BTreeMap::new();
    for account in accounts {
        let Some(group) = account.group else { continue };
        let (values, left_out) = groups.entry(group).or_default();
        match account.value {
            Some(value) => values.push(value),
            None => *left_out += 1,
        }
    }
    groups.values_mut().for_each(|(values, _)| values.sort_by(f64::total_cmp));
    let none = (Vec::new(), 0);
    let standing = |account: &Compared<'_>| {
        let (values, left_out) = account.group.and_then(|group| groups.get(group)).unwrap_or(&none);
        let is_enough = values.len() >= PEERS_MIN;
        let lacking = match account {
            Compared { group: None, .. } => Some(Lacking::NoGroup),
            _ if !is_enough => Some(Lacking::TooFew),
            Compared { value: None, .. } => Some(Lacking::NoValue),
            _ => None,
        };
        Standing {
            peers: values.len(),
            left_out: *left_out,
            percentile: account.value.filter(|_| is_enough).map(|value| percentile(values, value)),
            median: is_enough.then(|| median(values)).flatten(),
            lacking,
        }
    };
    accounts.iter().map(standing).collect()
}

/// Of values in their order.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer accounts")]
fn percentile(values: &[f64], value: f64) -> f64 {
    let lower = values.partition_point(|other| *other < value);
    let equal = values.partition_point(|other| *other <= value) - lower;
    // Halves are whole in twos.
    (2 * lower + equal) as f64 * 50.0 / values.len() as f64
}

/// Of values in their order.
fn median(values: &[f64]) -> Option<f64> {
    let (low, high) = (values.get(values.len().saturating_sub(1) / 2)?, values.get(values.len() / 2)?);
    Some(low.midpoint(*high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[Option<f64>]) -> Vec<Standing> {
        let accounts: Vec<Compared<'_>> =
            values.iter().map(|value| Compared { value: *value, group: Some("all") }).collect();
        standings(&accounts)
    }

    #[test]
    fn a_percentile_counts_those_below_and_half_of_the_equal() {
        let standings = of(&[Some(1.0), Some(2.0), Some(2.0), Some(4.0), None, Some(7.0)]);
        let percentiles: Vec<Option<f64>> = standings.iter().map(|standing| standing.percentile).collect();
        assert_eq!(percentiles, [Some(10.0), Some(40.0), Some(40.0), Some(70.0), None, Some(90.0)]);
        for standing in &standings {
            assert_eq!((standing.peers, standing.left_out, standing.median), (5, 1, Some(2.0)));
        }
        assert_eq!(standings[4].lacking, Some(Lacking::NoValue));
        assert_eq!(of(&[Some(1.0), Some(2.0), Some(4.0), Some(9.0), Some(9.0), Some(10.0)])[0].median, Some(6.5));
        assert!(of(&[Some(3.0); 7]).iter().all(|standing| standing.percentile == Some(50.0)), "all alike");
    }

    #[test]
    fn fewer_than_five_are_no_company() {
        for (values, is_enough) in [(vec![Some(1.0); 4], false), (vec![Some(1.0); 5], true)] {
            let standings = of(&[values, vec![None; 9]].concat());
            assert_eq!(standings[0].percentile.is_some(), is_enough);
            assert_eq!(standings[0].lacking, (!is_enough).then_some(Lacking::TooFew));
            assert_eq!(standings[5].median.is_some(), is_enough, "the median is also told to those without a value");
        }
        assert_eq!(of(&[None; 6])[0].median, None);
    }

    #[test]
    fn peers_are_those_of_one_group() {
        let groups = [Some("a"), Some("a"), Some("a"), Some("a"), Some("a"), Some("b"), None];
        let accounts: Vec<Compared<'_>> =
            groups.iter().zip(0_u8..).map(|(group, n)| Compared { value: Some(n.into()), group: *group }).collect();
        let standings = standings(&accounts);
        assert_eq!((standings[2].percentile, standings[2].peers), (Some(50.0), 5));
        assert_eq!((standings[5].lacking, standings[5].peers), (Some(Lacking::TooFew), 1));
        assert_eq!((standings[6].lacking, standings[6].peers), (Some(Lacking::NoGroup), 0));
    }

    proptest! {
        #[test]
        fn counted_one_by_one_it_is_the_same(
            accounts in prop::collection::vec((prop::option::of(-5..5_i8), prop::option::of(0..3_usize)), 0..40),
        ) {
            let names = ["a", "b", "c"];
            let compared: Vec<Compared<'_>> = accounts
                .iter()
                .map(|(value, group)| Compared { value: value.map(f64::from), group: group.map(|at| names[at]) })
                .collect();
            for ((value, group), standing) in accounts.iter().zip(standings(&compared)) {
                let peers: Vec<i8> = accounts.iter().filter(|(_, of)| of == group && group.is_some()).filter_map(|(value, _)| *value).collect();
                prop_assert_eq!(standing.peers, peers.len());
                let Some(value) = value.filter(|_| peers.len() >= 5) else {
                    prop_assert_eq!(standing.percentile, None);
                    prop_assert!(standing.lacking.is_some());
                    continue;
                };
                let points: f64 = peers.iter().map(|other| match other.cmp(&value) {
                    std::cmp::Ordering::Less => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Greater => 0.0,
                }).sum();
                let percentile = standing.percentile.unwrap();
                prop_assert!((percentile - 100.0 * points / peers.len() as f64).abs() < 1e-9);
                prop_assert!((0.0..=100.0).contains(&percentile));
                let median = standing.median.unwrap();
                let [below, above] = [peers.iter().filter(|other| f64::from(**other) < median).count(), peers.iter().filter(|other| f64::from(**other) > median).count()];
                prop_assert!(2 * below <= peers.len() && 2 * above <= peers.len());
            }
        }
    }
}
