//! What the two functions behind the API share: who may, what was asked, what is answered.
//!
//! Not here: what a route does. No text of an inner error leaves through this room: it is logged once, at the answer.

pub mod access;
mod etag;
mod extent;
pub mod locate;
mod nudge;
mod once;
pub mod operation;
pub mod page;
pub mod problem;
pub mod reply;
pub mod request;
pub mod table;
pub mod tries;

pub use access::Access;
pub use etag::{etag, refuse_stale};
pub use extent::extent;
pub use nudge::nudge;
pub use once::once;
pub use operation::{Level, Operation, find};
pub use problem::Problem;
pub use reply::{Reply, answer};
pub use request::Request;
pub use tries::Tries;
