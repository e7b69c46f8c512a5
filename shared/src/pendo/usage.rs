//! The two usage questions: a probe (fingerprints of many buckets) and a fetch (the rows of a few).
//!
//! Pendo's raw rows are split by server, address, browser and parameters; Pendo groups that away here, so that a row's key
//! is ours and stable. Hours are asked as milliseconds with `hourRange`, so that no zone is involved, and over all apps.

use super::answer::Answer;
use super::loose::{Text, count, whole};
use super::subject::{Subject, member};
use super::{Client, PendoError};
use crate::id::Kind;
use crate::planted::planted;
use crate::time::{DAY_MS, HOUR_MS, Hour, HourRange};
use crate::usage::fingerprint::Fingerprint;
use crate::usage::property;
use crate::usage::row::Row;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Which buckets a probe answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Hours in UTC.
    Hour,
    /// Days in UTC, named by their first hour.
    Day,
}

/// Of which apps and objects a question is asked. An hour too large for one answer is asked in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of all apps.
    All,
    /// All of one app.
    App(i64),
    /// These features, pages, guides or track types of one app.
    Objects(i64, Vec<String>),
}

/// The end of the year 9999, ms since 1970.
const LAST_MS: i64 = 253_402_300_799_999;

/// Guide events are chosen by Pendo's own window but bucketed by the server's time. A window is asked this much wider on both sides,
/// since which clock Pendo's window goes by is not documented.
const GUIDE_MARGIN_HOURS: i32 = 24;

pub(super) const fn source_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "events",
        Kind::Feature => "featureEvents",
        Kind::Guide => "guideEvents",
        Kind::Page => "pageEvents",
        Kind::Track | Kind::Properties(_) => "trackEvents",
    }
}

pub(super) const fn object_key(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Event => None,
        Kind::Feature => Some("featureId"),
        Kind::Guide => Some("guideId"),
        Kind::Page => Some("pageId"),
        Kind::Track | Kind::Properties(_) => Some("trackTypeId"),
    }
}

/// The stages up to rows with an `hour`. A guide event has no hour of its own: it takes the server's time.
pub(super) fn source(subject: Subject<'_>, range: HourRange, scope: &Scope) -> Vec<Value> {
    let kind = subject.kind;
    let name = source_name(kind);
    let apps = match scope {
        Scope::All if planted!(DefaultAppOnly) => Value::Null,
        Scope::All => json!("expandAppIds(\"*\")"),
        Scope::App(app) | Scope::Objects(app, _) => json!(app),
    };
    let margin = if kind == Kind::Guide { GUIDE_MARGIN_HOURS } else { 0 };
    let first = range.from.plus(-margin).start_ms();
    let count = range.len() + 2 * margin;
    let mut stages = vec![json!({"source": {
        name: {"appId": apps},
        "timeSeries": {"period": "hourRange", "first": first, "count": count},
    }})];
    stages.extend(subject.filter());
    if kind == Kind::Guide {
        let (from, to) = (range.from.start_ms(), range.to.start_ms());
        stages.push(json!({"filter": format!("receivedTime >= {from} && receivedTime < {to}")}));
        stages.push(json!({"eval": {"hour": format!("receivedTime - receivedTime % {HOUR_MS}")}}));
    }
    if let (Scope::Objects(_, ids), Some(key)) = (scope, object_key(kind)) {
        let any: Vec<String> = ids.iter().map(|id| format!("{key} == {}", json!(id))).collect();
        stages.push(json!({"filter": any.join(" || ")}));
    }
    stages
}

/// The stages up to our rows: identified visitors, grouped to our key.
pub(super) fn grouped(subject: Subject<'_>, range: HourRange, scope: &Scope) -> Vec<Value> {
    let kind = subject.kind;
    let mut keys = vec!["accountId", "visitorId", "appId"];
    keys.extend(object_key(kind));
    keys.truncate(if planted!(NarrowKey) { 2 } else { keys.len() });
    let members: Vec<(String, &str)> = subject.members().collect();
    keys.extend(members.iter().map(|(member, _)| member.as_str()));
    let fields = if kind == Kind::Guide {
        keys.push("type");
        json!([{"events": {"count": null}}, {"first": {"min": "receivedTime"}}, {"last": {"max": "receivedTime"}}])
    } else {
        json!([
            {"events": {"sum": "numEvents"}}, {"minutes": {"sum": "numMinutes"}},
            {"first": {"min": "firstTime"}}, {"last": {"max": "lastTime"}},
        ])
    };
    keys.push("hour");
    let mut stages = source(subject, range, scope);
    stages.push(json!({"identified": "visitorId"}));
    if !members.is_empty() {
        let path = |(member, name): &(String, &str)| (member.clone(), json!(format!("properties.{name}")));
        stages.push(json!({"eval": members.iter().map(path).collect::<Map<String, Value>>()}));
    }
    stages.push(json!({"group": {"group": keys, "fields": fields}}));
    stages
}

