//! Definitions and formulas that nobody would write: whatever is sent is a definition or a sentence with its place, a definition
//! prints to what reads the same, and a formula has a number or a reason, whatever its operands are.

use crate::calculator::{Token, calculated};
use crate::harness::pick;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use shared::configuration::Configuration;
use shared::fields::{Definition, Formula, Function, Operand, Problem, Reason};
use shared::id::Kind;
use shared::preview::PreviewQuery;

pub(crate) const SEED: u64 = 53;

pub(crate) fn runner() -> TestRunner {
    TestRunner::new(Config { rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() })
}

pub(crate) fn drawn<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

fn windows() -> impl Strategy<Value = Value> {
    let count = || prop_oneof![6 => 1..100_u32, 1 => 1..3_000_u32];
    prop_oneof![
        4 => (select(vec!["rolling_days", "rolling_weeks", "rolling_months"]), count(), any::<Option<bool>>()).prop_map(
            |(member, count, complete)| match complete {
                Some(complete) => json!({member: count, "complete_days": complete}),
                None => json!({member: count}),
            }
        ),
        3 => (select(vec!["day", "week", "month", "quarter"]), prop::option::of(0..30_u32)).prop_map(
            |(period, offset)| match offset {
                Some(offset) => json!({"calendar": period, "offset": offset}),
                None => json!({"calendar": period}),
            }
        ),
        1 => "20[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(|date| json!({"since": date})),
        1 => Just(json!({"all_time": true})),
    ]
}

/// Bodies of which most make sense.
pub(crate) fn bodies() -> impl Strategy<Value = Value> {
    let functions = Function::ALL.map(Function::name).to_vec();
    let kinds = Kind::ALL.map(Kind::name).to_vec();
    let types = vec!["guideSeen", "guideAdvanced", "guideDismissed"];
    let measured = (
        (select(functions), select(kinds), windows(), any::<bool>()),
        prop::option::of(prop::collection::vec("[a-c]", 1..4)),
        prop::option::of(prop::collection::vec(prop_oneof![0..3_i64, any::<i64>()], 1..3)),
        prop::option::of(prop::sample::subsequence(types, 1..3)),
        prop::option::of(filters()),
    )
        .prop_map(|((function, kind, window, is_account), ids, apps, types, filters)| {
            let is_rate = function == "adoption_rate";
            let is_of_property = Function::of_name(function).is_some_and(Function::is_of_property);
            let kind = if is_of_property { "track" } else { kind };
            let mut usage = json!({"kind": kind});
            let filters = filters.filter(|_| kind == "track" && !is_rate);
            let needs_ids = is_rate || is_of_property || filters.is_some();
            if let Some(filters) = filters {
                usage["filters"] = filters;
            }
            if let Some(ids) = ids.filter(|_| kind != "event").or(needs_ids.then(|| vec!["a".to_owned()])) {
                usage["ids"] = json!(ids);
            }
            if let Some(apps) = apps {
                usage["apps"] = json!(apps);
            }
            if let Some(types) = types.filter(|_| kind == "guide") {
                usage["types"] = json!(types);
            }
            let object = if is_account || is_rate { "account" } else { "contact" };
            let mut body =
                json!({"name": "x", "object": object, "usage": usage, "function": function, "window": window});
            if is_rate {
                body["of"] = json!("same_kind");
            }
            if is_of_property {
                body["of_property"] = json!("p");
            }
            body
        });
    let formula = formulas(5).prop_map(|text| json!({"name": "x", "object": "account", "formula": text}));
    prop_oneof![3 => measured, 1 => formula]
}

/// Filters on one property.
fn filters() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        select(vec!["is", "is_not", "contains"]).prop_map(|operator| json!({"operator": operator, "value": "Pro"})),
        select(vec!["any_of", "none_of"]).prop_map(|operator| json!({"operator": operator, "value": ["5", "x"]})),
        select(vec!["present", "blank"]).prop_map(|operator| json!({"operator": operator})),
        (select(vec!["=", "!=", "<", "<=", ">", ">="]), any::<i32>())
            .prop_map(|(operator, value)| json!({"operator": operator, "value": value})),
        select(vec!["before", "after", "on"]).prop_map(|operator| json!({"operator": operator, "value": "2026-06-30"})),
        (select(vec!["within_past", "within_next"]), 0..4_000_i32)
            .prop_map(|(operator, days)| json!({"operator": operator, "value": days})),
        (select(vec!["quarter", "year"]), -41..42_i32, 0..14_i32).prop_map(|(period, offset, first_month)| {
            json!({"operator": "in_fiscal", "value": {"period": period, "offset": offset, "first_month": first_month}})
        }),
    ];
    let one = one.prop_map(|mut filter| {
        filter["property"] = json!("p");
        filter
    });
    prop::collection::vec(one, 1..3).prop_map(Value::from)
}

