//! Running a checked pipeline, stage by stage.

use std::cell::Cell;

use crate::query::expression::{Expression, Path};
use crate::query::item::Item;
use crate::query::source::{Source, What};
use crate::query::stage::{Stage, Switch};
use crate::query::{Refusal, agent, expand, fetch, function, group};
use crate::random::mix_text;
use crate::value::{Record, Value};
use crate::world::World;

/// One run over a world that stands still.
pub(crate) struct Run<'w> {
    pub(crate) world: &'w World,
    pub(crate) now_ms: i64,
    rows_max: u64,
    touched: Cell<u64>,
}

impl<'w> Run<'w> {
    /// A run at an instant; `rows_max` raw rows may be touched (0: any number).
    pub(crate) fn new(world: &'w World, now_ms: i64, rows_max: u64) -> Run<'w> {
        Run { world, now_ms, rows_max, touched: Cell::new(0) }
    }

    /// Counts raw rows against the cap.
    pub(crate) fn touch(&self, rows: usize) -> Result<(), Refusal> {
        self.touched.set(self.touched.get() + rows as u64);
        if self.rows_max > 0 && self.touched.get() > self.rows_max {
            return Err(Refusal { status: 504, text: "upstream request timeout".to_owned() });
        }
        Ok(())
    }

    /// Runs a pipeline.
    pub(crate) fn pipeline(&self, stages: &[Stage], mut items: Vec<Item>) -> Result<Vec<Item>, Refusal> {
        let mut after_group = false;
        for stage in stages {
            if after_group && matches!(stage, Stage::Limit(_)) {
                shuffle(&mut items, self);
            }
            after_group = matches!(stage, Stage::Group(_));
            items = self.stage(stage, items)?;
        }
        Ok(items)
    }

    fn stage(&self, stage: &Stage, mut items: Vec<Item>) -> Result<Vec<Item>, Refusal> {
        Ok(match stage {
            Stage::Source(source) => fetch::fetch(source, self)?,
            Stage::Spawn(pipelines) => self.all(pipelines, &[])?,
            Stage::Fork(pipelines) => self.all(pipelines, &items)?,
            Stage::Identified(path, wanted) => {
                items.retain(|item| item.get(path, self).as_text().is_some_and(function::is_identified) == *wanted);
                items
            }
            Stage::Filter(condition) => {
                items.retain(|item| condition.value(item, self).holds());
                items
            }
            Stage::Select(fields) => items.iter().map(|item| Item::Made(self.select(item, fields))).collect(),
            Stage::Eval(fields) => {
                for item in &mut items {
                    let values: Vec<Value> =
                        fields.iter().map(|(_, expression)| expression.value(item, self)).collect();
                    for ((out, _), value) in fields.iter().zip(values) {
                        item.set(out, value, self);
                    }
                }
                items
            }
            Stage::Set(fields) => {
                for item in &mut items {
                    fields.iter().for_each(|(out, value)| item.set(out, value.clone(), self));
                }
                items
            }
            Stage::Group(by) => group::group(items, by, self),
            Stage::Sort(fields) => self.sort(items, fields),
            Stage::Limit(count) => {
                items.truncate(*count);
                items
            }
            Stage::Skip(count) => items.split_off((*count).min(items.len())),
            Stage::Count => {
                let mut record = Record::default();
                record.set("count", Value::int(i64::try_from(items.len()).unwrap_or(i64::MAX)));
                vec![Item::Made(record)]
            }
            Stage::Cat => items,
            Stage::Expand(expansions) => expand::expand(items, expansions, self),
            Stage::Merge { fields, mappings, pipeline } => {
                let inner = self.pipeline(pipeline, Vec::new())?;
                expand::merge(items, inner, fields, mappings, self)
            }
            Stage::Join(fields) => expand::join(items, fields, self),
            Stage::Switch(switches) => self.switch(items, switches),
            Stage::Unwind { field, path, index, keep_empty } => {
                self.unwind(items, field, path, index.as_deref(), *keep_empty)
            }
            Stage::Unmarshal(fields) => self.map(items, fields, |value| {
                value
                    .as_text()
                    .and_then(|text| serde_json::from_str(text).ok())
                    .map_or(Value::Null, |json| Value::from_json(&json))
            }),
            Stage::UserAgent(fields) => self.map(items, fields, |value| {
                let (browser, version, system) = agent::read(value.as_text().unwrap_or(""));
                let mut record = Record::default();
                record.set("name", Value::text(browser));
                record.set("version", Value::text(version));
                record.set("os", Value::text(system));
                record.into()
            }),
        })
    }

    fn all(&self, pipelines: &[Vec<Stage>], items: &[Item]) -> Result<Vec<Item>, Refusal> {
        let mut out = Vec::new();
        for pipeline in pipelines {
            out.extend(self.pipeline(pipeline, items.to_vec())?);
        }
        Ok(out)
    }

    fn select(&self, item: &Item, fields: &[(String, Expression)]) -> Record {
        let mut record = Record::default();
        for (out, expression) in fields {
            record.set_path(out, expression.value(item, self));
        }
        record
    }

    fn sort(&self, items: Vec<Item>, fields: &[(Path, bool)]) -> Vec<Item> {
        let key = |item: &Item| fields.iter().map(|(path, _)| item.get(path, self)).collect::<Vec<Value>>();
        let mut keyed: Vec<(Vec<Value>, Item)> = items.into_iter().map(|item| (key(&item), item)).collect();
        keyed.sort_by(|(left, _), (right, _)| {
            let pairs = left.iter().zip(right).zip(fields);
            let mut orders = pairs.map(
                |((left, right), (_, is_descending))| if *is_descending { right.cmp(left) } else { left.cmp(right) },
            );
            orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        keyed.into_iter().map(|(_, item)| item).collect()
    }

    fn map(&self, mut items: Vec<Item>, fields: &[(String, Path)], change: impl Fn(&Value) -> Value) -> Vec<Item> {
        for item in &mut items {
            for (out, path) in fields {
                let value = change(&item.get(path, self));
                item.set(out, value, self);
            }
        }
        items
    }

    fn switch(&self, mut items: Vec<Item>, switches: &[Switch]) -> Vec<Item> {
        for item in &mut items {
            for switch in switches {
                let value = item.get(&switch.field, self);
                let fits = |test: &Option<(_, Value)>| {
                    test.as_ref().is_none_or(|(operator, wanted)| meets(*operator, &value, wanted))
                };
                let found = switch.cases.iter().find(|(_, test)| fits(test)).map(|(out, _)| out.clone());
                item.set(&switch.out, found.unwrap_or_default(), self);
            }
        }
        items
    }

    fn unwind(&self, items: Vec<Item>, field: &str, path: &Path, index: Option<&str>, keep_empty: bool) -> Vec<Item> {
        let mut out = Vec::new();
        for item in items {
            let Value::List(values) = item.get(path, self) else {
                if keep_empty {
                    out.push(item);
                }
                continue;
            };
            if values.is_empty() && keep_empty {
                out.push(item);
                continue;
            }
            for (place, value) in (0_i64..).zip(values.iter()) {
                let mut one = item.clone();
                one.set(field, value.clone(), self);
                if let Some(index) = index {
                    one.set(index, Value::int(place), self);
                }
                out.push(one);
            }
        }
        out
    }
}

fn meets(operator: crate::query::expression::Operator, value: &Value, wanted: &Value) -> bool {
    operator.apply(value, wanted).holds()
}

/// A limit right behind a group does not promise any order; neither do we.
fn shuffle(items: &mut [Item], run: &Run<'_>) {
    items.sort_by_cached_key(|item| {
        let mut text = Vec::new();
        item.clone().into_record(run).write_json(&mut text);
        mix_text(&String::from_utf8_lossy(&text))
    });
}

/// The start of the window of the pipeline's first source, which answers over usage carry.
pub(crate) fn start_time(stages: &[Stage]) -> Option<i64> {
    match stages.first() {
        Some(Stage::Source(Source { what: What::Usage(_) | What::GuidesSeen | What::PollsSeen, window, .. })) => {
            window.map(|window| window.from_ms)
        }
        _ => None,
    }
}
