//! Calibration: by hand, and against a count of each day.

use super::*;
use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

fn history(fired: &[i32], expanded: &[i32]) -> History {
    History { fired: fired.iter().copied().collect(), expanded: expanded.iter().copied().collect() }
}

fn objects(histories: &[History]) -> BTreeMap<String, History> {
    histories.iter().enumerate().map(|(at, history)| (format!("object {at}"), history.clone())).collect()
}

fn share(part: u64, whole: u64) -> Share {
    Share {
        share: Some(f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())),
        part,
        whole,
    }
}

#[test]
fn by_hand() {
    // Days 1 to 20, horizon 5: a horizon is over for days up to 15.
    let question = Question { from: 1, to: 20, horizon_days: 5 };
    let of = objects(&[
        // 2 and 4 are followed by 6, 10 by nothing, 17 is open. 6 was foretold 4 days before; 3 is before the day on which it fired.
        history(&[2, 4, 10, 17], &[6]),
        // On the same day nothing was foretold; 18 is followed by 20, though its horizon is not over; 12 by nothing within 5 days.
        history(&[12, 18], &[12, 18, 20]),
        // Never fired, expanded once; what is outside of the window is not looked at.
        history(&[-3, 25], &[1, 21]),
        history(&[], &[]),
    ]);
    let told = calibrate(&question, &of);
    // 2, 4, 10, 12 and 18 are judged; 2, 4 and 18 are hits.
    assert_eq!(told.precision, share(3, 5));
    assert_eq!(told.open, 1);
    // 6, 12, 18, 20 and 1; of these 6 and 20 were foretold.
    assert_eq!(told.recall, share(2, 5));
    // 4 days and 2 days.
    assert_eq!(told.lead_days, Some(LeadTime { lower_quartile: 2.5, median: 3.0, upper_quartile: 3.5 }));
    // The first: days 1 to 5 of 15. The second: 7 to 11, 13 to 17, 18 and 19; of those 16 to 19 are judged beyond the 15.
    // The third and the fourth: none of 15.
    assert_eq!(told.base_rate, share(5 + 12, 15 + 19 + 15 + 15));
    assert_eq!(told.lift, Some(3.0 / 5.0 / (17.0 / 64.0)));
    assert_eq!(
        told.note.as_deref(),
        Some("Too few to tell: 5 firings that can be judged and 5 expansions; 10 of each are needed.")
    );
}

#[test]
fn nothing_is_divided_by_nothing() {
    let question = Question { from: 1, to: 20, horizon_days: Question::HORIZON_DAYS };
    let told = calibrate(&question, &BTreeMap::new());
    let none = Share { share: None, part: 0, whole: 0 };
    assert_eq!((told.precision, told.recall, told.base_rate), (none, none, none));
    assert_eq!((told.lead_days, told.lift, told.open), (None, None, 0));
    let never = calibrate(&Question { horizon_days: 5, ..question }, &objects(&[history(&[3], &[])]));
    assert_eq!((never.precision, never.base_rate, never.lift), (share(0, 1), share(0, 15), None));
}

#[test]
fn ten_of_each_are_enough() {
    let question = Question { from: 0, to: 100, horizon_days: 5 };
    let of = |hits: usize| calibrate(&question, &objects(&vec![history(&[10], &[12]); hits]));
    assert!(of(9).note.is_some());
    assert_eq!(of(10).note, None);
    assert_eq!(of(10).lead_days, Some(LeadTime { lower_quartile: 2.0, median: 2.0, upper_quartile: 2.0 }));
    let few = calibrate(&question, &objects(&vec![history(&(10..30).collect::<Vec<_>>(), &[12]); 9]));
    assert!(few.note.is_some(), "180 firings and 9 expansions");
}

#[test]
fn a_window_that_ends_before_it_begins_or_is_as_long_as_can_be_is_no_trouble() {
    let of = objects(&[history(&[3], &[5])]);
    let none = calibrate(&Question { from: 9, to: 1, horizon_days: 5 }, &of);
    assert_eq!((none.precision.whole, none.recall.whole, none.base_rate.whole), (0, 0, 0));
    let all = calibrate(&Question { from: i32::MIN, to: i32::MAX, horizon_days: u32::MAX }, &of);
    assert_eq!(all.precision, share(1, 1));
}

