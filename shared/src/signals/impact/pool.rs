//! All units in an order of their own, with what is asked of them on a day.

use super::ask::{Entry, Question, Unit};
use super::linear::{Vector, WIDTH};
use super::series::{Series, centre, number};
use std::collections::BTreeMap;

/// At most so many windows before the one before entry are looked at.
const MOST_DEPTH: usize = 6;
/// Held out ones stay comparable for so many days: they were chosen just as those that entered then.
const HELD_OUT_COMPARABLE_DAYS: i64 = 7;

/// What a unit shows around a day: the same whether it entered then or not.
#[derive(Clone)]
pub(super) struct Seen {
    /// Which unit, in the pool's order.
    pub(super) unit: usize,
    /// The means of the parts of the window before, the last week first; then log size and tenure where they are known; then the
    /// means of windows before that where history is deep.
    pub(super) features: Vector,
    /// So many features there are.
    pub(super) count: usize,
    /// The mean of the window before, less the pool's centre.
    pub(super) before: f64,
    /// The mean of the window after less that of the window before.
    pub(super) change: f64,
    /// The mean of the window before less that of the last one that nothing is matched by; absent where that is not known.
    pub(super) earlier: Option<f64>,
    /// The share of the window after that a unit that had not entered spent in the playbook after all: 0 to 1.
    pub(super) exposure: f64,
    /// It was in other playbooks.
    pub(super) in_others: bool,
}

/// One unit of the pool.
struct Member<'a> {
    unit: &'a Unit,
    series: Series,
    cell: usize,
    others: Vec<f64>,
    entries: Vec<&'a Entry>,
}

/// The units by id, with their entries by day.
pub(super) struct Pool<'a> {
    members: Vec<Member<'a>>,
    window: i64,
    /// What all values are relative to.
    pub(super) centre: f64,
    /// How many of a point's features are means of the window before.
    pub(super) parts: usize,
    /// What the features behind those are.
    pub(super) others: Vec<&'static str>,
    /// So many windows before the one before entry are known. The nearest are features too if others are left.
    depth: i64,
}

impl<'a> Pool<'a> {
    pub(super) fn new(question: &Question, units: &'a [Unit], entries: &'a [Entry]) -> Self {
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by(|left, right| units[*left].id.cmp(&units[*right].id));
        let centre = centre(order.iter().map(|at| &units[*at].outcome));
        let mut of: Vec<Vec<&Entry>> = vec![Vec::new(); units.len()];
        for entry in entries {
            if let Some(of) = of.get_mut(entry.unit) {
                of.push(entry);
            }
        }
        let mut cells = BTreeMap::new();
        let mut members: Vec<Member<'a>> = Vec::with_capacity(units.len());
        for at in order {
            let (unit, next) = (&units[at], cells.len());
            let cell = *cells.entry((&unit.segment, &unit.stage)).or_insert(next);
            let mut entries = std::mem::take(&mut of[at]);
            entries.sort_by_key(|entry| (entry.entered, entry.is_held_out, entry.exited, entry.met, entry.in_others));
            let series = Series::new(&unit.outcome, centre);
            members.push(Member { unit, series, cell, others: Vec::new(), entries });
        }
        let window = question.window();
        let parts = usize::try_from(window / 7).unwrap_or(4).clamp(1, 4);
        let mut pool = Self { members, window, centre, parts, others: Vec::new(), depth: 0 };
        pool.add("size (logarithm)", |unit| {
            unit.size.filter(|size| size.is_finite()).map(|size| size.max(0.0).ln_1p())
        });
        pool.add("customer since (day)", |unit| unit.since.map(f64::from));
        pool.depth = pool.depth();
        pool
    }

    /// How many windows before the one before entry are known of nine of ten units that entered.
    fn depth(&self) -> i64 {
        let (mut all, mut deep) = (0, [0; MOST_DEPTH]);
        for member in &self.members {
            let Some(day) = member.entries.first().map(|entry| i64::from(entry.entered)) else { continue };
            all += 1;
            let known = (1..).map(|window| self.past(member, day, window, window)).zip(&mut deep);
            known.take_while(|(past, _)| past.is_some()).for_each(|(_, deep)| *deep += 1);
        }
        (1..).zip(deep).take_while(|(_, deep)| *deep > 0 && deep * 10 >= all * 9).last().map_or(0, |(depth, _)| depth)
    }

