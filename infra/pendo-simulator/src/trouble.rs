//! Troubles: what a share of the requests can meet, many kinds at once. Those that garble a good answer stand here too.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// One way in which a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// 429 without a `Retry-After`.
    TooMany,
    /// 429 that asks for no pause.
    TooManyNow,
    /// 429 with a `Retry-After` that is no number of seconds.
    TooManyAbsurd,
    /// 500 with HTML.
    Error500,
    /// 502 with HTML.
    Error502,
    /// 503 without a body.
    Error503,
    /// 504, as when an aggregation takes too long.
    Timeout,
    /// 400 on a good question.
    BadRequest,
    /// The connection breaks before the first byte of the body.
    Reset,
    /// The connection breaks in the middle of the body.
    Cut,
    /// The body ends in the middle of its JSON, and the connection is fine.
    CutCleanly,
    /// The body is shorter than `Content-Length` says.
    TooShort,
    /// The body is longer than `Content-Length` says.
    TooLong,
    /// The body drips.
    Drip,
    /// 200 with a page of HTML.
    Html,
    /// No rows.
    Empty,
    /// `"results": null`.
    NullResults,
    /// Half of the rows, without a word.
    Shrink,
    /// A small answer that is one row of a quarter of a gigabyte once it is unpacked.
    Bomb,
    /// Numbers as text.
    NumbersAsText,
    /// Members that nobody documents.
    UnknownFields,
    /// Rows without one of their members.
    MissingFields,
    /// Rows of hours that nobody asked for, on top.
    Outside,
    /// Every third row twice.
    Duplicates,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Trouble; 24] = [
        Trouble::TooMany,
        Trouble::TooManyNow,
        Trouble::TooManyAbsurd,
        Trouble::Error500,
        Trouble::Error502,
        Trouble::Error503,
        Trouble::Timeout,
        Trouble::BadRequest,
        Trouble::Reset,
        Trouble::Cut,
        Trouble::CutCleanly,
        Trouble::TooShort,
        Trouble::TooLong,
        Trouble::Drip,
        Trouble::Html,
        Trouble::Empty,
        Trouble::NullResults,
        Trouble::Shrink,
        Trouble::Bomb,
        Trouble::NumbersAsText,
        Trouble::UnknownFields,
        Trouble::MissingFields,
        Trouble::Outside,
        Trouble::Duplicates,
    ];

    /// The `Retry-After` of a 429; `number` picks one of the absurd ones.
    pub(crate) fn retry_after(self, number: u64) -> Option<&'static str> {
        const ABSURD: [&str; 4] = ["-1", "99999999999999999999999", "soon", "Tue, 30 Jun 2037 12:00:00 GMT"];
        match self {
            Trouble::TooManyNow => Some("0"),
            Trouble::TooManyAbsurd => Some(ABSURD[usize::try_from(number % 4).unwrap_or_default()]),
            _ => None,
        }
    }

    /// Garbles the body of a good answer; anything but a list of rows under `results` stays as it is.
    pub(crate) fn garble(self, body: &[u8]) -> Vec<u8> {
        let Ok(Json::Object(mut frame)) = serde_json::from_slice::<Json>(body) else { return body.to_vec() };
        let Some(Json::Array(rows)) = frame.get_mut("results") else { return body.to_vec() };
        match self {
            Trouble::Empty => rows.clear(),
            Trouble::Shrink => rows.truncate(rows.len() / 2),
            Trouble::NullResults => drop(frame.insert("results".to_owned(), Json::Null)),
            Trouble::Duplicates => *rows = rows.iter().enumerate().flat_map(doubled).collect(),
            Trouble::NumbersAsText => rows.iter_mut().for_each(|row| each(row, as_text)),
            Trouble::UnknownFields => {
                rows.iter_mut().filter_map(Json::as_object_mut).for_each(unknown);
                frame.insert("warnings".to_owned(), serde_json::json!([{"results": [1, {"a": "]}"}]}, "x"]));
            }
            Trouble::MissingFields => {
                rows.iter_mut().enumerate().for_each(|(place, row)| without_one(place, row));
            }
            Trouble::Outside => {
                let moved: Vec<Json> =
                    rows.iter().take(3).cloned().enumerate().map(|(n, row)| elsewhere(n, row)).collect();
                rows.extend(moved);
            }
            _ => {}
        }
        serde_json::to_vec(&frame).unwrap_or_default()
    }

    /// Whether [`Trouble::garble`] knows what to do.
    pub(crate) fn garbles(self) -> bool {
        matches!(
            self,
            Trouble::Empty
                | Trouble::Shrink
                | Trouble::NullResults
                | Trouble::Duplicates
                | Trouble::NumbersAsText
                | Trouble::UnknownFields
                | Trouble::MissingFields
                | Trouble::Outside
        )
    }
}

fn doubled((place, row): (usize, &Json)) -> Vec<Json> {
    vec![row.clone(); if place.is_multiple_of(3) { 2 } else { 1 }]
}

fn each(row: &mut Json, change: fn(&mut Json)) {
    row.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(change);
}

fn as_text(value: &mut Json) {
    if let Json::Number(number) = value {
        *value = Json::String(number.to_string());
    }
}

fn unknown(row: &mut Map<String, Json>) {
    row.insert("Hour".to_owned(), Json::from(1));
    row.insert("nested".to_owned(), serde_json::json!({"events": [9, {"visitorId": "}]"}], "\"": null}));
}

/// Another member for each row, so that one answer lacks all of them.
fn without_one(place: usize, row: &mut Json) {
    let Some(row) = row.as_object_mut() else { return };
    // Not the keys that Pendo itself may leave out, such as an account that is none.
    let names = ["hour", "visitorId", "events", "utcDay", "rows"];
    for name in names.iter().cycle().skip(place % names.len()).take(names.len()) {
        if row.remove(*name).is_some() {
            return;
        }
    }
}

/// The row, moved a year to the past or to the future.
fn elsewhere(n: usize, mut row: Json) -> Json {
    const YEAR_MS: i64 = 365 * 24 * 3_600_000;
    for name in ["hour", "utcDay"] {
        if let Some(at) = row.get(name).and_then(Json::as_f64) {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
            let at = at as i64;
            row[name] = Json::from(if n.is_multiple_of(2) { at + YEAR_MS } else { at - YEAR_MS });
        }
    }
    row
}
