//! What is tagged: pages, features, track types, guides, and the segments and reports beside them, as Pendo's lists show them.

use serde_json::{Map, Value as Json, json};

use crate::random::{Dice, opaque_id};
use crate::row::{DAY_MS, Kind};
use crate::world::{BEGINNING_MS, World};

/// The lists of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Page,
    Feature,
    TrackType,
    Guide,
    Segment,
    Report,
}

impl ItemKind {
    /// The list of a path segment.
    pub(crate) fn of_path(path: &str) -> Option<ItemKind> {
        Some(match path {
            "page" => ItemKind::Page,
            "feature" => ItemKind::Feature,
            "tracktype" => ItemKind::TrackType,
            "guide" => ItemKind::Guide,
            "segment" => ItemKind::Segment,
            "report" => ItemKind::Report,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            ItemKind::Page => "Page",
            ItemKind::Feature => "Feature",
            ItemKind::TrackType => "TrackType",
            ItemKind::Guide => "Guide",
            ItemKind::Segment => "Segment",
            ItemKind::Report => "Report",
        }
    }

    /// The list of the objects that a kind of usage tells about.
    pub(crate) fn of_usage(kind: Kind) -> ItemKind {
        match kind {
            Kind::Event | Kind::Page => ItemKind::Page,
            Kind::Feature => ItemKind::Feature,
            Kind::Track => ItemKind::TrackType,
            Kind::Guide | Kind::Poll => ItemKind::Guide,
        }
    }

    /// The usage that tells about these objects.
    pub(crate) fn usage(self) -> Option<Kind> {
        match self {
            ItemKind::Page => Some(Kind::Page),
            ItemKind::Feature => Some(Kind::Feature),
            ItemKind::TrackType => Some(Kind::Track),
            ItemKind::Guide => Some(Kind::Guide),
            ItemKind::Segment | ItemKind::Report => None,
        }
    }
}

/// One object of the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: ItemKind,
    pub(crate) id: String,
    pub(crate) app: i64,
    /// The object as Pendo lists it, what changes with time aside.
    pub(crate) json: Map<String, Json>,
}

impl Item {
    /// An object with the keys that all have; `more` adds to them or replaces them.
    pub(crate) fn new(kind: ItemKind, id: &str, name: &str, app: i64, at_ms: i64, more: &Json) -> Item {
        let user = json!({"id": "5183475103236096", "username": "admin@internal.test", "first": "Ada", "last": "Admin", "role": 8, "userType": "user"});
        let mut json = json!({
            "id": id, "kind": kind.name(), "name": name, "appId": app, "appIds": [app], "createdAt": at_ms, "lastUpdatedAt": at_ms,
            "createdByUser": user, "lastUpdatedByUser": user, "rootVersionId": id, "stableVersionId": format!("{id}-20240701"), "dirty": false,
            "group": {"id": "default", "name": "Default", "description": "", "color": ".groupColor01", "items": []},
        });
        if let (Some(keys), Some(more)) = (json.as_object_mut(), more.as_object()) {
            keys.extend(more.clone());
        }
        let json = match json {
            Json::Object(keys) => keys,
            _ => Map::new(),
        };
        Item { kind, id: id.to_owned(), app, json }
    }

    /// An object that was added by hand, with the keys of its kind.
    pub(crate) fn by_hand(kind: ItemKind, id: &str, name: &str, app: i64, at_ms: i64) -> Item {
        let more = match kind {
            ItemKind::Page => json!({"rules": [], "rulesjson": ""}),
            ItemKind::Feature => {
                json!({"pageId": "", "elementPathRules": [], "eventPropertyConfigurations": [], "appWide": true, "isCoreEvent": false})
            }
            ItemKind::TrackType => {
                json!({"trackTypeName": name, "trackTypeRules": [name], "eventPropertyNameList": []})
            }
            ItemKind::Guide => {
                json!({"state": "public", "launchMethod": "auto", "isMultiStep": false, "steps": [], "polls": [], "attributes": {}, "publishedAt": at_ms, "publishedEver": true})
            }
            ItemKind::Segment | ItemKind::Report => json!({"shared": true}),
        };
        Item::new(kind, id, name, app, at_ms, &more)
    }

    /// A text of the object.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.json.get(key).and_then(Json::as_str)
    }
}

const PAGES: [&str; 12] = [
    "Dashboard",
    "Reports",
    "Report builder",
    "Accounts",
    "Contacts",
    "Settings",
    "Billing",
    "Import",
    "Inbox",
    "Home screen",
    "Search",
    "Profile",
];
const ACTIONS: [&str; 26] = [
    "Export report",
    "Share dashboard",
    "Create widget",
    "Filter by date",
    "Save view",
    "Schedule report",
    "Duplicate report",
    "Pin chart",
    "Add account",
    "Merge accounts",
    "Invite contact",
    "Tag contact",
    "Change plan",
    "Rotate token",
    "Enable alerts",
    "Download invoice",
    "Add card",
    "Upload file",
    "Map columns",
    "Reply to thread",
    "Archive thread",
    "Swipe card",
    "Quick add",
    "Voice search",
    "Clear history",
    "Edit avatar",
];
const TRACKS: [&str; 8] = [
    "report_exported",
    "import_finished",
    "seat_added",
    "api_called",
    "integration_connected",
    "trial_extended",
    "push_opened",
    "offline_sync",
];
const GUIDES: [&str; 8] = [
    "Welcome tour",
    "NPS survey",
    "New report builder",
    "Billing change",
    "Import tips",
    "Alerts announcement",
    "Mobile welcome",
    "Rate the app",
];

