//! What indicators promise.
