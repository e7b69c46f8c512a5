//! Reads a journey as callers write it, and shows it so.

use super::{Advance, GOALS_MAX, Goal, Journey, NAME_MAX, STAGES_MAX, STAGES_MIN, Stage, TARGET_DAYS_MAX};
use crate::fields::shape::{Shape, dotted, wrong_type};
use crate::fields::{Problem, below};
use crate::id::SignalId;
use crate::signals::condition::{Condition, Names};
use crate::signals::facts::Fact;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ADVANCES: [(&str, Advance); 3] = [("all", Advance::All), ("any", Advance::Any), ("by_hand", Advance::ByHand)];

impl Journey {
    /// Reads and checks a journey. One that exists and is edited is to be checked by [`Journey::check_own`] too.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(body: &Value, pointer: &str, names: &Names) -> Result<Self, Problem> {
        let shape = Shape::of(body, pointer, &["segment", "stages"])?;
        let place = below(pointer, "segment");
        let segment = shape.optional("segment").map(|body| condition(body, &place, names)).transpose()?;
        let place = below(pointer, "stages");
        let wanted = format!("a list of {STAGES_MIN} to {STAGES_MAX} stages");
        let list = list(shape.required("stages", &wanted)?, &place, &wanted, STAGES_MIN, STAGES_MAX)?;
        let mut stages: Vec<Stage> = Vec::with_capacity(list.len());
        let mut taken = BTreeSet::new();
        for (at, body) in list.iter().enumerate() {
            let place = below(&place, &at.to_string());
            let stage = stage(body, &place, names, at + 1 == list.len())?;
            is_own_name(&mut taken, &stage.name, &place, "stage of the journey")?;
            stages.push(stage);
        }
        let journey = Self { segment, stages };
        journey.check_segment(&place)?;
        Ok(journey)
    }

    /// Refuses one that looks at its own stages: they would be reason and consequence at once.
    ///
    /// # Errors
    /// The first condition that does, with its place.
    pub fn check_own(&self, own: &SignalId, pointer: &str) -> Result<(), Problem> {
        let fact = Fact::Stage(own.clone());
        let looks = |condition: &Condition| condition.facts().contains_key(&fact);
        let segment = self.segment.iter().filter(|segment| looks(segment)).map(|_| below(pointer, "segment"));
        let goals = self.stages.iter().enumerate().flat_map(|(at, stage)| {
            let goals = stage.goals.iter().enumerate().filter(|(_, goal)| looks(&goal.condition));
            goals.map(move |(number, _)| format!("{pointer}/stages/{at}/goals/{number}/condition"))
        });
        let place = segment.chain(goals).next();
        let detail = "a journey can't look at its own stages; say what is to be reached by a field, a column or health";
        place.map_or(Ok(()), |place| Err(Problem::at(place, detail)))
    }

    /// A goal that nobody of the segment can meet is never met: whoever would meet it leaves.
    fn check_segment(&self, pointer: &str) -> Result<(), Problem> {
        let Some(segment) = &self.segment else { return Ok(()) };
        for (at, stage) in self.stages.iter().enumerate() {
            for (number, goal) in stage.goals.iter().enumerate() {
                if Condition::All(vec![segment.clone(), goal.condition.clone()]).contradiction().is_some() {
                    let detail = format!("nobody of the segment can meet \"{}\"; change one of the two", goal.name);
                    return Err(Problem::at(format!("{pointer}/{at}/goals/{number}/condition"), detail));
                }
            }
        }
        Ok(())
    }

    /// The journey as callers write it.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let goal = |goal: &Goal| json!({"name": goal.name, "condition": goal.condition.shown(names), "latched": goal.is_latched});
        let stage = |stage: &Stage| {
            let advance = ADVANCES.iter().find(|(_, advance)| *advance == stage.advance).map_or("", |(name, _)| name);
            let goals: Vec<Value> = stage.goals.iter().map(goal).collect();
            let mut shown = json!({"name": stage.name, "goals": goals, "advance": advance});
            if let Some(days) = stage.target_days {
                shown["target_days"] = days.into();
            }
            shown
        };
        let mut shown = json!({"stages": self.stages.iter().map(stage).collect::<Vec<Value>>()});
        if let Some(segment) = &self.segment {
            shown["segment"] = segment.shown(names);
        }
        shown
    }
}

fn condition(body: &Value, pointer: &str, names: &Names) -> Result<Condition, Problem> {
    let condition = Condition::parse(body, pointer, names)?;
    if condition.contradiction().is_some() {
        let detail = "this condition contradicts itself, so nobody could ever meet it; change one comparison";
        return Err(Problem::at(pointer, detail));
    }
    Ok(condition)
}