/// Texts of formulas, up to so deep.
fn formulas(depth: u32) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "\"[a-d]\"",
        1 => "directory\\.([a-d]|\"[a-d] [a-d]\")",
        1 => "[0-9]{1,3}(\\.[0-9]{1,2})?",
        1 => "(0|9)\\.?[09]{18}",
    ];
    let formula = leaf.prop_recursive(depth, 110, 2, |inner| {
        prop_oneof![
            2 => (inner.clone(), "[-+*/]", inner.clone(), "[ \n]{0,2}")
                .prop_map(|(left, sign, right, space)| format!("{left}{space}{sign}{space}({right})")),
            2 => (inner.clone(), " ?[-+*/] ?", inner.clone()).prop_map(|(left, sign, right)| format!("{left}{sign}{right}")),
            1 => (inner, "-{1,2}").prop_map(|(inner, signs)| format!("{signs}({inner})")),
        ]
    });
    (formula, "[-+*/]").prop_map(|(text, sign)| format!("{text}{sign}\"a\""))
}

/// Formulas around the limits of depth and length: each step puts something around, before or behind what there is.
fn long_formulas() -> impl Strategy<Value = String> {
    let step = (0..6_u8, "[-+*/]", "(\"[a-d]\"|directory\\.[a-d]|[1-9]|\"[a-d]\" [-+*/] \"[a-d]\")");
    let few = prop_oneof![3 => 0..20_usize, 2 => 20..50_usize, 1 => 60..110_usize];
    few.prop_flat_map(move |count| prop::collection::vec(step.clone(), count)).prop_map(|steps| {
        steps.into_iter().fold("\"a\"".to_owned(), |text, (how, sign, more)| match how {
            0 => format!("({text}) {sign} {more}"),
            1 => format!("{more} {sign} ({text})"),
            2 => format!("-({text})"),
            3 => format!("{more}{sign}{text}"),
            _ => format!("{text} {sign} {more}"),
        })
    })
}

/// What stands where something else should.
fn oddities() -> impl Strategy<Value = Value> {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let texts = ["", " ", "\u{0}", "2026-02-30", "9999-12-31", "ＭＡＵ", "\u{202e}x", "event", "\"a\" / 0", "/~1/~"];
    let more = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(-0.0),
        json!(u64::MAX),
        json!(i64::MIN),
        json!("x".repeat(5_000)),
        json!("(".repeat(5_000)),
        json!([]),
        json!({}),
        json!({"kind": {}}),
        json!(vec![0; 2_000]),
        deep,
    ];
    select(texts.into_iter().map(Value::from).chain(more).collect::<Vec<_>>())
}

/// One change of a body: which place, what, and how.
type Edit = (Index, Value, u8);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((any::<Index>(), oddities(), 0..6_u8), 0..3)
}

