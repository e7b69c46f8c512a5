//! Where an event came from: server, address, browser, country. Rows that differ in nothing else are still different rows.

use crate::random::Dice;
use crate::world::World;

/// One origin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Origin {
    pub(crate) server: u32,
    pub(crate) remote_ip: u32,
    pub(crate) user_agent: u32,
    pub(crate) country: u32,
    pub(crate) region: u32,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
];
const SERVERS: [&str; 3] = ["app.example.test", "eu.app.example.test", "beta.example.test"];
const PLACES: [(&str, &str, f64, f64); 5] = [
    ("US", "NC", 35.78, -78.64),
    ("US", "CA", 37.77, -122.42),
    ("DE", "BE", 52.52, 13.4),
    ("GB", "ENG", 51.5, -0.12),
    ("JP", "13", 35.69, 139.69),
];

/// Makes a new origin out of a draw; addresses lie in the ranges kept for documentation.
pub(super) fn make(world: &mut World, dice: &mut Dice) -> u32 {
    let (country, region, latitude, longitude) = dice.pick(&PLACES).copied().unwrap_or(PLACES[0]);
    let net = dice.pick(&["192.0.2", "198.51.100", "203.0.113"]).copied().unwrap_or("192.0.2");
    let origin = Origin {
        server: world.texts.number(dice.pick(&SERVERS).copied().unwrap_or(SERVERS[0])),
        remote_ip: world.texts.number(&format!("{net}.{}", dice.between(1, 254))),
        user_agent: world.texts.number(dice.pick(&AGENTS).copied().unwrap_or(AGENTS[0])),
        country: world.texts.number(country),
        region: world.texts.number(region),
        latitude,
        longitude,
    };
    world.origins.push(origin);
    u32::try_from(world.origins.len() - 1).unwrap_or(0)
}

/// Keeps an origin and gives its number.
pub(super) fn put(world: &mut World, origin: Origin) -> u32 {
    let known = world.origins.iter().rposition(|known| *known == origin);
    let place = known.unwrap_or_else(|| {
        world.origins.push(origin);
        world.origins.len() - 1
    });
    u32::try_from(place).unwrap_or(0)
}