fn stage(body: &Value, pointer: &str, names: &Names, is_last: bool) -> Result<Stage, Problem> {
    let shape = Shape::of(body, pointer, &["name", "goals", "advance", "target_days"])?;
    let name = name(&shape, "the stage's name")?;
    let place = below(pointer, "goals");
    let mut goals: Vec<Goal> = Vec::new();
    if let Some(body) = shape.optional("goals") {
        let wanted = format!("a list of at most {GOALS_MAX} goals");
        let mut taken = BTreeSet::new();
        for (at, body) in list(body, &place, &wanted, 0, GOALS_MAX)?.iter().enumerate() {
            let place = below(&place, &at.to_string());
            let goal = goal(body, &place, names)?;
            is_own_name(&mut taken, &goal.name, &place, "goal of the stage")?;
            goals.push(goal);
        }
    }
    let stage = Stage { name, goals, advance: advance(&shape)?, target_days: target_days(&shape)? };
    if !is_last && stage.advance != Advance::ByHand && stage.goals.is_empty() {
        let detail = "without goals nothing moves an object on from here, so the stages after it can't be reached; \
                          give a goal, or \"advance\": \"by_hand\"";
        return Err(Problem::at(place, detail));
    }
    // Goals that are latched may be met one after the other; the others must hold at once.
    let at_once = stage.goals.iter().filter(|goal| !goal.is_latched).map(|goal| goal.condition.clone());
    if stage.advance == Advance::All && Condition::All(at_once.collect()).contradiction().is_some() {
        let detail = "goals that are not latched contradict each other, so all of them are never met at once; \
                          latch one, or \"advance\" by \"any\"";
        return Err(Problem::at(place, detail));
    }
    Ok(stage)
}

fn goal(body: &Value, pointer: &str, names: &Names) -> Result<Goal, Problem> {
    let shape = Shape::of(body, pointer, &["name", "condition", "latched"])?;
    let name = name(&shape, "the goal's name")?;
    let condition =
        condition(shape.required("condition", "what meets the goal")?, &below(pointer, "condition"), names)?;
    Ok(Goal { name, condition, is_latched: shape.optional_bool("latched")?.unwrap_or(true) })
}

fn list<'a>(
    body: &'a Value,
    pointer: &str,
    wanted: &str,
    least: usize,
    most: usize,
) -> Result<&'a Vec<Value>, Problem> {
    let list = body.as_array().ok_or_else(|| wrong_type(pointer, body, wanted))?;
    if !(least..=most).contains(&list.len()) {
        return Err(Problem::at(pointer, format!("{} must be {wanted}, not {}", dotted(pointer), list.len())));
    }
    Ok(list)
}

fn name(shape: &Shape<'_>, wanted: &str) -> Result<String, Problem> {
    let name = shape.text("name", wanted)?;
    let is_good = !name.is_empty() && name.trim() == name && name.chars().count() <= NAME_MAX;
    let place = shape.pointer_to("name");
    let detail = || format!("{} must be 1 to {NAME_MAX} characters without space around them", dotted(&place));
    if is_good { Ok(name.to_owned()) } else { Err(Problem::at(&place, detail())) }
}

/// Names are told apart whatever their case, as people do.
fn is_own_name(taken: &mut BTreeSet<String>, name: &str, pointer: &str, of: &str) -> Result<(), Problem> {
    let detail = || format!("another {of} is called \"{name}\" already; give each its own name");
    if taken.insert(name.to_lowercase()) { Ok(()) } else { Err(Problem::at(below(pointer, "name"), detail())) }
}

fn advance(shape: &Shape<'_>) -> Result<Advance, Problem> {
    let Some(value) = shape.optional("advance") else { return Ok(Advance::All) };
    let place = shape.pointer_to("advance");
    let wanted = "\"all\", \"any\" or \"by_hand\"";
    let text = value.as_str().ok_or_else(|| wrong_type(&place, value, wanted))?;
    let found = ADVANCES.iter().find(|(name, _)| *name == text).map(|(_, advance)| *advance);
    found.ok_or_else(|| Problem::at(&place, format!("{} must be {wanted}", dotted(&place))))
}

fn target_days(shape: &Shape<'_>) -> Result<Option<u32>, Problem> {
    let Some(value) = shape.optional("target_days") else { return Ok(None) };
    let days =
        value.as_u64().and_then(|days| u32::try_from(days).ok()).filter(|days| (1..=TARGET_DAYS_MAX).contains(days));
    let place = shape.pointer_to("target_days");
    let detail = || format!("{} must be a whole number of days, 1 to {TARGET_DAYS_MAX}", dotted(&place));
    days.map(Some).ok_or_else(|| Problem::at(&place, detail()))
}
