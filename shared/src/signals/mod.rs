//! What values set off: expansion indicators, health scores, playbooks and journeys. Pure rules over what is known of an
//! object; the run applies them, the API shows them.

pub mod condition;
pub mod event;
pub mod facts;
pub mod sight;
