//! The catalogue as the makers of usage need it: numbers instead of texts, sorted by app.

use crate::world::World;
use crate::world::catalogue::{Item, ItemKind};

/// The tagged things of one app.
pub(super) struct Tags {
    pub(super) app: i64,
    /// The pseudo page id of what is not tagged.
    pub(super) all_events: u32,
    pub(super) pages: Vec<PageTag>,
    pub(super) tracks: Vec<u32>,
    pub(super) guides: Vec<GuideTag>,
}

/// A page and the features on it.
pub(super) struct PageTag {
    pub(super) id: u32,
    pub(super) features: Vec<u32>,
}

/// A guide, its steps and, in a survey, its two polls.
pub(super) struct GuideTag {
    pub(super) id: u32,
    pub(super) steps: Vec<String>,
    pub(super) polls: Vec<String>,
}

/// The tags of every app of a world.
pub(super) fn of(world: &mut World) -> Vec<Tags> {
    let items = world.items.clone();
    let apps: Vec<i64> = world.apps.iter().map(|(id, _)| *id).collect();
    apps.into_iter().map(|app| of_app(world, &items, app)).collect()
}

fn of_app(world: &mut World, items: &[Item], app: i64) -> Tags {
    let in_app = |kind: ItemKind| items.iter().filter(move |item| item.kind == kind && item.app == app);
    let mut tags = Tags {
        app,
        all_events: world.texts.number("allevents"),
        pages: Vec::new(),
        tracks: Vec::new(),
        guides: Vec::new(),
    };
    for page in in_app(ItemKind::Page) {
        let on_page = in_app(ItemKind::Feature).filter(|feature| feature.text("pageId") == Some(&page.id));
        let features = on_page.map(|feature| world.texts.number(&feature.id)).collect();
        tags.pages.push(PageTag { id: world.texts.number(&page.id), features });
    }
    tags.tracks = in_app(ItemKind::TrackType).map(|track| world.texts.number(&track.id)).collect();
    for guide in in_app(ItemKind::Guide).filter(|guide| guide.text("state") == Some("public")) {
        tags.guides.push(GuideTag {
            id: world.texts.number(&guide.id),
            steps: ids(guide, "steps"),
            polls: ids(guide, "polls"),
        });
    }
    tags
}

fn ids(guide: &Item, key: &str) -> Vec<String> {
    let parts = guide.json.get(key).and_then(serde_json::Value::as_array);
    let ids = parts.into_iter().flatten().filter_map(|part| part.get("id").and_then(serde_json::Value::as_str));
    ids.map(str::to_owned).collect()
}
