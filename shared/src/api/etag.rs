//! `ETag` and `If-Match`: a change that is meant for what the caller has read, and for nothing newer.

use super::{Problem, Request};
use serde::Serialize;
use twox_hash::XxHash3_64;

/// The tag of what stands: equal only where version and content are. The version alone would do within one life of a
/// connection, but it begins anew after a purge.
///
/// # Errors
/// 500 when the content can't be written.
pub fn etag(version: u64, content: &impl Serialize) -> Result<String, Problem> {
    let content = serde_json::to_vec(content).map_err(Problem::internal)?;
    Ok(format!("\"{version}-{:016x}\"", XxHash3_64::oneshot(&content)))
}

/// Lets pass a request without `If-Match`, and one that names what stands.
///
/// # Errors
/// 412 when something else stands, or nothing does.
pub fn refuse_stale(request: &Request, stands: Option<&str>) -> Result<(), Problem> {
    let Some(wanted) = request.if_match() else { return Ok(()) };
    let is_meant = |tag: &str| tag == "*" || Some(tag) == stands;
    if stands.is_some() && wanted.split(',').any(|tag| is_meant(tag.trim())) {
        return Ok(());
    }
    Err(Problem::new(
        412,
        "changed-since",
        "This is not what \"If-Match\" names any more: read it again, and repeat the change if it still makes sense.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::tests::event;

    fn status(if_match: Option<&str>, stands: Option<&str>) -> u16 {
        let mut event = event("PUT", "/v1/matching");
        if let Some(if_match) = if_match {
            event.headers.insert("if-match", if_match.parse().unwrap());
        }
        refuse_stale(&Request::of(event), stands).map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn only_what_is_named_may_be_changed() {
        let one = etag(1, &"content").unwrap();
        for (if_match, stands, expected) in [
            (None, Some("\"1\""), 200),
            (None, None, 200),
            (Some("*"), Some("\"1\""), 200),
            (Some("*"), None, 412),
            (Some("\"1\""), Some("\"1\""), 200),
            (Some("\"0\", \"1\""), Some("\"1\""), 200),
            (Some("W/\"1\""), Some("\"1\""), 412),
            (Some("1"), Some("\"1\""), 412),
            (Some("\"1\""), None, 412),
            (Some(""), Some("\"1\""), 412),
            (Some(one.as_str()), Some(one.as_str()), 200),
        ] {
            assert_eq!(status(if_match, stands), expected, "{if_match:?} {stands:?}");
        }
    }

    #[test]
    fn a_tag_tells_versions_and_contents_apart() {
        let tag = |version, content: &str| etag(version, &content).unwrap();
        assert_eq!(tag(1, "a"), tag(1, "a"));
        assert_ne!(tag(1, "a"), tag(2, "a"));
        assert_ne!(tag(1, "a"), tag(1, "b"));
    }
}
