//! The first stage: what is read, of which apps, with or without the excluded. Parameters that Pendo does not know are ignored, as Pendo does.

use serde_json::{Map, Value as Json};

use crate::query::Refusal;
use crate::query::run::Run;
use crate::query::series::{self, Window};
use crate::row::Kind;

/// A checked source.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) what: What,
    /// The apps to read; all if absent.
    pub(crate) apps: Option<Vec<i64>>,
    pub(crate) blacklist: Blacklist,
    /// Only these objects.
    pub(crate) objects: Option<Vec<String>>,
    /// Only identified visitors.
    pub(crate) identified: bool,
    pub(crate) window: Option<Window>,
}

/// What a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Usage(Kind),
    GuidesSeen,
    PollsSeen,
    Visitors,
    Accounts,
    Pages,
    Features,
    TrackTypes,
    Guides,
    Apps,
    Groups,
    DoNotProcessVisitors,
    DoNotProcessAccounts,
}

/// What becomes of excluded visitors and accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blacklist {
    Apply,
    Ignore,
    Only,
}

const SOURCES: [(&str, What, bool); 19] = [
    ("events", What::Usage(Kind::Event), true),
    ("pageEvents", What::Usage(Kind::Page), true),
    ("featureEvents", What::Usage(Kind::Feature), true),
    ("trackEvents", What::Usage(Kind::Track), true),
    ("guideEvents", What::Usage(Kind::Guide), true),
    ("pollEvents", What::Usage(Kind::Poll), true),
    ("guidesSeen", What::GuidesSeen, true),
    ("pollsSeen", What::PollsSeen, true),
    ("guidesSeenEver", What::GuidesSeen, false),
    ("pollsSeenEver", What::PollsSeen, false),
    ("visitors", What::Visitors, false),
    ("accounts", What::Accounts, false),
    ("pages", What::Pages, false),
    ("features", What::Features, false),
    ("trackTypes", What::TrackTypes, false),
    ("guides", What::Guides, false),
    ("apps", What::Apps, false),
    ("groups", What::Groups, false),
    ("doNotProcessVisitors", What::DoNotProcessVisitors, false),
];
const REFUSED: [&str; 8] =
    ["singleEvents", "rawEvents", "emailEvents", "recordingMetadata", "agenticEvents", "timespan", "const", "segments"];

impl Source {
    /// Reads a `source` stage.
    pub(crate) fn parse(json: &Json, run: &Run<'_>) -> Result<Source, Refusal> {
        let Some(keys) = json.as_object() else { return Err(Refusal::senseless("source must be an object")) };
        let mut kinds = keys.iter().filter(|(key, _)| *key != "timeSeries");
        let (Some((name, params)), None) = (kinds.next(), kinds.next()) else {
            return Err(Refusal::senseless("source must name exactly one kind"));
        };
        let (what, needs_series) = what(name)?;
        let empty = Map::new();
        let params = params.as_object().unwrap_or(&empty);
        let window = match (keys.get("timeSeries"), needs_series) {
            (Some(series), true) => Some(Window::parse(series, run)?),
            (None, true) => return Err(Refusal::senseless(format!("source {name} needs a timeSeries"))),
            (_, false) => None,
        };
        Ok(Source {
            what,
            apps: apps(params, run)?,
            blacklist: blacklist(params)?,
            objects: objects(params),
            identified: params.get("identified").and_then(Json::as_bool).unwrap_or(false),
            window,
        })
    }
}

fn what(name: &str) -> Result<(What, bool), Refusal> {
    if name == "doNotProcessAccounts" {
        return Ok((What::DoNotProcessAccounts, false));
    }
    if REFUSED.contains(&name) {
        return Err(Refusal::senseless(format!("source {name} is not supported by this simulator")));
    }
    let found = SOURCES.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, what, series)| (*what, *series)).ok_or_else(|| Refusal::senseless(format!("unknown source: {name}")))
}

fn apps(params: &Map<String, Json>, run: &Run<'_>) -> Result<Option<Vec<i64>>, Refusal> {
    match params.get("appId") {
        // Without an app only the default one answers.
        None | Some(Json::Null) => Ok(Some(run.world.apps.iter().take(1).map(|(id, _)| *id).collect())),
        Some(json) => series::numbers(json, run).map(Some).ok_or_else(|| Refusal::bad("Cannot parse appId")),
    }
}

fn blacklist(params: &Map<String, Json>) -> Result<Blacklist, Refusal> {
    match params.get("blacklist").and_then(Json::as_str) {
        None | Some("apply") => Ok(Blacklist::Apply),
        Some("ignore") => Ok(Blacklist::Ignore),
        Some("only") => Ok(Blacklist::Only),
        Some(other) => Err(Refusal::senseless(format!("unknown blacklist mode: {other}"))),
    }
}

fn objects(params: &Map<String, Json>) -> Option<Vec<String>> {
    let given = ["featureId", "pageId", "trackTypeId", "guideId"].iter().find_map(|key| params.get(*key))?;
    match given {
        Json::String(id) => Some(vec![id.clone()]),
        Json::Array(ids) => Some(ids.iter().filter_map(Json::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}
