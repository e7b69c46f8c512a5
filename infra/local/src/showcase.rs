//! What the signals came to, in a few lines: who is ready for more, who is worst off and why, who moved on by itself, and
//! what a playbook did.

use std::collections::HashMap;

use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::overview;
use crate::reasons::{list, number, plain, reasons, shown, text};

/// Inputs of a health score that are named.
const DRIVERS: usize = 3;

/// The section, unless no signal stands. What the API refuses is told in its place.
pub async fn section(api: &Api) -> Option<String> {
    let signals = match api.all_items("/v1/signals").await {
        Ok(signals) if signals.is_empty() => return None,
        Ok(signals) => signals,
        Err(error) => return Some(format!("Signals\n\n{error}")),
    };
    let names = names(api).await;
    let parts = [
        indicator(api, &signals, &names).await,
        health(api, &signals, &names).await,
        journey(api, &names).await,
        playbook(api, &signals).await,
    ];
    let lines: Vec<String> =
        parts.into_iter().filter_map(|part| part.unwrap_or_else(|error| Some(error.to_string()))).collect();
    Some(format!("Signals\n\n{}", lines.join("\n")))
}

/// What accounts and contacts are called, by level and id.
type Names = HashMap<(&'static str, String), String>;

async fn names(api: &Api) -> Names {
    let mut all = Names::new();
    for (level, list) in [("account", "accounts"), ("contact", "contacts")] {
        let items = api.all_items(&format!("/v1/directory/{list}?limit=1000")).await.unwrap_or_default();
        all.extend(overview::names(&items).into_iter().map(|(id, name)| ((level, id), name)));
    }
    all
}

/// The name of an object, else its id.
fn name<'a>(names: &'a Names, level: &str, id: &'a str) -> &'a str {
    let key = |level| names.get(&(level, id.to_owned()));
    let found = if level == "account" { key("account") } else { key("contact") };
    found.map_or(id, String::as_str)
}

/// Every object that the signals of a kind hold, each behind its signal.
async fn held<'a>(api: &Api, signals: &'a [Value], kind: &str) -> Result<Vec<(&'a Value, Value)>, ApiError> {
    let mut all = Vec::new();
    for signal in of_kind(signals, kind) {
        let path = format!("/v1/signals/{}/objects?held=true&limit=100", text(signal, "/id"));
        all.extend(api.all_items(&path).await?.into_iter().map(|object| (signal, object)));
    }
    Ok(all)
}

fn of_kind<'a>(signals: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    signals.iter().filter(move |signal| text(signal, "/kind") == kind)
}

async fn indicator(api: &Api, signals: &[Value], names: &Names) -> Result<Option<String>, ApiError> {
    let held = held(api, signals, "indicator").await?;
    let strength = |object: &Value| number(object, "/state/strength").unwrap_or_default();
    let strongest = held.iter().min_by(|(_, one), (_, other)| strength(other).total_cmp(&strength(one)));
    Ok(strongest.map(|(signal, object)| fires(signal, object, names)))
}

fn fires(signal: &Value, object: &Value, names: &Names) -> String {
    let strength = number(object, "/state/strength").unwrap_or_default();
    format!(
        "{} · \"{}\" fires with strength {} of 100: {}.",
        name(names, text(signal, "/object"), text(object, "/id")),
        text(signal, "/name"),
        plain(strength),
        reasons(object)
    )
}

async fn health(api: &Api, signals: &[Value], names: &Names) -> Result<Option<String>, ApiError> {
    let held = held(api, signals, "health").await?;
    let score = |object: &Value| number(object, "/state/score").unwrap_or(f64::INFINITY);
    let lowest = held.iter().min_by(|(_, one), (_, other)| score(one).total_cmp(&score(other)));
    Ok(lowest.map(|(signal, object)| scores(signal, object, names)))
}

fn scores(signal: &Value, object: &Value, names: &Names) -> String {
    let driver = |driver: &Value| {
        let was = driver.get("was").map_or_else(String::new, shown);
        let costs = to_a_tenth(driver, "/costs");
        format!("{} costs {costs} (it is {was})", text(driver, "/input"))
    };
    let drivers: Vec<String> = list(object, "/state/drivers").iter().take(DRIVERS).map(driver).collect();
    let veto = match text(object, "/state/vetoed_by") {
        "" => String::new(),
        input => format!("; {input} holds it down"),
    };
    format!(
        "{} · {} {} of 100, {}: {}{veto}.",
        name(names, text(signal, "/object"), text(object, "/id")),
        text(signal, "/name"),
        to_a_tenth(object, "/state/score"),
        text(object, "/state/band"),
        drivers.join(", ")
    )
}

async fn journey(api: &Api, names: &Names) -> Result<Option<String>, ApiError> {
    let events = api.all_items("/v1/signals/events?limit=1000").await?;
    let is_own = |event: &&Value| text(event, "/what") == "stage_entered" && text(event, "/by") == "behaviour";
    Ok(events.iter().find(is_own).map(|event| moved_on(event, names)))
}

