//! `docs/api.md`: the document for people.

use crate::asked::{Asked, all};
use shared::api::Level;
use shared::api::page::{LIMIT_DEFAULT, LIMIT_MAX};
use shared::api::request::{CONFIGURATION_BYTES_MAX, FILE_BYTES_MAX, UPLOAD_BYTES_MAX};
use shared::api::tries::TRIES_MAX;
use shared::directory::ROWS_MAX;
use shared::fields::{
    FIELDS_MAX, FORMULA_DEPTH_MAX, FORMULA_LEVELS_MAX, FORMULA_TERMS_MAX, IDS_MAX, NAME_CHARS_MAX, ROLLING_DAYS_MAX,
    VERSIONS_MAX,
};
use shared::trail::RETENTION_DAYS;
use std::fmt::Write;

/// Requests a second, and at once, as the template's stage has them: of all routes, and of the connection's.
pub(crate) const RATE: u32 = 50;
pub(crate) const BURST: u32 = 100;
pub(crate) const CONNECTION_RATE: u32 = 5;
pub(crate) const CONNECTION_BURST: u32 = 10;

pub(crate) const TOKENS: &str = "A JWT in `Authorization: Bearer`. Its claims name the workspace and the access level. To configure, the level must be exactly the text \
    `high`; any level reads values and status. Which claims these are is set when the stack is deployed.";
pub(crate) const IDEMPOTENCY: &str = "1 to 255 printable ASCII characters. However often a request is sent with one key within a day, it has one effect and one answer. \
    The key with another body or route answers 409.";
pub(crate) const IF_MATCH: &str =
    "An `ETag` that was read. If something else stands by now the answer is 412 and nothing is changed.";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = format!(
        "# The API\n\n\
         Made from the code, as [openapi.json](openapi.json) is: `UPDATE=1 cargo test -p tests --test contract document` writes both, and a test fails when they are not what \
         the code does. Each example below is run as a test. What the numbers mean stands in the [README](../README.md) and in [architecture](architecture.md#what-a-number-means).\n\n\
         ## What holds everywhere\n\n\
         **Tokens.** {TOKENS} Customers' ids stand in the query, never in the path, and nothing but the token names a workspace: what belongs to another one is answered like what is not there.\n\n\
         **Refusals** are problem details (RFC 9457, `application/problem+json`): `type` is a stable name, `detail` one sentence that says what to do, `pointer` the place (a JSON pointer into the \
         body, or `?name` in the query), `request_id` leads to the log and also stands in the header `x-request-id`. 400 can't be read, 403 not allowed, 404 not there, 405 with `Allow`, 409 not as things stand, \
         412 changed since it was read, 413 too large, 415 another media type, 422 makes no sense, 429 too often, 503; the last two with `Retry-After`. The gateway itself answers 401, 404 for paths that are none, and 429, with a `message`.\n\n\
         **Pages.** A list answers `items` and `next`; send `next` as `?cursor=` for the next page, null is the last. `limit` is {LIMIT_DEFAULT} unless you say otherwise, at most {LIMIT_MAX}.\n\n\
         **`Idempotency-Key`.** {IDEMPOTENCY}\n\n\
         **`If-Match`.** {IF_MATCH}\n\n\
         **Limits.** {} KB for a body of JSON, {} MB for one that holds a whole configuration, {} MB and {ROWS_MAX} rows for an upload; {FIELDS_MAX} fields, of each the last {VERSIONS_MAX} versions; {IDS_MAX} objects and {NAME_CHARS_MAX} characters of name for a field, windows of 1 to {ROLLING_DAYS_MAX} days; \
         {FORMULA_TERMS_MAX} fields, columns and numbers in a formula, {FORMULA_DEPTH_MAX} brackets and signs within each other, and {FORMULA_LEVELS_MAX} formulas upon each other; changes are listed for \
         {RETENTION_DAYS} days; the first line and the headers of a request 10 KB. Names that are not known, in a body or a query, are refused.\n\n\
         **Rate.** A workspace that has tried {TRIES_MAX} keys within a minute without one that Pendo takes waits until the minute is over: 429 with `Retry-After` (counted by each warm process of the function). Deployed, the gateway takes {RATE} requests \
         a second from all workspaces together, in bursts of at most {BURST}, and {CONNECTION_RATE} (at once {CONNECTION_BURST}) of them on `/v1/connection`; what is more answers 429 and is to be asked again a moment later. So a flood of keys leaves the other \
         routes as they are; on one route all workspaces share the rate. The local command has no gateway's rate.\n\n\
         | | | for | level |\n| --- | --- | --- | --- |\n",
        CONFIGURATION_BYTES_MAX / 1024,
        FILE_BYTES_MAX / 1024 / 1024,
        UPLOAD_BYTES_MAX / 1024 / 1024,
    );
    for asked in all() {
        let anchor = asked.id.to_lowercase();
        let first = asked.summary.split_inclusive(". ").next().unwrap_or_default().trim();
        writeln!(page, "| `{}` | [`{}`](#{anchor}) | {first} | {} |", asked.method, asked.path, level(&asked)).unwrap();
    }
    all().iter().for_each(|asked| section(&mut page, asked));
    page
}

fn level(asked: &Asked) -> &'static str {
    match asked.level {
        Level::High => "`high`",
        Level::Any => "any",
    }
}

fn section(page: &mut String, asked: &Asked) {
    writeln!(
        page,
        "\n## {}\n\n`{} {}` · level {}\n\n{}\n",
        asked.id,
        asked.method,
        asked.path,
        level(asked),
        asked.summary
    )
    .unwrap();
    if !asked.query.is_empty() {
        page.push_str("| query | |\n| --- | --- |\n");
        for parameter in asked.query {
            writeln!(page, "| `{}` | {} |", parameter.name, parameter.about).unwrap();
        }
        page.push('\n');
    }
    let mut curl =
        format!("curl -s -X {} \"$A{}\" -H \"authorization: Bearer $TOKEN\"", asked.method, asked.example("$ID"));
    if let Some(body) = asked.body {
        let text = body.example.replace('\n', "\\n");
        let quoted = if body.shape.is_some() { format!("'{text}'") } else { format!("$'{text}'") };
        write!(curl, " -H 'content-type: {}' \\\n  --data-binary {quoted}", body.types[0]).unwrap();
    }
    writeln!(page, "```sh\n{curl}\n```\n").unwrap();
    let shapes = asked.replies.iter().map(|(status, shape)| match (status, shape) {
        (204, _) => "204 without a body".to_owned(),
        (status, None) => format!("{status} as `text/csv`"),
        (status, Some(_)) => format!("{status}"),
    });
    let mut said = format!("Answers {}", shapes.collect::<Vec<_>>().join(", or "));
    for (is_so, words) in [
        (asked.answers_etag, "; with an `ETag`"),
        (asked.is_creating, "; takes an `Idempotency-Key`"),
        (asked.takes_if_match, "; takes `If-Match`"),
    ] {
        said.push_str(if is_so { words } else { "" });
    }
    if let Some(body) = asked.body.filter(|body| body.types.len() > 1) {
        write!(said, "; takes {}", body.types.join(" or ")).unwrap();
    }
    writeln!(page, "{said}.").unwrap();
}
