//! Paging of lists in the order of their ids: an opaque cursor names the last id that was given.

use super::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many items a page holds when the caller does not say.
pub const LIMIT_DEFAULT: usize = 100;
/// The most items of a page.
pub const LIMIT_MAX: usize = 1000;
/// The most bytes of a page's items: a function may answer 6 MB in all.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads `limit` from a query.
///
/// # Errors
/// 422 unless it is a whole number from 1 to 1000.
pub fn limit(query: &BTreeMap<&str, &str>, default: usize) -> Result<usize, Problem> {
    limit_to(query, default, LIMIT_MAX)
}

/// Reads `limit` from the query of a list whose items are large.
///
/// # Errors
/// 422 unless it is a whole number from 1 to `most`.
pub fn limit_to(query: &BTreeMap<&str, &str>, default: usize, most: usize) -> Result<usize, Problem> {
    number(query, "limit", default, most)
}

/// Reads a whole number from a query.
///
/// # Errors
/// 422 unless it is one from 1 to `most`.
pub fn number(query: &BTreeMap<&str, &str>, name: &'static str, default: usize, most: usize) -> Result<usize, Problem> {
    let Some(text) = query.get(name) else { return Ok(default) };
    text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
        Problem::invalid(name, format!("?{name}"), format!("\"{name}\" must be a whole number from 1 to {most}."))
    })
}

/// Writes a cursor that stands after `id`.
#[must_use]
pub fn cursor(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// Reads `cursor` from a query: the id after which the page begins.
///
/// # Errors
/// 422 if it is not one that was given out.
pub fn after(query: &BTreeMap<&str, &str>) -> Result<Option<String>, Problem> {
    after_as(query, |text| Some(text.to_owned()))
}

/// Reads `cursor` from a query: the place after which the page begins, as `parse` takes it.
///
/// # Errors
/// 422 if it is not one that was given out.
pub fn after_as<T>(query: &BTreeMap<&str, &str>, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.and_then(|text| parse(&text)).map(Some).ok_or_else(|| {
        Problem::invalid("cursor", "?cursor", "This cursor is not one that was given out: begin without a cursor.")
    })
}

/// One page of a list as it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Cuts one page out of `items`, which stand in the order of `id`. It ends at `limit` items, or earlier where `bytes` add
/// up to more than an answer may hold.
pub fn cut<T>(
    items: impl IntoIterator<Item = T>,
    id: impl Fn(&T) -> &str,
    bytes: impl Fn(&T) -> usize,
    after: Option<&str>,
    limit: usize,
) -> Listed<T> {
    let mut rest = items.into_iter().skip_while(|item| after.is_some_and(|after| id(item) <= after)).peekable();
    let (mut page, mut filled) = (Vec::new(), 0);
    while page.len() < limit
        && let Some(item) = rest.next_if(|item| page.is_empty() || filled + bytes(item) <= PAGE_BYTES_MAX)
    {
        filled += bytes(&item);
        page.push(item);
    }
    let next = rest.peek().and_then(|_| page.last().map(|last| cursor(id(last))));
    Listed { items: page, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_once_and_the_last_has_no_cursor() {
        let items = ["a", "b", "c", "d", "e"];
        let (mut seen, mut after_id) = (Vec::new(), None);
        loop {
            let page = cut(items, |item| item, |_| 1, after_id.as_deref(), 2);
            assert!(page.items.len() <= 2, "{:?}", page.items);
            seen.extend(page.items);
            let Some(next) = page.next else { break };
            after_id = after(&BTreeMap::from([("cursor", next.as_str())])).unwrap();
        }
        assert_eq!(seen, items);
        assert_eq!(cut(items, |item| item, |_| 1, None, 5).next, None);
    }

    #[test]
    fn a_page_of_heavy_items_ends_early_and_is_never_empty() {
        let items = ["a", "b", "c"];
        assert_eq!(cut(items, |item| item, |_| PAGE_BYTES_MAX / 2, None, 3).items, ["a", "b"]);
        assert_eq!(cut(items, |item| item, |_| PAGE_BYTES_MAX + 1, None, 3).items, ["a"]);
    }

    #[test]
    fn limits_and_cursors_from_outside_are_checked() {
        for text in ["0", "1001", "-1", "ten", ""] {
            assert!(limit(&BTreeMap::from([("limit", text)]), 100).is_err(), "{text}");
        }
        assert_eq!(limit(&BTreeMap::from([("limit", "1000")]), 100).unwrap(), 1000);
        assert!(after(&BTreeMap::from([("cursor", "***")])).is_err());
    }
}