    /// The mean from the window that lies `first` windows before the one before `day`, back to and with the `last`.
    fn past(&self, member: &Member<'_>, day: i64, first: i64, last: i64) -> Option<f64> {
        let least = self.least() * usize::try_from(last + 1 - first).unwrap_or(1);
        member.series.mean(day - (last + 1) * self.window, day - first * self.window, least)
    }

    /// The fewest known values of a window: half of its weeks.
    fn least(&self) -> usize {
        usize::try_from(self.window / 14).unwrap_or(1)
    }

    /// Adds a feature that does not change, if nine of ten units know it. The others count as the mean of those.
    fn add(&mut self, what: &'static str, of: fn(&Unit) -> Option<f64>) {
        let known: Vec<f64> = self.members.iter().filter_map(|member| of(member.unit)).collect();
        if known.is_empty() || known.len() * 10 < self.members.len() * 9 {
            return;
        }
        let mean = known.iter().sum::<f64>() / number(known.len());
        for member in &mut self.members {
            member.others.push(of(member.unit).unwrap_or(mean));
        }
        self.others.push(what);
    }

    /// Every unit's place in the order, its cell (segment and stage) and its entries by day.
    pub(super) fn members(&self) -> impl Iterator<Item = (usize, usize, &[&'a Entry])> {
        self.members.iter().enumerate().map(|(at, member)| (at, member.cell, member.entries.as_slice()))
    }

    /// What a unit shows around a day; nothing where too many values are missing.
    ///
    /// The value at the end of `day` itself belongs to the window before: it may be what made the unit enter.
    pub(super) fn seen(&self, unit: usize, day: i64) -> Option<Seen> {
        let member = self.members.get(unit)?;
        let (series, window) = (&member.series, self.window);
        let weeks = i64::try_from(self.parts).unwrap_or(1);
        let last = if weeks == 1 { window } else { 7 };
        let edge = |part: i64| day - last - (window - last) * part / (weeks - 1).max(1);
        let before = series.mean(day - window, day, self.least())?;
        let change = series.mean(day, day + window, self.least())? - before;
        let mut features = [0.0; WIDTH];
        features[0] = series.mean(day - last, day, 1)?;
        for (part, feature) in (0..weeks - 1).zip(&mut features[1..]) {
            *feature = series.mean(edge(part + 1), edge(part), 1)?;
        }
        let others = member.others.iter().copied();
        let past = self.pasts().iter().map(|(first, last, _)| self.past(member, day, *first, *last).unwrap_or(before));
        features[self.parts..].iter_mut().zip(others.chain(past)).for_each(|(feature, other)| *feature = other);
        let first = self.pasts().last().map_or(1, |(_, last, _)| last + 1);
        let past = if self.depth > 0 { self.past(member, day, first, self.depth) } else { None };
        let earlier = past.map(|past| before - past);
        let count = self.parts + self.others.len() + self.pasts().len();
        Some(Seen { unit, features, count, before, change, earlier, exposure: 0.0, in_others: false })
    }

    /// The windows before the one before that are compared too, from and with which to which, and what that is called. At
    /// least one is left for the placebo.
    pub(super) fn pasts(&self) -> &'static [(i64, i64, &'static str)] {
        let all = &[(1, 1, "level one window earlier"), (2, 3, "level two windows earlier")];
        match self.depth {
            ..2 => &[],
            2..4 => &all[..1],
            4.. => all,
        }
    }

    /// What a unit that had not entered by `day` shows around it, and nothing if it had.
    ///
    /// It may enter later, and is not dropped for that: who stays out is who recovered, so dropping the others would choose
    /// controls by their future. How much of the window after it spent inside is said instead.
    pub(super) fn control(&self, unit: usize, day: i64) -> Option<Seen> {
        let entries = &self.members.get(unit)?.entries;
        let mut exposure = 0.0;
        for entry in entries {
            let entered = i64::from(entry.entered);
            if entered <= day && !(entry.is_held_out && entered > day - HELD_OUT_COMPARABLE_DAYS) {
                return None;
            }
            if entered > day && entered < day + self.window && !entry.is_held_out {
                exposure = f64::max(exposure, self.share(unit, entered, day));
            }
        }
        Some(Seen { exposure, ..self.seen(unit, day)? })
    }

    /// The share of the values of the window after `day` that lie behind `entered`.
    fn share(&self, unit: usize, entered: i64, day: i64) -> f64 {
        self.members.get(unit).map_or(0.0, |member| {
            let all = member.series.count(day, day + self.window);
            if all == 0 { 0.0 } else { number(member.series.count(entered, day + self.window)) / number(all) }
        })
    }
}
