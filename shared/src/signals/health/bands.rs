//! Where a score is poor, fair and good, and when it goes from one to another.

use crate::signals::event::Band;
use serde::{Deserialize, Serialize};

/// The boundaries between the bands; a score on a boundary is in the band below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    /// Up to here, with this score, it is poor.
    pub poor_up_to: f64,
    /// Above poor and up to here, with this score, it is fair; above, it is good.
    pub fair_up_to: f64,
}

impl Default for Bands {
    fn default() -> Self {
        Self { poor_up_to: 50.0, fair_up_to: 75.0 }
    }
}

impl Bands {
    /// The band of a score by itself.
    #[must_use]
    pub fn of(&self, score: f64) -> Band {
        self.above_by(score, 0.0)
    }

    /// The band of a score that was in `before`: down at a boundary or below it, up where the boundary is exceeded by more than
    /// `hysteresis` points.
    #[must_use]
    pub fn after(&self, before: Option<Band>, score: f64, hysteresis: f64) -> Band {
        let plain = self.of(score);
        match before {
            Some(before) if plain > before => self.above_by(score, hysteresis).max(before),
            _ => plain,
        }
    }

    fn above_by(&self, score: f64, points: f64) -> Band {
        if score > self.fair_up_to + points {
            Band::Good
        } else if score > self.poor_up_to + points {
            Band::Fair
        } else {
            Band::Poor
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bands_are_closed_at_the_top() {
        let each = [0.0, 50.0, 50.1, 75.0, 75.1, 100.0].map(|score| Bands::default().of(score));
        assert_eq!(each, [Band::Poor, Band::Poor, Band::Fair, Band::Fair, Band::Good, Band::Good]);
    }

    #[test]
    fn up_needs_the_points_of_hysteresis_and_down_needs_none() {
        let after = |before, score| Bands::default().after(Some(before), score, 3.0);
        assert_eq!(after(Band::Poor, 53.0), Band::Poor);
        assert_eq!(after(Band::Poor, 53.1), Band::Fair);
        assert_eq!(after(Band::Poor, 77.0), Band::Fair, "exceeds one boundary by enough and the other by too little");
        assert_eq!(after(Band::Poor, 78.1), Band::Good);
        assert_eq!(after(Band::Fair, 50.1), Band::Fair);
        assert_eq!(after(Band::Fair, 50.0), Band::Poor);
        assert_eq!(after(Band::Good, 10.0), Band::Poor);
        assert_eq!(
            Bands::default().after(None, 50.1, 3.0),
            Band::Fair,
            "where nothing was before, nothing holds it back"
        );
    }

    proptest! {
        #[test]
        fn a_score_that_swings_within_the_hysteresis_changes_its_band_once_at_most(
            scores in prop::collection::vec(prop_oneof![Just(0.0), Just(5.0), 0.0..=5.0_f64], 1..40),
            is_upper: bool,
            before in prop::sample::select(vec![Band::Poor, Band::Fair, Band::Good]),
        ) {
            let bands = Bands::default();
            let boundary = if is_upper { bands.fair_up_to } else { bands.poor_up_to };
            let mut band = bands.after(Some(before), boundary + scores[0], 5.0);
            let mut changes = 0;
            for score in &scores {
                let next = bands.after(Some(band), boundary + score, 5.0);
                changes += u32::from(next != band);
                band = next;
            }
            prop_assert!(changes <= 1);
        }

        #[test]
        fn looked_at_twice_it_stays(
            score in 0.0..=100.0_f64,
            hysteresis in 0.0..=24.0_f64,
            before in prop::option::of(prop::sample::select(vec![Band::Poor, Band::Fair, Band::Good])),
        ) {
            let bands = Bands::default();
            let once = bands.after(before, score, hysteresis);
            prop_assert_eq!(bands.after(Some(once), score, hysteresis), once);
        }
    }
}
