//! What is well formed and makes no sense: refused in a sentence, and described for the document.

use super::function::Function;
use super::measured::Measured;
use super::period::Period;
use super::problem::Problem;
use super::usage::{TRACK_TYPES_MAX, named_track_types};
use super::window::Window;
use crate::id::{Kind, ObjectKind};
use serde_json::{Value, json};

/// The most days of a window of stickiness, which keeps each visitor's days: a quarter, or three months.
const STICKINESS_DAYS_MAX: u32 = 93;

/// Refuses what makes no sense.
///
/// # Errors
/// The first such thing, with its place.
pub(super) fn refuse_nonsense(object: ObjectKind, measured: &Measured) -> Result<(), Problem> {
    let Measured { usage, function, of, window, .. } = measured;
    let name = function.name();
    if *function == Function::Minutes && usage.kind == Kind::Guide {
        let detail = "minutes cannot be computed for guides, which have none in Pendo; use count or another kind";
        return Err(Problem::at("/function", detail));
    }
    if function.is_of_objects() && usage.kind == Kind::Event {
        let detail =
            format!("{name} is about objects, which kind event has not; use kind feature, guide, page or track");
        return Err(Problem::at("/function", detail));
    }
    if function.is_of_accounts_only() && object == ObjectKind::Contact {
        let detail = format!("{name} compares the users of an account, and a contact is one user; use object account");
        return Err(Problem::at("/function", detail));
    }
    refuse_unfit_properties(measured)?;
    match (*function == Function::AdoptionRate, of) {
        (true, None) => {
            let detail = "adoption_rate needs of, which says among whom; give {\"of\":\"same_kind\"}, the visitors with any usage of the kind";
            return Err(Problem::at("/of", detail));
        }
        (false, Some(_)) => {
            let detail = format!("of applies to adoption_rate only; leave it out for {name}");
            return Err(Problem::at("/of", detail));
        }
        (true, Some(_)) if !usage.names_objects() => {
            let detail = "adoption_rate needs usage.ids: who used anything at all is everybody; name the objects that are to be adopted";
            return Err(Problem::at("/usage/ids", detail));
        }
        _ => {}
    }
    if function.needs_whole_window() && !window.is_whole() {
        let detail = format!(
            "{name} needs a window of whole days that are over; give complete_days true, or a calendar window with offset 1 or more"
        );
        return Err(Problem::at("/window", detail));
    }
    let is_of_some_days = |days: u32| (2..=STICKINESS_DAYS_MAX).contains(&days);
    if *function == Function::Stickiness && !window.days_max().is_some_and(is_of_some_days) {
        let detail = "stickiness needs a window of two days to three months; give for example {\"rolling_days\":30}";
        return Err(Problem::at("/window", detail));
    }
    if *function == Function::Trend && !has_previous(*window) {
        let detail =
            "trend reads the equal window before its own too, together 84 months at most; give a shorter window";
        return Err(Problem::at("/window", detail));
    }
    Ok(())
}

/// Properties stand on track events, and are asked for of track types that are named.
fn refuse_unfit_properties(measured: &Measured) -> Result<(), Problem> {
    let Measured { usage, function, of_property, .. } = measured;
    let name = function.name();
    match (function.is_of_property(), of_property) {
        (true, None) => {
            let detail = format!("{name} needs of_property, the name of a property of the track events");
            return Err(Problem::at("/of_property", detail));
        }
        (false, Some(_)) => {
            let names: Vec<&str> =
                Function::ALL.into_iter().filter(|function| function.is_of_property()).map(Function::name).collect();
            let detail = format!("of_property applies to {} only; leave it out for {name}", names.join(", "));
            return Err(Problem::at("/of_property", detail));
        }
        _ => {}
    }
    let (what, place) = if of_property.is_some() { (name, "/function") } else { ("filters", "/usage/filters") };
    if usage.filters.is_empty() && of_property.is_none() {
        return Ok(());
    }
    if usage.kind != Kind::Track {
        let detail = format!(
            "{what} can be given for kind track only, whose events have properties; kind {} has none here",
            usage.kind.name()
        );
        return Err(Problem::at(place, detail));
    }
    if usage.groups.is_some() {
        let detail =
            format!("{what} cannot stand beside usage.groups, which may grow: name the track types by usage.ids");
        return Err(Problem::at("/usage/groups", detail));
    }
    if usage.ids.as_ref().is_none_or(|ids| ids.len() > TRACK_TYPES_MAX) {
        let detail =
            format!("{what} needs usage.ids: name the 1 to {TRACK_TYPES_MAX} track types that have the property");
        return Err(Problem::at("/usage/ids", detail));
    }
    if *function == Function::AdoptionRate {
        let detail = "filters cannot stand in an adoption_rate, whose other people would be filtered too; use distinct_visitors and a formula";
        return Err(Problem::at("/usage/filters", detail));
    }
    Ok(())
}