fn probe_pipeline(subject: Subject<'_>, range: HourRange, by: By, scope: &Scope) -> Value {
    let kind = subject.kind;
    let mut stages = grouped(subject, range, scope);
    let key = match by {
        By::Hour => {
            stages.push(json!({"eval": {"squares": "events * events"}}));
            "hour"
        }
        By::Day => {
            stages.push(json!({"eval": {"squares": "events * events", "utcDay": format!("hour - hour % {DAY_MS}")}}));
            "utcDay"
        }
    };
    let mut fields = vec![json!({"rows": {"count": null}}), json!({"events": {"sum": "events"}})];
    if kind != Kind::Guide {
        fields.push(json!({"minutes": {"sum": "minutes"}}));
    }
    fields.extend([json!({"squares": {"sum": "squares"}}), json!({"last": {"max": "last"}})]);
    stages.push(json!({"group": {"group": [key], "fields": fields}}));
    Value::Array(stages)
}

/// Asks Pendo for the fingerprints of the buckets in a range. A bucket without rows is absent.
///
/// # Errors
/// Pendo's.
pub async fn probe(
    client: &Client,
    kind: Kind,
    range: HourRange,
    by: By,
    scope: &Scope,
) -> Result<BTreeMap<Hour, Fingerprint>, PendoError> {
    let mut found: BTreeMap<Hour, Fingerprint> = BTreeMap::new();
    client
        .aggregate(&probe_pipeline(client.subject(kind), range, by, scope), |bytes| {
            let wire: WireTotals = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let hour = Hour::of_ms(wire.hour.or(wire.utc_day).ok_or("it has no hour")?);
            let is_asked = match by {
                By::Hour => range.holds(hour),
                By::Day => range.from.utc_day() <= hour.utc_day() && hour < range.to,
            };
            if is_asked {
                found.entry(hour).or_default().merge(&Fingerprint {
                    rows: wire.rows,
                    events: wire.events,
                    minutes: wire.minutes,
                    squares: wire.squares,
                    newest_ms: wire.last.map_or(0, in_calendar),
                });
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Rows on their way.
pub struct Fetching<'a> {
    answer: Answer<'a>,
    kind: Kind,
    range: HourRange,
    /// How many properties its rows have.
    properties: usize,
}

/// Asks Pendo for the rows of a range; they are taken with [`Fetching::more`].
///
/// # Errors
/// Pendo's.
pub async fn fetch<'a>(
    client: &'a Client,
    kind: Kind,
    range: HourRange,
    scope: &Scope,
) -> Result<Fetching<'a>, PendoError> {
    let subject = client.subject(kind);
    let properties = subject.members().count();
    Ok(Fetching { answer: client.ask(&Value::Array(grouped(subject, range, scope))).await?, kind, range, properties })
}

impl Fetching<'_> {
    /// Hands the rows that arrive next to `on_row`; answers whether there may be more. Rows outside the range are dropped.
    ///
    /// # Errors
    /// Pendo's; then nothing of what arrived may be used.
    pub async fn more(&mut self, mut on_row: impl FnMut(&Row<'_>)) -> Result<bool, PendoError> {
        let (kind, range, properties) = (self.kind, self.range, self.properties);
        self.answer
            .more(&mut |bytes: &[u8]| {
                let mut row = read_row(kind, bytes)?;
                if properties > 0 {
                    row.event_type = Cow::Owned(read_properties(properties, bytes)?);
                }
                if range.holds(row.hour) {
                    on_row(&row);
                }
                Ok(())
            })
            .await
    }
}

fn read_row(kind: Kind, bytes: &[u8]) -> Result<Row<'_>, String> {
    let wire: WireRow<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let hour = Hour::of_ms(wire.hour.ok_or("it has no hour")?);
    let object = match kind {
        Kind::Event => None,
        Kind::Feature => wire.feature_id,
        Kind::Guide => wire.guide_id,
        Kind::Page => wire.page_id,
        Kind::Track | Kind::Properties(_) => wire.track_type_id,
    };
    let event_type = match wire.event_type {
        // Raw guide types may carry a prefix: `ui:web:guideSeen`.
        Some(Text(text)) if kind == Kind::Guide => match text.rsplit_once(':') {
            Some((_, bare)) => Cow::Owned(bare.to_owned()),
            None => text,
        },
        _ => Cow::Borrowed(""),
    };
    Ok(Row {
        kind,
        hour,
        account: wire.account_id.map(|Text(text)| text).filter(|text| !text.is_empty()),
        visitor: wire.visitor_id.map(|Text(text)| text).ok_or("it has no visitorId")?,
        app: wire.app_id.unwrap_or_default(),
        object: object.map(|Text(text)| text).unwrap_or_default(),
        event_type,
        events: wire.events,
        minutes: wire.minutes,
        first_ms: wire.first.map_or_else(|| hour.start_ms(), in_calendar),
        last_ms: wire.last.map_or_else(|| hour.start_ms(), in_calendar),
    })
}