fn moved_on(event: &Value, names: &Names) -> String {
    let from = match text(event, "/from") {
        "" => String::new(),
        stage => format!(" from \"{stage}\""),
    };
    format!(
        "{} · {}: came{from} into \"{}\" by itself on {}: {}.",
        name(names, text(event, "/object/level"), text(event, "/object/id")),
        text(event, "/signal/name"),
        text(event, "/stage"),
        text(event, "/at").get(..10).unwrap_or_default(),
        reasons(event)
    )
}

async fn playbook(api: &Api, signals: &[Value]) -> Result<Option<String>, ApiError> {
    let measured = of_kind(signals, "playbook").find(|playbook| playbook.pointer("/rule/measure").is_some());
    let Some(playbook) = measured else { return Ok(None) };
    let impact = api.get(&format!("/v1/signals/{}/impact", text(playbook, "/id"))).await?;
    Ok(Some(did(playbook, &impact)))
}

fn did(playbook: &Value, impact: &Value) -> String {
    let count = |pointer: &str| plain(number(impact, pointer).unwrap_or_default());
    let verdict = match text(impact, "/verdict/kind") {
        "measured" => format!(
            "{} {} participants beside {} others that had not entered.",
            text(impact, "/verdict/said"),
            count("/verdict/treated"),
            count("/verdict/controls")
        ),
        "not_enough_data" => format!(
            "Nothing can be concluded: both windows of {} participants are over, and {} are needed.",
            count("/verdict/measured"),
            count("/verdict/needed")
        ),
        _ => format!("Nothing can be concluded. {}", text(impact, "/verdict/why")),
    };
    let alone = match impact.get("before_and_after").filter(|means| means.is_object()) {
        None => String::new(),
        Some(means) => {
            let percent = number(means, "/change_percent").map(|percent| format!(" ({percent:+.0} %)"));
            format!(
                "\n  Participants alone, compared with nobody: {} before, {} after{}; that credits it with whatever moved everybody.",
                to_a_tenth(means, "/before"),
                to_a_tenth(means, "/after"),
                percent.unwrap_or_default()
            )
        }
    };
    let [name, field] = ["/name", "/rule/measure/field"].map(|pointer| text(playbook, pointer));
    format!(
        "{name} · {field}, {} days: {verdict}{alone}",
        plain(number(playbook, "/rule/measure/window_days").unwrap_or_default())
    )
}

/// A number as it is read, to a tenth.
fn to_a_tenth(value: &Value, pointer: &str) -> String {
    plain((number(value, pointer).unwrap_or_default() * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn northwind() -> Names {
        Names::from([(("account", "A-1".to_owned()), "Northwind Ltd".to_owned())])
    }

    #[test]
    fn an_indicator_a_score_and_a_stage_are_told_with_their_reasons() {
        let wau = json!({"field": "WAU", "is": "at_least", "value": 3.0, "was": 4.0});
        let signal = json!({"name": "Many", "object": "account"});
        let object = json!({"id": "A-1", "state": {"strength": 70}, "because": [wau]});
        let told = "Northwind Ltd · \"Many\" fires with strength 70 of 100: WAU is 4, at least 3.";
        assert_eq!(fires(&signal, &object, &northwind()), told);
        let drivers = json!([
            {"input": "Trend", "costs": 30.04, "was": -1.0}, {"input": "Mood", "costs": 5.0, "was": {"why": "empty"}},
            {"input": "Seats", "costs": 4.0, "was": 0.5}, {"input": "Silence", "costs": 1.0, "was": 2.0},
        ]);
        let state = json!({"score": 30.0, "band": "poor", "drivers": drivers, "vetoed_by": "Trend"});
        let told = "A-2 · Many 30 of 100, poor: Trend costs 30 (it is -1), Mood costs 5 (it is not known), Seats costs 4 \
                    (it is 0.5); Trend holds it down.";
        assert_eq!(scores(&signal, &json!({"id": "A-2", "state": state}), &northwind()), told);
        let event = json!({"object": {"level": "account", "id": "A-1"}, "signal": {"name": "Adoption"}, "from": "Trying",
            "stage": "Habit", "at": "2026-06-29T12:30:00Z", "because": [wau]});
        let told = "Northwind Ltd · Adoption: came from \"Trying\" into \"Habit\" by itself on 2026-06-29: WAU is 4, at least 3.";
        assert_eq!(moved_on(&event, &northwind()), told);
    }

    #[test]
    fn an_impact_is_told_with_its_interval_or_with_why_there_is_none() {
        let playbook = json!({"name": "Bring back", "rule": {"measure": {"field": "Events 7d", "window_days": 28}}});
        let verdict = json!({"kind": "measured", "said": "No effect.", "treated": 40, "controls": 90});
        let means = json!({"before": 10.0, "after": 12.04, "change_percent": 20.4});
        let told = did(&playbook, &json!({"verdict": verdict, "before_and_after": means}));
        assert_eq!(
            told,
            "Bring back · Events 7d, 28 days: No effect. 40 participants beside 90 others that had not entered.\n  \
             Participants alone, compared with nobody: 10 before, 12 after (+20 %); that credits it with whatever moved everybody."
        );
        let verdict = json!({"kind": "not_enough_data", "measured": 3, "needed": 20});
        let told = did(&playbook, &json!({"verdict": verdict, "before_and_after": null}));
        assert!(told.ends_with("both windows of 3 participants are over, and 20 are needed."), "{told}");
    }
}