/// Whether the equal window before lies in what Pendo keeps.
const fn has_previous(window: Window) -> bool {
    match window {
        Window::Rolling { period, count, .. } => count <= period.max() / 2,
        Window::Calendar { period, offset } => offset < period.max(),
        Window::Since(_) | Window::AllTime => false,
    }
}

/// The same for the document.
pub(super) fn sense() -> Value {
    let functions = |wanted: fn(Function) -> bool| -> Vec<&str> {
        Function::ALL.into_iter().filter(|function| wanted(*function)).map(Function::name).collect()
    };
    let case = |functions: Vec<&str>, then: Value| json!({"if": {"properties": {"function": {"enum": functions}}, "required": ["function"]}, "then": {"properties": then}});
    let not_of = |kind: Kind| json!({"usage": {"properties": {"kind": {"not": {"const": kind.name()}}}}});
    let last = |period: Period| {
        json!({"properties": {"calendar": {"const": period.name()}, "offset": {"maximum": period.max() - 1}},
               "required": ["calendar"]})
    };
    let calendar: Vec<Value> =
        Period::ALL.into_iter().map(last).chain([json!({"properties": {"calendar": false}})]).collect();
    let adoption =
        json!({"properties": {"function": {"const": Function::AdoptionRate.name()}}, "required": ["function"]});
    let formula = json!({"if": {"required": ["formula"]},
        "then": {"properties": {"usage": false, "function": false, "of": false, "of_property": false, "window": false}},
        "else": {"required": ["usage", "function", "window"]}});
    json!([
        formula,
        {"if": adoption, "then": {"required": ["of"], "properties": {"usage": {"anyOf": [{"required": ["ids"]}, {"required": ["groups"]}]}}},
         "else": {"properties": {"of": false}}},
        {"if": {"properties": {"function": {"enum": functions(Function::is_of_property)}}, "required": ["function"]},
         "then": {"required": ["of_property"], "properties": {"usage": named_track_types()}},
         "else": {"properties": {"of_property": false}}},
        case(vec![Function::AdoptionRate.name()], json!({"usage": {"properties": {"filters": false}}})),
        case(vec![Function::Minutes.name()], not_of(Kind::Guide)),
        case(functions(Function::is_of_objects), not_of(Kind::Event)),
        case(functions(Function::is_of_accounts_only), json!({"object": {"const": ObjectKind::Account.name()}})),
        case(
            functions(Function::needs_whole_window),
            json!({"window": {"properties": {
            "complete_days": {"const": true}, "offset": {"minimum": 1}, "since": false, "all_time": false}}})
        ),
        case(
            vec![Function::Stickiness.name()],
            json!({"window": {"properties": {
            "rolling_days": {"minimum": 2, "maximum": STICKINESS_DAYS_MAX},
            "rolling_weeks": {"maximum": STICKINESS_DAYS_MAX / Period::Week.days_max()},
            "rolling_months": {"maximum": STICKINESS_DAYS_MAX / Period::Month.days_max()},
            "calendar": {"not": {"const": Period::Day.name()}}}}})
        ),
        case(
            vec![Function::Trend.name()],
            json!({"window": {"anyOf": calendar, "properties": {
            "rolling_days": {"maximum": Period::Day.max() / 2},
            "rolling_weeks": {"maximum": Period::Week.max() / 2},
            "rolling_months": {"maximum": Period::Month.max() / 2}}}})
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Definition;

    fn parsed(object: &str, kind: &str, function: &str, window: &Value) -> Result<Definition, Problem> {
        let usage = json!({"kind": kind});
        let body = json!({"name": "x", "object": object, "usage": usage, "function": function, "window": window});
        Definition::parse(&body)
    }

    #[test]
    fn what_makes_no_sense_is_named_with_its_place() {
        let month = json!({"rolling_days": 30});
        for (object, kind, function, window, pointer, part) in [
            ("account", "guide", "minutes", &month, "/function", "guides"),
            ("account", "event", "feature_breadth", &month, "/function", "kind event"),
            ("contact", "event", "average_per_active_user", &month, "/function", "object account"),
            ("contact", "page", "power_user_concentration", &month, "/function", "object account"),
            ("account", "event", "trend", &json!({"all_time": true}), "/window", "whole days"),
            ("account", "event", "trend", &json!({"since": "2026-01-01"}), "/window", "whole days"),
            ("account", "event", "trend", &json!({"rolling_days": 7, "complete_days": false}), "/window", "whole days"),
            ("account", "event", "trend", &json!({"calendar": "month", "offset": 0}), "/window", "offset 1"),
            ("account", "event", "trend", &json!({"rolling_days": 1_278}), "/window", "84 months"),
            ("account", "event", "trend", &json!({"rolling_months": 43}), "/window", "84 months"),
            ("account", "event", "trend", &json!({"calendar": "quarter", "offset": 28}), "/window", "84 months"),
            ("account", "event", "stickiness", &json!({"all_time": true}), "/window", "whole days"),
            ("account", "event", "stickiness", &json!({"rolling_days": 1}), "/window", "two days"),
            ("account", "event", "stickiness", &json!({"rolling_days": 94}), "/window", "three months"),
            ("account", "event", "stickiness", &json!({"rolling_months": 4}), "/window", "three months"),
            ("account", "event", "stickiness", &json!({"calendar": "day"}), "/window", "two days"),
        ] {
            let problem = parsed(object, kind, function, window).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }

    #[test]
    fn an_adoption_rate_says_of_what_and_among_whom() {
        let good = json!({"name": "x", "object": "account", "usage": {"kind": "page", "ids": ["p"]},
                          "function": "adoption_rate", "of": "same_kind", "window": {"all_time": true}});
        assert_eq!(serde_json::to_value(Definition::parse(&good).unwrap()).unwrap(), good);
        let with = |member: &str, value: Value| {
            let mut body = good.clone();
            body[member] = value;
            Definition::parse(&body).unwrap_err()
        };
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove("of");
        assert_eq!(Definition::parse(&without).unwrap_err().pointer, "/of");
        for (problem, pointer, part) in [
            (with("of", json!("seats")), "/of", "same_kind"),
            (with("of", json!(7)), "/of", "same_kind"),
            (with("usage", json!({"kind": "page"})), "/usage/ids", "name the objects"),
            (with("usage", json!({"kind": "event"})), "/function", "kind event"),
            (with("object", json!("contact")), "/function", "object account"),
            (with("function", json!("count")), "/of", "adoption_rate only"),
        ] {
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }

    #[test]
    fn properties_are_of_named_track_types() {
        let good = json!({"name": "x", "object": "account", "usage": {"kind": "track", "ids": ["t"],
            "filters": [{"property": "plan", "operator": "is", "value": "Pro"}]},
            "function": "sum", "of_property": "rows", "window": {"all_time": true}});
        let definition = Definition::parse(&good).unwrap();
        assert_eq!(serde_json::to_value(&definition).unwrap(), good);
        let properties = definition.measured().unwrap().properties().unwrap();
        assert_eq!((&properties.names, &properties.amount), (&["plan".to_owned()].into(), &Some("rows".to_owned())));
        assert_eq!(definition.kind(), Some(Kind::Properties(properties.id())));
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            body.pointer_mut(parent).unwrap()[name] = value;
            Definition::parse(&body)
        };
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove("of_property");
        let mut unnamed = good.clone();
        unnamed["usage"].as_object_mut().unwrap().remove("ids");
        let mut of_features = with("/function", json!("count")).unwrap_err();
        assert_eq!(of_features.pointer, "/of_property");
        let filtered = json!({"name": "x", "object": "account", "usage": {"kind": "feature", "ids": ["t"],
            "filters": good["usage"]["filters"]}, "function": "count", "window": {"all_time": true}});
        of_features = Definition::parse(&filtered).unwrap_err();
        let mut adopted = good.clone();
        (adopted["function"], adopted["of"]) = (json!("adoption_rate"), json!("same_kind"));
        adopted.as_object_mut().unwrap().remove("of_property");
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        for (problem, pointer, part) in [
            (Definition::parse(&without).unwrap_err(), "/of_property", "needs of_property"),
            (Definition::parse(&unnamed).unwrap_err(), "/usage/ids", "name the"),
            (with("/usage/ids", json!(many)).unwrap_err(), "/usage/ids", "20"),
            (with("/usage/kind", json!("feature")).unwrap_err(), "/function", "kind track only"),
            (of_features, "/usage/filters", "kind track only"),
            (Definition::parse(&adopted).unwrap_err(), "/usage/filters", "adoption_rate"),
        ] {
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }

    #[test]
    fn what_lies_just_inside_is_taken() {
        for (object, kind, function, window) in [
            ("account", "event", "trend", json!({"rolling_days": 1_277})),
            ("contact", "track", "trend", json!({"calendar": "quarter", "offset": 27})),
            ("account", "event", "stickiness", json!({"rolling_months": 3})),
            ("contact", "event", "stickiness", json!({"calendar": "quarter"})),
            ("account", "guide", "feature_breadth", json!({"all_time": true})),
            ("contact", "track", "average_per_active_day", json!({"since": "2026-01-01"})),
        ] {
            assert!(parsed(object, kind, function, &window).is_ok(), "{function} {window}");
        }
    }
}
