//! What can be asked of signals.

use super::by_hand::{ActionBody, Done};
use super::turned::Replayed;
use super::{Shown, SignalBody};
use crate::operations::{Act, JSON, READ};
use crate::parameters::{CURSOR, LIMIT, TEXT};
use shared::api::operation::{Body, Level, Operation, Parameter, Takes, shape};
use shared::api::page::Listed;
use shared::signals::health::Renewal;
use shared::signals::impact::Impact;
use shared::signals::indicator::{Calibration, Template};
use shared::turns::{EventShown, ShownObject, Tried};

const SIGNALS: &str = "/v1/signals";
const SIGNAL: &str = "/v1/signals/{id}";
const EXAMPLE: &str = r#"{"kind":"indicator","name":"Many seats in use","object":"account","rule":{"condition":{"field":"MAU","is":"at_least","value":10},"for_days":14}}"#;
const EDITED: &str = r#"{"kind":"indicator","name":"Many seats in use","object":"account","rule":{"condition":{"field":"MAU","is":"at_least","value":12},"for_days":14}}"#;
const FLAGS: Takes = Takes::OneOf(&["true", "false"]);
const DAYS: Parameter = Parameter {
    name: "days",
    takes: Takes::UpTo(366),
    about: "How many days are looked back on, 1 to 366; a year if left out.",
    example: "60",
    ..TEXT
};
const ONE_OBJECT: Parameter = Parameter { name: "object_id", about: "Only the object with this id.", ..TEXT };

/// How all are asked for.
pub(crate) const LIST: Operation<Act> = Operation {
    act: Act::ListSignals,
    id: "listSignals",
    path: SIGNALS,
    level: Level::Any,
    summary: "All signals: expansion indicators, health scores, playbooks, journeys and values that are told of, each with how many objects it holds.",
    replies: &[(200, Some(shape::<Listed<Shown>>))],
    ..READ
};

/// How a new one is sent.
pub(crate) const CREATE: Operation<Act> = Operation {
    act: Act::CreateSignal,
    id: "createSignal",
    method: "POST",
    path: SIGNALS,
    summary: "Creates a signal: 201, or 200 with the one that stands where it says the same. Where it starts from is what is: only what changes from then on moves anybody, unless it says takes_standing.",
    body: Some(Body { types: JSON, shape: Some(shape::<SignalBody>), example: EXAMPLE }),
    replies: &[(200, Some(shape::<Shown>)), (201, Some(shape::<Shown>))],
    is_creating: true,
    ..READ
};

/// How templates are asked for; before the path that takes their name for an id.
pub(crate) const TEMPLATES: Operation<Act> = Operation {
    act: Act::SignalTemplates,
    id: "listSignalTemplates",
    path: "/v1/signals/templates",
    level: Level::Any,
    summary: "Expansion indicators that are ready but for some names: seat saturation, limits, gates, growth, power users, adoption by many.",
    replies: &[(200, Some(shape::<Listed<Template>>))],
    ..READ
};

/// How one is tried.
pub(crate) const PREVIEW: Operation<Act> = Operation {
    act: Act::PreviewSignal,
    id: "previewSignal",
    method: "POST",
    path: "/v1/signals/preview",
    summary: "Tries a signal before it is saved: whom it would hit now, and what it would have done over the past year, day by day. Nothing is saved and nobody is told.",
    query: &[DAYS],
    body: Some(Body { types: JSON, shape: Some(shape::<SignalBody>), example: EXAMPLE }),
    replies: &[(200, Some(shape::<Tried>))],
    ..READ
};

/// How what was told is asked for.
pub(crate) const EVENTS: Operation<Act> = Operation {
    act: Act::SignalEvents,
    id: "listSignalEvents",
    path: "/v1/signals/events",
    level: Level::Any,
    summary: "What was told, newest first, each event with its reason, as it goes out on the event bus; for 400 days.",
    query: &[
        Parameter {
            name: "object",
            takes: Takes::OneOf(&["account", "contact"]),
            about: "`account` or `contact`; both if left out.",
            example: "account",
            ..TEXT
        },
        ONE_OBJECT,
        Parameter { name: "signal", about: "Only the signal with this id.", ..TEXT },
        LIMIT,
        CURSOR,
    ],
    replies: &[(200, Some(shape::<Listed<EventShown>>))],
    ..READ
};

/// How one is asked for.
pub(crate) const SHOW: Operation<Act> = Operation {
    act: Act::ReadSignal,
    id: "readSignal",
    path: SIGNAL,
    level: Level::Any,
    summary: "One signal.",
    replies: &[(200, Some(shape::<Shown>))],
    answers_etag: true,
    ..READ
};

/// How another version is sent.
pub(crate) const EDIT: Operation<Act> = Operation {
    act: Act::EditSignal,
    id: "editSignal",
    method: "PUT",
    path: SIGNAL,
    summary: "Changes a signal, which makes another version of it; an equal one changes nothing. A change moves nobody by itself.",
    body: Some(Body { types: JSON, shape: Some(shape::<SignalBody>), example: EDITED }),
    replies: &[(200, Some(shape::<Shown>))],
    takes_if_match: true,
    answers_etag: true,
    ..READ
};

