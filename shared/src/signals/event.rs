//! What is told to the outside: every change of state, with its reason.

use super::condition::{Because, Names};
use crate::id::{ObjectKind, SignalId};
use crate::time::to_the_second;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A change of one object's state in one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The same for every delivery of this change: a hash of connection, rule, object and the number of the change.
    pub id: String,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// The rule.
    pub signal: SignalId,
    /// What it was called.
    pub name: String,
    /// What it is.
    pub kind: SignalKind,
    /// Its version.
    pub version: u64,
    /// Account or contact.
    pub object: ObjectKind,
    /// The object's id.
    pub object_id: String,
    /// What changed.
    pub what: What,
    /// The comparisons behind it, with values and thresholds; empty where a person did it.
    pub because: Vec<Because>,
    /// Of each of them the version of the field or rule that was looked at, as it stood then; nothing of a column.
    pub versions: Vec<Option<u64>>,
}

/// What a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A health score.
    Health,
    /// A journey.
    Journey,
    /// An expansion indicator.
    Indicator,
    /// A playbook.
    Playbook,
    /// A value that is told of.
    Value,
}

impl SignalKind {
    /// Every kind, in the order in which rules take their turn: what looks at others comes behind them.
    pub const ALL: [Self; 5] = [Self::Health, Self::Journey, Self::Indicator, Self::Playbook, Self::Value];

    /// The name as it stands in bodies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Journey => "journey",
            Self::Indicator => "indicator",
            Self::Playbook => "playbook",
            Self::Value => "value",
        }
    }
}

/// A change, before it has rule, object and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What changed.
    pub what: What,
    /// The comparisons behind it.
    pub because: Vec<Because>,
}

/// Who or what moved an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Its usage, by the rule's conditions.
    Behaviour,
    /// A person, by hand.
    Hand,
    /// A person, who released what had turned without behaviour or over the cap.
    Release,
}

/// Health in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Red: at risk, up to 50.
    Poor,
    /// Yellow: above 50, up to 75.
    Fair,
    /// Green: above 75.
    Good,
}

/// An input of a health score, by how far it pulls the score down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// The input's name.
    pub input: String,
    /// What it scored, 0 to 100; nothing where it is missing.
    pub scored: Option<f64>,
    /// What it looked at.
    pub was: super::facts::Known,
    /// Points of the whole score that it costs.
    pub costs: f64,
}

impl Event {
    /// The event as it is published and shown: by the names that stand now.
    #[must_use]
    pub fn shown(&self, names: &Names) -> Value {
        let mut shown = json!(self.what);
        let versions = self.versions.iter().copied().chain(std::iter::repeat(None));
        let because = self.because.iter().zip(versions).map(|(because, version)| {
            let mut shown = because.shown(names);
            if let (Some(version), Some(shown)) = (version, shown.as_object_mut()) {
                shown.insert("version".to_owned(), version.into());
            }
            shown
        });
        let because: Vec<Value> = because.collect();
        let envelope = json!({
            "id": self.id,
            "at": to_the_second(self.at_ms),
            "signal": {"id": self.signal, "name": self.name, "kind": self.kind, "version": self.version},
            "object": {"level": self.object, "id": self.object_id},
            "because": because,
        });
        if let (Some(shown), Value::Object(envelope)) = (shown.as_object_mut(), envelope) {
            shown.extend(envelope);
        }
        shown
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// An expansion indicator fired.
    IndicatorFired {
        /// How strong, 0 to 100.
        strength: u8,
        /// Who or what fired it.
        by: By,
    },
    /// Its condition does not hold any more.
    IndicatorCleared {},
    /// A health score went into another band, or can be told no longer, or again.
    HealthChanged {
        /// The band before; nothing where it was not scored.
        from: Option<Band>,
        /// The band now.
        to: Option<Band>,
        /// The score, 0 to 100.
        score: Option<f64>,
        /// The inputs that pull it down most.
        drivers: Vec<Driver>,
        /// Whether a person set it.
        by: By,
    },
    /// An object was enrolled in a playbook.
    PlaybookEntered {
        /// Its first, second, … time.
        entry: u32,
        /// Who or what enrolled it.
        by: By,
    },
    /// It would have been enrolled and is held out by lot, to compare with.
    PlaybookHeldOut {
        /// Its first, second, … time.
        entry: u32,
    },
    /// A participant met the objective.
    PlaybookMetObjective {
        /// Of which time.
        entry: u32,
    },
    /// A participant left.
    PlaybookExited {
        /// Of which time.
        entry: u32,
        /// Who or what ended it.
        by: By,
    },
    /// An object entered a stage of a journey.
    StageEntered {
        /// The stage.
        stage: String,
        /// The stage before; nothing where the journey began.
        from: Option<String>,
        /// Its first, second, … time in this stage.
        entry: u32,
        /// Who or what moved it.
        by: By,
    },
    /// A goal of its stage was met.
    GoalMet {
        /// The stage.
        stage: String,
        /// The goal.
        goal: String,
    },
    /// A goal that is not latched is met no longer.
    GoalLost {
        /// The stage.
        stage: String,
        /// The goal.
        goal: String,
    },
    /// It stays in a stage for longer than planned.
    StageOverdue {
        /// The stage.
        stage: String,
        /// Days in it.
        days: u32,
    },
    /// It left a journey, whose segment it is not of any more.
    JourneyLeft {
        /// The stage in which it was.
        stage: String,
    },
    /// A value that is told of changed.
    ValueChanged {
        /// What it was.
        from: super::facts::Known,
        /// What it is.
        to: super::facts::Known,
    },
}

impl What {
    /// What EventBridge calls an event of this kind: rules of a bus tell events apart by it.
    #[must_use]
    pub const fn detail_type(&self) -> &'static str {
        match self {
            Self::IndicatorFired { .. } => "Indicator Fired",
            Self::IndicatorCleared {} => "Indicator Cleared",
            Self::HealthChanged { .. } => "Health Changed",
            Self::PlaybookEntered { .. } => "Playbook Entered",
            Self::PlaybookHeldOut { .. } => "Playbook Held Out",
            Self::PlaybookMetObjective { .. } => "Playbook Met Objective",
            Self::PlaybookExited { .. } => "Playbook Exited",
            Self::StageEntered { .. } => "Stage Entered",
            Self::GoalMet { .. } => "Goal Met",
            Self::GoalLost { .. } => "Goal Lost",
            Self::StageOverdue { .. } => "Stage Overdue",
            Self::JourneyLeft { .. } => "Journey Left",
            Self::ValueChanged { .. } => "Value Changed",
        }
    }
}
