//! What a simulator is started with.

use chrono_tz::Tz;

use crate::faults::Faults;
use crate::region::Region;

/// The settings of a simulator. One seed and one set of sizes make one world.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of the world.
    pub seed: u64,
    /// How many Pendo accounts are generated.
    pub accounts: u32,
    /// How many visitors are generated.
    pub visitors: u32,
    /// How many days of history before the clock's start; 0 is "since 2024-07-01T00:00:00Z", a fixed beginning.
    pub days: u32,
    /// The region of the subscription, and of the host if the `Host` header names none of Pendo's.
    pub region: Region,
    /// A key that reads.
    pub key: String,
    /// A second key of the same subscription that reads, for rotation.
    pub second_key: Option<String>,
    /// A key of the same subscription that may also write.
    pub write_key: Option<String>,
    /// A key of another subscription: another seed, other apps.
    pub foreign_key: Option<String>,
    /// A key of another region, which is refused on this one.
    pub other_region_key: Option<(String, Region)>,
    /// The subscription's time zone.
    pub time_zone: Tz,
    /// Which rows arrive late.
    pub late: Late,
    /// What goes wrong from the start.
    pub faults: Faults,
    /// Whether `app1.pendo.io` is a host of region US1.
    pub app1: bool,
    /// Whether guide events carry their type with the raw prefix `ui:web:`.
    pub raw_types: bool,
    /// Whether the request log keeps bodies.
    pub log_bodies: bool,
}

/// Which rows arrive late. What is not late arrives within minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// None: each arrives two minutes after its last event.
    Never,
    /// As in life: 3 % by a quarter of an hour to eight hours, 0.5 % by one to eight days, and some in two parts.
    Mixed,
    /// A share of them, by anything up to some hours; the others as with [`Late::Never`].
    Share {
        /// How many, in percent.
        percent: u32,
        /// The longest delay.
        hours: u32,
    },
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 1,
            accounts: 40,
            visitors: 600,
            days: 0,
            region: Region::Us,
            key: DEFAULT_KEY.to_owned(),
            second_key: None,
            write_key: None,
            foreign_key: None,
            other_region_key: None,
            time_zone: Tz::UTC,
            late: Late::Mixed,
            faults: Faults::default(),
            app1: false,
            raw_types: false,
            log_bodies: true,
        }
    }
}

/// The key that a simulator takes if it is told no other. It opens nothing else.
pub const DEFAULT_KEY: &str = "simulator-key.us";

impl Options {
    /// A world without generated accounts, visitors and usage; the two apps stand, all else can be added by hand.
    pub fn empty() -> Options {
        Options { accounts: 0, visitors: 0, late: Late::Never, ..Options::default() }
    }

    /// Whether nothing is generated.
    pub(crate) fn is_empty(&self) -> bool {
        self.visitors == 0
    }
}
