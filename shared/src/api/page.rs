//! Paging of lists in the order of their ids: an opaque cursor names the last id that was given.

use super::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;

/// How many items a page holds when the caller does not say.
pub const LIMIT_DEFAULT: usize = 100;
/// The most items of a page.
pub const LIMIT_MAX: usize = 1000;

/// Reads `limit` from a query.
///
/// # Errors
/// 422 unless it is a whole number from 1 to 1000.
pub fn limit(query: &BTreeMap<&str, &str>, default: usize) -> Result<usize, Problem> {
    let Some(text) = query.get("limit") else { return Ok(default) };
    text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
        Problem::invalid("limit", "?limit", format!("\"limit\" must be a whole number from 1 to {LIMIT_MAX}."))
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
    let Some(text) = query.get("cursor") else { return Ok(None) };
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).map(Some).ok_or_else(|| {
        Problem::invalid("cursor", "?cursor", "This cursor is not one that was given out: begin without a cursor.")
    })
}

/// Cuts one page out of `items`, which stand in the order of `id`; answers it with the cursor of the next.
pub fn cut<T>(
    items: impl IntoIterator<Item = T>,
    id: impl Fn(&T) -> &str,
    after: Option<&str>,
    limit: usize,
) -> (Vec<T>, Option<String>) {
    let mut rest = items.into_iter().skip_while(|item| after.is_some_and(|after| id(item) <= after));
    let page: Vec<T> = rest.by_ref().take(limit).collect();
    let next = rest.next().and_then(|_| page.last().map(|last| cursor(id(last))));
    (page, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_once_and_the_last_has_no_cursor() {
        let items = ["a", "b", "c", "d", "e"];
        let (mut seen, mut after_id) = (Vec::new(), None);
        loop {
            let (page, next) = cut(items, |item| item, after_id.as_deref(), 2);
            seen.extend(page);
            let Some(next) = next else { break };
            after_id = after(&BTreeMap::from([("cursor", next.as_str())])).unwrap();
        }
        assert_eq!(seen, items);
        assert_eq!(cut(items, |item| item, None, 5).1, None);
    }

    #[test]
    fn limits_and_cursors_from_outside_are_checked() {
        for text in ["0", "1001", "-1", "ten", ""] {
            assert!(limit(&BTreeMap::from([("limit", text)]), 100).is_err(), "{text}");
        }
        assert!(after(&BTreeMap::from([("cursor", "***")])).is_err());
    }
}
