//! Rows and totals as they stand in Pendo's answers.

use super::loose::{Text, count, whole};
use super::subject::member;
use crate::id::Kind;
use crate::time::Hour;
use crate::usage::property;
use crate::usage::row::Row;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The end of the year 9999, ms since 1970.
const LAST_MS: i64 = 253_402_300_799_999;

pub(super) fn read_row(kind: Kind, bytes: &[u8]) -> Result<Row<'_>, String> {
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

/// The values of so many properties, and what was added up of one more, as a row has them.
pub(super) fn read_properties(count: usize, has_amount: bool, bytes: &[u8]) -> Result<String, String> {
    let mut members: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let number = |name: &str| {
        let number = members.get(name).and_then(Value::as_f64);
        number.ok_or_else(|| format!("it has no {name} of a property that was asked for"))
    };
    let amount = if has_amount { Some([number("sum")?, number("least")?, number("most")?]) } else { None };
    Ok(property::written((0..count).map(|at| members.remove(&member(at))), amount))
}

/// A time in the years 1970 to 9999, the nearest if it is none: whatever Pendo says can be added to and shown. The newest of
/// several times stays the newest.
pub(super) fn in_calendar(ms: i64) -> i64 {
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
    pub(super) hour: Option<i64>,
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
    pub(super) last: Option<i64>,
    pub(super) sum: Option<f64>,
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
        assert_eq!(read_properties(4, false, bytes).unwrap(), r#"[12.5,"Pro",null,null]"#);
        let bytes = br#"{"visitorId":"v","hour":0,"events":2,"p0":"Pro","sum":3,"least":1e0,"most":2}"#;
        assert_eq!(read_properties(1, true, bytes).unwrap(), r#"["Pro",[3.0,1.0,2.0]]"#);
        assert!(read_properties(0, true, br#"{"visitorId":"v","hour":0,"events":2,"sum":3}"#).is_err());
    }

    #[test]
    fn a_row_without_visitor_or_hour_is_refused() {
        assert!(read_row(Kind::Event, br#"{"hour":0,"events":1}"#).is_err());
        assert!(read_row(Kind::Event, br#"{"visitorId":"v","events":1}"#).is_err());
    }
}
