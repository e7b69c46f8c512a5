//! What `mapping-config` can be asked.

pub use crate::act::Act;
use crate::catalog::Metadata;
use crate::directory::{self, Deleted, Uploaded};
use crate::fields::{SavedField, Shown};
use crate::matching::{self, Saved};
use crate::parameters::{ALL, CURSOR, DRY_RUN, FIELD_ASKED, FORMAT, LIMIT, OBJECT, OBJECT_ID, TEXT};
use crate::signals::operations as signals;
use crate::usage::PEOPLE_MAX;
use crate::values::Queued;
use crate::{audit, compare, configuration, edit, estimate, exclusions, history, peers, preview, unmatched, versions};
use shared::api::operation::{Body, Level, Operation, Parameter, Takes, shape};
use shared::api::page::Listed;
use shared::explain::{Explanation, UsageLine};
use shared::fields::Definition;
use shared::id::ObjectKind;
use shared::matching::Matching;
use shared::pendo::catalog::Entry;
use shared::sync::status::StatusReport;
use shared::values::Line;

pub(crate) const JSON: &[&str] = &["application/json"];
const ROWS: &[&str] = &["text/csv", "application/x-ndjson"];
const ACCOUNTS: &str = "/v1/directory/accounts";
const CONTACTS: &str = "/v1/directory/contacts";
const FIELDS: &str = "/v1/fields";
pub(crate) const FIELD: &str = "/v1/fields/{id}";

/// An operation that reads; the others are told by how they differ.
pub(crate) const READ: Operation<Act> = Operation {
    act: Act::Status,
    id: "",
    method: "GET",
    path: "",
    level: Level::High,
    summary: "",
    query: &[],
    body: None,
    replies: &[],
    is_creating: false,
    takes_if_match: false,
    answers_etag: false,
};

const fn read_objects(id: &'static str, path: &'static str, kind: ObjectKind) -> Operation<Act> {
    Operation {
        act: Act::ReadObjects(kind),
        id,
        path,
        summary: "A page of the list in the order of ids, or one object by `?id=`.",
        query: &[Parameter { name: "id", about: "One object's id; 404 when it is not there.", ..TEXT }, LIMIT, CURSOR],
        replies: &[(200, Some(shape::<Listed<directory::Shown>>))],
        answers_etag: true,
        ..READ
    }
}

const fn upload(id: &'static str, path: &'static str, kind: ObjectKind, example: &'static str) -> Operation<Act> {
    Operation {
        act: Act::Upload(kind),
        id,
        method: "PUT",
        path,
        summary: "Merges rows into the list. Good rows are kept, each bad one is answered with its line and the reason; an empty cell clears.",
        body: Some(Body { types: ROWS, shape: None, example }),
        replies: &[(200, Some(shape::<Uploaded>))],
        takes_if_match: true,
        ..READ
    }
}

const fn delete_objects(id: &'static str, path: &'static str, kind: ObjectKind) -> Operation<Act> {
    Operation {
        act: Act::DeleteObjects(kind),
        id,
        method: "DELETE",
        path,
        summary: "Deletes one object, or the whole list. An account goes only when no contact belongs to it.",
        query: match kind {
            ObjectKind::Account => {
                &[Parameter { name: "id", about: "The object to delete.", example: "A-2", ..TEXT }, ALL]
            }
            ObjectKind::Contact => {
                &[Parameter { name: "id", about: "The object to delete.", example: "C-2", ..TEXT }, ALL]
            }
        },
        replies: &[(200, Some(shape::<Deleted>))],
        takes_if_match: true,
        ..READ
    }
}

