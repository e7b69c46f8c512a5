//! EventBridge `PutEvents` onto the log of events.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{BUS, Refusal, unknown_operation, uuid};
use crate::events::{Event, Events, Fault};

/// A call may have so many events.
const ENTRIES_MAX: usize = 10;
/// They must have fewer bytes than this.
const ENTRIES_BYTES: usize = 256 * 1024;
/// What a time counts as, however it is written.
const TIME_BYTES: usize = 14;
/// Characters of a detail type. EventBridge says of longer ones that they are taken, and drops them; here it is told.
const DETAIL_TYPE_MAX: usize = 128;

pub(super) fn call(events: &Events, operation: &str, input: &Value) -> Result<Value, Refusal> {
    match operation {
        "PutEvents" => put_events(events, input),
        _ => Err(unknown_operation(operation)),
    }
}

/// Each event for itself: some may be taken and others not, in one answer with status 200.
fn put_events(events: &Events, input: &Value) -> Result<Value, Refusal> {
    let entries = input.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        let bound = if entries.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
        let message = format!("Value at 'entries' failed to satisfy constraint: Member must have length {bound}");
        return Err(Refusal::bad_request("ValidationException", message));
    }
    if entries.iter().map(bytes).sum::<usize>() >= ENTRIES_BYTES {
        let message = "Total size of the entries in the request is over the limit.";
        return Err(Refusal::bad_request("ValidationException", message));
    }
    entries.iter().try_for_each(check_bus)?;
    let fault = events.next_fault();
    if fault == Some(Fault::Fails) {
        return Err(internal());
    }
    let (mut answers, mut failed) = (Vec::new(), 0);
    for (at, entry) in entries.iter().enumerate() {
        let read = if fault == Some(Fault::Throttles(at)) { Err(THROTTLED) } else { event(entry) };
        answers.push(match read {
            Ok(event) => {
                let answer = json!({"EventId": event.id});
                events.take(event);
                answer
            }
            Err((code, message)) => {
                failed += 1;
                json!({"ErrorCode": code, "ErrorMessage": message})
            }
        });
    }
    if fault == Some(Fault::LosesAnswer) {
        return Err(internal());
    }
    Ok(json!({"FailedEntryCount": failed, "Entries": answers}))
}

/// Why an event alone is not taken: code and message.
type Reason = (&'static str, &'static str);

const THROTTLED: Reason = ("ThrottlingException", "Rate exceeded");
const NO_SOURCE: Reason = ("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument.");
const NO_DETAIL_TYPE: Reason =
    ("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument.");
const LONG_DETAIL_TYPE: Reason =
    ("InvalidArgument", "Parameter DetailType is not valid. Reason: it has more than 128 characters.");
const NO_DETAIL: Reason = ("InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument.");
const MALFORMED: Reason = ("MalformedDetail", "Detail is malformed.");
const FOREIGN_SOURCE: Reason = ("NotAuthorizedForSourceException", "Not authorized for the source.");

fn event(entry: &Value) -> Result<Event, Reason> {
    let member = |name| text(entry, name).filter(|text| !text.is_empty());
    let source = member("Source").ok_or(NO_SOURCE)?;
    let detail_type = member("DetailType").ok_or(NO_DETAIL_TYPE)?;
    let detail = member("Detail").ok_or(NO_DETAIL)?;
    if source.starts_with("aws.") {
        return Err(FOREIGN_SOURCE);
    }
    if detail_type.chars().count() > DETAIL_TYPE_MAX {
        return Err(LONG_DETAIL_TYPE);
    }
    let detail: Value = serde_json::from_str(detail).map_err(|_| MALFORMED)?;
    if !detail.is_object() {
        return Err(MALFORMED);
    }
    Ok(Event {
        id: uuid(),
        source: source.to_owned(),
        detail_type: detail_type.to_owned(),
        time_ms: entry.get("Time").and_then(seconds).map(|seconds| seconds * 1_000),
        detail,
    })
}

/// The whole seconds of an instant, which the protocol writes with a fraction or without.
fn seconds(time: &Value) -> Option<i64> {
    time.as_number()?.to_string().split('.').next()?.parse().ok()
}