/// Makes a world's catalogue: two thirds of it in the default app.
pub(super) fn fill(world: &mut World) {
    let apps: Vec<i64> = world.apps.iter().map(|(id, _)| *id).collect();
    let seed = world.seed;
    let made_at = |place: u64| {
        BEGINNING_MS - DAY_MS * 200 + i64::from(Dice::at(&[seed, 0xCA, place]).below(180)) * DAY_MS + 1_234_567
    };
    let mut pages: Vec<(String, i64)> = Vec::new();
    for (place, name) in (0_u64..).zip(PAGES) {
        let app = apps[usize::from(place >= 8)];
        let id = opaque_id(&[seed, 0x9A6E, place]);
        let path = name.to_lowercase().replace(' ', "-");
        let rule = format!("//*/{path}");
        let more = json!({"rules": [{"rule": rule, "designerHint": format!("https://app.example.test/{path}"), "parsedRule": format!("^https?://[^/]*/{path}/?")}], "rulesjson": ""});
        world.items.push(Item::new(ItemKind::Page, &id, name, app, made_at(place), &more));
        pages.push((id, app));
    }
    for (place, name) in (0_u64..).zip(ACTIONS) {
        let page = usize::try_from(place).unwrap_or(0) * pages.len() / ACTIONS.len();
        let (page_id, app) = pages[page].clone();
        let id = opaque_id(&[seed, 0xFEA7, place]);
        let more = json!({"pageId": page_id, "elementPathRules": [format!("#action-{place}")], "eventPropertyConfigurations": [], "appWide": false, "isCoreEvent": place < 3});
        world.items.push(Item::new(ItemKind::Feature, &id, name, app, made_at(100 + place), &more));
    }
    for (place, name) in (0_u64..).zip(TRACKS) {
        let app = apps[usize::from(place >= 6)];
        let id = opaque_id(&[seed, 0x72AC, place]);
        let more = json!({"trackTypeName": name, "trackTypeRules": [name], "eventPropertyNameList": ["format", "rows", "source"]});
        world.items.push(Item::new(ItemKind::TrackType, &id, name, app, made_at(200 + place), &more));
    }
    for (place, name) in (0_u64..).zip(GUIDES) {
        let app = apps[usize::from(place >= 6)];
        world.items.push(guide(seed, place, name, app, made_at(300 + place)));
    }
    for (place, name) in (0_u64..).zip(["Everyone", "Admins", "Paying accounts"]) {
        let id = opaque_id(&[seed, 0x5E6, place]);
        let more = json!({"shared": true, "definition": {"kind": "all"}, "pipeline": []});
        world.items.push(Item::new(ItemKind::Segment, &id, name, apps[0], made_at(400 + place), &more));
    }
    for (place, name) in (0_u64..).zip(["Weekly actives", "Feature adoption"]) {
        let id = opaque_id(&[seed, 0x4E9, place]);
        let more = json!({"shared": false, "type": "Data Explorer", "aggregation": {"pipeline": []}});
        world.items.push(Item::new(ItemKind::Report, &id, name, apps[0], made_at(500 + place), &more));
    }
}

fn guide(seed: u64, place: u64, name: &str, app: i64, at_ms: i64) -> Item {
    let id = opaque_id(&[seed, 0x60DE, place]);
    let is_survey = name == "NPS survey";
    let step_count = if is_survey { 1 } else { 1 + place % 3 };
    let steps: Vec<Json> = (0..step_count)
        .map(|step| json!({"id": opaque_id(&[seed, 0x57E9, place, step]), "guideId": id, "type": if is_survey { "bottomBanner" } else { "tooltip" }, "advanceMethod": "button", "elementPathRule": "", "pageId": ""}))
        .collect();
    let polls = if is_survey {
        json!([
            {"id": opaque_id(&[seed, 0x9011, place, 0]), "question": "How likely are you to recommend us?", "attributes": {"type": "NPSRating", "display": "yes"}},
            {"id": opaque_id(&[seed, 0x9011, place, 1]), "question": "Why?", "attributes": {"type": "NPSReason", "display": "yes"}},
        ])
    } else {
        json!([])
    };
    let state = if place == 3 { "disabled" } else { "public" };
    let more = json!({
        "state": state, "launchMethod": "auto", "isMultiStep": step_count > 1, "steps": steps, "polls": polls, "attributes": {"type": if is_survey { "nps" } else { "building-block" }},
        "audience": [], "publishedAt": at_ms + 86_400_000, "publishedEver": true, "resetAt": 0, "recurrence": 0, "emailState": "",
    });
    Item::new(ItemKind::Guide, &id, name, app, at_ms, &more)
}
