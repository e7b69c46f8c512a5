//! One run of a connection: plan → fetch → prove → store and evaluate → compact → checkpoint.
//!
//! Every step is level-triggered: it compares what stands with what should stand and never relies on having been told,
//! so an interruption anywhere is mended by the next run.

pub mod batch;
pub mod checkpoint;
pub mod claim;
pub mod compact;
mod costs;
mod deadline;
pub mod differences;
pub mod erase;
pub mod estimate;
pub mod evaluate;
pub mod fetch;
mod finish;
mod folds;
pub mod groups;
mod halving;
pub mod history;
mod kind_report;
mod layout;
mod metrics;
pub mod moves;
pub mod outage;
pub mod page;
pub mod parts;
pub mod people;
pub mod plan;
mod points;
pub mod probe;
pub mod purge;
pub mod quarantine;
pub mod recomputing;
pub mod reconcile;
mod revoked;
pub mod rewrites;
pub mod run;
mod seats;
pub mod shards;
mod split;
pub mod status;
mod steps;
pub mod subscription;
pub mod tags;
mod told;
pub mod values_a_day;
pub mod world;

pub use deadline::Deadline;
pub use evaluate::evaluate_only;
pub use run::{Asked, RunEnd, SyncError, run, run_as};
pub use subscription::same_subscription;
