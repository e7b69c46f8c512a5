//! Reads a playbook as callers write it, and shows it so.

use super::{
    CAP_PERCENT_DEFAULT, COOL_DOWN_DAYS_MAX, EXIT_AFTER_DAYS_MAX, HOLD_OUT_PERCENT_MAX, Measure, Playbook, ReEntry,
    WINDOW_DAYS_DEFAULT, WINDOW_DAYS_MAX,
};
use crate::fields::shape::{Shape, dotted, wrong_type};
use crate::fields::{Problem, below};
use crate::signals::condition::{Condition, NamedKind, Names};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

const MEMBERS: &[&str] = &[
    "entry",
    "segment",
    "exit",
    "exit_after_days",
    "objective",
    "re_entry",
    "cool_down_days",
    "cap_percent",
    "hold_out_percent",
    "takes_standing",
    "measure",
];

impl Playbook {
    /// Reads and checks a playbook.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, MEMBERS)?;
        let condition = |name: &str| {
            let place = below(pointer, name);
            shape.optional(name).map(|body| Condition::parse(body, &place, names)).transpose()
        };
        let days = |name: &str, days| whole(&shape, name, "days", days);
        let percent = |name: &str, percents: RangeInclusive<u32>, otherwise: u8| {
            let percent = whole(&shape, name, "percent", percents)?.and_then(|percent| u8::try_from(percent).ok());
            Ok::<u8, Problem>(percent.unwrap_or(otherwise))
        };
        let playbook = Self {
            entry: condition("entry")?,
            segment: condition("segment")?,
            exit: condition("exit")?,
            exit_after_days: days("exit_after_days", 1..=EXIT_AFTER_DAYS_MAX)?,
            objective: condition("objective")?,
            re_entry: re_entry(&shape, pointer)?,
            cool_down_days: days("cool_down_days", 0..=COOL_DOWN_DAYS_MAX)?.unwrap_or(0),
            cap_percent: percent("cap_percent", 1..=100, CAP_PERCENT_DEFAULT)?,
            hold_out_percent: percent("hold_out_percent", 0..=HOLD_OUT_PERCENT_MAX.into(), 0)?,
            takes_standing: shape.optional_bool("takes_standing")?.unwrap_or(false),
            measure: shape
                .optional("measure")
                .map(|body| measure(body, &below(pointer, "measure"), names))
                .transpose()?,
        };
        playbook.check(pointer)?;
        Ok(playbook)
    }

    /// Refuses what is well written and can't work.
    fn check(&self, pointer: &str) -> Result<(), Problem> {
        let refused = |name: &str, detail: &str| Err(Problem::at(below(pointer, name), detail));
        let never = |condition: &Option<Condition>| condition.as_ref().and_then(Condition::contradiction).is_some();
        let is_entry = |condition: &Option<Condition>| condition.is_some() && *condition == self.entry;
        let both: Vec<Condition> = self.segment.iter().chain(&self.entry).cloned().collect();
        if never(&self.entry) {
            return refused("entry", "the entry contradicts itself, so nobody could ever enter; change one comparison");
        }
        if never(&self.segment) {
            return refused("segment", "the segment contradicts itself, so nobody is of it; change one comparison");
        }
        if never(&Some(Condition::All(both))) {
            return refused("entry", "nobody of the segment can meet the entry; change one of the two");
        }
        if never(&self.exit) {
            return refused("exit", "the exit contradicts itself, so nobody could ever leave; change one comparison");
        }
        if is_entry(&self.exit) {
            return refused("exit", "the exit is the same as the entry; give what ends it, or leave it out");
        }
        if never(&self.objective) {
            return refused(
                "objective",
                "the objective contradicts itself, so nobody could meet it; change one comparison",
            );
        }
        if is_entry(&self.objective) {
            let detail =
                "the objective is the same as the entry, so all would meet it at once; give what is to be reached";
            return refused("objective", detail);
        }
        if self.cool_down_days > 0 && self.re_entry == ReEntry::Never {
            let detail = "nobody enters twice, so there is nothing to cool down for; give \"re_entry\": \"after_exit\" or leave it out";
            return refused("cool_down_days", detail);
        }
        if self.entry.is_none() && self.hold_out_percent > 0 {
            let detail = "only those whom an entry condition finds are held out; give \"entry\" or leave this out";
            return refused("hold_out_percent", detail);
        }
        if self.entry.is_none() && self.takes_standing {
            return refused(
                "takes_standing",
                "without \"entry\" nobody meets it already; give \"entry\" or leave this out",
            );
        }
        Ok(())
    }

    /// The playbook as callers write it.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let re_entry = match self.re_entry {
            ReEntry::Never => "never",
            ReEntry::AfterExit => "after_exit",
        };
        let mut shown = json!({
            "re_entry": re_entry,
            "cool_down_days": self.cool_down_days,
            "cap_percent": self.cap_percent,
            "hold_out_percent": self.hold_out_percent,
            "takes_standing": self.takes_standing,
        });
        let conditions =
            [("entry", &self.entry), ("segment", &self.segment), ("exit", &self.exit), ("objective", &self.objective)];
        for (name, condition) in conditions {
            if let Some(condition) = condition {
                shown[name] = condition.shown(names);
            }
        }
        if let Some(days) = self.exit_after_days {
            shown["exit_after_days"] = days.into();
        }
        if let Some(Measure { field, window_days }) = &self.measure {
            let gone = || format!("deleted ({})", field.as_str());
            let name = names.field(field).map_or_else(gone, |named| named.name.clone());
            shown["measure"] = json!({"field": name, "window_days": window_days});
        }
        shown
    }
}

fn re_entry(shape: &Shape<'_>, pointer: &str) -> Result<ReEntry, Problem> {
    let wanted = "\"never\" or \"after_exit\"";
    let Some(value) = shape.optional("re_entry") else { return Ok(ReEntry::Never) };
    match value.as_str() {
        Some("never") => Ok(ReEntry::Never),
        Some("after_exit") => Ok(ReEntry::AfterExit),
        Some(_) => {
            let place = below(pointer, "re_entry");
            Err(Problem::at(&place, format!("{} must be {wanted}", dotted(&place))))
        }
        None => Err(wrong_type(&below(pointer, "re_entry"), value, wanted)),
    }
}

fn measure(body: &Value, pointer: &str, names: &Names) -> Result<Measure, Problem> {
    let shape = Shape::of(body, pointer, &["field", "window_days"])?;
    let name = shape.text("field", "the name of a calculated field")?;
    let place = below(pointer, "field");
    let by_id = names.fields.iter().find(|field| field.id.as_str() == name);
    let by_name = || names.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let Some(field) = by_id.or_else(by_name) else {
        let detail = format!("no calculated field of this level is called \"{name}\"; name one that there is");
        return Err(Problem::at(place, detail));
    };
    if field.kind != NamedKind::Number {
        let detail = "an outcome is measured by a number, and this field is none; name a field that counts something";
        return Err(Problem::at(place, detail));
    }
    let window_days = whole(&shape, "window_days", "days", 1..=WINDOW_DAYS_MAX)?.unwrap_or(WINDOW_DAYS_DEFAULT);
    Ok(Measure { field: field.id.clone(), window_days })
}

/// A member that may be absent and else is a whole number in a range.
fn whole(shape: &Shape<'_>, name: &str, of: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, Problem> {
    let Some(value) = shape.optional(name) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
    let place = shape.pointer_to(name);
    let detail = || format!("{} must be a whole number of {of}, {} to {}", dotted(&place), range.start(), range.end());
    number.map(Some).ok_or_else(|| Problem::at(&place, detail()))
}
