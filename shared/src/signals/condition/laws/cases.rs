//! What each comparison comes to, case by case.

use super::drawn::{column, field};
use super::*;
use crate::signals::facts::Gap;
use serde_json::{Value, json};

fn read(body: &Value) -> Condition {
    Condition::parse(body, "", &names()).unwrap()
}

#[test]
fn a_change_is_a_share_of_what_was_before() {
    let changed = |before: f64, now: f64, by: f64| {
        let mut past = Past::default();
        past.note(field("used"), TODAY - 7, Known::Number(before));
        past.note(field("used"), TODAY, Known::Number(now));
        let verdict = read(&json!({"field": "used", "is": "changed", "by_percent": by, "days": 7})).at(&past, TODAY);
        assert_eq!(verdict.because[0].against, Some(before));
        verdict.truth
    };
    assert_eq!(changed(100.0, 120.0, 20.0), Truth::True);
    assert_eq!(changed(100.0, 119.0, 20.0), Truth::False);
    assert_eq!(changed(100.0, 80.0, -20.0), Truth::True);
    assert_eq!(changed(100.0, 81.0, -20.0), Truth::False);
    assert_eq!(changed(100.0, 0.0, -100.0), Truth::True);
    assert_eq!(changed(-100.0, -80.0, 20.0), Truth::True, "it rose by 20 % of 100");
    assert_eq!(changed(0.0, 0.0, 20.0), Truth::False, "nothing after nothing is no change");
    assert_eq!(changed(0.0, 5.0, 20.0), Truth::Unknown, "of nothing there is no share");
    assert_eq!(changed(0.0, 5.0, -20.0), Truth::Unknown);
}

#[test]
fn a_date_is_near_from_today_on_and_up_to_today() {
    let on = |date: &str, is: &str| {
        let past = Past { columns: [("renews on".to_owned(), Known::Text(date.to_owned()))].into(), ..Past::default() };
        read(&json!({"column": "renews on", "is": is, "days": 3})).at(&past, TODAY).truth
    };
    // Day 20,000 is 2024-10-04.
    let dates = ["2024-09-30", "2024-10-01", "2024-10-04", "2024-10-07T23:00:00Z", "2024-10-08", "soon"];
    use Truth::{False, True, Unknown};
    assert_eq!(dates.map(|date| on(date, "within_next_days")), [False, False, True, True, False, Unknown]);
    assert_eq!(dates.map(|date| on(date, "within_past_days")), [False, True, True, False, False, Unknown]);
}

#[test]
fn texts_are_one_of_a_list_or_none_of_it() {
    let on = |plan: Known, is: &str| {
        let past = Past { columns: [("plan".to_owned(), plan)].into(), ..Past::default() };
        read(&json!({"column": "plan", "is": is, "values": ["pro", 2]})).at(&past, TODAY).truth
    };
    let plans = || {
        [Known::Text("pro".to_owned()), Known::Number(2.0), Known::Text("free".to_owned()), Known::nothing(Gap::Empty)]
    };
    assert_eq!(plans().map(|plan| on(plan, "in")), [Truth::True, Truth::True, Truth::False, Truth::Unknown]);
    assert_eq!(plans().map(|plan| on(plan, "not_in")), [Truth::False, Truth::False, Truth::True, Truth::Unknown]);
}

#[test]
fn a_number_is_held_against_a_share_of_another_and_tells_both() {
    let mut past = Past { columns: [("seats".to_owned(), Known::Text(" 50 ".to_owned()))].into(), ..Past::default() };
    past.note(field("used"), TODAY, Known::Number(40.0));
    let body = json!({"field": "used", "is": "at_least", "other": {"column": "seats"}, "times": 0.8});
    let verdict = read(&body).at(&past, TODAY);
    assert_eq!((verdict.truth, verdict.because[0].against), (Truth::True, Some(40.0)));
    assert_eq!(verdict.because[0].was, Known::Number(40.0));
    past.columns.insert("seats".to_owned(), Known::Text("many".to_owned()));
    assert_eq!(read(&body).at(&past, TODAY).truth, Truth::Unknown);
    assert_eq!(past.at(&column("seats"), TODAY), Known::Text("many".to_owned()));
}
