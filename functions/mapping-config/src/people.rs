//! Pendo's visitors and accounts as the matching compares them: read from Pendo, kept in the table.

use crate::source::pendo_problem;
use shared::api::Problem;
use shared::connection::Connection;
use shared::context::Context;
use shared::erased::Erased;
use shared::id::WorkspaceId;
use shared::matching::{KnownAccount, KnownVisitor, Matching, PendoKey};
use shared::pendo::Client;
use shared::pendo::people::{Level, Person, read};
use shared::store::noun::People;
use shared::sync::people::keep;
use std::collections::BTreeMap;

/// Everybody whom Pendo lists and lets process, with the values that the rules name. A level that is not matched is not read.
pub(crate) struct Known {
    pub(crate) visitors: Vec<KnownVisitor>,
    pub(crate) accounts: Vec<KnownAccount>,
}

impl Known {
    /// Reads both levels from Pendo.
    pub(crate) async fn read(client: &Client, matching: &Matching, erased: &Erased) -> Result<Self, Problem> {
        let visitors = matching.contact.as_ref().map(|rule| &rule.pendo);
        let accounts = matching.account.as_ref().map(|rule| &rule.pendo);
        let (visitors, accounts) =
            tokio::try_join!(list(client, Level::Visitors, visitors), list(client, Level::Accounts, accounts))?;
        Ok(Self {
            visitors: visitors
                .into_iter()
                .filter(|(id, _)| !erased.holds(id))
                .map(|(id, value)| KnownVisitor { id, value })
                .collect(),
            accounts: accounts.into_iter().map(|(id, value)| KnownAccount { id, value }).collect(),
        })
    }

    /// Keeps what is new or differs; nobody is removed, since rows of theirs may stand.
    pub(crate) async fn keep(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        connection: &Connection,
    ) -> Result<(), Problem> {
        let visitors = self.visitors.iter().map(|visitor| (visitor.id.clone(), visitor.value.clone())).collect();
        let accounts = self.accounts.iter().map(|account| (account.id.clone(), account.value.clone())).collect();
        for (people, found) in [(People::Visitors, visitors), (People::Accounts, accounts)] {
            keep(&context.store, workspace, connection, people, &found, context.clock.now_ms()).await?;
        }
        Ok(())
    }
}

async fn list(
    client: &Client,
    level: Level,
    key: Option<&PendoKey>,
) -> Result<BTreeMap<String, Option<String>>, Problem> {
    let mut found = BTreeMap::new();
    if let Some(key) = key {
        let on_person = |person: Person| {
            if !person.is_erased {
                found.insert(person.id, person.value);
            }
        };
        read(client, level, key, None, on_person).await.map_err(pendo_problem)?;
    }
    Ok(found)
}
