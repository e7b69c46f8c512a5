//! What values set off: expansion indicators, health scores, playbooks and journeys. Pure rules over what is known of an
//! object; `crate::turns` applies them with each run, and the API shows them.

pub mod condition;
pub mod event;
pub mod facts;
pub mod health;
pub mod impact;
pub mod indicator;
pub mod journey;
mod naming;
pub mod playbook;
pub mod sight;
mod signal;
pub mod turn;
pub mod watch;

pub use signal::{
    Draft, Rule, SIGNALS_MAX, Signal, SignalState, circle, facts_of, in_turn, users_of, users_of_field, with_makers,
};
