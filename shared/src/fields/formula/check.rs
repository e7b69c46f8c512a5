//! Checks formulas against the fields and the directory that stand, and changes between names, which people write, and ids,
//! which last.

use super::{Formula, Operand};
use crate::fields::definition::{Definition, Measure};
use crate::fields::field::Field;
use crate::fields::problem::Problem;
use crate::id::{FieldId, ObjectKind};
use std::collections::{BTreeMap, BTreeSet};

/// So many formulas may stand upon each other, at most.
pub const FORMULA_LEVELS_MAX: usize = 10;

const POINTER: &str = "/formula";

/// Checks one of the fields that are to stand, beside all the others, and lets its formula name the fields by their ids, so
/// that another name breaks nothing. `columns` are those of its level, each with whether any object has a number there;
/// `None` while there are no objects, since nothing can be told then.
///
/// # Errors
/// A field or column that is not there, or has no numbers; a formula that comes back to itself, or stands upon too many;
/// a field that is used by a formula and would give it no numbers any more. Nothing is changed then.
pub fn link(fields: &mut [Field], at: usize, columns: Option<&BTreeMap<String, bool>>) -> Result<(), Problem> {
    let Some(own) = fields.get(at) else { return Ok(()) };
    refuse_misfit(own, fields)?;
    let Some(formula) = own.definition.formula() else { return Ok(()) };
    let level = own.definition.object;
    for term in formula.terms() {
        match &term.operand {
            Operand::Field(name) => refuse_field(fields, level, name, term.at)?,
            Operand::Directory(column) => refuse_column(level, column, term.at, columns)?,
        }
    }
    let id_of =
        |name: &str| find(fields, level, name).map_or_else(|| name.to_owned(), |field| field.id.as_str().to_owned());
    let linked = Measure::Formula { formula: formula.renamed(&id_of) };
    let stood = fields.get_mut(at).map(|own| std::mem::replace(&mut own.definition.measure, linked));
    let outcome = refuse_round(fields, at);
    if let (Err(_), Some(own), Some(stood)) = (&outcome, fields.get_mut(at), stood) {
        own.definition.measure = stood;
    }
    outcome
}

/// Fields by what they stand upon: those of usage first, then formulas, each behind all that it uses. A formula that comes
/// back to itself, or uses what is not there, is in no layer.
#[must_use]
pub fn layers<'f>(fields: impl IntoIterator<Item = &'f Field>) -> Vec<Vec<&'f Field>> {
    let (mut layer, mut open): (Vec<_>, Vec<_>) =
        fields.into_iter().partition(|field| field.definition.formula().is_none());
    let (mut layers, mut known) = (Vec::new(), BTreeSet::new());
    while !layer.is_empty() {
        known.extend(layer.iter().map(|field| field.id.as_str()));
        layers.push(layer);
        let is_ready = |field: &&Field| field.uses().iter().all(|id| known.contains(id));
        (layer, open) = open.into_iter().partition(is_ready);
    }
    layers
}

impl Field {
    /// The ids of the fields that its formula uses; none of a field of usage.
    #[must_use]
    pub fn uses(&self) -> Vec<&str> {
        self.definition.formula().map(Formula::fields).unwrap_or_default()
    }
}

impl Definition {
    /// The same as people read it: a formula with the names that its fields have now.
    #[must_use]
    pub fn named(&self, fields: &[Field]) -> Self {
        let Some(formula) = self.formula() else { return self.clone() };
        let name_of = |id: &str| {
            let named = fields.iter().find(|field| field.id.as_str() == id);
            named.map_or_else(|| id.to_owned(), |field| field.definition.name.clone())
        };
        Self { measure: Measure::Formula { formula: formula.renamed(&name_of) }, ..self.clone() }
    }
}

/// The field of a level by id or name, whatever its case.
fn find<'f>(fields: &'f [Field], level: ObjectKind, name: &str) -> Option<&'f Field> {
    let of_level = || fields.iter().filter(move |field| field.definition.object == level);
    let key = name.trim().to_lowercase();
    let by_id = of_level().find(|field| field.id.as_str() == name);
    by_id.or_else(|| of_level().find(|field| field.definition.name_key() == key))
}

fn refuse_field(fields: &[Field], level: ObjectKind, name: &str, at: usize) -> Result<(), Problem> {
    let level_name = level.name();
    if let Some(field) = find(fields, level, name) {
        if !is_time(field) {
            return Ok(());
        }
        let detail = format!(
            "\"{name}\" at character {at} of the formula is a time, which can't be calculated with; use days_since_last_used, or another number"
        );
        return Err(Problem::at(POINTER, detail));
    }
    let other =
        [ObjectKind::Account, ObjectKind::Contact].into_iter().find(|other| find(fields, *other, name).is_some());
    let detail = match other {
        Some(other) => format!(
            "\"{name}\" at character {at} of the formula is a field of {}s; a formula of {level_name}s uses fields of {level_name}s only",
            other.name()
        ),
        None => format!(
            "no calculated field of {level_name}s is called \"{name}\" (character {at} of the formula); see GET /v1/fields, or create it first"
        ),
    };
    Err(Problem::at(POINTER, detail))
}

