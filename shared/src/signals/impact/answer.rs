//! What is answered.

use schemars::JsonSchema;
use serde::Serialize;

/// What a playbook did, as far as can be told.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Impact {
    /// So often a unit entered; one that came back counts again. Held out ones are none.
    pub participants: usize,
    /// First entries whose window after is over and whose values are known on both sides.
    pub measured: usize,
    /// The share of participants that met the objective between entry and 30 days after exit: 0 to 1. Null without an
    /// objective or participants.
    pub met_objective: Option<f64>,
    /// Participants before and after, compared with nobody. Null where none is measured.
    pub before_and_after: Option<BeforeAndAfter>,
    /// Participants stood out when they entered, so they would have moved anyway. Null where they did not stand out.
    pub regression_to_the_mean: Option<RegressionToTheMean>,
    /// Participants that were in other playbooks too.
    pub contamination: Contamination,
    /// Those that entered beside those held out by lot. Null where an arm is too small.
    pub hold_out: Option<HoldOut>,
    /// What can be concluded.
    pub verdict: Verdict,
}

/// The participants' own means on both sides of entry, in the outcome's unit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BeforeAndAfter {
    /// The mean of the window before.
    pub before: f64,
    /// The mean of the window after.
    pub after: f64,
    /// After less before.
    pub change: f64,
    /// The change in percent of the mean before. Null where that is 0.
    pub change_percent: Option<f64>,
    /// What this does not say.
    pub said: String,
}

/// How far participants stood out on entry, and what that alone brings.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RegressionToTheMean {
    /// In what they stood out most.
    pub what: String,
    /// How far, on average, from units that had not entered, in their standard deviations; below 0 is lower.
    pub deviations: f64,
    /// So much of the participants' change, in the outcome's unit, those that had not entered would have shown from there.
    pub explained: f64,
    /// The same in words.
    pub said: String,
}

/// Participants that were in other playbooks within the windows.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Contamination {
    /// Of those measured, so many.
    pub participants: usize,
    /// The effect without them. Null where there are none, where too few are left, or where nothing can be concluded.
    pub without: Option<Estimate>,
}

/// An effect with its interval, in the outcome's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The effect.
    pub effect: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The interval's confidence: 0.95 is 95 %.
    pub confidence: f64,
    /// So many participants it is of.
    pub treated: usize,
}

/// The changes of those that entered less the changes of those held out by lot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HoldOut {
    /// The difference of the mean changes, in the outcome's unit.
    pub effect: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The interval's confidence: 0.95 is 95 %.
    pub confidence: f64,
    /// So many entered.
    pub enrolled: usize,
    /// So many were held out.
    pub held_out: usize,
}

/// What can be concluded.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// Too few participants have both windows behind them.
    NotEnoughData {
        /// So many have.
        measured: usize,
        /// So many are needed.
        needed: usize,
    },
    /// Nobody is there with whom participants could be compared.
    NoComparableControls {
        /// Why not.
        why: String,
        /// How far the groups are apart after matching, as far as there are matches.
        balance: Vec<Balance>,
    },
    /// An effect and how sure it is.
    Measured {
        /// The average effect on those that entered, in the outcome's unit: the mean of the window after with the playbook
        /// less what it would have been without.
        effect: f64,
        /// The interval's lower end.
        low: f64,
        /// The interval's upper end.
        high: f64,
        /// The interval's confidence: 0.95 is 95 %.
        confidence: f64,
        /// So many participants were compared.
        treated: usize,
        /// With so many different units.
        controls: usize,
        /// How far the groups are apart after matching.
        balance: Vec<Balance>,
        /// The same measurement where nothing can have happened. Null where history does not reach back so far.
        placebo: Option<Placebo>,
        /// The same in words.
        said: String,
    },
}

/// One thing by which units are compared, after matching.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Balance {
    /// What is compared.
    pub what: String,
    /// The mean of participants.
    pub treated: f64,
    /// The mean of their controls, as often as they are used.
    pub controls: f64,
    /// The standardised mean difference: their difference in standard deviations of both groups before matching.
    pub difference: f64,
}

/// The effect that the playbook seems to have had before it began. There was none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Placebo {
    /// The seeming effect, in the outcome's unit.
    pub effect: f64,
    /// The 95 % interval's lower end.
    pub low: f64,
    /// The 95 % interval's upper end.
    pub high: f64,
    /// The interval holds 0.
    pub passed: bool,
}
