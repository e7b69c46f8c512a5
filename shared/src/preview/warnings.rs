//! What somebody should know before they save a definition, in sentences.

use super::distribution::{Distribution, Part};
use super::found::{FoundUsage, LastUse};
use crate::connection::Connection;
use crate::fields::{Definition, Field, Reason};
use crate::id::Kind;
use crate::store::tree::Map;
use crate::sync::checkpoint::KindState;
use crate::sync::tags::Listed;
use crate::time::{Hour, HourRange, date_text, to_the_second};
use std::collections::{BTreeMap, BTreeSet};

/// Shares below one in ten are not worth a sentence.
const SHARE_MIN: f64 = 0.1;
/// What was not used for so many hours is told.
const STALE_HOURS: i32 = 30 * 24;
/// So many objects are named, and the others counted.
const NAMED_MAX: usize = 3;

/// What is known of a definition once its values are.
pub(super) struct Facts<'f> {
    /// The fields that stand.
    pub(super) standing: &'f [Field],
    pub(super) connection: &'f Connection,
    /// The hour that runs.
    pub(super) now: Hour,
    /// How far its kind was read; `None` of a formula, which has none.
    pub(super) state: Option<&'f KindState>,
    /// A formula names its fields by ids.
    pub(super) definition: &'f Definition,
    /// Whether its kind, or those of all that it stands upon, were read.
    pub(super) is_read: bool,
    /// All hours that it looks at; `None` while its kind was never read, and of a formula.
    pub(super) reach: Option<HourRange>,
    pub(super) coverage: f64,
    pub(super) distribution: &'f Distribution,
    pub(super) nulls: &'f BTreeMap<Reason, Part>,
    pub(super) matched: Part,
    /// `None` of a formula.
    pub(super) usage: Option<&'f FoundUsage>,
    /// Those of its properties that no event of its track types has had in the hours that it looks at.
    pub(super) unseen: &'f BTreeSet<String>,
    /// Whether it excludes anybody whom the workspace does not.
    pub(super) excludes_more: bool,
    /// When the named objects were last used.
    pub(super) uses: &'f BTreeMap<String, LastUse>,
    /// The objects of the kind as the last run saw them in Pendo's lists.
    pub(super) listed: &'f Map,
}

