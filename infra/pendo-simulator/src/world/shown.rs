//! Catalogue objects as they are at an instant: with their state of processing.

use serde_json::{Map, Value as Json};

use crate::row::HOUR_MS;
use crate::world::{Item, ItemKind, World};

impl World {
    /// An object as Pendo's lists show it.
    pub(crate) fn shown(&self, item: &Item, now_ms: i64) -> Map<String, Json> {
        let mut json = item.json.clone();
        if matches!(item.kind, ItemKind::Page | ItemKind::Feature) {
            let hour_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
            json.insert("dirty".to_owned(), self.processing(item.kind, &item.id, now_ms).into());
            json.insert("validThrough".to_owned(), hour_ms.into());
            json.insert("dailyMergeFirst".to_owned(), self.begins_ms().into());
            json.insert("dailyRollupFirst".to_owned(), self.begins_ms().into());
        }
        json
    }

    /// The objects of a list: of all apps or the default one, of some ids or any.
    pub(crate) fn listed(
        &self,
        kind: ItemKind,
        all_apps: bool,
        ids: Option<&[&str]>,
        now_ms: i64,
    ) -> Vec<Map<String, Json>> {
        let default_app = self.apps.first().map(|(id, _)| *id);
        let wanted = |item: &&Item| {
            item.kind == kind
                && (all_apps || Some(item.app) == default_app)
                && ids.is_none_or(|ids| ids.contains(&&*item.id))
        };
        self.items.iter().filter(wanted).map(|item| self.shown(item, now_ms)).collect()
    }
}
