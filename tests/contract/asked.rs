//! The operations of both functions in one list, without what only their function does with them.

use shared::api::operation::{Body, Level, Operation, Parameter, Shape};
use shared::api::request::{CONFIGURATION_BYTES_MAX, FILE_BYTES_MAX, UPLOAD_BYTES_MAX};

/// One operation.
pub(crate) struct Asked {
    pub(crate) function: &'static str,
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) level: Level,
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [Parameter],
    pub(crate) body: Option<&'static Body>,
    pub(crate) replies: &'static [(u16, Option<Shape>)],
    pub(crate) is_creating: bool,
    pub(crate) takes_if_match: bool,
    pub(crate) answers_etag: bool,
}

impl Asked {
    /// The path with its example's query, and `id` in its place.
    pub(crate) fn example(&self, id: &str) -> String {
        let given = self.query.iter().filter(|parameter| !parameter.example.is_empty());
        let query: Vec<String> = given.map(|parameter| format!("{}={}", parameter.name, parameter.example)).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path.replace("{id}", id), query.join("&"))
    }

    /// Whether its query takes a name.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.query.iter().any(|parameter| parameter.name == name)
    }

    /// The most bytes of its body.
    pub(crate) fn bytes_max(&self) -> usize {
        match self.body {
            Some(body) if body.shape.is_none() => UPLOAD_BYTES_MAX,
            _ if self.id == "saveConfiguration" => FILE_BYTES_MAX,
            _ => CONFIGURATION_BYTES_MAX,
        }
    }
}

/// All of them, as the functions' tables have them.
pub(crate) fn all() -> Vec<Asked> {
    let mut all = of("authenticate", &authenticate::operations::OPERATIONS);
    all.extend(of("mapping-config", &mapping_config::operations::OPERATIONS));
    all
}

fn of<A>(function: &'static str, operations: &'static [Operation<A>]) -> Vec<Asked> {
    let asked = |operation: &'static Operation<A>| Asked {
        function,
        id: operation.id,
        method: operation.method,
        path: operation.path,
        level: operation.level,
        summary: operation.summary,
        query: operation.query,
        body: operation.body.as_ref(),
        replies: operation.replies,
        is_creating: operation.is_creating,
        takes_if_match: operation.takes_if_match,
        answers_etag: operation.answers_etag,
    };
    operations.iter().map(asked).collect()
}
