//! How a check shows that it sees a mistake: it passes as things are, and fails with the bug.

use shared::planted::{Bug, plant};
use std::future::Future;

/// The check passes as things are, and fails with the bug.
pub(crate) async fn catches<F: Future<Output = bool>>(bug: Bug, check: impl Fn() -> F) {
    assert!(check().await, "the check must pass without {bug:?}");
    plant(Some(bug));
    let passes = check().await;
    plant(None);
    assert!(!passes, "the check does not see {bug:?}");
}