fn is_time(field: &Field) -> bool {
    field.definition.measured().is_some_and(|measured| measured.function.is_time())
}

fn refuse_column(
    level: ObjectKind,
    column: &str,
    at: usize,
    columns: Option<&BTreeMap<String, bool>>,
) -> Result<(), Problem> {
    let level = level.name();
    let detail = match columns.map(|columns| columns.get(column)) {
        None | Some(Some(true)) => return Ok(()),
        Some(Some(false)) => format!(
            "no {level} has a number in the column \"{column}\" (character {at} of the formula); use a column of numbers, or upload them with PUT /v1/directory/{level}s"
        ),
        Some(None) => format!(
            "no {level} has a column \"{column}\" (character {at} of the formula); use one that GET /v1/directory/{level}s shows, or upload it first"
        ),
    };
    Err(Problem::at(POINTER, detail))
}

/// What formulas use must go on being numbers of their level.
fn refuse_misfit(own: &Field, fields: &[Field]) -> Result<(), Problem> {
    let mut users = fields.iter().filter(|field| field.id != own.id && field.uses().contains(&own.id.as_str()));
    let is_misfit = |user: &&Field| is_time(own) || user.definition.object != own.definition.object;
    let Some(user) = users.find(is_misfit) else { return Ok(()) };
    let (place, why) = match is_time(own) {
        true => ("/function", "a time can't be calculated with"),
        false => ("/object", "both must be of one level"),
    };
    let detail =
        format!("the formula of \"{}\" uses this field, and {why}; change the formula first", user.definition.name);
    Err(Problem::at(place, detail))
}

fn refuse_round(fields: &[Field], at: usize) -> Result<(), Problem> {
    let Some(own) = fields.get(at) else { return Ok(()) };
    let layers = layers(fields);
    if !layers.iter().flatten().any(|field| field.id == own.id)
        && let Some(names) = way(fields, own, &own.id, &mut BTreeSet::new())
    {
        let names: String = names.iter().map(|name| format!(" → \"{name}\"")).collect();
        let detail =
            format!("the formula comes back to itself: \"{}\"{names}; take one of them out", own.definition.name);
        return Err(Problem::at(POINTER, detail));
    }
    // The first layer is usage.
    if layers.len() > FORMULA_LEVELS_MAX + 1 {
        let detail = format!(
            "formulas upon formulas are {FORMULA_LEVELS_MAX} deep at most, and this would be one more; use the fields that the others are made of"
        );
        return Err(Problem::at(POINTER, detail));
    }
    Ok(())
}

