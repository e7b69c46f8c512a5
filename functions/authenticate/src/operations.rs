//! What `authenticate` can be asked.

use crate::body::{ChangeBody, ConnectBody};
use crate::disconnect::Removing;
use crate::view::View;
use shared::api::operation::{Body, Level, Operation, Parameter, Takes, shape};

/// What the function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Shows the connection.
    Read,
    /// Connects, reconnects, or takes a new key.
    Connect,
    /// Changes zone or pause.
    Change,
    /// Ends the connection.
    Disconnect,
}

const PATH: &str = "/v1/connection";
const JSON: &[&str] = &["application/json"];

const READ: Operation<Act> = Operation {
    act: Act::Read,
    id: "readConnection",
    method: "GET",
    path: PATH,
    level: Level::High,
    summary: "The connection: its state, its region, and what to do next. Never the key.",
    query: &[],
    body: None,
    replies: &[(200, Some(shape::<View>))],
    is_creating: false,
    takes_if_match: false,
    answers_etag: true,
};

/// All of them.
pub static OPERATIONS: [Operation<Act>; 4] = [
    READ,
    Operation {
        act: Act::Connect,
        id: "connect",
        method: "POST",
        summary: "Connects a Pendo subscription, reconnects it, or puts a new key in the place of the old. The key is tried on Pendo before anything is written.",
        body: Some(Body {
            types: JSON,
            shape: Some(shape::<ConnectBody>),
            example: r#"{"region":"us","integration_key":"simulator-key.us","time_zone":"Europe/Berlin"}"#,
        }),
        replies: &[(200, Some(shape::<View>)), (201, Some(shape::<View>))],
        is_creating: true,
        answers_etag: false,
        ..READ
    },
    Operation {
        act: Act::Change,
        id: "changeConnection",
        method: "PATCH",
        summary: "Changes the time zone in which days are cut, pauses the sync, or goes on with it.",
        body: Some(Body {
            types: JSON,
            shape: Some(shape::<ChangeBody>),
            example: r#"{"time_zone":"UTC","paused":false}"#,
        }),
        takes_if_match: true,
        ..READ
    },
    Operation {
        act: Act::Disconnect,
        id: "disconnect",
        method: "DELETE",
        summary: "Ends the connection. The key goes at once; the data stays frozen, or goes too.",
        query: &[Parameter {
            name: "data",
            takes: Takes::OneOf(&["keep", "purge"]),
            is_required: true,
            about: "`keep` freezes the values; `purge` removes everything, directory, fields and trail too. It must be said.",
            example: "keep",
        }],
        replies: &[(200, Some(shape::<View>)), (202, Some(shape::<Removing>))],
        takes_if_match: true,
        answers_etag: false,
        ..READ
    },
];
