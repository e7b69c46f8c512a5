//! Who is compared with whom: those that entered on a day beside those of their segment and stage that had not.

use super::ask::{Entry, Question};
use super::pool::{Pool, Seen};
use std::collections::BTreeMap;

/// A day's units of one segment and stage.
pub(super) struct Cell {
    /// Those that entered on the day.
    pub(super) treated: Vec<Seen>,
    /// Those that had not entered by then.
    pub(super) controls: Vec<Seen>,
}

/// All cells in which somebody entered, and those that were held out.
pub(super) struct Sample {
    pub(super) cells: Vec<Cell>,
    pub(super) held_out: Vec<Seen>,
}

impl Sample {
    /// The first entries whose window after is over, with their controls.
    pub(super) fn of(question: &Question, pool: &Pool<'_>) -> Self {
        let mut treated: BTreeMap<(i64, usize), Vec<Seen>> = BTreeMap::new();
        let mut held_out = Vec::new();
        let mut by_cell: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (unit, cell, entries) in pool.members() {
            by_cell.entry(cell).or_default().push(unit);
            let Some((entry, seen)) = first(question, pool, unit, entries) else { continue };
            if entry.is_held_out {
                held_out.push(seen);
            } else {
                treated.entry((i64::from(entry.entered), cell)).or_default().push(seen);
            }
        }
        let cells = treated.into_iter().map(|((day, cell), treated)| {
            let units = by_cell.get(&cell).map(Vec::as_slice).unwrap_or_default();
            Cell { treated, controls: units.iter().filter_map(|unit| pool.control(*unit, day)).collect() }
        });
        Self { cells: cells.collect(), held_out }
    }

    /// All that entered.
    pub(super) fn treated(&self) -> impl Iterator<Item = &Seen> {
        self.cells.iter().flat_map(|cell| &cell.treated)
    }

    /// The same without participants that were in other playbooks.
    pub(super) fn alone(&self) -> Self {
        self.with(|seen| Some(seen.clone()).filter(|seen| !seen.in_others))
    }

    /// The same one window earlier: what changed into the window before, where nothing of the playbook can be.
    pub(super) fn earlier(&self) -> Self {
        self.with(|seen| seen.earlier.map(|change| Seen { change, exposure: 0.0, ..seen.clone() }))
    }

    fn with(&self, of: impl Fn(&Seen) -> Option<Seen>) -> Self {
        let some = |seen: &[Seen]| seen.iter().filter_map(&of).collect();
        let cells = self.cells.iter().map(|cell| Cell { treated: some(&cell.treated), controls: some(&cell.controls) });
        Self { cells: cells.filter(|cell| !cell.treated.is_empty()).collect(), held_out: Vec::new() }
    }
}

/// A unit's first entry, if its window after is over and its values are known.
///
/// Later ones are not measured: what a unit was before them is already the playbook's doing.
fn first<'a>(question: &Question, pool: &Pool<'_>, unit: usize, entries: &[&'a Entry]) -> Option<(&'a Entry, Seen)> {
    let entry = *entries.first()?;
    let day = i64::from(entry.entered);
    let is_over = day + question.window() < i64::from(question.today);
    let seen = pool.seen(unit, day).filter(|_| is_over)?;
    Some((entry, Seen { in_others: entry.in_others, ..seen }))
}