/// The names on a way from one field over what it uses to another.
fn way<'f>(fields: &'f [Field], from: &'f Field, to: &FieldId, seen: &mut BTreeSet<&'f str>) -> Option<Vec<&'f str>> {
    for id in from.uses() {
        let Some(next) = fields.iter().find(|field| field.id.as_str() == id) else { continue };
        let name = next.definition.name.as_str();
        if next.id == *to {
            return Some(vec![name]);
        }
        if seen.insert(id)
            && let Some(rest) = way(fields, next, to, seen)
        {
            return Some([vec![name], rest].concat());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn field(id: &str, object: &str, body: Value) -> Field {
        let mut all = json!({"name": id.to_uppercase(), "object": object});
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let definition = Definition::parse(&all).unwrap();
        Field { id: FieldId::from_text(&format!("id-{id}")), version: 1, created_at_ms: 0, definition }
    }

    fn usage(function: &str) -> Value {
        json!({"usage": {"kind": "event"}, "function": function, "window": {"rolling_days": 30}})
    }

    fn formula(text: &str) -> Value {
        json!({"formula": text})
    }

    /// MAU, EVENTS and FIRST of accounts, EVENTS of contacts; `A` is MAU over the seats and `B` twice that.
    fn standing() -> Vec<Field> {
        let mut contacts = field("events", "contact", usage("count"));
        contacts.id = FieldId::from_text("id-contacts");
        vec![
            field("mau", "account", usage("distinct_visitors")),
            field("events", "account", usage("count")),
            field("first", "account", usage("first_used")),
            contacts,
            field("a", "account", formula(r#""id-mau" / directory.seats"#)),
            field("b", "account", formula(r#""id-a" * 2"#)),
        ]
    }

    fn columns() -> BTreeMap<String, bool> {
        [("seats".to_owned(), true), ("plan".to_owned(), false)].into()
    }

    /// Those that stand with one more, or with one changed.
    fn linked(new: Field) -> Result<Field, Problem> {
        let mut fields = standing();
        let at = fields.iter().position(|field| field.id == new.id).unwrap_or_else(|| {
            fields.push(new.clone());
            fields.len() - 1
        });
        fields[at] = new;
        let before = fields.clone();
        let outcome = link(&mut fields, at, Some(&columns()));
        if outcome.is_err() {
            assert_eq!(fields, before, "what is refused changes nothing");
        }
        outcome.map(|()| fields[at].clone())
    }

    #[test]
    fn a_formula_is_stored_by_ids_and_read_by_the_names_that_stand() {
        let linked = linked(field("c", "account", formula(r#"("mau"-"Events")/directory.seats"#))).unwrap();
        let text = |definition: &Definition| definition.formula().unwrap().to_string();
        assert_eq!(text(&linked.definition), r#"("id-mau" - "id-events") / directory.seats"#);
        let mut fields = standing();
        assert_eq!(text(&linked.definition.named(&fields)), r#"("MAU" - "EVENTS") / directory.seats"#);
        fields[0].definition.name = "Monthly \"users\"".to_owned();
        assert_eq!(text(&linked.definition.named(&fields)), r#"("Monthly \"users\"" - "EVENTS") / directory.seats"#);
        assert_eq!(linked.uses(), ["id-mau", "id-events"]);
    }

    #[test]
    fn what_does_not_go_together_is_named_with_its_place() {
        for (new, pointer, part) in [
            (field("c", "account", formula(r#"1 + "DAU""#)), "/formula", "\"DAU\" (character 5"),
            (
                field("c", "contact", formula(r#""mau" * 2"#)),
                "/formula",
                "character 1 of the formula is a field of accounts",
            ),
            (
                field("c", "account", formula(r#""mau" / "First""#)),
                "/formula",
                "\"First\" at character 9 of the formula is a time",
            ),
            (
                field("c", "account", formula(r#""mau" / directory.plan"#)),
                "/formula",
                "no account has a number in the column \"plan\" (character 9",
            ),
            (
                field("c", "account", formula(r#""mau" / directory.Seats"#)),
                "/formula",
                "no account has a column \"Seats\" (character 9",
            ),
            (field("c", "account", formula(r#""c" + 1"#)), "/formula", r#"comes back to itself: "C" → "C""#),
            (field("a", "account", formula(r#""mau" + "b""#)), "/formula", r#"comes back to itself: "A" → "B" → "A""#),
            (field("mau", "account", formula(r#""events" + "b""#)), "/formula", r#""MAU" → "B" → "A" → "MAU""#),
            (field("mau", "account", usage("last_used")), "/function", "the formula of \"A\" uses this field"),
            (field("mau", "contact", usage("count")), "/object", "the formula of \"A\" uses this field"),
        ] {
            let problem = linked(new).unwrap_err();
            assert_eq!(problem.pointer, pointer, "{problem}");
            assert!(problem.detail.contains(part), "{problem}");
        }
    }

    #[test]
    fn what_goes_together_is_taken() {
        for new in [
            field("c", "account", formula(r#""a" / "b""#)),
            field("c", "contact", formula(r#""events" / 7"#)),
            field("a", "account", formula(r#""mau" * 3"#)),
            field("mau", "account", usage("count")),
            field("first", "account", usage("last_used")),
        ] {
            assert!(linked(new.clone()).is_ok(), "{new:?}");
        }
        let mut fields = standing();
        fields.push(field("c", "account", formula(r#""mau" / directory.anything"#)));
        assert_eq!(link(&mut fields, 6, None), Ok(()), "while nothing is uploaded nothing can be told");
    }

    #[test]
    fn formulas_stand_upon_each_other_up_to_a_number() {
        let mut fields = vec![field("f0", "account", usage("count"))];
        for n in 1..=FORMULA_LEVELS_MAX + 1 {
            fields.push(field(&format!("f{n}"), "account", formula(&format!(r#""f{}" + 1"#, n - 1))));
            let outcome = link(&mut fields, n, None);
            if n <= FORMULA_LEVELS_MAX {
                assert_eq!(outcome, Ok(()));
            } else {
                assert!(outcome.unwrap_err().detail.contains("10 deep at most"));
            }
        }
    }

    #[test]
    fn layers_hold_each_formula_behind_what_it_uses_and_none_that_goes_round() {
        let mut fields = standing();
        fields.reverse();
        fields.push(field("x", "account", formula(r#""id-y" + 1"#)));
        fields.push(field("y", "account", formula(r#""id-x" + "id-mau""#)));
        fields.push(field("z", "account", formula(r#""gone" + 1"#)));
        let names: Vec<Vec<&str>> = layers(&fields)
            .into_iter()
            .map(|layer| layer.into_iter().map(|field| field.id.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["id-contacts", "id-first", "id-events", "id-mau"], vec!["id-a"], vec!["id-b"]]);
    }
}