impl Facts<'_> {
    /// The sentences, what matters most first.
    pub(super) fn warnings(&self) -> Vec<String> {
        let some = [
            self.nobody(),
            self.unread(),
            self.out_of_date(),
            self.uncovered(),
            self.never_seen(),
            self.no_numbers(),
            self.without_values(),
            self.without_numbers(),
            self.unmatched(),
            self.excluded(),
            self.of_nobody(),
            self.strangers(),
            self.excludes_nobody(),
        ];
        let name = self.name_in_use();
        some.into_iter().flatten().chain(self.unused()).chain(self.deleted()).chain(name).collect()
    }

    fn nobody(&self) -> Option<String> {
        let level = self.level();
        (self.distribution.objects == 0)
            .then(|| format!("There are no {level}s yet: upload them with PUT /v1/directory/{level}s."))
    }

    fn unread(&self) -> Option<String> {
        let of = self.kind().map_or("a kind that it stands upon".to_owned(), |kind| format!("kind {}", kind.name()));
        (!self.is_read).then(|| {
            format!("Usage of {of} has not been read yet, so no value can be told before its history is here.")
        })
    }

    /// The kind of a field that was deleted is not read on.
    fn out_of_date(&self) -> Option<String> {
        let kind = self.kind()?;
        let is_mapped = self.standing.iter().any(|field| field.definition.kind() == Some(kind));
        let as_of = self.state.and_then(|state| state.as_of).filter(|as_of| *as_of < self.now.plus(-1));
        as_of.filter(|_| !is_mapped).map(|as_of| {
            let (kind, at) = (kind.name(), to_the_second(as_of.start_ms()));
            format!(
                "No field uses kind {kind} any more, so it was read up to {at} only: with this field it is read on."
            )
        })
    }

    fn uncovered(&self) -> Option<String> {
        if self.nulls.contains_key(&Reason::NotRead) {
            let begin = self.connection.history_from.map(|hour| self.date_of(hour)).unwrap_or_default();
            let (who, from) = match self.reach {
                Some(reach) => ("It", format!(" to {},", self.date_of(reach.from))),
                None => ("A field that it stands upon", String::new()),
            };
            return Some(format!(
                "{who} looks back{from} before {begin}, where the history that is read was chosen to begin, so it will have no values: \
                 use a shorter window, or {{\"all_time\":true}}."
            ));
        }
        let is_here = !self.is_read || !self.nulls.contains_key(&Reason::Backfilling);
        (!is_here)
            .then(|| format!("History is still being read: {:.0} % of its hours are here.", self.coverage * 100.0))
    }

    fn without_values(&self) -> Option<String> {
        let Distribution { objects, values, zeros, .. } = *self.distribution;
        let level = self.level();
        if objects == 0 || !self.is_read {
            return None;
        }
        if values == 0 {
            let reasons: Vec<String> =
                self.nulls.iter().map(|(reason, part)| format!("{} {}", part.objects, reason.name())).collect();
            return Some(format!("No {level} has a value: {}.", reasons.join(", ")));
        }
        (zeros == values).then(|| format!("No {level} has a value other than 0."))
    }

    /// Of properties: those whose name is perhaps another one.
    fn never_seen(&self) -> Option<String> {
        let names: Vec<String> = self.unseen.iter().map(|name| format!("\"{name}\"")).collect();
        (self.is_read && !names.is_empty()).then(|| {
            format!(
                "No event of these track types has {} in this window: look whether that is its name.",
                names.join(" or ")
            )
        })
    }

    /// Of a property's numbers: events that have none.
    fn no_numbers(&self) -> Option<String> {
        let FoundUsage { events, events_without_number, .. } = *self.usage?;
        let share = share(events_without_number?, events);
        (share >= SHARE_MIN).then(|| {
            format!(
                "{} of the events that it looks at have no number in this property, and count as nothing.",
                percent(share)
            )
        })
    }

    /// Of a formula: cells of the directory that are empty, or hold no number.
    fn without_numbers(&self) -> Option<String> {
        let part = self.nulls.get(&Reason::NoNumber).filter(|part| part.share >= SHARE_MIN)?;
        let level = self.level();
        Some(format!(
            "{} of the {level}s have no number in a column that it names: upload it with PUT /v1/directory/{level}s.",
            percent(part.share)
        ))
    }

    fn unmatched(&self) -> Option<String> {
        let share = 1.0 - self.matched.share;
        let is_told = self.distribution.objects > 0 && share >= SHARE_MIN;
        let level = self.level();
        is_told.then(|| {
            format!(
                "{} of the {level}s are not matched with anybody at Pendo: PUT /v1/matching?dry_run=true tells how many other rules would match.",
                percent(share)
            )
        })
    }

    fn excluded(&self) -> Option<String> {
        let FoundUsage { events, events_excluded, .. } = *self.usage?;
        let share = share(events_excluded, events + events_excluded);
        (share >= SHARE_MIN).then(|| {
            format!(
                "{} of the events that it looks at are of people who are excluded, and do not count.",
                percent(share)
            )
        })
    }

    fn excludes_nobody(&self) -> Option<String> {
        let told = "Whom it excludes is nobody beside those whom the workspace excludes.";
        (self.definition.exclusions().is_some() && !self.excludes_more).then(|| told.to_owned())
    }

    fn of_nobody(&self) -> Option<String> {
        let FoundUsage { events, events_matched, .. } = *self.usage?;
        let share = share(events - events_matched, events);
        (share >= SHARE_MIN)
            .then(|| format!("{} of the events that it looks at are no {}'s.", percent(share), self.level()))
    }

    fn strangers(&self) -> Option<String> {
        let (all, strangers) = (self.usage?.visitors?, self.usage?.visitors_not_contacts?);
        let share = share(strangers as u64, all as u64);
        (share >= SHARE_MIN)
            .then(|| format!("{} of the visitors of these accounts' rows are not contacts.", percent(share)))
    }

    /// The named objects that were not used for long; without names, the whole kind.
    fn unused(&self) -> Vec<String> {
        let Some(reach) = self.reach else { return Vec::new() };
        let as_of = self.state.and_then(|state| state.as_of).unwrap_or(reach.to);
        let is_old = |ms: i64| Hour::of_ms(ms).plus(STALE_HOURS) < as_of;
        let tell = |(id, last): (&String, &LastUse)| {
            let subject = self.subject(id);
            match *last {
                LastUse::At(ms) if Hour::of_ms(ms) >= reach.to => {
                    Some(format!("{subject} has no usage in this window: its last was on {}.", self.date(ms)))
                }
                LastUse::At(ms) if is_old(ms) || Hour::of_ms(ms) < reach.from => {
                    Some(format!("{subject} has had no usage since {}.", self.date(ms)))
                }
                LastUse::At(_) => None,
                LastUse::Before(hour) => {
                    Some(format!("{subject} has had no usage since {} at least.", self.date_of(hour)))
                }
                LastUse::Never => {
                    let begin = self.state.and_then(KindState::first_read);
                    let begin =
                        begin.map_or_else(String::new, |begin| format!(", which begins on {}", self.date_of(begin)));
                    Some(format!("{subject} has no usage in all that was read{begin}."))
                }
            }
        };
        let told: Vec<String> = self.uses.iter().filter_map(tell).collect();
        counted(told, "objects that are named have had no usage for long either")
    }

    fn deleted(&self) -> Vec<String> {
        let as_of = self.state.and_then(|state| state.as_of);
        let usage = self.definition.measured().map(|measured| &measured.usage);
        let ids = usage.and_then(|usage| usage.ids.as_ref()).into_iter().flatten();
        let is_deleted =
            |id: &&String| self.listed.get(*id).and_then(Listed::of).is_some_and(|object| object.is_deleted(as_of));
        let told = ids.filter(is_deleted);
        let told = told.map(|id| format!("{} is deleted at Pendo: its past usage counts.", self.subject(id))).collect();
        counted(told, "objects that are named are deleted too")
    }

    fn name_in_use(&self) -> Option<String> {
        let same = |other: &Definition| {
            other.object == self.definition.object && other.name_key() == self.definition.name_key()
        };
        let stands = self.standing.iter().find(|field| same(&field.definition))?;
        let (level, name) = (self.level(), &stands.definition.name);
        Some(match stands.definition == *self.definition {
            true => format!("The {level} field \"{name}\" stands already, with this definition."),
            false => {
                format!("The {level} field \"{name}\" has another definition: to create this one, choose another name.")
            }
        })
    }

    /// An object by kind, name and id.
    fn subject(&self, id: &str) -> String {
        let kind = self.kind();
        if id.is_empty() {
            return format!("Kind {}", kind.map_or("", Kind::name));
        }
        let kind = match kind {
            Some(Kind::Feature) => "feature",
            Some(Kind::Guide) => "guide",
            Some(Kind::Page) => "page",
            Some(Kind::Track | Kind::Properties(_)) => "track type",
            Some(Kind::Event) | None => "activity",
        };
        let listed = self.listed.get(id).and_then(Listed::of).map(|object| object.name);
        match listed.filter(|name| name != id) {
            Some(name) => format!("The {kind} \"{name}\" ({id})"),
            None => format!("The {kind} {id}"),
        }
    }

    fn level(&self) -> &'static str {
        self.definition.object.name()
    }

    fn kind(&self) -> Option<Kind> {
        self.definition.kind()
    }

    fn date_of(&self, hour: Hour) -> String {
        self.date(hour.start_ms())
    }

    fn date(&self, ms: i64) -> String {
        date_text(self.connection.time_zone.local_day(ms))
    }
}

impl KindState {
    /// Where what was read of the kind begins.
    fn first_read(&self) -> Option<Hour> {
        if self.backfill.is_some() { self.covered_from } else { self.first_hour.or(self.covered_from) }
    }
}

/// The first few, and how many more there are.
fn counted(mut told: Vec<String>, more: &str) -> Vec<String> {
    if told.len() > NAMED_MAX + 1 {
        let rest = told.len() - NAMED_MAX;
        told.truncate(NAMED_MAX);
        told.push(format!("{rest} more of the {more}."));
    }
    told
}

#[expect(clippy::cast_precision_loss, reason = "a share for a sentence")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
