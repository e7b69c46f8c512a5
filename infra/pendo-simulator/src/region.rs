//! Pendo's five regions and their hosts. A key works on its own region's host only.

use std::str::FromStr;

/// A Pendo region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// The United States, the first of them.
    #[default]
    Us,
    /// The United States, the second one.
    Us1,
    /// The European Union.
    Eu,
    /// Japan.
    Jpn,
    /// Australia.
    Au,
}

impl Region {
    /// All regions.
    pub const ALL: [Region; 5] = [Region::Us, Region::Us1, Region::Eu, Region::Jpn, Region::Au];

    /// The short name.
    pub fn name(self) -> &'static str {
        match self {
            Region::Us => "us",
            Region::Us1 => "us1",
            Region::Eu => "eu",
            Region::Jpn => "jpn",
            Region::Au => "au",
        }
    }

    /// The host of the API.
    pub fn host(self) -> &'static str {
        match self {
            Region::Us => "app.pendo.io",
            Region::Us1 => "us1.app.pendo.io",
            Region::Eu => "app.eu.pendo.io",
            Region::Jpn => "app.jpn.pendo.io",
            Region::Au => "app.au.pendo.io",
        }
    }

    /// The region behind a `Host` header, its port aside.
    pub fn of_host(host: &str) -> Option<Region> {
        let name = host.split(':').next().unwrap_or(host);
        Region::ALL.into_iter().find(|region| region.host().eq_ignore_ascii_case(name))
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Region, String> {
        let found = Region::ALL.into_iter().find(|region| region.name() == text);
        found.ok_or_else(|| format!("unknown region {text:?}: use us, us1, eu, jpn or au"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_names_its_region_whatever_its_port_and_case() {
        assert_eq!(Region::of_host("App.EU.pendo.io:443"), Some(Region::Eu));
        assert_eq!(Region::of_host("127.0.0.1:8788"), None);
    }
}
