//! Pendo: a few states, one after the other. Buckets hold the events of two visitors in the accounts of two shards.

/// Shards, and with them homes: the account and the contact `h` are at home in shard `h`.
pub(crate) const SHARDS: usize = 2;
/// Hours.
pub(crate) const BUCKETS: usize = 2;
/// Visitor `h` is contact `h`.
pub(crate) const VISITORS: usize = 2;

/// Events by visitor of one bucket in one shard.
pub(crate) type Rows = [u8; VISITORS];
/// The rows of every bucket and shard.
pub(crate) type State = [[Rows; SHARDS]; BUCKETS];

/// No rows.
pub(crate) const NONE: Rows = [0; VISITORS];
const EMPTY: [Rows; SHARDS] = [NONE; SHARDS];

/// One hour. Between its states visitor 0 moves to the other account, so shard 0 becomes empty; and shard 0 of the second
/// state with shard 1 of the first has the total of the third.
pub(crate) const ONE_HOUR: &[State] = &[[[[1, 0], [0, 1]], EMPTY], [[[1, 1], [1, 1]], EMPTY], [[NONE, [2, 1]], EMPTY]];

/// Two hours: both change, then the first alone, and that only in one shard, which becomes empty.
pub(crate) const TWO_HOURS: &[State] =
    &[[[[1, 0], NONE], [[0, 1], NONE]], [[[1, 1], [1, 1]], [[1, 2], NONE]], [[[1, 1], NONE], [[1, 2], NONE]]];

/// Two hours in which everybody comes and goes, for the random walks.
pub(crate) const BUSY: &[State] = &[
    [[[1, 0], [0, 1]], [NONE, [0, 1]]],
    [[[1, 1], [1, 1]], [NONE, [0, 1]]],
    [[NONE, [2, 1]], [[2, 0], NONE]],
    [[[0, 1], NONE], [[2, 2], [0, 3]]],
    [[[0, 1], [4, 1]], [NONE, NONE]],
];

/// The fingerprint of one bucket in one shard: a plain sum, weaker than the real one.
pub(crate) fn share(rows: Rows) -> u8 {
    rows.iter().sum()
}

/// The fingerprint of a whole bucket.
pub(crate) fn whole(bucket: &[Rows; SHARDS]) -> u8 {
    bucket.iter().map(|rows| share(*rows)).sum()
}