/// Every place of a body.
fn places(body: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut open = vec![(String::new(), body)];
    while let Some((place, value)) = open.pop() {
        let members: Vec<(String, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        for (name, value) in members {
            let place = shared::fields::below(&place, &name);
            found.push(place.clone());
            open.push((place, value));
        }
    }
    found
}

fn edit(body: &mut Value, (at, odd, how): Edit) {
    let places = places(body);
    let place = &places[at.index(places.len())];
    match (how, body.pointer_mut(place)) {
        (0..=2, Some(value)) => *value = odd,
        (3, Some(Value::Object(members))) => _ = members.insert(odd.to_string(), odd),
        (3, Some(Value::Array(items))) => items.push(odd),
        (4, _) => {
            let Some((parent, name)) = place.rsplit_once('/') else { return };
            if let Some(Value::Object(members)) = body.pointer_mut(parent) {
                members.remove(name);
            }
        }
        (_, Some(Value::String(text))) => *text = mangled(text, at, how),
        _ => {}
    }
}

/// A text with a piece of it cut, doubled, or put elsewhere, byte by byte.
fn mangled(text: &str, at: Index, how: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return "\u{fffd}".to_owned();
    }
    let (from, to) = (at.index(bytes.len()), at.index(bytes.len()) / 2 + usize::from(how));
    let (from, to) = (from.min(to), from.max(to).min(bytes.len()));
    match how % 3 {
        0 => drop(bytes.drain(from..to)),
        1 => bytes.extend_from_within(from..to),
        _ => bytes[from] = bytes[from].wrapping_add(how.wrapping_mul(37)),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A refusal is a sentence, and its place is in the body, or a member that a place of it lacks.
fn check_refusal(body: &Value, problem: &Problem) {
    assert!(!problem.detail.trim().is_empty(), "{problem:?}");
    let parent = problem.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    assert!(body.pointer(parent).is_some(), "{} is no place of {body}", problem.pointer);
}

#[test]
fn whatever_body_is_sent_is_a_definition_that_prints_to_itself_or_a_sentence_with_its_place() {
    let mut runner = runner();
    let strategy = (bodies(), edits());
    let (n, mut taken, mut refused) = (pick(3_000, 50_000), 0, 0);
    for _ in 0..n {
        let (mut body, edits) = drawn(&strategy, &mut runner);
        edits.into_iter().for_each(|change| edit(&mut body, change));
        let parsed = Definition::parse(&body);
        let within = |place: &str| parsed.clone().map_err(|problem| format!("{place}{}", problem.pointer));
        match &parsed {
            Ok(definition) => {
                let printed = json!(definition);
                assert_eq!(Definition::parse(&printed).as_ref(), Ok(definition), "{body}");
                assert_eq!(json!(Definition::parse(&printed).unwrap()), printed, "{body}");
                taken += 1;
            }
            Err(problem) => {
                check_refusal(&body, problem);
                refused += 1;
            }
        }
        // Whatever holds a definition says the same of it.
        let query = PreviewQuery::parse(&json!({"definition": body}));
        let file = Configuration::parse(&json!({"format": 1, "fields": [body]}));
        let of_query = query.map(|query| query.definition).map_err(|problem| problem.pointer);
        let of_file = file.map(|file| file.fields.unwrap().remove(0)).map_err(|problem| problem.pointer);
        assert_eq!(of_query, within("/definition"), "{body}");
        assert_eq!(of_file, within("/fields/0"), "{body}");
    }
    println!("bodies: seed {SEED}, n {n}, {taken} definitions, {refused} refused, failures 0");
    assert!(taken * 5 > n && refused * 5 > n, "{taken} {refused}");
}

#[test]
fn whatever_text_a_formula_has_is_read_or_refused_at_one_of_its_characters() {
    let mut runner = runner();
    let strategy = (formulas(8), prop::collection::vec((any::<Index>(), 0..9_u8), 0..5), any::<[u8; 3]>());
    let (n, mut read) = (pick(3_000, 100_000), 0);
    for _ in 0..n {
        let (mut text, changes, bytes) = drawn(&strategy, &mut runner);
        for (at, how) in changes {
            text = mangled(&text, at, how);
            if how == 8 {
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        match Formula::parse(&text) {
            Ok(formula) => {
                assert_eq!(Formula::parse(&formula.to_string()), Ok(formula), "{text}");
                read += 1;
            }
            Err(problem) => {
                assert!(problem.pointer == "/formula" && problem.detail.len() < 1_000, "{problem:?}");
                let named = problem.detail.split_once("character ").map(|(_, rest)| {
                    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    digits.parse::<usize>().unwrap()
                });
                let is_inside = named.is_none_or(|at| (1..=text.chars().count() + 1).contains(&at));
                assert!(is_inside, "{problem} of {text:?}");
            }
        }
    }
    println!("texts: seed {SEED}, n {n}, {read} formulas, {} refused, failures 0", n - read);
    assert!(read * 10 > n && (n - read) * 4 > n, "{read}");
}

#[test]
fn formulas_as_deep_and_long_as_they_may_be_come_to_what_a_second_way_says_over_any_numbers() {
    let edges =
        [0.0, -0.0, 5e-324, f64::MIN_POSITIVE, f64::EPSILON, 9_007_199_254_740_993.0, 1.8e19, f64::MAX, f64::MIN];
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let number = prop_oneof![
        6 => (-50..50_i32).prop_map(|small| Ok(f64::from(small))),
        3 => select(edges.to_vec()).prop_map(Ok),
        1 => select(odd.to_vec()).prop_map(Ok),
        1 => any::<f64>().prop_map(Ok),
        1 => Just(Err(())),
    ];
    let strategy = (long_formulas(), prop::collection::vec(number, 4));
    let mut runner = runner();
    let (n, mut numbers, mut deepest, mut refused) = (pick(1_500, 30_000), 0, 0, 0);
    for _ in 0..n {
        let (text, values) = drawn(&strategy, &mut runner);
        let formula = match Formula::parse(&text) {
            Ok(formula) => formula,
            Err(problem) => {
                let is_of_size =
                    ["signs deep", "more than 100 fields"].iter().any(|part| problem.detail.contains(part));
                assert!(is_of_size, "{problem} of {text}");
                refused += 1;
                continue;
            }
        };
        let value = |name: &str| values[usize::from(name.as_bytes()[0] - b'a')];
        let first = formula.evaluate(&|operand| match operand {
            Operand::Field(name) | Operand::Directory(name) => value(name).map_err(|()| Reason::NeverUsed),
        });
        let second = calculated(&text, &|token| match token {
            Token::Field(name) | Token::Column(name) => value(name).map_err(|()| "never_used"),
            other => panic!("{other:?}"),
        });
        assert_eq!(first.map(f64::to_bits).map_err(Reason::name), second.map(f64::to_bits), "{text} of {values:?}");
        assert!(first.is_ok_and(f64::is_finite) || first.is_err(), "{text}");
        numbers += usize::from(first.is_ok());
        let depth = text.chars().fold((0, 0_i32), |(most, open): (i32, i32), sign| {
            let open = open + i32::from(sign == '(') - i32::from(sign == ')');
            (most.max(open), open)
        });
        deepest = deepest.max(depth.0);
    }
    println!(
        "deep formulas: seed {SEED}, n {n}, {numbers} numbers, {refused} too large, up to {deepest} brackets, failures 0"
    );
    assert!(numbers * 10 > n && deepest > 20 && refused * 50 > n, "{numbers} {deepest} {refused}");
}
