//! How often intervals hold the truth, and how often nothing is said where nothing can be. `docs/impact.md` has the table.

use super::series::number;
use super::variance::Spread;
use super::world::{Chosen, World, world};
use super::{Verdict, measure};

/// Planted effects. The noise of a week has a standard deviation of 3.
const EFFECTS: [f64; 3] = [0.0, 3.0, -2.0];
/// Worlds for each way of choosing and each effect.
const WORLDS: u32 = 80;

/// Answers in worlds of one kind.
#[derive(Default)]
struct Row {
    worlds: u32,
    measured: u32,
    held: u32,
    error: f64,
    width: f64,
    /// Of the naive interval of before and after.
    naive: u32,
    /// By how much before and after alone errs.
    credit: f64,
    /// Of the comparison with those held out: how many there are, and how many hold the truth.
    lots: [u32; 2],
}

impl Row {
    fn add(&mut self, world: &World, effect: f64) {
        let impact = measure(&world.question, &world.units, &world.entries);
        let holds = |low: f64, high: f64| u32::from(low <= effect && effect <= high);
        self.worlds += 1;
        if let Some((low, high)) = naive(&world.changes()) {
            self.naive += holds(low, high);
        }
        self.credit += impact.before_and_after.map_or(0.0, |told| told.change - effect);
        if let Some(lot) = impact.hold_out {
            self.lots[0] += 1;
            self.lots[1] += holds(lot.low, lot.high);
        }
        if let Verdict::Measured { effect: found, low, high, .. } = impact.verdict {
            self.measured += 1;
            self.held += holds(low, high);
            self.error += found - effect;
            self.width += high - low;
        }
    }

    fn plus(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.measured += other.measured;
        self.held += other.held;
        self.error += other.error;
        self.width += other.width;
        self.naive += other.naive;
        self.credit += other.credit;
        self.lots = [self.lots[0] + other.lots[0], self.lots[1] + other.lots[1]];
    }

    fn print(&self, name: &str) {
        let measured = f64::from(self.measured);
        let lots =
            if self.lots[0] > 0 { format!("{:.1} %", share(self.lots[1], self.lots[0])) } else { "–".to_owned() };
        println!(
            "| {name} | {} | {:.0} % | {:.1} % | {:+.2} | {:.2} | {:.1} % | {:+.2} | {lots} |",
            self.worlds,
            share(self.measured, self.worlds),
            share(self.held, self.measured),
            self.error / measured,
            self.width / measured,
            share(self.naive, self.worlds),
            self.credit / f64::from(self.worlds),
        );
    }
}

/// The interval that before and after alone would give: a mean of changes with Student's t.
fn naive(changes: &[f64]) -> Option<(f64, f64)> {
    let count = number(changes.len());
    let mean = changes.iter().sum::<f64>() / count;
    let squares: f64 = changes.iter().map(|change| (change - mean) * (change - mean)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    Spread { error, freedom: count - 1.0 }.around(mean, 0.95)
}

fn share(part: u32, whole: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(whole)
}

fn row(chosen: Chosen, units: usize, effect: f64, worlds: u32, seed: u64) -> Row {
    let mut row = Row::default();
    for at in 0..worlds {
        row.add(&world(chosen, units, effect, seed + u64::from(at)), effect);
    }
    row
}

#[test]
fn intervals_hold_the_truth_where_there_are_comparable_controls() {
    let kinds = [
        (Chosen::ByLot, 240, "by lot"),
        (Chosen::ByLot, 90, "by lot, 90 units"),
        (Chosen::UntilFewAreLeft, 240, "by lot, until few are left"),
        (Chosen::LowLastWeek, 240, "low last week"),
        (Chosen::Dipped, 240, "dipped below themselves"),
        (Chosen::LowOfMany, 240, "low, values multiply"),
        (Chosen::BySegmentAndSize, 240, "by segment and size"),
        (Chosen::LowAndHeldOut, 400, "all that are low, half held out"),
    ];
    println!(
        "| who enters | worlds | measured | holds the truth | mean error | width | before and after holds | its mean error | hold-out holds |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut all = Row::default();
    let mut seed = 0;
    for (chosen, units, name) in kinds {
        let mut kind = Row::default();
        for effect in EFFECTS {
            kind.plus(&row(chosen, units, effect, WORLDS, seed));
            seed += 1_000;
        }
        kind.print(name);
        let held = share(kind.held, kind.measured);
        assert!((91.0..=99.0).contains(&held), "{name}: {held}");
        assert!((kind.error / f64::from(kind.measured)).abs() < 0.15, "{name} errs to one side");
        if matches!(chosen, Chosen::LowLastWeek | Chosen::Dipped | Chosen::LowOfMany | Chosen::LowAndHeldOut) {
            assert!(share(kind.naive, kind.worlds) < 70.0, "{name}: before and after is no measurement");
        }
        if chosen == Chosen::LowAndHeldOut {
            assert_eq!(kind.lots[0], kind.worlds, "the lot is there");
            assert!((91.0..=99.0).contains(&share(kind.lots[1], kind.lots[0])), "Welch");
        }
        all.plus(&kind);
    }
    all.print("**all**");
    assert!(all.measured >= 1_000);
    let held = share(all.held, all.measured);
    assert!((93.0..=97.0).contains(&held), "{held}");
}

#[test]
fn nothing_is_said_where_nobody_is_comparable() {
    println!("| who enters | worlds | declined |");
    println!("| --- | --- | --- |");
    let kinds = [
        (Chosen::Everybody, 97.0, "everybody at once"),
        (Chosen::OnlyLarge, 97.0, "all large ones and no others"),
        (Chosen::Growing, 97.0, "all that grow by 1 a week and no others"),
        (Chosen::GrowingSlowly, 85.0, "all that grow by 0.3 a week and no others"),
    ];
    for (at, (chosen, least, name)) in (0..).zip(kinds) {
        let row = row(chosen, 240, 3.0, 100, 900_000 + 1_000 * at);
        let declined = 100.0 - share(row.measured, row.worlds);
        println!("| {name} | {} | {declined:.0} % |", row.worlds);
        assert!(declined >= least, "{name}: {declined}");
    }
}