/// The values of so many properties, as a row has them.
fn read_properties(count: usize, bytes: &[u8]) -> Result<String, String> {
    let mut members: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(property::written((0..count).map(|at| members.remove(&member(at)))))
}

/// A time in the years 1970 to 9999, the nearest if it is none: whatever Pendo says can be added to and shown. The newest of
/// several times stays the newest.
fn in_calendar(ms: i64) -> i64 {
    ms.clamp(0, LAST_MS)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRow<'a> {
    #[serde(borrow)]
    account_id: Option<Text<'a>>,
    #[serde(borrow)]
    visitor_id: Option<Text<'a>>,
    #[serde(borrow)]
    feature_id: Option<Text<'a>>,
    #[serde(borrow)]
    page_id: Option<Text<'a>>,
    #[serde(borrow)]
    guide_id: Option<Text<'a>>,
    #[serde(borrow)]
    track_type_id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    event_type: Option<Text<'a>>,
    #[serde(default, deserialize_with = "whole")]
    app_id: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    hour: Option<i64>,
    #[serde(default, deserialize_with = "count")]
    events: u64,
    #[serde(default, deserialize_with = "count")]
    minutes: u64,
    #[serde(default, deserialize_with = "whole")]
    first: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    last: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTotals {
    #[serde(default, deserialize_with = "whole")]
    hour: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    pub(super) utc_day: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    pub(super) span: Option<i64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) rows: u64,
    #[serde(default, deserialize_with = "count")]
    pub(super) events: u64,
    #[serde(default, deserialize_with = "count")]
    pub(super) minutes: u64,
    #[serde(default, deserialize_with = "count")]
    pub(super) squares: u64,
    #[serde(default, deserialize_with = "whole")]
    last: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct WirePart<'a> {
    #[serde(borrow)]
    pub(super) part: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_whatever_form_its_numbers_have() {
        let bytes = br#"{"accountId":"","visitorId":"a\"b","appId":"-323232","featureId":"f1","hour":1767258000000.0,"events":3,"minutes":null,"first":1767258000001,"last":"1767258000009","extra":[1]}"#;
        let row = read_row(Kind::Feature, bytes).unwrap();
        assert_eq!(
            (row.account.as_deref(), row.visitor.as_ref(), row.app, row.events, row.minutes),
            (None, "a\"b", -323_232, 3, 0)
        );
        assert_eq!((row.hour.start_ms(), row.last_ms), (1_767_258_000_000, 1_767_258_000_009));
    }

    #[test]
    fn a_time_that_no_calendar_has_becomes_the_nearest_one() {
        let bytes = br#"{"visitorId":"v","hour":0,"events":1,"first":-9223372036854775808,"last":9223372036854775807}"#;
        let row = read_row(Kind::Event, bytes).unwrap();
        assert_eq!((row.first_ms, row.last_ms), (0, 253_402_300_799_999));
        assert_eq!(crate::time::to_the_second(row.last_ms), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_guide_type_loses_its_prefix() {
        let row =
            read_row(Kind::Guide, br#"{"visitorId":"v","guideId":"g","type":"ui:web:guideSeen","hour":0,"events":1}"#)
                .unwrap();
        assert_eq!((row.event_type.as_ref(), row.object.as_ref()), ("guideSeen", "g"));
    }

    #[test]
    fn properties_are_kept_in_their_order_whatever_they_are() {
        let bytes = br#"{"visitorId":"v","trackTypeId":"t","hour":0,"events":2,"p1":"Pro","p0":12.50,"p2":null}"#;
        assert_eq!(read_properties(4, bytes).unwrap(), r#"[12.5,"Pro",null,null]"#);
    }

    #[test]
    fn track_events_with_properties_are_asked_for_by_type_and_told_apart_by_value() {
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let properties =
            crate::usage::properties::Properties { types: set(&["a\"b"]), names: set(&["plan", "accountId"]) };
        let range = HourRange { from: Hour(0), to: Hour(1) };
        let stages = grouped(Subject::of(&properties), range, &Scope::All);
        assert_eq!(stages[1], json!({"filter": r#"trackTypeId == "a\"b""#}));
        assert_eq!(stages[3], json!({"eval": {"p0": "properties.accountId", "p1": "properties.plan"}}));
        assert_eq!(
            stages[4]["group"]["group"],
            json!(["accountId", "visitorId", "appId", "trackTypeId", "p0", "p1", "hour"])
        );
    }

    #[test]
    fn a_row_without_visitor_or_hour_is_refused() {
        assert!(read_row(Kind::Event, br#"{"hour":0,"events":1}"#).is_err());
        assert!(read_row(Kind::Event, br#"{"visitorId":"v","events":1}"#).is_err());
    }
}
