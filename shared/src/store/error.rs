//! What can go wrong with the table: one variant per reaction.

/// Why the table did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The item moved since it was read: read again and redo.
    #[error("{key} was changed by someone else meanwhile")]
    Conflict {
        /// Which item.
        key: String,
    },
    /// An item is not in a form that this version knows. It is refused and never wiped.
    #[error("{key} is unreadable: {detail}")]
    Unreadable {
        /// Which item.
        key: String,
        /// What was found.
        detail: String,
    },
    /// A named item is missing: the head moved on; read it again.
    #[error("{key} is missing although it is named")]
    Missing {
        /// Which item.
        key: String,
    },
    /// Blocks that were put before their hours were proven may not be named any more: the shard was swept, or others are
    /// erased now.
    #[error("what was fetched was overtaken by a sweep or an erasure, and is fetched again by the next run")]
    Overtaken,
    /// An item would be too large for the table.
    #[error("{key} would be {bytes} bytes, more than an item may hold")]
    TooLarge {
        /// Which item.
        key: String,
        /// Its size.
        bytes: usize,
    },
    /// The table did not answer, after the SDK's own retries.
    #[error("the table did not {action}")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether one item is to blame, so that what does not need it can go on.
    #[must_use]
    pub fn is_of_one_item(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// Wraps an error of the SDK.
    pub(crate) fn unavailable<E: std::error::Error + Send + Sync + 'static>(
        action: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Unavailable { action, source: Box::new(source) }
    }
}
