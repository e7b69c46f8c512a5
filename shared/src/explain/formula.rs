//! The value of a formula taken apart: what it calculates with, each with its number, or why it has none.

use super::value::Explanation;
use crate::directory::{Object, number_in};
use crate::fields::{Field, Formula, Operand, Reason};
use crate::id::FieldId;
use crate::values::Line;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// How a formula makes its value.
pub(super) const ADDS_UP: &str = "The value is the formula over the numbers of its operands.";

/// One thing that a formula calculates with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "FormulaOperand")]
pub struct FormulaOperand {
    /// As it stands in the formula: a field by its name, or a column of the directory.
    pub operand: String,
    /// The field's id, by which its value is taken apart in turn; null of a column.
    pub field: Option<FieldId>,
    /// The version of the field that the number is of; null of a column.
    pub version: Option<u64>,
    /// Its number, or null.
    #[schemars(extend("type" = ["number", "null"]))]
    pub value: Value,
    /// Why it is null, or frozen.
    pub reason: Option<Reason>,
    #[serde(skip)]
    of: Operand,
}

/// What a formula calculates with, in its order, each once. `lines` are those of the object's fields, and `columns` are its
/// own in the directory.
pub(super) fn operands(
    formula: &Formula,
    fields: &[Field],
    lines: &[Line],
    columns: Option<&Object>,
) -> Vec<FormulaOperand> {
    let mut operands: Vec<FormulaOperand> = Vec::new();
    for of in formula.terms().into_iter().map(|term| &term.operand) {
        if operands.iter().any(|known| known.of == *of) {
            continue;
        }
        operands.push(match of {
            Operand::Field(id) => {
                let field = fields.iter().find(|field| field.id.as_str() == id);
                let name = field.map_or(id, |field| &field.definition.name);
                let line = lines.iter().find(|line| line.field_id.as_str() == id);
                FormulaOperand {
                    operand: Operand::Field(name.clone()).to_string(),
                    field: field.map(|field| field.id.clone()),
                    version: line.and_then(|line| line.version),
                    value: line.map_or(Value::Null, |line| line.value.clone()),
                    reason: line.map_or(Some(Reason::Undefined), |line| line.reason),
                    of: of.clone(),
                }
            }
            Operand::Directory(column) => {
                let number = columns.and_then(|columns| columns.get(column)).and_then(number_in);
                let reason = number.is_none().then_some(Reason::NoNumber);
                let value = number.map_or(Value::Null, Value::from);
                FormulaOperand { operand: of.to_string(), field: None, version: None, value, reason, of: of.clone() }
            }
        });
    }
    operands
}

/// Whether the operands that are shown give a value.
pub(super) fn gives(formula: &Formula, operands: &[FormulaOperand], value: &Value) -> bool {
    let number = |of: &Operand| {
        let operand = operands.iter().find(|operand| operand.of == *of).ok_or(Reason::Undefined)?;
        operand.value.as_f64().ok_or(operand.reason.unwrap_or(Reason::Undefined))
    };
    formula.evaluate(&number).map_or(Value::Null, Value::from) == *value
}

/// The operands in words.
pub(super) fn told(explanation: &Explanation) -> String {
    let told = |operand: &FormulaOperand| format!("{} {}", operand.operand, operand.value);
    let told: Vec<String> = explanation.operands.iter().map(told).collect();
    let formula = explanation.definition.definition.formula().map(Formula::to_string).unwrap_or_default();
    format!("{formula}, with {}", told.join(", "))
}
