//! Chance that can be repeated: every draw is a hash of where it is needed, so that any hour can be made without the hours before it.

/// Mixes numbers into one well-spread number.
pub(crate) fn mix(parts: &[u64]) -> u64 {
    let mut state = 0x51_7c_c1_b7_27_22_0a_95_u64;
    for part in parts {
        state = scramble(state ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    state
}

/// Hashes text into one well-spread number.
pub(crate) fn mix_text(text: &str) -> u64 {
    let folded = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    scramble(folded)
}

fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of draws that belongs to one place in the world.
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of a place, named by numbers.
    pub(crate) fn at(place: &[u64]) -> Dice {
        Dice(mix(place))
    }

    /// The next number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number from 0 up to, but without, `end` (0 when `end` is 0).
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let high = (self.roll() >> 32) * u64::from(end);
        u32::try_from(high >> 32).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in a share of `parts` of a million.
    pub(crate) fn chance(&mut self, parts: u32) -> bool {
        self.below(1_000_000) < parts
    }

    /// One of several things.
    pub(crate) fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let count = u32::try_from(things.len()).unwrap_or(u32::MAX);
        things.get(self.below(count) as usize)
    }
}

/// An opaque id of 27 url-safe characters, as Pendo gives to its objects.
pub(crate) fn opaque_id(place: &[u64]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut dice = Dice::at(place);
    (0..27).map(|_| dice.pick(LETTERS).map_or('A', |letter| char::from(*letter))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_always_rolls_the_same() {
        assert_eq!(Dice::at(&[1, 2]).roll(), Dice::at(&[1, 2]).roll());
        assert_ne!(Dice::at(&[1, 2]).roll(), Dice::at(&[2, 1]).roll());
    }

    #[test]
    fn a_draw_stays_in_its_range() {
        let mut dice = Dice::at(&[7]);
        assert!((0..1000).map(|_| dice.between(3, 5)).all(|drawn| (3..=5).contains(&drawn)));
    }
}
