//! Who may ask. A key that is missing, wrong or of another region is answered 403 with an empty body, and nothing tells them apart.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use crate::http::answer;
use crate::options::Options;
use crate::region::Region;
use crate::state::State;

const HEADER: &str = "x-pendo-integration-key";

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    /// The other subscription's data.
    pub(super) foreign: bool,
    pub(super) write: bool,
}

/// What a request's key opens on the host that it was sent to; nothing for nothing.
pub(super) fn access(options: &Options, headers: &HeaderMap) -> Option<Access> {
    let key = headers.get(HEADER)?.to_str().ok()?;
    let region = region(options, headers)?;
    let opens = |given: &Option<String>| given.as_deref() == Some(key);
    let access = |foreign, write| (region == options.region).then_some(Access { foreign, write });
    if key == options.key || opens(&options.second_key) {
        return access(false, false);
    }
    if opens(&options.write_key) {
        return access(false, true);
    }
    if opens(&options.foreign_key) {
        return access(true, false);
    }
    let (other, home) = options.other_region_key.as_ref()?;
    (other == key && *home == region && region != options.region).then_some(Access { foreign: true, write: false })
}

fn region(options: &Options, headers: &HeaderMap) -> Option<Region> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    if host.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("app1.pendo.io")) {
        return options.app1.then_some(Region::Us1);
    }
    Some(Region::of_host(host).unwrap_or(options.region))
}

/// `GET /api/v1/token/verify`
pub(super) async fn verify(Shared(state): Shared<Arc<State>>, Extension(access): Extension<Access>) -> Response {
    if state.faults().verify_missing {
        return answer::text(StatusCode::NOT_FOUND, "404 page not found");
    }
    answer::value(&json!({"valid": true, "writeAccess": access.write}))
}
