//! Which function a path belongs to. The method is the function's own business.

use std::collections::BTreeMap;

/// The functions behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Authenticate,
    MappingConfig,
}

/// A route that a path met.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) function: Function,
    pub(super) path_parameters: BTreeMap<&'static str, String>,
    pattern: &'static str,
}

impl Route {
    /// As the template would name it.
    pub(super) fn key(&self) -> String {
        format!("ANY {}", self.pattern)
    }
}

/// The paths of the functions' own tables, as the template has them too.
fn routes() -> impl Iterator<Item = (&'static str, Function)> {
    let authenticate = authenticate::operations::OPERATIONS.iter().map(|operation| operation.path);
    let mapping_config = mapping_config::operations::OPERATIONS.iter().map(|operation| operation.path);
    authenticate
        .map(|path| (path, Function::Authenticate))
        .chain(mapping_config.map(|path| (path, Function::MappingConfig)))
}

/// The route of a path, if there is one.
pub(super) fn find(path: &str) -> Option<Route> {
    routes().find_map(|(pattern, function)| {
        let path_parameters = parameters(pattern, path)?;
        Some(Route { function, path_parameters, pattern })
    })
}

fn parameters(pattern: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut found = BTreeMap::new();
    let mut rest = path.strip_prefix('/')?;
    for part in pattern.trim_start_matches('/').split('/') {
        let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => {
                found.insert(name, segment.to_owned());
            }
            None if segment == part => {}
            _ => return None,
        }
        rest = after;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_function() {
        let cases = [
            ("/v1/connection", Some("ANY /v1/connection")),
            ("/v1/pendo/metadata", Some("ANY /v1/pendo/metadata")),
            ("/v1/pendo/estimate", Some("ANY /v1/pendo/estimate")),
            ("/v1/directory/accounts", Some("ANY /v1/directory/accounts")),
            ("/v1/fields", Some("ANY /v1/fields")),
            ("/v1/fields/preview", Some("ANY /v1/fields/preview")),
            ("/v1/fields/f1", Some("ANY /v1/fields/{id}")),
            ("/v1/fields/f1/versions", Some("ANY /v1/fields/{id}/versions")),
            ("/v1/fields/f1/others", None),
            ("/v1/pendo", None),
            ("/v1/connections", None),
            ("/v2/values", None),
            ("/", None),
        ];
        for (path, key) in cases {
            assert_eq!(find(path).map(|route| route.key()).as_deref(), key, "{path}");
        }
        assert_eq!(find("/v1/fields/f1").unwrap().path_parameters["id"], "f1");
    }
}
