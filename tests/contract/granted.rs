//! What a function's binary asks of AWS is what its role in the template may do, no more and no less.
//!
//! A request's operation stands in it as the text of its header `x-amz-target`, and the linker leaves out what `main` does not reach,
//! so a binary holds the text of each operation that it can call. That is so for builds of tests; an optimised build takes some of the
//! texts apart. Which parts a transaction has is read in the source.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it says; helpers count as tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// An action and the resource that it is granted on, as the template writes it.
type Grants = BTreeSet<(String, String)>;

const TABLE: &str = "!GetAtt Table.Arn";
const QUEUE: &str = "!GetAtt Queue.Arn";
const EVENTS: &str = "!GetAtt Events.Arn";
const LOST_TICKS: &str = "!GetAtt LostTicks.Arn";
const SECRETS: &str =
    "!Sub 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}*'";

/// How the operations of a service begin in a binary, the service in IAM, and what is granted.
const SERVICES: [(&str, &str, &str); 4] = [
    ("DynamoDB_20120810.", "dynamodb", TABLE),
    ("AmazonSQS.", "sqs", QUEUE),
    ("AWSEvents.", "events", EVENTS),
    ("secretsmanager.", "secretsmanager", SECRETS),
];

/// Operations and the actions that they need. One that is not here fails the test: look it up, and add it.
const OPERATIONS: [(&str, &str); 14] = [
    ("BatchGetItem", "BatchGetItem"),
    ("DeleteItem", "DeleteItem"),
    ("GetItem", "GetItem"),
    ("PutItem", "PutItem"),
    ("Query", "Query"),
    // The actions of its parts; all are puts, see below.
    ("TransactWriteItems", "PutItem"),
    ("UpdateItem", "UpdateItem"),
    // Before `SendMessage`, which begins as it does.
    ("SendMessageBatch", "SendMessage"),
    ("SendMessage", "SendMessage"),
    ("PutEvents", "PutEvents"),
    ("CreateSecret", "CreateSecret"),
    ("DeleteSecret", "DeleteSecret"),
    ("GetSecretValue", "GetSecretValue"),
    ("PutSecretValue", "PutSecretValue"),
];

/// The condition of the only query of the index.
const INDEX_QUERY: &str = "due = :due";

/// Compares the binary of the function that the template calls `name` with `name`'s role, and the schedule's role with its target.
pub(crate) fn is_what_is_used(name: &str, binary: &str) {
    let template = template();
    let binary = std::fs::read(binary).unwrap();
    let mut used = asked(&binary);
    assert!(!used.is_empty(), "the operations of a build like this one can't be seen");
    used.extend(on_its_behalf(name, &template));
    let granted = granted(&resource(&template, &format!("{name}Role")));
    assert_eq!(granted, used, "what {name}Role grants (left) is not what {name} needs (right)");
    assert!(resource(&template, &format!("{name}Function")).contains(&format!("Role: !GetAtt {name}Role.Arn")));
    the_tick_calls_sync_alone(&template);
    transactions_are_puts_and_the_index_has_one_query();
}

/// What the schedule's role grants is what its target needs.
fn the_tick_calls_sync_alone(template: &str) {
    let (tick, target) = (resource(template, "Tick"), "!If [IsGradual, !Ref SyncAlias, !GetAtt SyncFunction.Arn]");
    assert!(tick.contains(&format!("\n        Arn: {target}\n")) && tick.contains("RoleArn: !GetAtt TickRole.Arn"));
    let mut needed = Grants::from([grant("lambda:InvokeFunction", target)]);
    if tick.contains(&format!("DeadLetterConfig: {{ Arn: {LOST_TICKS} }}")) {
        needed.insert(grant("sqs:SendMessage", LOST_TICKS));
    }
    assert_eq!(granted(&resource(template, "TickRole")), needed);
}

