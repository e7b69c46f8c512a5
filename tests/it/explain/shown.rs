//! How an answer is read: its lists, its pages, and parts that add up.

use crate::harness::World;
use serde_json::Value;

pub(crate) fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value[member].as_array().unwrap()
}

/// Whether all that is given stands in what is shown, which may say more.
pub(crate) fn is_within(given: &Value, shown: &Value) -> bool {
    match given {
        Value::Object(members) => members.iter().all(|(name, value)| is_within(value, &shown[name])),
        other => other == shown,
    }
}

/// Sums of parts are those of the whole, and its times are their extremes.
pub(super) fn adds_to(parts: &[&Value], whole: &Value) {
    for name in ["rows", "events", "minutes"] {
        let sum: u64 = parts.iter().map(|part| part[name].as_u64().unwrap()).sum();
        assert_eq!(whole[name], sum, "{name} of {whole:#}");
    }
    let times = |name: &'static str| parts.iter().filter_map(move |part| part[name].as_str());
    assert_eq!(whole["first"].as_str(), times("first").min(), "{whole:#}");
    assert_eq!(whole["last"].as_str(), times("last").max(), "{whole:#}");
}

/// The first page, and the items of all pages. The rest of every page is the same.
pub(crate) async fn pages(world: &World, path: &str, limit: usize) -> (Value, Vec<Value>) {
    let (mut first, mut items, mut cursor) = (Value::Null, Vec::new(), String::new());
    loop {
        let mut page = world.get(&format!("{path}&limit={limit}{cursor}")).await.expect(200);
        let Value::Array(some) = page["items"].take() else { panic!("{page}") };
        let next = page["next"].take();
        assert!(some.len() <= limit && (!some.is_empty() || items.is_empty()), "{path}");
        items.extend(some);
        if first.is_null() {
            first = page;
        } else {
            assert_eq!(page, first);
        }
        match next.as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (first, items),
        }
    }
}
