//! From what stands to what a file wants: checked, saved, and what it sets off.

use super::shown::{ConfigurationChange, ExclusionsChange, FieldChanges, MatchingChange};
use super::state::State;
use crate::checks::{self, KnownIds};
use crate::matching::{refuse_unknown, refuse_used_level};
use crate::people::Known;
use crate::{edit, estimate, exclusions, fields, formulas, properties};
use serde_json::{Value, json};
use shared::api::{Problem, nudge};
use shared::configuration::{Configuration, Difference};
use shared::connection::Connection;
use shared::context::Context;
use shared::exclusions::Standing;
use shared::fields::{Definition, Field};
use shared::id::{Kind, WorkspaceId};
use shared::matching::{KeptMatching, Matching};
use shared::pendo::Client;
use shared::queue::Job;
use shared::store::configuration::Wanted;
use shared::store::{StoreError, Versioned};
use shared::trail::{Asker, Line};
use shared::usage::properties::Properties;
use shared::values::count;
use std::collections::BTreeSet;

/// What a file makes of what stands.
pub(super) struct Change {
    stands: State,
    /// The matching that is wanted; `None` where there was none and the file has none.
    matching: Option<Matching>,
    /// The exclusions that are wanted.
    exclusions: Standing,
    difference: Difference,
}

impl Change {
    pub(super) fn of(stands: State, file: &Configuration, prunes: bool, by: &Asker) -> Self {
        let difference = match &file.fields {
            Some(wanted) => Difference::of(&stands.fields.value, wanted, prunes, by.at_ms(), by.subject()),
            None => Difference {
                not_in_file: stands.fields.value.clone(),
                fields: stands.fields.value.clone(),
                ..Difference::default()
            },
        };
        let matching = file.matching.as_ref().or(stands.matching()).cloned();
        let exclusions = match &file.exclusions {
            Some(wanted) if *wanted != stands.exclusions.value.exclusions => {
                Standing { exclusions: wanted.clone(), changed_at_ms: by.at_ms() }
            }
            _ => stands.exclusions.value.clone(),
        };
        Self { stands, matching, exclusions, difference }
    }

    fn are_exclusions_changed(&self) -> bool {
        self.exclusions != self.stands.exclusions.value
    }

    fn is_matching_changed(&self) -> bool {
        self.matching.as_ref() != self.stands.matching()
    }

    /// What the kinds of the fields that are to stand are about.
    pub(super) fn properties(&self) -> Vec<Properties> {
        properties::of_fields(&self.difference.fields)
    }

