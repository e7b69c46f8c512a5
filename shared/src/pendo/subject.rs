//! What a question about usage is about: a kind, and of track events with properties, which ones. A kind only has a hash of those; a
//! client is told beforehand what they stand for.

use super::Client;
use crate::id::Kind;
use crate::usage::properties::Properties;
use serde_json::{Value, json};

/// A kind with what it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) kind: Kind,
    properties: Option<&'a Properties>,
}

impl<'a> Subject<'a> {
    /// A kind that needs no more words.
    pub(super) const fn plain(kind: Kind) -> Self {
        Self { kind, properties: None }
    }

    /// Some track types with some of their properties.
    pub(super) fn of(properties: &'a Properties) -> Self {
        Self { kind: Kind::Properties(properties.id()), properties: Some(properties) }
    }

    /// The stages that leave the wanted track types only, and where numbers are added up the events that have one.
    pub(super) fn stages(self) -> Vec<Value> {
        if !self.kind.is_properties() {
            return Vec::new();
        }
        let types = self.properties.into_iter().flat_map(|properties| &properties.types);
        let any: Vec<String> = types.map(|id| format!("trackTypeId == {}", json!(id))).collect();
        // What nobody has told of is nothing.
        let mut stages = vec![json!({"filter": if any.is_empty() { "1 == 2".to_owned() } else { any.join(" || ") }})];
        if let Some(name) = self.amount() {
            stages.push(json!({"filter": format!("!isNull(properties.{name}) && numEvents > 0")}));
            stages.extend(number_of(name));
            stages.push(json!({"filter": format!("!isNull({AMOUNT})")}));
        }
        stages
    }

    /// The property whose numbers Pendo adds up.
    pub(super) fn amount(self) -> Option<&'a str> {
        self.properties?.amount.as_deref()
    }

    /// The properties with the members under which rows have them, in their order.
    pub(super) fn members(self) -> impl Iterator<Item = (String, &'a str)> {
        let names = self.properties.into_iter().flat_map(|properties| &properties.names);
        names.enumerate().map(|(at, name)| (member(at), name.as_str()))
    }
}

/// The member that has the number of the property that is added up.
pub(super) const AMOUNT: &str = "amount";

/// The stages that make a number of a property, or null. Multiplied by one, a text is no property's least or greatest number,
/// whatever Pendo makes of its digits.
pub(super) fn number_of(name: &str) -> [Value; 1] {
    [json!({"eval": {AMOUNT: format!("properties.{name} * 1")}})]
}

/// The member that has the value of a property by its place: names of properties could be those of other members.
pub(super) fn member(at: usize) -> String {
    format!("p{at}")
}

impl Client {
    /// The same, told what the kinds of track events with properties stand for.
    #[must_use]
    pub fn naming(mut self, properties: impl IntoIterator<Item = Properties>) -> Self {
        self.named = properties.into_iter().map(|properties| (properties.id(), properties)).collect();
        self
    }

    pub(super) fn subject(&self, kind: Kind) -> Subject<'_> {
        let properties = match kind {
            Kind::Properties(id) => self.named.get(&id),
            _ => None,
        };
        Subject { kind, properties }
    }
}