#[test]
fn a_replay_gives_the_days() {
    let mut past = Past::default();
    for (day, used) in (1..).zip([5.0, 12.0, 5.0, 11.0, 12.0]) {
        past.note(field("used"), day, Known::Number(used));
    }
    let replayed = indicator(json!({})).replay(&past, 1..=5);
    assert_eq!(History::of(&replayed, [9].into()), history(&[2, 4], &[9]));
}

/// Day by day and pair by pair.
fn restated(question: &Question, objects: &BTreeMap<String, History>) -> (Share, u64, Share, Vec<i32>, Share) {
    let Question { from, to, horizon_days } = *question;
    let horizon = i32::try_from(horizon_days).unwrap();
    let is_in = |day: &&i32| **day >= from && **day <= to;
    let of = |part: u64, whole: u64| if whole == 0 { Share { share: None, part, whole } } else { share(part, whole) };
    let (mut hits, mut judged, mut open, mut expansions, mut followed, mut days) = (0, 0, 0, 0, 0, 0);
    let mut leads = Vec::new();
    for History { fired, expanded } in objects.values() {
        let follows =
            |day: i32| expanded.iter().filter(is_in).any(|expansion| *expansion > day && *expansion - day <= horizon);
        let is_judged = |day: i32| follows(day) || day + horizon <= to;
        for day in from..=to {
            followed += u64::from(follows(day));
            days += u64::from(is_judged(day));
            if fired.contains(&day) {
                hits += u64::from(follows(day));
                judged += u64::from(is_judged(day));
                open += u64::from(!is_judged(day));
            }
        }
        for expansion in expanded.iter().filter(is_in) {
            expansions += 1;
            let before = fired.iter().filter(is_in).filter(|day| *day < expansion && expansion - *day <= horizon);
            leads.extend(before.map(|day| expansion - day).max());
        }
    }
    leads.sort_unstable();
    let foretold = u64::try_from(leads.len()).unwrap();
    (of(hits, judged), open, of(foretold, expansions), leads, of(followed, days))
}

proptest! {
    #[test]
    fn as_it_is_counted_day_by_day(
        days in btree_map("[a-z]{3}", (btree_set(0..60, 0..8), btree_set(0..60, 0..5)), 0..6),
        (from, long, horizon_days) in (0..30, 0..40, 1..30_u32),
    ) {
        let objects = days.into_iter().map(|(id, (fired, expanded))| (id, History { fired, expanded })).collect();
        let question = Question { from, to: from + long, horizon_days };
        let told = calibrate(&question, &objects);
        let (precision, open, recall, leads, base_rate) = restated(&question, &objects);
        prop_assert_eq!((told.precision, told.open, told.recall, told.base_rate), (precision, open, recall, base_rate));
        prop_assert_eq!(told.lead_days.is_some(), !leads.is_empty());
        if let Some(LeadTime { lower_quartile, median, upper_quartile }) = told.lead_days {
            let (first, last) = (f64::from(leads[0]), f64::from(leads[leads.len() - 1]));
            prop_assert!(first <= lower_quartile && lower_quartile <= median && median <= upper_quartile && upper_quartile <= last);
            let middle = f64::from(leads[(leads.len() - 1) / 2] + leads[leads.len() / 2]) / 2.0;
            prop_assert_eq!(median, middle);
        }
        let lift = precision.share.zip(base_rate.share).filter(|(_, chance)| *chance > 0.0).map(|(is, chance)| is / chance);
        prop_assert_eq!(told.lift, lift);
        prop_assert_eq!(told.note.is_some(), precision.whole < 10 || recall.whole < 10);
    }

    // A rule that fires every day is as good as chance, and misses nothing that a day before could tell.
    #[test]
    fn a_rule_that_always_fires_is_chance(expanded in btree_set(1..60, 1..9), horizon_days in 1..30_u32) {
        let objects = [("one".to_owned(), History { fired: (0..=60).collect(), expanded })].into();
        let told = calibrate(&Question { from: 0, to: 60, horizon_days }, &objects);
        prop_assert_eq!(told.precision, told.base_rate);
        prop_assert_eq!((told.lift, told.recall.share), (Some(1.0), Some(1.0)));
    }
}