    /// Whether what stands is what is wanted.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_matching_changed() && !self.are_exclusions_changed() && self.difference.is_empty()
    }

    /// All that is checked where a field is created or edited and where the matching is saved, with the place in the file.
    pub(super) async fn refuse_impossible(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        (connection, client): (&Connection, &Client),
        body: &Value,
    ) -> Result<(), Problem> {
        let fields = &self.difference.fields;
        checks::refuse_too_many(fields.len()).map_err(|problem| problem.below("/fields"))?;
        properties::refuse_too_many(fields).map_err(|problem| problem.at("/fields"))?;
        let matching = self.matching.clone().unwrap_or_default();
        for (at, _, field) in self.difference.set() {
            let place = format!("/fields/{at}");
            checks::refuse_unmatched(&matching, field.definition.object).map_err(|problem| problem.below(&place))?;
        }
        self.refuse_incoherent(context, workspace).await?;
        if self.is_matching_changed() {
            refuse_used_level(fields, &matching).map_err(|problem| problem.below("/matching"))?;
            let directory = context.store.directory_get(workspace).await?;
            refuse_unknown(client, &directory, &matching).await.map_err(|problem| problem.below("/matching"))?;
        }
        let before = Some(&self.stands.exclusions.value.exclusions);
        let sent = (body, "/exclusions");
        exclusions::refuse_unknown(context, workspace, &self.exclusions.exclusions, before, sent).await?;
        let definitions = || {
            let set = self.difference.set();
            set.map(|(at, before, after)| (at, before.map(|before| &before.definition), &after.definition))
        };
        let to_ask = definitions().filter_map(|(_, before, definition)| checks::kind_to_ask(definition, before));
        let known = KnownIds::read(context, workspace, client, to_ask.collect()).await?;
        for (at, before, definition) in definitions() {
            let place = format!("/fields/{at}");
            let sent = body.pointer(&place).unwrap_or(&Value::Null);
            known.refuse_others(definition, before, sent).map_err(|problem| problem.below(&place))?;
            let unknown = exclusions::refuse_unknown_in_field(context, workspace, definition, before, sent);
            unknown.await.map_err(|problem| problem.below(&place))?;
            let (stood, now_ms) = (&self.stands.fields.value, context.clock.now_ms());
            let checked = properties::checked(client, connection, definition, stood, now_ms);
            checked.await.map_err(|problem| problem.below(&place))?;
        }
        Ok(())
    }

    /// Formulas are judged by all that will stand: a file may bring, change or take away what they use together with them.
    async fn refuse_incoherent(&self, context: &Context, workspace: &WorkspaceId) -> Result<(), Problem> {
        let fields = &self.difference.fields;
        for gone in &self.difference.deleted {
            formulas::refuse_used(gone, fields).map_err(|problem| problem.at("?prune"))?;
        }
        let set = || self.difference.set().map(|(at, _, field)| (at, field));
        let columns = formulas::columns(context, workspace, set().map(|(_, field)| &field.definition)).await?;
        for (place, field) in set() {
            let Some(at) = fields.iter().position(|other| other.id == field.id) else { continue };
            let place = format!("/fields/{place}");
            formulas::refuse_unfit(fields, at, &columns).map_err(|problem| problem.below(&place))?;
        }
        Ok(())
    }

    /// Saves all of it and answers what stands then; `None` where somebody else has changed something since it was read.
    pub(super) async fn save(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        connection: &Connection,
        client: &Client,
        by: &Asker,
    ) -> Result<Option<State>, Problem> {
        let store = &context.store;
        let people = match &self.matching {
            Some(matching) if self.is_matching_changed() => {
                let erased = store.erased_get(workspace, connection).await?.value;
                Some(Known::read(client, matching, &erased).await?)
            }
            _ => None,
        };
        store.versions_keep(workspace, self.difference.changed.iter().map(|change| &change.before)).await?;
        let stood = self.stands.matching.as_ref().map(|stands| stands.value.clone());
        let kept = self.matching.clone().map(|matching| KeptMatching::after(stood, matching));
        let matching = kept.as_ref().map(|value| {
            let read = self.stands.matching.as_ref().map_or(0, |stands| stands.version);
            Wanted { value, read, is_changed: self.is_matching_changed() }
        });
        let exclusions = Wanted {
            value: &self.exclusions,
            read: self.stands.exclusions.version,
            is_changed: self.are_exclusions_changed(),
        };
        // Where nothing was ever said, and nothing is, there is nothing to write.
        let some = Some(&exclusions).filter(|wanted| wanted.is_changed || wanted.read > 0);
        let fields = Wanted {
            value: self.difference.fields.as_slice(),
            read: self.stands.fields.version,
            is_changed: !self.difference.is_empty(),
        };
        match store.configuration_put(workspace, matching.as_ref(), some, &fields, self.line(by)).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // The rules first: if the lists are not kept, the next run reads them whole for the new rules.
        if let Some(people) = people {
            people.keep(context, workspace, connection).await?;
        }
        let mut kinds = self.difference.fields.iter().filter_map(|field| field.definition.kind());
        let begins_a_kind = kinds.any(|kind| !checks::is_used(&self.stands.fields.value, kind));
        nudge(context, workspace, Job::after_fields(workspace, begins_a_kind)).await;
        for change in &self.difference.changed {
            edit::forget_oldest(context, workspace, &change.after).await;
        }
        for field in &self.difference.deleted {
            fields::forget(context, workspace, &field.id).await;
        }
        Ok(Some(State {
            matching: matching.map(|wanted| Versioned { version: wanted.version(), value: wanted.value.clone() }),
            exclusions: Versioned { version: some.map_or(0, Wanted::version), value: self.exclusions.clone() },
            fields: Versioned { version: fields.version(), value: self.difference.fields.clone() },
        }))
    }

    /// What differs, as the trail has it.
    fn line(&self, by: &Asker) -> Line {
        let noted = |matching: Option<&Matching>, exclusions: &Standing, fields: Vec<Definition>| {
            let mut noted = json!({"fields": fields});
            if self.is_matching_changed() {
                noted["matching"] = json!(matching);
            }
            if self.are_exclusions_changed() {
                noted["exclusions"] = json!(exclusions.exclusions);
            }
            Some(noted)
        };
        let Difference { created, changed, deleted, fields, .. } = &self.difference;
        let before = changed.iter().map(|change| &change.before).chain(deleted);
        let before = before.map(|field| field.definition.named(&self.stands.fields.value));
        let after = changed.iter().map(|change| &change.after).chain(created.iter().map(|(_, field)| field));
        let after = after.map(|field| field.definition.named(fields));
        let before = noted(self.stands.matching(), &self.stands.exclusions.value, before.collect());
        let after = noted(self.matching.as_ref(), &self.exclusions, after.collect());
        by.line("import", "configuration", before, after)
    }

    /// How many values are computed anew.
    pub(super) async fn extent(&self, context: &Context, workspace: &WorkspaceId) -> Result<usize, Problem> {
        let edited = self.difference.changed.iter().map(|change| &change.after).filter(|field| field.is_recomputed());
        let created = self.difference.created.iter().map(|(_, field)| field);
        let all = &self.difference.fields;
        let is_all_anew = self.is_matching_changed() || self.are_exclusions_changed();
        let anew: Vec<Field> = if is_all_anew { all.clone() } else { edited.chain(created).cloned().collect() };
        if anew.is_empty() {
            return Ok(0);
        }
        Ok(count(&context.store.directory_get(workspace).await?, &anew, None))
    }

    /// The kinds whose history begins to be read.
    pub(super) async fn backfills(
        &self,
        context: &Context,
        workspace: &WorkspaceId,
        connection: &Connection,
        client: &Client,
    ) -> Result<Vec<estimate::Shown>, Problem> {
        let kinds = |fields: &[Field]| -> BTreeSet<Kind> {
            fields.iter().filter_map(|field| field.definition.kind()).collect()
        };
        let mut begun = Vec::new();
        for kind in kinds(&self.difference.fields).difference(&kinds(&self.stands.fields.value)) {
            begun.extend(estimate::begun(context, workspace, connection, client, *kind).await?);
        }
        Ok(begun)
    }

    pub(super) fn shown(
        &self,
        status: &'static str,
        values_to_recompute: usize,
        backfills: Vec<estimate::Shown>,
    ) -> ConfigurationChange {
        let matching = MatchingChange {
            is_changed: self.is_matching_changed(),
            before: self.stands.matching().cloned(),
            after: self.matching.clone(),
        };
        let exclusions = ExclusionsChange {
            is_changed: self.are_exclusions_changed(),
            before: self.stands.exclusions().cloned(),
            after: Some(&self.exclusions.exclusions)
                .filter(|_| self.stands.exclusions.version > 0 || self.are_exclusions_changed())
                .cloned(),
        };
        let fields = FieldChanges::of(&self.difference, &self.stands.fields.value);
        ConfigurationChange { status, matching, exclusions, fields, values_to_recompute, backfills }
    }
}
