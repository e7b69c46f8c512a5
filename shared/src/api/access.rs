//! Who may do what: the one gate, fed by the claims that the gateway's authorizer has verified.
//!
//! The workspace comes from here and nowhere else. To configure, the level must be the text `high` and nothing that
//! merely looks like it; a token without a level has no access at all.

use super::{Level, Problem, Request};
use crate::config::Config;
use crate::id::WorkspaceId;
use crate::planted::planted;

/// The only level that may configure.
const HIGH: &str = "high";

/// A caller whose workspace is known and who has some access level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whose data this request is about.
    pub workspace: WorkspaceId,
    is_high: bool,
}

impl Access {
    /// Reads the claims.
    ///
    /// # Errors
    /// 403 without a usable workspace or without a level.
    pub fn of(request: &Request, config: &Config) -> Result<Self, Problem> {
        let workspace = request.claim(&config.workspace_claim).and_then(WorkspaceId::parse).ok_or_else(|| {
            Problem::forbidden("The token names no workspace: sign in again with a token of a workspace.")
        })?;
        let level =
            request.claim(&config.access_level_claim).filter(|level| !level.trim().is_empty()).ok_or_else(|| {
                Problem::forbidden("The token has no access level: ask an admin of the workspace for one.")
            })?;
        Ok(Self { workspace, is_high: level == HIGH || (planted!(BracketsAccepted) && level == "[high]") })
    }

    /// Lets pass whoever has the level that is asked for.
    ///
    /// # Errors
    /// 403 for every level but exactly `high` where that is asked for.
    pub fn at(&self, level: Level) -> Result<&WorkspaceId, Problem> {
        match level {
            Level::High => self.configuring(),
            Level::Any => Ok(&self.workspace),
        }
    }

    /// Lets pass whoever may configure.
    ///
    /// # Errors
    /// 403 for every level but exactly `high`.
    fn configuring(&self) -> Result<&WorkspaceId, Problem> {
        if self.is_high {
            Ok(&self.workspace)
        } else {
            Err(Problem::forbidden("This needs the access level \"high\": ask an admin of the workspace."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::tests::{config, event};

    fn access(claims: &[(&str, &str)]) -> Result<Access, Problem> {
        let mut event = event("GET", "/v1/values");
        event.request_context.authorizer = Some(crate::api::request::tests::authorizer(claims));
        Access::of(&Request::of(event), &config())
    }

    #[test]
    fn exactly_high_may_configure() {
        let access = access(&[("workspace", "acme"), ("access_level", "high")]).unwrap();
        assert_eq!(access.configuring().unwrap().as_str(), "acme");
    }

    #[test]
    fn whatever_looks_like_high_may_read_but_not_configure() {
        for level in [
            "HIGH",
            "High",
            " high",
            "high ",
            "[high]",
            "high low",
            "[high low]",
            "high,low",
            "\"high\"",
            "1",
            "standard",
            "ｈigh",
        ] {
            let access = access(&[("workspace", "acme"), ("access_level", level)]).unwrap();
            assert_eq!(access.configuring().unwrap_err().status, 403, "{level}");
        }
    }

    #[test]
    fn no_level_or_no_workspace_is_no_access() {
        for claims in [
            &[("workspace", "acme")][..],
            &[("workspace", "acme"), ("access_level", "")],
            &[("access_level", "high")],
            &[("workspace", "acme#other"), ("access_level", "high")],
            &[("workspace", ""), ("access_level", "high")],
            &[("Workspace", "acme"), ("access_level", "high")],
        ] {
            assert_eq!(access(claims).unwrap_err().status, 403, "{claims:?}");
        }
        assert_eq!(Access::of(&Request::of(event("GET", "/v1/values")), &config()).unwrap_err().status, 403);
    }
}
