//! Bodies from outside, parsed to what can't be wrong.

use schemars::JsonSchema;
use serde::Deserialize;
use shared::api::{Problem, Request};
use shared::pendo::Region;
use shared::secrets::{SecretString, parse_key};
use shared::time::{Hour, Zone, parse_instant};

/// `POST`, checked. The zone and the beginning are `None` where the caller leaves them.
pub(crate) struct Connect {
    pub(crate) region: Region,
    pub(crate) key: SecretString,
    pub(crate) time_zone: Option<Zone>,
    pub(crate) history_from: Option<Hour>,
}

/// `PATCH`, checked.
pub(crate) struct Change {
    pub(crate) time_zone: Option<Zone>,
    pub(crate) paused: Option<bool>,
}

/// What `POST` takes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectBody {
    /// Where the subscription lives: it stands in the address of your Pendo.
    #[schemars(with = "Region")]
    region: String,
    /// The integration key from Pendo's settings. Write access is not needed.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[!-~]+$"), extend("format" = "password"))]
    integration_key: String,
    /// The zone in which days are cut, an IANA name with whole-hour offsets; best Pendo's own. UTC if left out.
    #[schemars(extend("format" = "iana-time-zone"))]
    time_zone: Option<String>,
    /// How far back to read, a date or an instant in UTC that is not to come and not before 1970; everything if left out.
    #[schemars(extend("anyOf" = [{"type": ["string", "null"], "format": "date"}, {"type": "string", "format": "date-time"}]))]
    history_from: Option<String>,
}

/// What `PATCH` takes: one of them, or both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    {"required": ["time_zone"], "properties": {"time_zone": {"type": "string"}}},
    {"required": ["paused"], "properties": {"paused": {"type": "boolean"}}},
]))]
pub(crate) struct ChangeBody {
    /// The zone in which days are cut.
    #[schemars(extend("format" = "iana-time-zone"))]
    time_zone: Option<String>,
    /// Whether the sync rests.
    paused: Option<bool>,
}

pub(crate) fn parse_connect(request: &Request, now_ms: i64) -> Result<Connect, Problem> {
    let body: ConnectBody = request.json()?;
    let region = Region::parse(&body.region).ok_or_else(|| {
        let names: Vec<&str> = Region::ALL.iter().map(|region| region.name()).collect();
        let detail = format!(
            "There is no such region; choose one of {}: it stands in the address of your Pendo.",
            names.join(", ")
        );
        Problem::invalid("unknown-region", "/region", detail).with("regions", names)
    })?;
    let key = parse_key(&body.integration_key).map_err(|error| {
        let detail = format!("Not sent to Pendo: {error}. Copy the integration key again from Pendo's settings.");
        Problem::invalid("malformed-key", "/integration_key", detail)
    })?;
    let time_zone = body.time_zone.as_deref().map(zone).transpose()?;
    let history_from = body.history_from.as_deref().map(|text| beginning(text, now_ms)).transpose()?;
    Ok(Connect { region, key, time_zone, history_from })
}

pub(crate) fn parse_change(request: &Request) -> Result<Change, Problem> {
    let body: ChangeBody = request.json()?;
    if body.time_zone.is_none() && body.paused.is_none() {
        return Err(Problem::invalid(
            "nothing-to-change",
            "",
            "Nothing to change: give \"time_zone\", \"paused\" or both.",
        ));
    }
    Ok(Change { time_zone: body.time_zone.as_deref().map(zone).transpose()?, paused: body.paused })
}

fn zone(name: &str) -> Result<Zone, Problem> {
    Zone::parse(name).map_err(|error| Problem::invalid("time-zone", "/time_zone", format!("{error}.")))
}

fn beginning(text: &str, now_ms: i64) -> Result<Hour, Problem> {
    let invalid = |detail: &str| Problem::invalid("history-from", "/history_from", detail);
    let ms = parse_instant(text).ok_or_else(|| {
        invalid("\"history_from\" must be a date such as 2026-06-01, or an instant such as 2026-06-01T00:00:00Z.")
    })?;
    if ms > now_ms {
        return Err(invalid(
            "\"history_from\" lies in the future: give a day that has begun, or leave it out to read all history.",
        ));
    }
    if ms < 0 {
        return Err(invalid("\"history_from\" lies before 1970: leave it out to read all history."));
    }
    Ok(Hour::of_ms(ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::apigw::ApiGatewayV2httpRequest;

    const NOW_MS: i64 = 1_782_822_600_000; // 2026-06-30T12:30:00Z

    fn connect(body: &str) -> Result<Connect, Problem> {
        let mut event = ApiGatewayV2httpRequest::default();
        event.body = Some(body.to_owned());
        parse_connect(&Request::of(event), NOW_MS)
    }

    #[test]
    fn a_whole_body_is_taken() {
        let body = r#"{"region":"jpn","integration_key":" k-1 ","time_zone":"Asia/Tokyo","history_from":"2026-06-01"}"#;
        let asked = connect(body).ok().unwrap();
        assert_eq!(asked.region, Region::Jpn);
        assert_eq!(asked.time_zone.map(Zone::name), Some("Asia/Tokyo"));
        assert_eq!(asked.history_from, Some(Hour(494_520)));
    }

    #[test]
    fn each_fault_is_named_at_its_place() {
        for (body, pointer) in [
            (r#"{"region":"mars","integration_key":"k"}"#, "/region"),
            (r#"{"region":"us","integration_key":""}"#, "/integration_key"),
            (r#"{"region":"us","integration_key":"k","time_zone":"Asia/Kolkata"}"#, "/time_zone"),
            (r#"{"region":"us","integration_key":"k","time_zone":"Mars/Base"}"#, "/time_zone"),
            (r#"{"region":"us","integration_key":"k","history_from":"2026-07-01"}"#, "/history_from"),
            (r#"{"region":"us","integration_key":"k","history_from":"soon"}"#, "/history_from"),
            (r#"{"region":"us"}"#, "/integration_key"),
            (r#"{"region":"us","integration_key":"k","workspace":"other"}"#, "/workspace"),
        ] {
            let problem = connect(body).err().unwrap();
            assert_eq!((problem.status, problem.pointer.as_deref()), (422, Some(pointer)), "{body}");
        }
    }

    #[test]
    fn a_refused_body_never_repeats_the_key() {
        for body in [
            r#"{"region":"my secret key","integration_key":"my secret key"}"#,
            r#"{"region":"us","integration_key":["my secret key"]}"#,
            r#"{"region":"us","integration_key":"my secret key"}"#,
            r#"["my secret key"]"#,
        ] {
            assert!(!connect(body).err().unwrap().detail.contains("my secret key"), "{body}");
        }
    }
}
