//! Secrets Manager: create, read, rotate, delete, describe, list. In memory, or in one file that only its owner may read.
//!
//! As in AWS a deleted secret's name stays blocked until its recovery window ends, unless it was deleted by force.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, text, unknown_operation, uuid};
use crate::data_dir::write_private;

const VALUE_MAX: usize = 65_536;
const DAY_SECONDS: i64 = 24 * 3600;

type Secrets = BTreeMap<String, Secret>;

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    arn: String,
    created_at: i64,
    current: Version,
    previous: Option<Version>,
    deletion_at: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    id: String,
    value: String,
}

/// All secrets.
pub(super) struct Vault {
    file: Option<PathBuf>,
    secrets: Mutex<Secrets>,
}

impl Vault {
    /// Reads the file, if there is one.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, String> {
        let known = match file.as_ref().map(std::fs::read) {
            Some(Ok(bytes)) => {
                serde_json::from_slice(&bytes).map_err(|_| "the file of secrets is unreadable".to_owned())?
            }
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.to_string()),
            _ => Secrets::new(),
        };
        Ok(Self { file, secrets: Mutex::new(known) })
    }

    pub(super) fn call(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        let now = now_seconds();
        match operation {
            "CreateSecret" => self.change(|secrets| create(secrets, input, now)),
            "PutSecretValue" => self.change(|secrets| put_value(secrets, input)),
            "DeleteSecret" => self.change(|secrets| delete(secrets, input, now)),
            "GetSecretValue" => value(&self.locked(), input),
            "DescribeSecret" => describe(&self.locked(), input),
            "ListSecrets" => Ok(list(&self.locked(), input)),
            _ => Err(unknown_operation(operation)),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Secrets> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a copy, keeps it on disk, then shows it.
    fn change(&self, step: impl FnOnce(&mut Secrets) -> Result<Value, Refusal>) -> Result<Value, Refusal> {
        let mut secrets = self.locked();
        let mut changed = secrets.clone();
        let now = now_seconds();
        changed.retain(|_, secret| secret.deletion_at.is_none_or(|deletion_at| deletion_at > now));
        let answer = step(&mut changed)?;
        if let Some(file) = &self.file {
            let kept = serde_json::to_vec(&changed)
                .map_err(std::io::Error::other)
                .and_then(|bytes| write_private(file, &bytes));
            kept.map_err(|error| {
                tracing::error!(%error, "secrets could not be kept");
                Refusal {
                    status: axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                    kind: "InternalServiceError",
                    message: error.to_string(),
                }
            })?;
        }
        *secrets = changed;
        Ok(answer)
    }
}

fn create(secrets: &mut Secrets, input: &Value, now: i64) -> Result<Value, Refusal> {
    let name = text(input, "Name")?;
    let version = version(input)?;
    match secrets.get(name) {
        Some(known) if known.deletion_at.is_some() => Err(Refusal::bad_request(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )),
        // The same call again, after an answer that was lost.
        Some(known) if known.current == version => Ok(named(name, known, Some(&version))),
        Some(_) => Err(Refusal::bad_request(
            "ResourceExistsException",
            format!("The operation failed because the secret {name} already exists."),
        )),
        None => {
            let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-{}", &uuid()[..6]);
            let secret = Secret { arn, created_at: now, current: version.clone(), previous: None, deletion_at: None };
            let answer = named(name, &secret, Some(&version));
            secrets.insert(name.to_owned(), secret);
            Ok(answer)
        }
    }
}

fn put_value(secrets: &mut Secrets, input: &Value) -> Result<Value, Refusal> {
    let version = version(input)?;
    let name = living(secrets, input)?.0.to_owned();
    let Some(secret) = secrets.get_mut(&name) else { return Err(not_found()) };
    if secret.current != version {
        if secret.current.id == version.id {
            return Err(Refusal::bad_request(
                "ResourceExistsException",
                "A version with this token already exists with another value.",
            ));
        }
        secret.previous = Some(std::mem::replace(&mut secret.current, version.clone()));
    }
    let mut answer = named(&name, secret, Some(&version));
    answer["VersionStages"] = json!(["AWSCURRENT"]);
    Ok(answer)
}

fn delete(secrets: &mut Secrets, input: &Value, now: i64) -> Result<Value, Refusal> {
    let is_forced = input.get("ForceDeleteWithoutRecovery").and_then(Value::as_bool).unwrap_or_default();
    if is_forced {
        // By force a secret that is not there is no error.
        let Ok((name, secret)) = found(secrets, input) else {
            let name = text(input, "SecretId")?;
            return Ok(json!({"ARN": name, "Name": name, "DeletionDate": now}));
        };
        let mut answer = named(name, secret, None);
        answer["DeletionDate"] = json!(now);
        let name = name.to_owned();
        secrets.remove(&name);
        return Ok(answer);
    }
    let days = input.get("RecoveryWindowInDays").and_then(Value::as_i64).unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(Refusal::bad_request("InvalidParameterException", "RecoveryWindowInDays must be from 7 to 30."));
    }
    let name = living(secrets, input)?.0.to_owned();
    let Some(secret) = secrets.get_mut(&name) else { return Err(not_found()) };
    let deletion_at = now + days * DAY_SECONDS;
    secret.deletion_at = Some(deletion_at);
    let mut answer = named(&name, secret, None);
    answer["DeletionDate"] = json!(deletion_at);
    Ok(answer)
}