/// What the code asks for.
fn asked(binary: &[u8]) -> Grants {
    let texts = String::from_utf8_lossy(binary);
    let mut grants = Grants::new();
    for (begins, service, on) in SERVICES {
        let found =
            texts.split(begins).skip(1).filter(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()));
        for rest in found {
            let known = OPERATIONS.iter().find(|(operation, _)| rest.starts_with(operation));
            let named: String = rest.chars().take(60).collect();
            let (_, action) = known.ok_or(format!("an operation that is not known: {begins}{named}")).unwrap();
            grants.insert(grant(&format!("{service}:{action}"), on));
        }
    }
    if texts.contains(INDEX_QUERY) {
        grants.insert(grant("dynamodb:Query", "!Sub '${Table.Arn}/index/due'"));
    }
    grants
}

/// What AWS does with the function's role beside its code, because the template asks for it.
fn on_its_behalf(name: &str, template: &str) -> Grants {
    let mut grants = Grants::from([
        grant("logs:CreateLogStream", &format!("!GetAtt {name}Logs.Arn")),
        grant("logs:PutLogEvents", &format!("!GetAtt {name}Logs.Arn")),
        // Table and secrets are read and written under the owner's key.
        grant("kms:Decrypt", "!Ref KmsKeyArn"),
        grant("kms:GenerateDataKey", "!Ref KmsKeyArn"),
        grant("xray:PutTelemetryRecords", "'*'"),
        grant("xray:PutTraceSegments", "'*'"),
    ]);
    let function = format!("!Ref {name}Function");
    let names = [function.clone(), format!("!If [IsGradual, !Ref {name}Alias, {function}]")];
    let is_its = |part: &&str| names.iter().any(|name| part.contains(&format!("FunctionName: {name}\n")));
    for part in template.split("\n\n").filter(is_its) {
        if part.contains("Type: AWS::Lambda::EventSourceMapping") {
            assert!(part.contains(&format!("EventSourceArn: {QUEUE}")));
            let takes = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
            grants.extend(takes.map(|action| grant(action, QUEUE)));
        }
        if part.contains("Type: AWS::Lambda::EventInvokeConfig") {
            assert!(part.contains(&format!("OnFailure: {{ Destination: {LOST_TICKS} }}")));
            grants.insert(grant("sqs:SendMessage", LOST_TICKS));
        }
    }
    grants
}

/// All that a role's statements allow; each is written as effect, action or actions, resource.
fn granted(role: &str) -> Grants {
    let mut grants = Grants::new();
    let (_, policies) = role.split_once("Policies:").unwrap();
    for statement in policies.split("- Effect: Allow").skip(1) {
        let (actions, on) = statement.split_once("Resource: ").unwrap();
        let on = without_comment(on.lines().next().unwrap());
        let (_, actions) = actions.split_once("Action:").unwrap();
        for line in actions.lines().map(without_comment) {
            for action in line.trim_matches(['[', ']', '-', ' ']).split(", ").filter(|action| !action.is_empty()) {
                assert!(action.contains(':') && !action.contains('*'), "{action:?} is no action");
                assert!(grants.insert(grant(action, on)), "{action} stands twice");
            }
        }
    }
    grants
}

fn without_comment(line: &str) -> &str {
    line.split(" #").next().unwrap_or_default().trim()
}

fn grant(action: &str, on: &str) -> (String, String) {
    (action.to_owned(), on.to_owned())
}

/// The text of a resource, without the two lines that name it.
fn resource(template: &str, name: &str) -> String {
    let (_, rest) = template.split_once(&format!("\n  {name}:\n")).unwrap();
    rest.lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn template() -> String {
    std::fs::read_to_string(root().join("infra/template.yaml")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a binary does not tell.
fn transactions_are_puts_and_the_index_has_one_query() {
    let (mut parts, mut puts, mut indices) = (0, 0, 0);
    for entry in std::fs::read_dir(root().join("shared/src/store")).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        parts += source.matches("TransactWriteItem::builder()").count();
        puts += source.matches("TransactWriteItem::builder().put(").count();
        indices += source.matches(".index_name(").count();
    }
    assert_eq!((parts, indices), (1, 1), "look again at what a transaction and a query of an index need");
    assert_eq!(puts, parts, "a part of a transaction that is no put needs another action");
}
