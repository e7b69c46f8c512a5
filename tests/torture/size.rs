//! How much is run and for how long, what is drawn, and what is printed.

use std::time::{Duration, Instant};

/// Whether the full setting was asked for.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
pub(crate) fn is_full() -> bool {
    std::env::var("TORTURE").is_ok_and(|setting| setting == "full")
}

/// The first of the seeds: `TORTURE_SEED`, or 1. A failing history names its own.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
pub(crate) fn first_seed() -> u64 {
    std::env::var("TORTURE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// One of two numbers: in an ordinary run, and in the full setting.
pub(crate) fn pick<T>(ordinary: T, full: T) -> T {
    if is_full() { full } else { ordinary }
}

/// How long a check may go on: in the full setting a share of `TORTURE_MINUTES`, else until its number is reached. A check that
/// runs out of time prints the number that it came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(Option<Instant>);

/// How long all checks may take in the full setting, if that is said.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
pub(crate) fn minutes() -> Option<u32> {
    let minutes = std::env::var("TORTURE_MINUTES").ok().and_then(|minutes| minutes.parse().ok());
    minutes.filter(|_| is_full())
}

impl Time {
    /// A share in percent; those of all checks add up to less than two hundred, for two cores.
    pub(crate) fn share(percent: u32) -> Self {
        Self(minutes().map(|minutes| Instant::now() + Duration::from_secs(60) * minutes * percent / 100))
    }

    pub(crate) fn is_left(self) -> bool {
        self.0.is_none_or(|end| Instant::now() < end)
    }
}

/// Prints what a check saw; with no failure the true rate is below 3/n with 95 % confidence, of cases drawn like these.
pub(crate) fn report(check: &str, seed: u64, n: u64, failures: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let bound = 300.0 / n.max(1) as f64;
    println!("{check}: first seed {seed}, n {n}, failures {failures}; none of n bounds the rate by 3/n = {bound:.3} %");
}

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn is(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn of<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        let at = self.below(among.len() as u64);
        &among[usize::try_from(at).unwrap()]
    }
}
