//! Gradual deployments: with the parameter every caller calls the alias, without it none does; and each setting of a function is part
//! of what makes its version.

use std::collections::BTreeSet;

const FUNCTIONS: [&str; 3] = ["Sync", "Authenticate", "MappingConfig"];
/// What may name a function itself: what shows or watches all of its versions, or belongs to the alias.
const OF_ALL_VERSIONS: [&str; 7] = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Version",
    "Outputs",
];

fn template() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn whoever_calls_a_function_calls_its_alias_where_deployments_are_gradual() {
    let template = template();
    let (_, resources) = template.split_once("\nResources:\n").unwrap();
    let (resources, _) = resources.split_once("\nOutputs:\n").unwrap();
    let mut callers = BTreeSet::new();
    for part in resources.split("\n\n") {
        for function in FUNCTIONS {
            let itself = [format!("!Ref {function}Function"), format!("!GetAtt {function}Function.Arn")];
            for line in part.lines().filter(|line| itself.iter().any(|itself| line.contains(itself.as_str()))) {
                let is_by_alias = line.contains(&format!("!If [IsGradual, !Ref {function}Alias, "));
                let is_of_all = OF_ALL_VERSIONS.iter().any(|kind| part.contains(&format!("Type: {kind}\n")));
                assert!(is_by_alias || is_of_all, "it would call the old version: {line}");
                callers.extend(is_by_alias.then(|| (function, line.trim())));
            }
        }
    }
    assert_eq!(
        callers.len(),
        7,
        "the schedule and its role, the queue; of the API two integrations and two permissions: {callers:#?}"
    );
    let calls = resources.split("\n\n").find(|part| part.contains("  SyncCalls:\n")).unwrap();
    assert!(calls.contains("Qualifier: !If [IsGradual, !Select [7, !Split [':', !Ref SyncAlias]], $LATEST]"));
    let conditional = resources.split("\n\n").filter(|part| part.contains("    Condition: IsGradual\n"));
    assert_eq!(conditional.count(), 2 + 3 * FUNCTIONS.len(), "nothing of it stands where the parameter is off");
    assert!(template.contains("  GradualDeployment:\n    Type: String\n    Default: 'off'\n"));
}

#[test]
fn a_deployment_with_any_other_setting_makes_another_version() {
    let template = template();
    let (_, variables) = template.split_once("      Variables:\n").unwrap();
    let (variables, _) = variables.split_once("\nResources:\n").unwrap();
    let named = variables.lines().filter_map(|line| line.split_once("!Ref ")).map(|(_, rest)| rest);
    let named: BTreeSet<&str> = named.filter_map(|rest| rest.split_whitespace().next()).collect();
    let is_parameter = |name: &&&str| {
        template.contains(&format!("\n  {name}:\n    Type: String\n"))
            || template.contains(&format!("\n  {name}:\n    Type: Number\n"))
    };
    let parameters: Vec<&&str> = named.iter().filter(is_parameter).collect();
    assert!(parameters.len() >= 12, "{parameters:?}");
    let versions: Vec<&str> = template.lines().filter(|line| line.contains("Description: !Sub '${Release} ")).collect();
    assert_eq!(versions.len(), FUNCTIONS.len());
    for version in versions {
        let missing: Vec<_> = parameters.iter().filter(|name| !version.contains(&format!("${{{name}}}"))).collect();
        assert!(missing.is_empty(), "{missing:?} would change nothing: {version}");
    }
}
