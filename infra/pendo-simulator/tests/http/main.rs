//! The simulator as its guests meet it: over HTTP.

mod aggregation;
mod faults;
mod guest;
mod keys;
mod time;