/// Another bus than this one. With an account's own rights EventBridge says that it took the events, and drops them; a function's
/// role has this bus only.
fn check_bus(entry: &Value) -> Result<(), Refusal> {
    let name = text(entry, "EventBusName").unwrap_or("default");
    if name == BUS || name.strip_prefix("arn:").and_then(|arn| arn.rsplit(":event-bus/").next()) == Some(BUS) {
        return Ok(());
    }
    let message = format!("not authorized to perform: events:PutEvents on resource: {name}");
    Err(Refusal::bad_request("AccessDeniedException", message))
}

/// An event's size as EventBridge counts it.
fn bytes(entry: &Value) -> usize {
    let texts = ["Source", "DetailType", "Detail"].into_iter().filter_map(|name| text(entry, name));
    let resources = entry.get("Resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let time = if entry.get("Time").is_some_and(|time| !time.is_null()) { TIME_BYTES } else { 0 };
    texts.chain(resources.iter().filter_map(Value::as_str)).map(str::len).sum::<usize>() + time
}

fn text<'a>(entry: &'a Value, member: &str) -> Option<&'a str> {
    entry.get(member).and_then(Value::as_str)
}

fn internal() -> Refusal {
    let message = "The service has trouble of its own.".to_owned();
    Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, kind: "InternalException", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(changes: Value) -> Value {
        let mut entry = json!({"EventBusName": BUS, "Source": "s", "DetailType": "t", "Detail": "{}", "Time": 1.5});
        for (name, value) in changes.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    }

    fn put(entries: &[Value]) -> Result<Value, Refusal> {
        call(&Events::default(), "PutEvents", &json!({"Entries": entries}))
    }

    /// Why the call is refused.
    fn refusal(entries: &[Value]) -> &'static str {
        put(entries).unwrap_err().kind
    }

    /// Why an event is not taken, beside one that is.
    fn code(changes: Value) -> String {
        let answer = put(&[entry(json!({})), entry(changes)]).unwrap();
        assert_eq!(answer["FailedEntryCount"], 1);
        assert!(answer["Entries"][0]["EventId"].is_string() && answer["Entries"][1]["EventId"].is_null());
        answer["Entries"][1]["ErrorCode"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_call_is_refused_for_its_number_its_size_and_its_bus() {
        assert_eq!(refusal(&[]), "ValidationException");
        assert!(put(&vec![entry(json!({})); 10]).is_ok());
        assert_eq!(refusal(&vec![entry(json!({})); 11]), "ValidationException");
        // Source, type and time are sixteen bytes, and `{"a":""}` is eight.
        let of = |bytes: usize| entry(json!({"Detail": json!({"a": "x".repeat(bytes - 16 - 8)}).to_string()}));
        assert!(put(&[of(ENTRIES_BYTES - 1)]).is_ok());
        assert_eq!(refusal(&[of(ENTRIES_BYTES)]), "ValidationException");
        assert_eq!(refusal(&[of(ENTRIES_BYTES / 2), of(ENTRIES_BYTES / 2)]), "ValidationException");
        assert_eq!(refusal(&[entry(json!({"EventBusName": "another"}))]), "AccessDeniedException");
        assert_eq!(refusal(&[entry(json!({"EventBusName": null}))]), "AccessDeniedException");
        let arn = format!("arn:aws:events:us-east-1:000000000000:event-bus/{BUS}");
        assert!(put(&[entry(json!({"EventBusName": arn}))]).is_ok());
        assert_eq!(call(&Events::default(), "PutRule", &json!({})).unwrap_err().kind, "UnknownOperationException");
    }

    #[test]
    fn an_event_alone_is_not_taken_for_what_it_lacks_or_says() {
        for name in ["Source", "DetailType", "Detail"] {
            assert_eq!(code(json!({name: null})), "InvalidArgument");
            assert_eq!(code(json!({name: ""})), "InvalidArgument");
        }
        assert_eq!(code(json!({"DetailType": "t".repeat(129)})), "InvalidArgument");
        for detail in ["{", "[]", "1", "null", "{} {}"] {
            assert_eq!(code(json!({"Detail": detail})), "MalformedDetail");
        }
        assert_eq!(code(json!({"Source": "aws.ec2"})), "NotAuthorizedForSourceException");
    }

    #[test]
    fn an_instant_has_whole_seconds() {
        for (written, read) in [(json!(1.999), Some(1)), (json!(1), Some(1)), (json!(0), Some(0)), (json!("1"), None)] {
            assert_eq!(seconds(&written), read);
        }
        assert_eq!(seconds(&json!(1_782_820_800.123)), Some(1_782_820_800));
    }
}
