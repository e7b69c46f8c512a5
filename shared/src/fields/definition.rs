//! A calculated field as an admin defines it: checked whole when it is parsed.

use super::formula::Formula;
use super::measured::Measured;
use super::problem::Problem;
use super::shape::Shape;
use crate::exclusions::Exclusions;
use crate::id::{Kind, ObjectKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest name of a field, in characters.
pub const NAME_CHARS_MAX: usize = 120;

/// What a calculated field computes, and for which objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Definition {
    /// The name, unique per object level whatever its case.
    pub name: String,
    /// Whether accounts or contacts have the value.
    pub object: ObjectKind,
    /// What is computed.
    #[serde(flatten)]
    pub measure: Measure,
}

/// What a field computes: something over usage, or a formula over what others compute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Measure {
    /// A function over rows and a time.
    Usage(Box<Measured>),
    /// Arithmetic over other fields and the directory.
    Formula {
        /// The formula.
        formula: Formula,
    },
}

impl Definition {
    /// Parses one definition. A formula names fields as its text does; [`super::refuse_unfit`] checks them.
    ///
    /// # Errors
    /// The first thing that is missing, unknown, of a wrong type or impossible.
    pub fn parse(body: &Value) -> Result<Self, Problem> {
        let shape =
            Shape::of(body, "", &["name", "object", "usage", "function", "of", "of_property", "window", "formula"])?;
        let name = name_of(&shape)?;
        let object = object_of(&shape)?;
        let measure = match shape.optional("formula") {
            Some(_) => Measure::Formula { formula: formula_of(&shape)? },
            None => Measure::Usage(Box::new(Measured::parse(&shape, object)?)),
        };
        Ok(Self { name, object, measure })
    }

    /// The function over usage, unless it is a formula.
    #[must_use]
    pub const fn measured(&self) -> Option<&Measured> {
        match &self.measure {
            Measure::Usage(measured) => Some(measured),
            Measure::Formula { .. } => None,
        }
    }

    /// The formula, if it is one.
    #[must_use]
    pub const fn formula(&self) -> Option<&Formula> {
        match &self.measure {
            Measure::Usage(_) => None,
            Measure::Formula { formula } => Some(formula),
        }
    }

    /// The kind of usage that it reads; none of a formula, which reads values.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.measured().map(Measured::kind)
    }

    /// Whom it excludes beside those whom the workspace does; a formula takes its fields as they are.
    #[must_use]
    pub fn exclusions(&self) -> Option<&Exclusions> {
        self.measured()?.usage.exclude.as_ref()
    }

    /// The name by which two fields of one level are the same.
    #[must_use]
    pub fn name_key(&self) -> String {
        self.name.to_lowercase()
    }
}

impl TryFrom<Value> for Definition {
    type Error = Problem;

    fn try_from(body: Value) -> Result<Self, Problem> {
        Self::parse(&body)
    }
}

fn name_of(shape: &Shape<'_>) -> Result<String, Problem> {
    let name = shape.text("name", "the name under which the field is shown")?.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let detail =
            format!("name must have 1 to {NAME_CHARS_MAX} characters and no control characters; choose another name");
        return Err(Problem::at("/name", detail));
    }
    Ok(name.to_owned())
}

fn object_of(shape: &Shape<'_>) -> Result<ObjectKind, Problem> {
    match shape.text("object", "account or contact")? {
        "account" => Ok(ObjectKind::Account),
        "contact" => Ok(ObjectKind::Contact),
        other => Err(Problem::at("/object", format!("object \"{other}\" is not known; use account or contact"))),
    }
}

