//! The simulator as its guests meet it: over HTTP.

#[cfg(test)]
mod aggregation;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod time;
