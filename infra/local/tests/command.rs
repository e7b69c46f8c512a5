//! The command as a person runs it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

const SHORT: [&str; 7] = ["--once", "--port", "0", "--now", "2026-06-30T12:30:00Z", "--history-from", "2026-06-25"];

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.env_remove("PENDO_INTEGRATION_KEY").env_remove("RUST_LOG").args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The one sentence on standard error, and the exit status.
fn refusal(arguments: &[&str]) -> (String, Option<i32>) {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    (said, output.status.code())
}

#[test]
fn a_second_run_over_the_same_data_writes_nothing_and_says_the_same() {
    let root = tempfile::tempdir().unwrap();
    let (data, values, report) = (root.path().join("data"), root.path().join("v.ndjson"), root.path().join("r.json"));
    let with_data =
        [&SHORT[..], &["--data-dir", text(&data), "--export", text(&values), "--report", text(&report)]].concat();

    let first = run(&with_data);
    let shown = String::from_utf8(first.stdout).unwrap();
    assert_eq!(first.status.code(), Some(0), "{shown}{}", String::from_utf8_lossy(&first.stderr));
    assert!(shown.contains("equal Pendo's own total"), "{shown}");
    for told in ["Theirs because Pendo's accountId", "\n  Percentile "] {
        assert!(shown.contains(told), "{shown}");
    }
    let told = [
        "\nSignals created: Health, Adoption, Seats nearly used up, Bring back the quiet, MAU.\n",
        "\nNobody is enrolled in \"Bring back the quiet\"",
        "\nA day passes. Synced up to 2026-06-30T12:00:00Z",
        "\nSignals\n\n",
    ];
    for told in told {
        assert!(shown.contains(told), "{told} is not in {shown}");
    }
    let first_values = fs::read(&values).unwrap();
    let first_report: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert!(first_report["rows"].as_u64().unwrap() > 0, "{first_report}");

    let second = run(&with_data);
    assert_eq!(second.status.code(), Some(0));
    let shown = String::from_utf8(second.stdout).unwrap();
    assert!(shown.contains("\nSignals\n\n"), "{shown}");
    assert!(!shown.contains("Signals created") && !shown.contains("A day passes"), "{shown}");
    let second_report: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(
        (&second_report["usage_writes"], &second_report["value_writes"]),
        (&0.into(), &0.into()),
        "{second_report}"
    );
    assert!(fs::read(&values).unwrap() == first_values, "the exports differ");

    let other = root.path().join("fields.json");
    let mau =
        r#"[{"name":"mau","object":"account","usage":{"kind":"event"},"function":"count","window":{"all_time":true}}]"#;
    fs::write(&other, mau).unwrap();
    let (said, status) = refusal(&[&with_data[..], &["--fields", text(&other)]].concat());
    assert_eq!(status, Some(2));
    assert!(said.contains("\"mau\" on account exists with another definition"), "{said}");
    fs::write(&other, r#"[{"kind":"value","name":"mau","object":"account","rule":{"field":"MAU"}}]"#).unwrap();
    let (said, status) = refusal(&[&with_data[..], &["--signals", text(&other)]].concat());
    assert_eq!((status, said.contains("the signal \"mau\" exists with another definition")), (Some(2), true), "{said}");
    assert!(fs::read(&values).unwrap() == first_values);
}

#[test]
fn over_four_months_signals_come_to_something() {
    let long = ["--once", "--port", "0", "--now", "2026-06-30T12:30:00Z", "--history-from", "2026-03-01"];
    let output = run(&long);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    let section = shown.split_once("\nSignals\n\n").unwrap().1.split_once("\n\n").unwrap().0;
    let told = [
        "\"Seats nearly used up\" fires with strength 100 of 100: licensed_seats is ",
        " of 100, poor: ",
        " by itself on 2026-06-",
        "Bring back the quiet · Events 7d, 28 days: ",
        " % interval ",
        "\n  Participants alone, compared with nobody: ",
    ];
    for told in told {
        assert!(section.contains(told), "{told} is not in {section}");
    }
}

#[test]
fn one_file_of_everything_does_what_its_parts_do_and_edits_what_stands_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let [data, values, file] = ["data", "v.ndjson", "configuration.json"].map(|name| root.path().join(name));
    let example = |name: &str| -> serde_json::Value {
        let path = format!("{}/examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    };
    assert_eq!(run(&[&SHORT[..], &["--export", text(&values)]].concat()).status.code(), Some(0));
    let by_parts = fs::read(&values).unwrap();
    let mut whole = serde_json::json!({"format": 1, "matching": example("matching"), "fields": example("fields")});
    let count = whole["fields"].as_array().unwrap().len();
    let configured = |whole: &serde_json::Value| {
        fs::write(&file, whole.to_string()).unwrap();
        let options = ["--data-dir", text(&data), "--configuration", text(&file), "--export", text(&values)];
        let output = run(&[&SHORT[..], &options].concat());
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), said)
    };
    let (status, said) = configured(&whole);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(&format!("Configured: {count} fields created, 0 changed, 0 as they stood.")), "{said}");
    assert!(fs::read(&values).unwrap() == by_parts, "the exports differ");

    let usage = whole["fields"].as_array().unwrap().iter().position(|field| field["function"] == "count").unwrap();
    whole["fields"][usage]["window"] = serde_json::json!({"rolling_days": 3, "complete_days": false});
    let (status, said) = configured(&whole);
    assert_eq!(status, Some(0), "{said}");
    let others = count - 1;
    assert!(said.contains(&format!("Configured: 0 fields created, 1 changed, {others} as they stood.")), "{said}");
    assert!(fs::read(&values).unwrap() != by_parts);

    let edited = fs::read(&values).unwrap();
    whole["fields"][usage]["window"] = serde_json::json!({"rolling_days": 0, "complete_days": false});
    let (status, said) = configured(&whole);
    assert_eq!((status, said.contains(&format!("/fields/{usage}/window"))), (Some(2), true), "{said}");
    assert!(fs::read(&values).unwrap() == edited);
    let both = run(&["--once", "--configuration", text(&file), "--fields", text(&file)]);
    let said = String::from_utf8(both.stderr).unwrap();
    assert_eq!((both.status.code(), said.contains("cannot be used with")), (Some(2), true), "{said}");
}

#[test]
fn what_cannot_start_says_why_in_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (said, status) = refusal(&["--once", "--port", &port]);
    assert_eq!((status, said.contains("is in use")), (Some(1), true), "{said}");

    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("FORMAT"), "99\n").unwrap();
    let (said, status) = refusal(&["--once", "--port", "0", "--data-dir", text(root.path())]);
    assert_eq!((status, said.contains("has format 99")), (Some(1), true), "{said}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);

    let (said, status) = refusal(&["--once", "--port", "0", "--history-from", "2999-01-01"]);
    assert_eq!((status, said.contains("is in the future")), (Some(2), true), "{said}");
}

#[test]
fn a_wrong_key_is_refused_and_never_repeated() {
    let output = run(&[&SHORT[..], &["--pendo-key", "not-the-key-7f3a", "--pendo-url", "http://127.0.0.1:9"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("not connected") && !said.contains("7f3a"), "{said}");
}