fn formula_of(shape: &Shape<'_>) -> Result<Formula, Problem> {
    let text = shape.text("formula", "text such as \"MAU\" / directory.seats")?;
    if let Some(beside) =
        ["usage", "function", "of", "of_property", "window"].into_iter().find(|name| shape.optional(name).is_some())
    {
        let detail = format!(
            "{beside} cannot stand beside a formula, which takes its fields as they are; leave one of them out"
        );
        return Err(Problem::at(shape.pointer_to(beside), detail));
    }
    Formula::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::sense::refuse_nonsense;
    use crate::fields::{Among, Filter, Function, GUIDE_TYPES, Operator, Period, Usage, Window};
    use proptest::prelude::*;
    use serde_json::json;

    fn good() -> Value {
        json!({"name": "Exports 7d", "object": "contact", "usage": {"kind": "feature", "ids": ["f-1"]},
               "function": "count", "window": {"rolling_days": 7, "complete_days": false}})
    }

    fn measured(body: &Value) -> Measured {
        Definition::parse(body).unwrap().measured().unwrap().clone()
    }

    /// The good definition with one member set, or removed by null.
    fn with(pointer: &str, value: Value) -> Value {
        let mut body = good();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let members = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.to_owned(), value)
        };
        body
    }

    #[test]
    fn a_definition_prints_as_it_was_written() {
        let formula = json!({"name": "x", "object": "account", "formula": "\"MAU\" / directory.seats * 100"});
        for body in [good(), with("/window", json!({"all_time": true})), formula] {
            assert_eq!(serde_json::to_value(Definition::parse(&body).unwrap()).unwrap(), body);
        }
    }

    #[test]
    fn complete_days_default_to_the_function() {
        for function in Function::ALL {
            let mut body = with("/window", json!({"rolling_days": 30}));
            body["function"] = json!(function.name());
            body["object"] = json!("account");
            if function == Function::AdoptionRate {
                body["of"] = json!("same_kind");
            }
            if function.is_of_property() {
                (body["usage"]["kind"], body["of_property"]) = (json!("track"), json!("rows"));
            }
            let window = measured(&body).window;
            let complete_days = ![
                Function::Count,
                Function::Minutes,
                Function::FirstUsed,
                Function::LastUsed,
                Function::DaysSinceLastUsed,
                Function::FeatureBreadth,
                Function::PowerUserConcentration,
                Function::Sum,
                Function::Average,
                Function::Min,
                Function::Max,
                Function::Latest,
                Function::DistinctValues,
            ]
            .contains(&function);
            assert_eq!(window, Window::Rolling { period: Period::Day, count: 30, complete_days });
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            (json!([]), "", "object"),
            (with("/name", Value::Null), "/name", "missing"),
            (with("/name", json!("  ")), "/name", "120"),
            (with("/name", json!("x".repeat(121))), "/name", "120"),
            (with("/name", json!("a\nb")), "/name", "control"),
            (with("/name", json!(7)), "/name", "a number"),
            (with("/object", json!("company")), "/object", "account or contact"),
            (with("/window", Value::Null), "/window", "missing"),
            (with("/usage", Value::Null), "/usage", "missing"),
            (with("/usage/kind", Value::Null), "/usage/kind", "missing"),
            (with("/usage/kind", json!("click")), "/usage/kind", "feature, guide, page, track or event"),
            (with("/usage/kind", json!("nps")), "/usage/kind", "numeric column named nps"),
            (with("/usage/kind", json!("poll")), "/usage/kind", "numeric column named nps"),
            (with("/usage/kind", json!("pollEvents")), "/usage/kind", "numeric column named nps"),
            (with("/usage/kind", json!("event")), "/usage/ids", "all activity"),
            (with("/usage/ids", json!([])), "/usage/ids", "empty"),
            (with("/usage/ids", json!("f-1")), "/usage/ids", "a list"),
            (with("/usage/ids", json!(["f-1", 2])), "/usage/ids/1", "text"),
            (with("/usage/ids", json!([""])), "/usage/ids/0", "characters"),
            (with("/usage/ids", json!(vec!["f"; 1_001])), "/usage/ids", "1000"),
            (with("/usage/apps", json!([])), "/usage/apps", "0 entries"),
            (with("/usage/apps", json!(7)), "/usage/apps", "a list"),
            (with("/usage/apps", json!([1, "2"])), "/usage/apps/1", "whole number"),
            (with("/usage/apps", json!([1.5])), "/usage/apps/0", "whole number"),
            (with("/usage/apps", json!(vec![1; 101])), "/usage/apps", "101 entries"),
            (with("/usage/types", json!(["guideSeen"])), "/usage/types", "guide only"),
            (with("/usage/event", json!(1)), "/usage/event", "not known"),
            (with("/usage/exclude", json!({})), "/usage/exclude", "names nobody"),
            (with("/usage/exclude", json!({"visitors": []})), "/usage/exclude", "names nobody"),
            (with("/usage/exclude", json!({"domains": ["@x"]})), "/usage/exclude/domains/0", "example.com"),
            (with("/usage", json!({"kind": "guide", "types": ["seen"]})), "/usage/types", "guideSeen"),
            (with("/function", json!("total")), "/function", "distinct_visitors"),
            (with("/usage/filters", json!([])), "/usage/filters", "0 entries"),
            (with("/of_property", json!("a-b")), "/of_property", "letters"),
            (with("/of_property", json!(5)), "/of_property", "the name of a property"),
            (with("/windows", json!({})), "/windows", "not known"),
            (with("/formula", json!("\"MAU\" * 2")), "/usage", "beside a formula"),
            (with("/formula", json!(7)), "/formula", "text"),
            (json!({"name": "x", "object": "account", "formula": "MAU"}), "/formula", "character 1"),
            (
                json!({"name": "x", "object": "account", "formula": "\"MAU\"", "of": "same_kind"}),
                "/of",
                "beside a formula",
            ),
        ];
        for (body, pointer, part) in cases {
            let problem = Definition::parse(&body).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }

    #[test]
    fn minutes_on_guides_are_refused() {
        let mut body = with("/usage", json!({"kind": "guide"}));
        body["function"] = json!("minutes");
        assert_eq!(Definition::parse(&body).unwrap_err().pointer, "/function");
    }

    #[test]
    fn a_guide_field_without_types_looks_at_what_was_seen() {
        let seen = measured(&with("/usage", json!({"kind": "guide"}))).usage;
        assert!(seen.has_type("guideSeen") && !seen.has_type("guideDismissed"));
        let dismissed = json!({"kind": "guide", "types": ["guideDismissed"]});
        let dismissed = measured(&with("/usage", dismissed)).usage;
        assert!(!dismissed.has_type("guideSeen") && dismissed.has_type("guideDismissed"));
    }

    fn windows() -> impl Strategy<Value = Window> {
        let rolling = (prop::sample::select(&Period::ROLLING[..]), any::<prop::sample::Index>(), any::<bool>());
        let calendar = (prop::sample::select(&Period::ALL[..]), any::<prop::sample::Index>());
        let upto = |period: Period, at: prop::sample::Index| at.index(period.max() as usize + 1) as u32;
        prop_oneof![
            rolling.prop_map(move |(period, at, complete_days)| {
                Window::Rolling { period, count: upto(period, at).max(1), complete_days }
            }),
            calendar.prop_map(move |(period, at)| Window::Calendar { period, offset: upto(period, at) }),
            (10_957..47_482).prop_map(Window::Since),
            Just(Window::AllTime),
        ]
    }

    fn filters() -> impl Strategy<Value = Vec<Filter>> {
        let operand =
            (any::<i64>(), "[a-zA-Z0-9 äß]{0,9}[a-z]", prop::collection::btree_set("[a-z]{1,3}", 1..4), any::<bool>());
        let one = ("[a-z_]{1,5}", prop::sample::select(&Operator::ALL[..]), operand);
        let one = one.prop_map(|(property, operator, (number, text, texts, match_case))| {
            let mut body = json!({"property": property, "operator": operator.name(), "match_case": match_case});
            // One of these fits the operator.
            let fiscal = json!({"period": "quarter", "offset": number % 40, "first_month": 1 + number.rem_euclid(12)});
            let days = json!(1 + number.rem_euclid(3_660));
            let values = [json!(text), json!(texts), days, json!(number % 1_000_000), json!("2026-06-30"), fiscal];
            let tries = values.into_iter().map(Some).chain([None]);
            let tries = tries.flat_map(|value| [true, false].map(|match_case| (value.clone(), match_case)));
            let good = tries.filter_map(|(value, match_case)| {
                body["match_case"] = json!(match_case);
                match value {
                    Some(value) => body["value"] = value,
                    None => _ = body.as_object_mut().unwrap().remove("value"),
                }
                Filter::list(&json!([body.clone()]), "").ok()
            });
            good.last().unwrap().remove(0)
        });
        prop::collection::vec(one, 0..3)
    }

    prop_compose! {
        fn definitions()(
            name in "[a-zA-Z0-9äöü][a-zA-Z0-9 äöü]{0,50}[a-z]",
            is_account: bool,
            kind in prop::sample::select(&Kind::ALL[..]),
            ids in prop::option::of(prop::collection::btree_set("[a-zA-Z0-9_-]{1,12}", 1..5)),
            apps in prop::option::of(prop::collection::btree_set(any::<i64>(), 1..4)),
            types in prop::option::of(prop::sample::subsequence(&GUIDE_TYPES[..], 1..=GUIDE_TYPES.len())),
            exclude in prop::option::of(prop::collection::btree_set("[a-z]{1,8}", 1..3)),
            function in prop::sample::select(&Function::ALL[..]),
            window in windows(),
            property in "[A-Za-z_][A-Za-z0-9_]{0,8}",
            filters in filters(),
        ) -> Definition {
            let filters = if kind == Kind::Track && ids.is_some() { filters } else { Vec::new() };
            let may_group = kind != Kind::Event && filters.is_empty() && !function.is_of_property();
            let groups = (may_group && property.len() % 2 == 0).then(|| [property.clone()].into());
            let measured = Measured {
                usage: Usage {
                    groups,
                    kind,
                    ids: ids.filter(|_| kind != Kind::Event),
                    apps,
                    types: types.filter(|_| kind == Kind::Guide).map(|types| types.into_iter().map(str::to_owned).collect()),
                    filters,
                    exclude: exclude.map(|domains| Exclusions { domains, ..Exclusions::default() }),
                },
                of: (function == Function::AdoptionRate).then_some(Among::SameKind),
                of_property: function.is_of_property().then_some(property),
                function,
                window,
            };
            let object = if is_account { ObjectKind::Account } else { ObjectKind::Contact };
            Definition { name, object, measure: Measure::Usage(Box::new(measured)) }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(
            definition in definitions().prop_filter("makes sense", |definition| {
                definition.measured().is_some_and(|measured| refuse_nonsense(definition.object, measured).is_ok())
            }),
        ) {
            let printed = serde_json::to_string(&definition).unwrap();
            prop_assert_eq!(&Definition::parse(&serde_json::from_str(&printed).unwrap()), &Ok(definition.clone()));
            prop_assert_eq!(serde_json::from_str::<Definition>(&printed).unwrap(), definition);
        }
    }
}
