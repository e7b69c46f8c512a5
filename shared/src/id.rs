//! Names of things, as types that can't be wrong. Arithmetic and parsing only.

use rand::RngExt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A workspace, the tenant. It comes from verified token claims only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct WorkspaceId(String);

impl WorkspaceId {
    /// Parses the claim: 1 to 128 visible ASCII characters without `#`, which separates the parts of a table key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        is_good.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the log calls it: sixteen digits that are the same for the same workspace and say nothing else of it.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{:016x}", twox_hash::XxHash3_64::oneshot(self.0.as_bytes()))
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One life of a connection: fresh and random each time a workspace connects, so that nothing of an earlier life can be
/// taken for this one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(String);

impl ConnectionId {
    /// A fresh id: 128 random bits in hexadecimal.
    #[must_use]
    pub fn random() -> Self {
        Self(random_hex())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a calculated field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FieldId(String);

impl FieldId {
    /// A fresh id: 128 random bits in hexadecimal.
    #[must_use]
    pub fn random() -> Self {
        Self(random_hex())
    }

    /// Takes an id as a caller sent it; whether it exists is the store's answer.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a signal's rule: an indicator, a health score, a playbook or a journey.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SignalId(String);

impl SignalId {
    /// A fresh id: 128 random bits in hexadecimal.
    #[must_use]
    pub fn random() -> Self {
        Self(random_hex())
    }

    /// Takes an id as a caller sent it; whether it exists is the store's answer.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SignalId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for FieldId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// 128 random bits as 32 hexadecimal digits.
#[must_use]
pub fn random_hex() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// What usage is read by: Pendo's object types, and track events with properties. `Event` is all activity and is never added to
/// the others; nor are `Properties`, which are track events read once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// All activity without guides.
    Event,
    /// Clicks on tagged features.
    Feature,
    /// Guide events (seen, advanced, dismissed …).
    Guide,
    /// Views of tagged pages.
    Page,
    /// Track events.
    Track,
    /// The events of some track types, told apart by some of their properties.
    Properties(PropertiesId),
}

/// Which track types and properties: a hash of their names ([`crate::usage::properties::Properties::id`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertiesId(pub u64);

impl Kind {
    /// Every kind that a definition can name, in the order of their names.
    pub const ALL: [Self; 5] = [Self::Event, Self::Feature, Self::Guide, Self::Page, Self::Track];

    /// The name for people; of those that definitions know, as it stands there.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Feature => "feature",
            Self::Guide => "guide",
            Self::Page => "page",
            Self::Track => "track",
            Self::Properties(_) => "track with properties",
        }
    }

    /// The kind whose catalogue has its objects.
    #[must_use]
    pub const fn listed(self) -> Self {
        match self {
            Self::Properties(_) => Self::Track,
            kind => kind,
        }
    }

    /// Whether it is track events told apart by properties.
    #[must_use]
    pub const fn is_properties(self) -> bool {
        matches!(self, Self::Properties(_))
    }
}

/// As it stands in answers and documents: `track`, or `track:` and sixteen digits for a set of properties.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Properties(PropertiesId(id)) => write!(f, "track:{id:016x}"),
            kind => f.write_str(kind.name()),
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("\"{text}\" is no kind");
        match text.strip_prefix("track:") {
            Some(id) => {
                let id = u64::from_str_radix(id, 16).map_err(|_| unknown())?;
                Ok(Self::Properties(PropertiesId(id)))
            }
            None => Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(unknown),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Kind {
    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "anyOf": [
            {"type": "string", "enum": Self::ALL.map(Self::name)}, {"type": "string", "pattern": "^track:[0-9a-f]{16}$"}],
            "description": "What usage is read by: Pendo's object types, and track events told apart by properties (`track:` and sixteen digits). `event` is all activity; nothing of one kind is added to another."})
    }
}

/// The two kinds of Catalyst objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A customer.
    Account,
    /// A person at a customer.
    Contact,
}

impl ObjectKind {
    /// The name as it stands in definitions, exports and keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contact => "contact",
        }
    }
}

/// A visitor inside blocks: a 64-bit hash of Pendo's visitor id. The visitor index holds the id itself once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitorHash(pub u64);

impl VisitorHash {
    /// Hashes Pendo's visitor id with XXH3-64, seed 0: stable across versions and machines.
    #[must_use]
    pub fn of(visitor_id: &str) -> Self {
        Self(twox_hash::XxHash3_64::oneshot(visitor_id.as_bytes()))
    }
}
