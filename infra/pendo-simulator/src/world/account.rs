//! Pendo's accounts: nine in ten bear the id that the customer-success directory knows, the tenth is a stranger with an awkward id.

use std::sync::Arc;

use serde_json::json;

use crate::random::Dice;
use crate::row::DAY_MS;
use crate::value::Record;
use crate::world::{BEGINNING_MS, World};

/// One account.
pub(crate) struct Account {
    pub(crate) id: u32,
    /// The metadata groups besides `auto`.
    pub(crate) metadata: Arc<Record>,
    /// Shown before it has any usage, because it was added by hand.
    pub(crate) by_hand: bool,
    pub(crate) course: Course,
}

/// How an account's usage develops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Course {
    Steady,
    Growing,
    Fading,
    Starting { after_days: u32 },
    Ending { after_days: u32 },
}

impl Course {
    /// The share of an ordinary day's activity on a day, in thousandths.
    pub(crate) fn thousandths(self, day_ms: i64) -> u32 {
        let days = u32::try_from((day_ms - BEGINNING_MS) / DAY_MS).unwrap_or(0);
        match self {
            Course::Steady => 1000,
            Course::Growing => (300 + days * 17 / 10).min(1800),
            Course::Fading => 1500_u32.saturating_sub(days * 19 / 10).max(60),
            Course::Starting { after_days } => {
                if days < after_days {
                    0
                } else {
                    (300 + (days - after_days) * 3).min(1400)
                }
            }
            Course::Ending { after_days } => {
                if days < after_days {
                    1100
                } else {
                    0
                }
            }
        }
    }
}

const NAMES: [&str; 20] = [
    "Northwind",
    "Blue Harbor",
    "Juniper",
    "Lumen",
    "Quarry",
    "Saltmarsh",
    "Tidewater",
    "Umbra",
    "Vantage",
    "Willow",
    "Amberly",
    "Birchwood",
    "Cobalt",
    "Driftwood",
    "Elmstone",
    "Foxglove",
    "Granite",
    "Heron",
    "Ironwood",
    "Kestrel",
];
const FORMS: [&str; 4] = ["Ltd", "Inc", "GmbH", "Group"];
const PLANS: [&str; 3] = ["basic", "pro", "enterprise"];
const STRANGERS: [&str; 6] = [
    "O'Brien \"& Sons\"",
    "back\\slash/forward",
    "A-001::emea",
    "\u{65e5}\u{672c}\u{652f}\u{793e}",
    "<script>alert(\"x\")</script>",
    "ghost 100%&co=1",
];

/// The directory id of the account with a number from 0, or nothing for a stranger.
pub(crate) fn crm_id(number: u32) -> Option<String> {
    (number % 10 != 9).then(|| format!("A-{:03}", number - number / 10 + 1))
}

/// The display name of an account.
pub(crate) fn name(number: u32) -> String {
    let name = NAMES[number as usize % NAMES.len()];
    let form = FORMS[(number as usize / NAMES.len()) % FORMS.len()];
    let round = number as usize / (NAMES.len() * FORMS.len());
    if round == 0 { format!("{name} {form}") } else { format!("{name} {form} {}", round + 1) }
}

/// The plan of an account.
pub(crate) fn plan(number: u32) -> &'static str {
    PLANS[(number as usize * 7 + 1) % PLANS.len()]
}

/// Makes a world's accounts.
pub(super) fn fill(world: &mut World, count: u32) {
    for number in 0..count {
        let mut dice = Dice::at(&[world.seed, 0xACC, u64::from(number)]);
        let crm = crm_id(number);
        let stranger = STRANGERS[(number / 10) as usize % STRANGERS.len()];
        let id = match &crm {
            Some(crm) => crm.clone(),
            None if (number / 10) as usize >= STRANGERS.len() => format!("{stranger} {number}"),
            None => stranger.to_owned(),
        };
        let course = match number % 8 {
            0 | 3 => Course::Growing,
            2 => Course::Fading,
            5 => Course::Starting { after_days: dice.between(120, 500) },
            6 if number % 3 == 0 => Course::Ending { after_days: dice.between(350, 680) },
            _ => Course::Steady,
        };
        let agent = json!({"name": name(number), "plan": plan(number), "seats": dice.between(5, 80), "is_paying": number % 9 != 4});
        let metadata = match &crm {
            // A number that came as text, as happens.
            Some(crm) => {
                json!({"agent": agent, "custom": {"crm_id": crm, "tier": dice.between(1, 4).to_string(), "owner": format!("csm-{}", number % 5)}})
            }
            None => json!({"agent": agent}),
        };
        let number = world.texts.number(&id);
        let metadata = metadata.as_object().map(Record::from_json).unwrap_or_default();
        world.put_account(Account { id: number, metadata: Arc::new(metadata), by_hand: false, course });
    }
}
