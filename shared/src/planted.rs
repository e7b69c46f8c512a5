//! Mistakes on purpose, so that the tests can show that they would be found. Only with the feature `planted-bugs`, which no
//! build but the tests' turns on; and then inert until a test selects one, for its own thread only.

/// A mistake that others made, or that this design invites.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A share is added to what stands instead of taking its place.
    CounterThatAdds,
    /// An entry is published that names no block: the watermark before the data.
    EntryWithoutItsBlock,
    /// The reading that arrives last wins, not the one taken last.
    OlderReadingWins,
    /// What is old is swept, whether a head names it or not.
    SweepWithoutTheHead,
    /// App and object are no part of a row's key.
    NarrowKey,
    /// Only what is newer than the last run is compared.
    LookBackZero,
    /// A window that failed is skipped, and the checkpoint moves on.
    SwallowedError,
    /// Keys that the table left unprocessed are not asked again.
    UnprocessedIgnored,
    /// A body that ends early is taken for whole.
    TruncatedBodyAccepted,
    /// Only the default app is asked for.
    DefaultAppOnly,
    /// `[high]` configures.
    BracketsAccepted,
    /// A redirect is followed, and the key travels along.
    RedirectFollowed,
    /// A worker does not know its own move again when the answer was lost.
    NoToken,
    /// The checkpoint says how far a kind is read before its rows are stored.
    CheckpointFirst,
}

#[cfg(feature = "planted-bugs")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in this thread, or takes it out again.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether a bug is planted in this thread.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether the named bug is planted; `false` in every build without the feature.
macro_rules! planted {
    ($bug:ident) => {{
        #[cfg(feature = "planted-bugs")]
        let is_planted = crate::planted::is_planted(crate::planted::Bug::$bug);
        #[cfg(not(feature = "planted-bugs"))]
        let is_planted = false;
        is_planted
    }};
}
pub(crate) use planted;
