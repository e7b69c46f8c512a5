//! Brings a stack to the signals that were asked for, and gives the example's playbook people to measure it by.

use reqwest::Method;
use serde_json::{Value, json};
use shared::time::{DAY_MS, date_text, parse_instant};

use crate::api::{Api, ApiError};
use crate::options::Plan;
use crate::setup::{SetupError, refused};

/// How long ago people were enrolled in the example's playbook.
const ENROLLED_DAYS_AGO: i64 = 56;
/// The window of its measure, which is looked back on before the enrolment, and that of the field that is measured.
const LOOKED_BACK_ON_DAYS: i64 = 28 + 7;
/// One in so many is enrolled.
const ONE_IN: usize = 10;

/// The signals of a run that do not stand yet.
#[derive(Debug, Default)]
pub struct Signals {
    fresh: Vec<Value>,
    created: Vec<Value>,
}

impl Signals {
    /// Compares what is wanted with the signals that stand; nothing is created yet.
    ///
    /// # Errors
    /// One that stands with another definition.
    pub async fn compare(api: &Api, wanted: &[Value]) -> Result<Self, SetupError> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let standing = api.all_items("/v1/signals").await.map_err(refused("the signals could not be read"))?;
        let mut fresh = Vec::new();
        for signal in wanted {
            let Some(other) = standing.iter().find(|other| key(other) == key(signal)) else {
                fresh.push(signal.clone());
                continue;
            };
            // Equal ones are answered as they stand; the API alone knows what is equal.
            match api.send(Method::POST, "/v1/signals", signal).await {
                Ok(_) => {}
                Err(ApiError::Refused { status: 400..500, .. }) => {
                    let [name, id] = [text(signal, "name"), text(other, "id")].map(str::to_owned);
                    return Err(SetupError::OtherSignal { name, id });
                }
                Err(error) => return Err(refused("the signals could not be compared")(error)),
            }
        }
        Ok(Self { fresh, created: Vec::new() })
    }

    /// Whether all of them stand.
    #[must_use]
    pub const fn all_stand(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Creates those that do not stand yet; answers a line for each that was refused.
    pub async fn create(&mut self, api: &Api) -> Vec<String> {
        let mut refusals = Vec::new();
        for signal in self.fresh.drain(..) {
            match api.send(Method::POST, "/v1/signals", &signal).await {
                Ok(created) => self.created.push(created),
                Err(error) => refusals.push(format!("the signal \"{}\" was not taken: {error}", text(&signal, "name"))),
            }
        }
        refusals
    }

    /// What was created, in a line.
    #[must_use]
    pub fn said(&self) -> String {
        let names: Vec<&str> = self.created.iter().map(|signal| text(signal, "name")).collect();
        format!("Signals created: {}.", if names.is_empty() { "none".to_owned() } else { names.join(", ") })
    }

    /// Enrols some contacts in the example's playbook, if this run created it, on a day so long ago that what came of it can
    /// be measured. Answers what is worth saying.
    pub async fn enrol(&self, api: &Api, plan: &Plan) -> Option<String> {
        let playbook = self.created.iter().find(|signal| text(signal, "kind") == "playbook");
        let playbook = playbook.filter(|_| plan.shows_example)?;
        let name = text(playbook, "name");
        let on_ms = plan.now_ms - ENROLLED_DAYS_AGO * DAY_MS;
        let needed_ms = on_ms - LOOKED_BACK_ON_DAYS * DAY_MS;
        if plan.history_from.as_deref().and_then(parse_instant).is_some_and(|from_ms| from_ms > needed_ms) {
            let needed = day(needed_ms);
            return Some(format!(
                "Nobody is enrolled in \"{name}\": to measure it, history must reach back to {needed}."
            ));
        }
        Some(match enrolled(api, text(playbook, "id"), &day(on_ms)).await {
            Ok(count) => format!("Enrolled by hand in \"{name}\": {count} contacts, on {}.", day(on_ms)),
            Err(error) => format!("Nobody is enrolled in \"{name}\": {error}"),
        })
    }
}

async fn enrolled(api: &Api, id: &str, on: &str) -> Result<usize, ApiError> {
    let contacts = api.all_items("/v1/directory/contacts?limit=1000").await?;
    let mut ids: Vec<&str> = contacts.iter().map(|contact| text(contact, "id")).collect();
    ids.sort_unstable();
    let some: Vec<&str> = ids.into_iter().step_by(ONE_IN).collect();
    let body = json!({"action": "enrol", "ids": some, "on": on});
    api.send(Method::POST, &format!("/v1/signals/{id}/actions"), &body).await?;
    Ok(some.len())
}

fn day(ms: i64) -> String {
    date_text(i32::try_from(ms.div_euclid(DAY_MS)).unwrap_or_default())
}

/// Names are the same whatever their case.
fn key(signal: &Value) -> String {
    text(signal, "name").trim().to_lowercase()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}
