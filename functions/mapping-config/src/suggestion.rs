//! What else could be matched by: asked of Pendo only when few objects match.

use crate::source::pendo_problem;
use shared::api::Problem;
use shared::directory::Directory;
use shared::id::ObjectKind;
use shared::matching::{Candidate, Candidates, LevelReport, PendoKey, Report};
use shared::pendo::Client;
use shared::pendo::metadata::{self, MetadataField};
use shared::pendo::people::{Level, sample};

/// How many metadata fields are tried beside the id.
const KEYS_MAX: usize = 30;
/// How many visitors or accounts are looked at.
const PEOPLE_MAX: usize = 50_000;

/// Whether a level matches less than half of its objects.
pub(crate) fn is_needed(report: &Report, directory: &Directory) -> bool {
    let is_few =
        |level: &Option<LevelReport>, all: usize| level.as_ref().is_some_and(|level| level.objects.matched * 2 < all);
    is_few(&report.contact, directory.contacts.len()) || is_few(&report.account, directory.accounts.len())
}

/// Reads the values of what could be matched by.
pub(crate) async fn candidates(client: &Client) -> Result<Candidates, Problem> {
    let (visitor, account) = tokio::try_join!(
        level(client, Level::Visitors, ObjectKind::Contact),
        level(client, Level::Accounts, ObjectKind::Account)
    )?;
    Ok(Candidates { visitor, account })
}

async fn level(client: &Client, level: Level, kind: ObjectKind) -> Result<Vec<Candidate>, Problem> {
    let fields = metadata::fields(client, level).await.map_err(pendo_problem)?;
    let keys: Vec<PendoKey> = fields
        .iter()
        .filter(|field| is_worth_trying(field))
        .filter_map(|field| PendoKey::parse(kind, &field.path).ok())
        .take(KEYS_MAX)
        .collect();
    let mut found: Vec<Candidate> = keys.iter().map(|key| Candidate { key: key.clone(), values: Vec::new() }).collect();
    sample(client, level, &keys, PEOPLE_MAX, |id, values| {
        for (candidate, value) in found.iter_mut().zip(values) {
            let value = if candidate.key.is_id() { Some(id.clone()) } else { value };
            candidate.values.extend(value);
        }
    })
    .await
    .map_err(pendo_problem)?;
    Ok(found)
}

/// Texts and whole numbers name somebody; times, truths and Pendo's own automatic fields do not.
fn is_worth_trying(field: &MetadataField) -> bool {
    matches!(field.kind.as_str(), "string" | "integer" | "")
        && !field.path.starts_with("metadata.auto")
        && !field.path.starts_with("metadata.pendo")
}