fn value(secrets: &Secrets, input: &Value) -> Result<Value, Refusal> {
    let (name, secret) = living(secrets, input)?;
    let stage = input.get("VersionStage").and_then(Value::as_str);
    let id = input.get("VersionId").and_then(Value::as_str);
    let versions =
        [Some((&secret.current, "AWSCURRENT")), secret.previous.as_ref().map(|version| (version, "AWSPREVIOUS"))];
    let wanted = |(version, its_stage): &(&Version, &str)| {
        id.is_none_or(|id| id == version.id)
            && stage.or(id.is_none().then_some("AWSCURRENT")).is_none_or(|stage| stage == *its_stage)
    };
    let Some((version, stage)) = versions.into_iter().flatten().find(wanted) else { return Err(not_found()) };
    let mut answer = named(name, secret, Some(version));
    answer["SecretString"] = json!(version.value);
    answer["VersionStages"] = json!([stage]);
    answer["CreatedDate"] = json!(secret.created_at);
    Ok(answer)
}

fn describe(secrets: &Secrets, input: &Value) -> Result<Value, Refusal> {
    let (name, secret) = found(secrets, input)?;
    Ok(described(name, secret))
}

fn list(secrets: &Secrets, input: &Value) -> Value {
    let with_deleted = input.get("IncludePlannedDeletion").and_then(Value::as_bool).unwrap_or_default();
    let shown = secrets.iter().filter(|(_, secret)| with_deleted || secret.deletion_at.is_none());
    json!({"SecretList": shown.map(|(name, secret)| described(name, secret)).collect::<Vec<_>>()})
}

fn described(name: &str, secret: &Secret) -> Value {
    let mut answer = named(name, secret, None);
    answer["CreatedDate"] = json!(secret.created_at);
    let mut stages = json!({&secret.current.id: ["AWSCURRENT"]});
    if let Some(previous) = &secret.previous {
        stages[&previous.id] = json!(["AWSPREVIOUS"]);
    }
    answer["VersionIdsToStages"] = stages;
    if let Some(deletion_at) = secret.deletion_at {
        answer["DeletedDate"] = json!(deletion_at);
    }
    answer
}

fn named(name: &str, secret: &Secret, version: Option<&Version>) -> Value {
    let mut answer = json!({"ARN": secret.arn, "Name": name});
    if let Some(version) = version {
        answer["VersionId"] = json!(version.id);
    }
    answer
}

fn version(input: &Value) -> Result<Version, Refusal> {
    let value = text(input, "SecretString")?;
    if value.len() > VALUE_MAX {
        let message = format!("SecretString must have at most {VALUE_MAX} bytes");
        return Err(Refusal::bad_request("ValidationException", message));
    }
    let id = input.get("ClientRequestToken").and_then(Value::as_str).map_or_else(uuid, str::to_owned);
    Ok(Version { id, value: value.to_owned() })
}

/// By name or ARN, deleted or not.
fn found<'a>(secrets: &'a Secrets, input: &Value) -> Result<(&'a str, &'a Secret), Refusal> {
    let id = text(input, "SecretId")?;
    let hit = secrets.iter().find(|(name, secret)| *name == id || secret.arn == id);
    hit.map(|(name, secret)| (name.as_str(), secret)).ok_or_else(not_found)
}

fn living<'a>(secrets: &'a Secrets, input: &Value) -> Result<(&'a str, &'a Secret), Refusal> {
    let hit = found(secrets, input)?;
    if hit.1.deletion_at.is_some() {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(Refusal::bad_request("InvalidRequestException", message));
    }
    Ok(hit)
}

fn not_found() -> Refusal {
    Refusal::bad_request("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a recovery window runs in this machine's time, whatever the functions' clock shows"
)]
fn now_seconds() -> i64 {
    chrono::Utc::now().timestamp()
}