/// All of them.
pub static OPERATIONS: [Operation<Act>; 47] = [
    Operation {
        act: Act::Metadata,
        id: "listMetadata",
        path: "/v1/pendo/metadata",
        summary: "The fields of Pendo's visitors and accounts that matching can use.",
        replies: &[(200, Some(shape::<Metadata>))],
        ..READ
    },
    Operation {
        act: Act::Catalog,
        id: "listCatalog",
        path: "/v1/pendo/catalog",
        summary: "Features, pages, guides and track types of all apps, with those of mapped kinds that were deleted since.",
        query: &[
            Parameter {
                name: "kind",
                takes: Takes::OneOf(&["feature", "page", "guide", "track"]),
                about: "`feature`, `page`, `guide` or `track`; all of them if left out.",
                example: "feature",
                ..TEXT
            },
            Parameter {
                name: "q",
                about: "A part of the name, the id or the group, whatever its case.",
                example: "e",
                ..TEXT
            },
            LIMIT,
            CURSOR,
        ],
        replies: &[(200, Some(shape::<Listed<Entry>>))],
        ..READ
    },
    Operation {
        act: Act::Estimate,
        id: "estimateKind",
        path: "/v1/pendo/estimate",
        summary: "How much there is to read of a kind, and what that takes and costs: days, rows, first day, seconds, dollars.",
        query: &[Parameter {
            name: "kind",
            takes: Takes::OneOf(&["feature", "page", "guide", "track", "event"]),
            is_required: true,
            about: "`feature`, `page`, `guide`, `track` or `event`.",
            example: "page",
        }],
        replies: &[(200, Some(shape::<estimate::Shown>))],
        ..READ
    },
    Operation {
        act: Act::ReadMatching,
        id: "readMatching",
        path: "/v1/matching",
        summary: "The rules by which Pendo's visitors and accounts are contacts and accounts; no member before they were first saved.",
        replies: &[(200, Some(shape::<Matching>))],
        answers_etag: true,
        ..READ
    },
    Operation {
        act: Act::PutMatching,
        id: "saveMatching",
        method: "PUT",
        path: "/v1/matching",
        summary: "Saves the rules of both levels, or tries them, and reports how well they match. A level that is left out is not matched.",
        query: &[DRY_RUN],
        body: Some(Body {
            types: JSON,
            shape: Some(shape::<Matching>),
            example: r#"{"contact":{"visitor":"visitorId","object":"email","ignore_case":true},"account":{"account":"accountId","object":"id"}}"#,
        }),
        replies: &[(200, Some(shape::<Saved>))],
        takes_if_match: true,
        answers_etag: true,
        ..READ
    },
    matching::UNDO,
    unmatched::OPERATION,
    exclusions::SHOW,
    exclusions::SAVE,
    read_objects("listAccounts", ACCOUNTS, ObjectKind::Account),
    upload(
        "uploadAccounts",
        ACCOUNTS,
        ObjectKind::Account,
        "id,name,seats,renewal_date,expanded_on\nA-1,One,25,2026-09-30,2026-05-02\nA-2,Two,10,2027-01-31,\n",
    ),
    delete_objects("deleteAccounts", ACCOUNTS, ObjectKind::Account),
    read_objects("listContacts", CONTACTS, ObjectKind::Contact),
    upload(
        "uploadContacts",
        CONTACTS,
        ObjectKind::Contact,
        "id,account_id,email\nC-1,A-1,ann@example.org\nC-2,A-1,bob@example.org\n",
    ),
    delete_objects("deleteContacts", CONTACTS, ObjectKind::Contact),
    Operation {
        act: Act::ListFields,
        id: "listFields",
        path: FIELDS,
        summary: "All calculated fields, in the order of level and name.",
        replies: &[(200, Some(shape::<Listed<Shown>>))],
        ..READ
    },
    Operation {
        act: Act::CreateField,
        id: "createField",
        method: "POST",
        path: FIELDS,
        summary: "Creates a calculated field: 201, or 200 with the one that stands where it says the same.",
        body: Some(Body {
            types: JSON,
            shape: Some(shape::<Definition>),
            example: r#"{"name":"MAU","object":"account","usage":{"kind":"event"},"function":"distinct_visitors","window":{"rolling_days":30,"complete_days":true}}"#,
        }),
        replies: &[(200, Some(shape::<SavedField>)), (201, Some(shape::<SavedField>))],
        is_creating: true,
        ..READ
    },
    preview::OPERATION, // before FIELD, which would take it for an id
    Operation {
        act: Act::ReadField,
        id: "readField",
        path: FIELD,
        summary: "One calculated field.",
        replies: &[(200, Some(shape::<Shown>))],
        answers_etag: true,
        ..READ
    },
    edit::OPERATION,
    Operation {
        act: Act::DeleteField,
        id: "deleteField",
        method: "DELETE",
        path: FIELD,
        summary: "Deletes a calculated field and its versions. What was read for it stays for the day it is wanted again.",
        replies: &[(204, None)],
        takes_if_match: true,
        ..READ
    },
    versions::OPERATION,
    compare::OPERATION,
    configuration::EXPORT,
    configuration::IMPORT,
    Operation {
        act: Act::Values,
        id: "listValues",
        path: "/v1/values",
        level: Level::Any,
        summary: "Values, sorted by object, id and field: a line each, or as CSV a row per object and a column per field. A page holds whole objects.",
        query: &[
            Parameter {
                name: "object",
                takes: Takes::OneOf(&["account", "contact"]),
                about: "`account` or `contact`; both if left out.",
                example: "account",
                ..TEXT
            },
            Parameter { name: "id", about: "One object's id.", ..TEXT },
            Parameter { name: "field", about: "One field, by name or id.", example: "MAU", ..TEXT },
            FORMAT,
            Parameter { about: "The most objects of a page, 1 to 1,000; 100 if left out.", ..LIMIT },
            CURSOR,
        ],
        replies: &[(200, Some(shape::<Listed<Line>>)), (200, None)],
        ..READ
    },
    history::OPERATION,
    Operation {
        act: Act::Explain,
        id: "explainValue",
        path: "/v1/values/explain",
        summary: "A value taken apart: definition, window, match, and sums by person, object, day and hour that add up to it; and the question that gives it at Pendo. Paged by person, whoever contributes most first.",
        query: &[
            OBJECT,
            OBJECT_ID,
            FIELD_ASKED,
            Parameter {
                takes: Takes::UpTo(PEOPLE_MAX),
                about: "The most people of a page, 1 to 100; 20 if left out.",
                ..LIMIT
            },
            CURSOR,
        ],
        replies: &[(200, Some(shape::<Explanation>))],
        ..READ
    },
    peers::OPERATION,
    Operation {
        act: Act::Usage,
        id: "listUsage",
        path: "/v1/usage",
        summary: "The stored rows that are an account's or a contact's, newest hour first. A page may hold fewer rows than its limit, or none, and have a next one: it ends early where much is read for little.",
        query: &[
            OBJECT,
            OBJECT_ID,
            Parameter {
                name: "kind",
                takes: Takes::OneOf(&["feature", "page", "guide", "track", "event"]),
                about: "`feature`, `page`, `guide`, `track` or `event`; all of them if left out. `event` contains what the others but guides count.",
                example: "event",
                ..TEXT
            },
            Parameter {
                name: "from",
                about: "Hours that begin at this instant or later; a date is its midnight in UTC.",
                example: "2026-06-01",
                ..TEXT
            },
            Parameter {
                name: "to",
                about: "Hours that begin before this instant.",
                example: "2026-06-30T12:00:00Z",
                ..TEXT
            },
            Parameter { name: "visitor", about: "One visitor, by Pendo's id.", example: "ann@example.org", ..TEXT },
            Parameter { name: "usage_object", about: "One feature, page, guide or track type, by Pendo's id.", ..TEXT },
            FORMAT,
            Parameter { about: "The most rows of a page, 1 to 1,000; 100 if left out.", ..LIMIT },
            CURSOR,
        ],
        replies: &[(200, Some(shape::<Listed<UsageLine>>)), (200, None)],
        ..READ
    },
    Operation {
        act: Act::Status,
        id: "readStatus",
        path: "/v1/status",
        level: Level::Any,
        summary: "Connected? Fresh? Complete? What to do next?",
        replies: &[(200, Some(shape::<StatusReport>))],
        ..READ
    },
    Operation {
        act: Act::Sync,
        id: "sync",
        method: "POST",
        path: "/v1/sync",
        summary: "Asks for a run now.",
        replies: &[(202, Some(shape::<Queued>))],
        is_creating: true,
        ..READ
    },
    audit::OPERATION,
    signals::LIST,
    signals::CREATE,
    signals::TEMPLATES,
    signals::PREVIEW,
    signals::EVENTS,
    signals::SHOW,
    signals::EDIT,
    signals::DELETE,
    signals::OBJECTS,
    signals::ACT,
    signals::IMPACT,
    signals::CALIBRATION,
    signals::RENEWALS,
    signals::REPLAY,
];
