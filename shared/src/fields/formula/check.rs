//! Checks fields against those that are to stand beside them and against the directory, and changes between names, which
//! people write, and ids, which last.

use super::{Formula, Operand};
use crate::directory::Columns;
use crate::fields::definition::{Definition, Measure};
use crate::fields::field::Field;
use crate::fields::problem::Problem;
use crate::id::{FieldId, ObjectKind};
use std::collections::BTreeSet;

/// So many formulas may stand upon each other, at most.
pub const FORMULA_LEVELS_MAX: usize = 10;

const POINTER: &str = "/formula";

/// Refuses one of the fields that are to stand where it does not go together with the others. Their formulas name fields by
/// ids ([`Definition::identified`]). Of a level without `columns` nothing can be told.
///
/// # Errors
/// A field or column that is not there, or has no numbers; a formula that comes back to itself, or stands upon too many;
/// a field that is used by a formula and would give it no numbers any more.
pub fn refuse_unfit(fields: &[Field], at: usize, columns: &Columns) -> Result<(), Problem> {
    let Some(own) = fields.get(at) else { return Ok(()) };
    refuse_misfit(own, fields)?;
    let level = own.definition.object;
    for term in own.definition.formula().map(Formula::terms).unwrap_or_default() {
        match &term.operand {
            Operand::Field(name) => refuse_field(fields, level, name, term.at)?,
            Operand::Directory(column) => refuse_column(level, column, term.at, columns)?,
        }
    }
    refuse_round(fields, own)
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
        self.renamed(&|id| {
            let named = fields.iter().find(|field| field.id.as_str() == id);
            named.map_or_else(|| id.to_owned(), |field| field.definition.name.clone())
        })
    }

    /// The same as it is stored: a formula with the ids of its fields, so that another name breaks nothing. A field that is
    /// not there stays as it is written.
    #[must_use]
    pub fn identified(&self, fields: &[Field]) -> Self {
        self.renamed(&|name| {
            let found = find(fields, self.object, name);
            found.map_or_else(|| name.to_owned(), |field| field.id.as_str().to_owned())
        })
    }

    fn renamed(&self, name: &impl Fn(&str) -> String) -> Self {
        let Some(formula) = self.formula() else { return self.clone() };
        Self { measure: Measure::Formula { formula: formula.renamed(name) }, ..self.clone() }
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
        let Some(what) = no_number(field) else { return Ok(()) };
        let name = &field.definition.name;
        let detail = format!(
            "\"{name}\" at character {at} of the formula is {what}, which can't be calculated with; use days_since_last_used, or another number"
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

/// What a field is that can't be calculated with.
fn no_number(field: &Field) -> Option<&'static str> {
    let function = field.definition.measured()?.function;
    (!function.is_number()).then_some(if function.is_time() { "a time" } else { "whatever a property is" })
}

fn refuse_column(level: ObjectKind, column: &str, at: usize, columns: &Columns) -> Result<(), Problem> {
    let known = columns.get(&level);
    let level = level.name();
    let detail = match known.map(|columns| columns.get(column)) {
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
    let is_misfit = |user: &&Field| no_number(own).is_some() || user.definition.object != own.definition.object;
    let Some(user) = users.find(is_misfit) else { return Ok(()) };
    let (place, why) = match no_number(own) {
        Some(what) => ("/function", format!("{what} can't be calculated with")),
        None => ("/object", "both must be of one level".to_owned()),
    };
    let detail =
        format!("the formula of \"{}\" uses this field, and {why}; change the formula first", user.definition.name);
    Err(Problem::at(place, detail))
}

fn refuse_round(fields: &[Field], own: &Field) -> Result<(), Problem> {
    if own.definition.formula().is_none() {
        return Ok(());
    }
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
    if let Some(deep) = layers.get(FORMULA_LEVELS_MAX + 1).and_then(|layer| layer.first()) {
        let detail = format!(
            "formulas upon formulas are {FORMULA_LEVELS_MAX} deep at most, and \"{}\" would be one more; use the fields that the others are made of",
            deep.definition.name
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
        Field::new(FieldId::from_text(&format!("id-{id}")), definition, 0, None)
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

    fn columns() -> Columns {
        [(ObjectKind::Account, [("seats".to_owned(), true), ("plan".to_owned(), false)].into())].into()
    }

    /// Those that stand with one more, or with one changed; and its place.
    fn with(new: Field) -> (Vec<Field>, usize) {
        let mut fields = standing();
        let at = fields.iter().position(|field| field.id == new.id).unwrap_or(fields.len());
        match fields.get_mut(at) {
            Some(field) => *field = new,
            None => fields.push(new),
        }
        fields[at].definition = fields[at].definition.identified(&fields);
        (fields, at)
    }

    fn checked(new: Field) -> Result<(), Problem> {
        let (fields, at) = with(new);
        refuse_unfit(&fields, at, &columns())
    }

    #[test]
    fn a_formula_is_stored_by_ids_and_read_by_the_names_that_stand() {
        let (mut fields, at) = with(field("c", "account", formula(r#"("mau"-"Events")/directory.seats + "gone""#)));
        let stored = fields[at].definition.clone();
        let text = |definition: &Definition| definition.formula().unwrap().to_string();
        assert_eq!(text(&stored), r#"("id-mau" - "id-events") / directory.seats + "gone""#);
        assert_eq!(fields[at].uses(), ["id-mau", "id-events", "gone"]);
        let named = stored.named(&fields);
        assert_eq!(text(&named), r#"("MAU" - "EVENTS") / directory.seats + "gone""#);
        assert_eq!((named.identified(&fields), stored.identified(&fields)), (stored.clone(), stored.clone()));
        fields[0].definition.name = "Monthly \"users\"".to_owned();
        let named = stored.named(&fields);
        assert_eq!(text(&named), r#"("Monthly \"users\"" - "EVENTS") / directory.seats + "gone""#);
        assert_eq!(named.identified(&fields), stored);
        let of_contacts = Definition { object: ObjectKind::Contact, ..named };
        assert_eq!(
            of_contacts.identified(&fields).formula().unwrap().fields(),
            ["Monthly \"users\"", "id-contacts", "gone"]
        );
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
                "\"FIRST\" at character 9 of the formula is a time",
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
            let problem = checked(new).unwrap_err();
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
            assert_eq!(checked(new.clone()), Ok(()), "{new:?}");
        }
        let (fields, at) = with(field("c", "account", formula(r#""mau" / directory.anything"#)));
        assert_eq!(refuse_unfit(&fields, at, &Columns::new()), Ok(()), "while nothing is uploaded nothing can be told");
    }

    #[test]
    fn formulas_stand_upon_each_other_up_to_a_number() {
        let mut fields = vec![field("f0", "account", usage("count"))];
        for n in 1..=FORMULA_LEVELS_MAX + 1 {
            fields.push(field(&format!("f{n}"), "account", formula(&format!(r#""id-f{}" + 1"#, n - 1))));
            // Whichever of them is set last.
            for at in 1..=n {
                let outcome = refuse_unfit(&fields, at, &Columns::new());
                if n <= FORMULA_LEVELS_MAX {
                    assert_eq!(outcome, Ok(()));
                } else {
                    assert!(outcome.unwrap_err().detail.contains("10 deep at most, and \"F11\" would be one more"));
                }
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
