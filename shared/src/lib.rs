//! Brings product usage from Pendo into customer success.
//!
//! A **row** belongs to a **bucket**; rows are stored as **blocks**; **matching** gives them contacts and accounts; a
//! **calculated field** folds them into a **value**.
//!
//! The rooms, in the order in which data meets them:
//!
//! - words: [`id`], [`time`], [`connection`], [`erased`], [`trail`]
//! - source: [`pendo`] speaks Pendo's API and nothing else does
//! - rules, pure, without I/O or clock: [`usage`], [`directory`], [`matching`], [`exclusions`], [`fields`], [`signals`],
//!   [`configuration`]
//! - state: [`store`] (DynamoDB), [`secrets`] (Secrets Manager), [`queue`] (SQS), [`bus`] (EventBridge)
//! - running: [`sync`], [`values`], [`points`], [`explain`], [`preview`], [`turns`], [`api`], [`config`], [`context`], [`clock`]
//! - for tests: [`planted`], mistakes on purpose

pub mod api;
pub mod bus;
pub mod clock;
pub mod config;
pub mod configuration;
pub mod connection;
pub mod context;
pub mod directory;
pub mod erased;
pub mod exclusions;
pub mod explain;
pub mod fields;
pub mod id;
pub mod matching;
pub mod pendo;
pub mod planted;
pub mod points;
pub mod preview;
pub mod queue;
pub mod secrets;
pub mod signals;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod time;
pub mod trail;
pub mod turns;
pub mod unmatched;
pub mod usage;
pub mod values;
