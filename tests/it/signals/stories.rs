//! Golden stories, for people who read no code: a folder each in `tests/it/stories`, with what customers did (`usage.csv`), the
//! rules (`fields.json`, `signals.json`), what people did meanwhile (`actions.json`), and what was told on which day and why
//! (`events.csv`). Every day the sync runs at half past twelve. `UPDATE=1` writes what is told now.

use crate::harness::{Reply, World, both_levels, ms, used};
use crate::signals::told;
use futures_util::future::join_all;
use pendo_simulator::{Kind, Options};
use reqwest::Method;
use serde_json::{Value, json};
use shared::time::{DAY_MS, to_the_second};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/stories")
}

fn read(story: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(story.join(name)).ok()
}

fn list(story: &Path, name: &str) -> Vec<Value> {
    read(story, name).map_or_else(Vec::new, |text| serde_json::from_str(&text).unwrap())
}

/// A line of `usage.csv`: the day, who, how much, and the day on which Pendo has it.
struct Used {
    day: String,
    account: String,
    visitor: String,
    events: u32,
    arrives: String,
}

fn usage(story: &Path) -> Vec<Used> {
    let text = read(story, "usage.csv").unwrap();
    let line = |line: &str| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default().to_owned();
        let arrives = Some(cell(4)).filter(|day| !day.is_empty()).unwrap_or_else(|| cell(0));
        Used { day: cell(0), account: cell(1), visitor: cell(2), events: cell(3).parse().unwrap(), arrives }
    };
    text.lines().skip(1).filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// Does what somebody did; names in braces stand for ids.
async fn act(world: &World, action: &Value) {
    let mut path = action["path"].as_str().unwrap().to_owned();
    for list in ["signals", "fields"] {
        for item in world.get(&format!("/v1/{list}")).await.expect(200)["items"].as_array().unwrap() {
            path = path.replace(&format!("{{{}}}", item["name"].as_str().unwrap()), item["id"].as_str().unwrap());
        }
    }
    let reply: Reply = match action["csv"].as_str() {
        Some(csv) => world.upload_as(path.trim_start_matches("/v1/directory/"), "text/csv", csv).await,
        None => {
            let method = Method::from_bytes(action["method"].as_str().unwrap_or("POST").as_bytes()).unwrap();
            world.call(method, &path, &[], &action["body"]).await
        }
    };
    assert!(reply.status < 300, "{path}: {}", reply.text);
    world.idle().await;
}

/// A number, a text or a list as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map_or_else(String::new, |number| ((number * 100.0).round() / 100.0).to_string())
        }
        Value::Null => "nothing".to_owned(),
        other => other.to_string().replace('"', ""),
    }
}

/// What a comparison was: the fact, what it was, and what it was held against.
fn reason(because: &Value) -> String {
    let of = |names: &[&str]| names.iter().find_map(|name| because.get(*name)).map(plain);
    let days = ["for_days", "crossed_within_days", "days_ago", "days"];
    let days = days.into_iter().filter_map(|name| Some(format!(" {name} {}", plain(because.get(name)?))));
    let other =
        because.get("other").and_then(Value::as_object).into_iter().flatten().map(|(_, name)| plain(name)).next();
    let target = match other {
        Some(other) => format!(
            "{} x {other} = {}",
            of(&["times"]).unwrap_or_else(|| "1".to_owned()),
            of(&["against"]).unwrap_or_default()
        ),
        None => of(&["value", "values", "by_percent"]).unwrap_or_default(),
    };
    let fact = of(&["field", "column", "health", "stage"]).unwrap_or_default();
    format!("{fact} was {}: {} {target}{}", plain(&because["was"]), plain(&because["is"]), days.collect::<String>())
}

/// An event as a line for people: day, rule, object, what, why.
fn shown(event: &Value) -> String {
    let day = &event["at"].as_str().unwrap()[..10];
    let of = |pointer: &str| event.pointer(pointer).map(plain).unwrap_or_default();
    let mut what = of("/what");
    let envelope = ["id", "at", "signal", "object", "because", "what", "drivers"];
    for (name, value) in event.as_object().unwrap().iter().filter(|(name, _)| !envelope.contains(&name.as_str())) {
        write!(what, " {name}={}", plain(value)).unwrap();
    }
    let list = |name: &str| event[name].as_array().cloned().unwrap_or_default();
    let drivers = list("drivers");
    let drivers = drivers.iter().map(|driver| {
        format!("{} was {} and costs {}", plain(&driver["input"]), plain(&driver["was"]), plain(&driver["costs"]))
    });
    let why: Vec<String> = list("because").iter().map(reason).chain(drivers).collect();
    format!("{day},{},{},{what},{}\n", of("/signal/name"), of("/object/id"), why.join(" & ").replace(',', ";"))
}

async fn tell(story: &Path) -> String {
    let usage = usage(story);
    let first = usage.iter().map(|used| used.arrives.clone()).min().unwrap();
    let last = list(story, "story.json").first().map_or_else(
        || usage.iter().map(|used| used.arrives.clone()).max().unwrap(),
        |of| of["until"].as_str().unwrap().to_owned(),
    );
    let world = World::kept_in(Options::empty(), None, &format!("{first}T12:30:00Z")).await;
    world.connect().await;
    for name in ["accounts", "contacts"] {
        if let Some(csv) = read(story, &format!("{name}.csv")) {
            world.upload(name, &csv).await;
        }
    }
    world.matching(&both_levels()).await;
    world.fields(&list(story, "fields.json")).await;
    let actions = list(story, "actions.json");
    let days = (ms(&format!("{last}T12:30:00Z")) - ms(&format!("{first}T12:30:00Z"))) / DAY_MS;
    for n in 0..=days {
        let day = to_the_second(world.stack.clock().now_ms())[..10].to_owned();
        for row in usage.iter().filter(|row| row.arrives == day) {
            let at = format!("{}T10:15:00Z", row.day);
            world.pendo().inject(used(Kind::Event, &row.visitor, Some(&row.account), &at, row.events));
        }
        world.tick().await;
        if n == 0 {
            for signal in list(story, "signals.json") {
                world.post("/v1/signals", &signal).await.expect(201);
                world.idle().await;
            }
        }
        for action in actions.iter().filter(|action| action["on"] == json!(day)) {
            act(&world, action).await;
        }
        if n < days {
            world.advance(24);
        }
    }
    let events = told(&world).await;
    // What was told is what went out, each event at least once and each with an id of its own.
    let ids = |events: &[Value]| -> std::collections::BTreeSet<String> {
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    let out: Vec<Value> = world.stack.events().newest().into_iter().map(|event| event.detail).collect();
    assert_eq!(ids(&events), ids(&out));
    assert_eq!(ids(&events).len(), events.len());
    let lines: String = events.iter().map(shown).collect();
    format!("day,signal,object,what,why\n{lines}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_tells_what_its_folder_says() {
    let mut stories: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    stories.sort();
    assert!(stories.len() >= 5, "{stories:?}");
    let mut wrong = Vec::new();
    let told = join_all(stories.iter().map(|story| tell(story))).await;
    for (is, story) in told.into_iter().zip(&stories) {
        if std::env::vars().any(|(name, value)| (name.as_str(), value.as_str()) == ("UPDATE", "1")) {
            std::fs::write(story.join("events.csv"), &is).unwrap();
        }
        let wanted = read(story, "events.csv").unwrap_or_default();
        if is != wanted {
            wrong.push(format!("{}:\nis\n{is}\nshould be\n{wanted}", story.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
