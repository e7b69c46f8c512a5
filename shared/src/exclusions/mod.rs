//! Whose usage does not count: visitors, e-mail domains and contacts that an admin excludes, such as the team's own staff and
//! test users; of the whole workspace, and of single fields besides.
//!
//! Nothing is excluded where rows are stored, only where they are added up: so the past follows a change at once, without Pendo.

mod excluded;
mod found;
mod scopes;
mod set;

pub use excluded::Excluded;
pub use found::Found;
pub use scopes::Scopes;
pub use set::{CONTACTS_MAX, DOMAINS_MAX, Exclusions, Standing, VISITORS_MAX};