/// How one is deleted.
pub(crate) const DELETE: Operation<Act> = Operation {
    act: Act::DeleteSignal,
    id: "deleteSignal",
    method: "DELETE",
    path: SIGNAL,
    summary: "Deletes a signal and what it remembers. What it told stays in the list of events.",
    replies: &[(204, None)],
    takes_if_match: true,
    ..READ
};

/// How its objects are asked for.
pub(crate) const OBJECTS: Operation<Act> = Operation {
    act: Act::SignalObjects,
    id: "listSignalObjects",
    path: "/v1/signals/{id}/objects",
    level: Level::Any,
    summary: "The objects of its level as a signal has them: who fires, scores and drivers, participants and their entries, stages and who is stuck on which goal; and who would have moved.",
    query: &[
        ONE_OBJECT,
        Parameter {
            name: "held",
            takes: FLAGS,
            about: "`true` for those only that it holds: that fire, are or were enrolled, are in a stage or scored.",
            example: "true",
            ..TEXT
        },
        Parameter {
            name: "owed",
            takes: FLAGS,
            about: "`true` for those only that would have moved, for another reason than behaviour or over the cap.",
            example: "false",
            ..TEXT
        },
        Parameter {
            takes: Takes::UpTo(super::turned::OBJECTS_MAX),
            about: "The most objects of a page, 1 to 100; 100 if left out.",
            ..LIMIT
        },
        CURSOR,
    ],
    replies: &[(200, Some(shape::<Listed<ShownObject>>))],
    ..READ
};

/// How something is done by hand.
pub(crate) const ACT: Operation<Act> = Operation {
    act: Act::ActOnSignal,
    id: "actOnSignal",
    method: "POST",
    path: "/v1/signals/{id}/actions",
    summary: "Does something with objects by hand, all of them or none: enrols in a playbook or takes out, moves to a stage, sets a health score for a time, or releases what would have moved.",
    body: Some(Body { types: JSON, shape: Some(shape::<ActionBody>), example: r#"{"action":"release"}"# }),
    replies: &[(200, Some(shape::<Done>))],
    is_creating: true,
    ..READ
};

/// How a playbook's impact is asked for.
pub(crate) const IMPACT: Operation<Act> = Operation {
    act: Act::Impact,
    id: "readImpact",
    path: "/v1/signals/{id}/impact",
    level: Level::Any,
    summary: "What a playbook did: its participants beside comparable objects that did not enter, with an interval; or why that can't be told.",
    query: &[
        Parameter { name: "field", about: "The outcome: a calculated field; the playbook's own if left out.", ..TEXT },
        Parameter {
            name: "window_days",
            takes: Takes::UpTo(180),
            about: "Days before and after an entry, 7 to 180; the playbook's own if left out.",
            example: "28",
            ..TEXT
        },
        Parameter { name: "segment", about: "A column of the directory: only likes are compared.", ..TEXT },
        Parameter { name: "size", about: "A column that says how large an object is.", ..TEXT },
        Parameter { name: "since", about: "A column with the date since which it is a customer.", ..TEXT },
    ],
    replies: &[(200, Some(shape::<Impact>))],
    ..READ
};

/// How an indicator is held against past expansions.
pub(crate) const CALIBRATION: Operation<Act> = Operation {
    act: Act::Calibration,
    id: "readCalibration",
    path: "/v1/signals/{id}/calibration",
    summary: "How well an expansion indicator would have foretold the expansions that the directory knows of: precision, recall and lead time beside chance.",
    query: &[
        Parameter {
            name: "dates",
            is_required: true,
            about: "The column with the dates of expansions: one, or several with commas between them.",
            example: "expanded_on",
            ..TEXT
        },
        Parameter {
            name: "horizon_days",
            takes: Takes::UpTo(366),
            about: "Within how many days an expansion must follow, 1 to 366; 90 if left out.",
            example: "90",
            ..TEXT
        },
        DAYS,
    ],
    replies: &[(200, Some(shape::<Calibration>))],
    ..READ
};

/// How renewals are asked for.
pub(crate) const RENEWALS: Operation<Act> = Operation {
    act: Act::Renewals,
    id: "listRenewals",
    path: "/v1/signals/{id}/renewals",
    level: Level::Any,
    summary: "Renewals by date, each with its health, what pulls that down, and the risk.",
    query: &[Parameter {
        name: "date",
        is_required: true,
        about: "The column with the renewal's date.",
        example: "renewal_date",
        ..TEXT
    }],
    replies: &[(200, Some(shape::<Listed<Renewal>>))],
    ..READ
};

/// How the past of an object is asked for.
pub(crate) const REPLAY: Operation<Act> = Operation {
    act: Act::ReplaySignal,
    id: "replaySignal",
    path: "/v1/signals/{id}/replay",
    level: Level::Any,
    summary: "One object as a signal would have had it over the past, from the rows that stand: a health score day by day, and what would have been told.",
    query: &[Parameter { is_required: true, about: "The object's id.", example: "A-1", ..ONE_OBJECT }, DAYS],
    replies: &[(200, Some(shape::<Replayed>))],
    ..READ
};
