//! What is wrong with a body, where, and what to do about it.

use serde::Serialize;

/// One thing that is wrong with what a caller sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// The place as a JSON pointer (`/usage/ids/0`); empty for the whole body.
    pub pointer: String,
    /// One sentence: what is wrong and what to do.
    pub detail: String,
    /// Whether the body is over a limit of size rather than wrong in itself.
    #[serde(skip)]
    pub is_too_large: bool,
}

impl Problem {
    /// Something wrong at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), is_too_large: false }
    }

    /// A body over one of its limits.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self { pointer: String::new(), detail: detail.into(), is_too_large: true }
    }
}

/// The pointer to the member `name` of what `pointer` points to.
#[must_use]
pub fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_json_pointers_reserve() {
        assert_eq!(below("/usage", "a/b~c"), "/usage/a~1b~0c");
    }
}
