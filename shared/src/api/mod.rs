//! What the two functions behind the API share: who may, what was asked, what is answered.
//!
//! Not here: what a route does. No text of an inner error leaves through this room: it is logged once, at the answer.

pub mod access;
pub mod locate;
pub mod page;
pub mod problem;
pub mod reply;
pub mod request;

pub use access::Access;
pub use problem::Problem;
pub use reply::{Reply, answer};
pub use request::Request;
