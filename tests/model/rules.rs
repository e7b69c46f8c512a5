//! The rules of the protocol, each of which can be taken away.

/// A way to break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// Rule 1: the reading is taken after the fetch.
    ReadingBeforeFetch,
    /// Rule 2: a bucket is clean when its shares add up, whatever their readings.
    ReadingsAgree,
    /// Rule 2: a shard whose rows did not change keeps its old reading.
    ReadingWithoutNewRows,
    /// Rule 3: a bucket that became empty in a shard loses its entry.
    EmptyEntries,
    /// Rule 4: a fetch that is newer in one bucket is taken whole.
    PartlyOvertaken,
    /// Rule 5: after a refusal the same change is put on top of the new version.
    Redo,
    /// Rule 6: the own head is read last.
    OwnHeadFirst,
    /// Rule 6, half of it: heads are read in the order of their numbers, then the rest.
    OwnHeadBeforeOthers,
    /// Rule 7: visitors are indexed after the heads moved.
    IndexFirst,
    /// Rule 7: every move counts as new rows.
    RowsVersion,
    /// Rule 8: clearing removes whatever stands.
    PublishedOnly,
    /// Rule 9: the sweep deletes without moving the head.
    SweptCounter,
    /// Rule 9: a redo keeps its blocks although a sweep went by.
    PutAgain,
    /// Rule 9: a refused worker tidies up after itself.
    LeaveItems,
    /// Rule 9: a named block that is missing counts as empty.
    MissingIsNotEmpty,
    /// Rule 10: a refusal is a refusal, whosever token the head bears.
    Token,
}

impl Without {
    /// All but the last, which only costs work.
    pub(crate) const HARMFUL: [Self; 15] = [
        Self::ReadingBeforeFetch,
        Self::ReadingsAgree,
        Self::ReadingWithoutNewRows,
        Self::EmptyEntries,
        Self::PartlyOvertaken,
        Self::Redo,
        Self::OwnHeadFirst,
        Self::OwnHeadBeforeOthers,
        Self::IndexFirst,
        Self::RowsVersion,
        Self::PublishedOnly,
        Self::SweptCounter,
        Self::PutAgain,
        Self::LeaveItems,
        Self::MissingIsNotEmpty,
    ];
}

/// All rules but at most one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules(pub(crate) Option<Without>);

impl Rules {
    /// Whether a rule stands.
    pub(crate) fn has(self, rule: Without) -> bool {
        self.0 != Some(rule)
    }
}
