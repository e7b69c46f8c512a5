//! The command's options, and what they amount to once files are read and contradictions refused.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use pendo_simulator::{Clock, Options as SimulatorOptions, Region};
use secrecy::SecretString;
use serde_json::Value;
use shared::time::{DAY_MS, parse_instant};

use crate::data_dir::DataDir;
use crate::stack::Pendo;

const ACCOUNTS: &str = include_str!("../examples/accounts.csv");
const CONTACTS: &str = include_str!("../examples/contacts.csv");
const MATCHING: &str = include_str!("../examples/matching.json");
const FIELDS: &str = include_str!("../examples/fields.json");
const SIGNALS: &str = include_str!("../examples/signals.json");
/// Days that pass in the simulator with the signals at work.
const DAYS_SHOWN: u32 = 3;

/// Brings product usage from Pendo beside accounts and contacts, whole, on this machine.
///
/// Without a key it reads a made-up Pendo that runs inside. With a key it reads your own; it only ever reads.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Arguments {
    /// Stop after the first complete sync, history included; the exit status is 0 if it was complete, 1 if not
    #[arg(long)]
    pub once: bool,
    /// Where the API listens on 127.0.0.1; 0 takes any free port
    #[arg(long, value_name = "N", default_value_t = 8787)]
    pub port: u16,
    /// Another Pendo server than the region's own (https, or http on this machine); needs a key
    #[arg(long, value_name = "URL")]
    pub pendo_url: Option<String>,
    /// The region of the Pendo subscription
    #[arg(long, value_name = "REGION", default_value = "us", value_parser = ["us", "us1", "eu", "jpn", "au"])]
    pub region: String,
    /// The integration key, for throw-away ones: other users of this machine can see it; better in the variable or a file
    #[arg(long, value_name = "KEY", env = "PENDO_INTEGRATION_KEY", hide_env_values = true, value_parser = hidden)]
    pub pendo_key: Option<SecretString>,
    /// A file that holds the integration key, or - for standard input; goes before --pendo-key
    #[arg(long, value_name = "FILE|-")]
    pub pendo_key_file: Option<PathBuf>,
    /// The accounts, as CSV (id,name,… ) or JSON lines (.ndjson) [default: the example's]
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// The contacts, as CSV (id,account_id,email,…) or JSON lines (.ndjson) [default: the example's]
    #[arg(long, value_name = "FILE")]
    pub contacts: Option<PathBuf>,
    /// How Pendo's visitors and accounts match contacts and accounts, as PUT /v1/matching takes it [default: the example's]
    #[arg(long, value_name = "FILE")]
    pub matching: Option<PathBuf>,
    /// Whose usage counts in no field, as PUT /v1/exclusions takes it [default: as it stands, at first nobody's]
    #[arg(long, value_name = "FILE")]
    pub exclusions: Option<PathBuf>,
    /// A list of calculated fields, each as POST /v1/fields takes it [default: the example's]
    #[arg(long, value_name = "FILE")]
    pub fields: Option<PathBuf>,
    /// A list of signals, each as POST /v1/signals takes it; [] for none [default: the example's, where accounts and fields are, too]
    #[arg(long, value_name = "FILE")]
    pub signals: Option<PathBuf>,
    /// Matching, exclusions and fields in one file, as PUT /v1/configuration takes it; a field that stands otherwise is edited
    #[arg(long, value_name = "FILE", conflicts_with_all = ["matching", "exclusions", "fields"])]
    pub configuration: Option<PathBuf>,
    /// How far back to read, a date or an instant [default: everything]
    #[arg(long, value_name = "DATE")]
    pub history_from: Option<String>,
    /// The connection's time zone, an IANA name; best Pendo's own [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Start the clock at this instant; with --once it stands still there
    #[arg(long, value_name = "INSTANT")]
    pub now: Option<String>,
    /// Keep database and secrets in this directory; a later run goes on from there
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Write every value to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Write what the run read, wrote and cost to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

fn hidden(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// A file to upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What is in it.
    pub content: String,
    /// Whether it holds JSON lines; otherwise CSV.
    pub is_ndjson: bool,
}

/// What the options amount to.
pub struct Plan {
    /// Whether to stop after the first complete sync.
    pub once: bool,
    /// Where the API listens.
    pub port: u16,
    /// The key.
    pub key: SecretString,
    /// The region's short name.
    pub region: String,
    /// Where Pendo is.
    pub pendo: Pendo,
    /// The time; while `days_shown` are still to pass, so much before the time that was asked for.
    pub clock: Clock,
    /// The time that was asked for, ms since 1970.
    pub now_ms: i64,
    /// Days that pass once the signals are created, so that they are seen at work.
    pub days_shown: u32,
    /// The accounts.
    pub accounts: Upload,
    /// The contacts.
    pub contacts: Upload,
    /// The matching's body.
    pub matching: String,
    /// The exclusions' body, if there is one.
    pub exclusions: Option<String>,
    /// The fields' file.
    pub fields: String,
    /// The signals.
    pub signals: Vec<Value>,
    /// Whether the signals are the example's.
    pub shows_example: bool,
    /// What goes in the place of those three, if it was given.
    pub configuration: Option<String>,
    /// How far back to read.
    pub history_from: Option<String>,
    /// The connection's zone, if one was asked for.
    pub time_zone: Option<String>,
    /// Where everything is kept.
    pub data_dir: Option<PathBuf>,
    /// Where the values go.
    pub export: Option<PathBuf>,
    /// Where the report goes.
    pub report: Option<PathBuf>,
}

impl Arguments {
    /// Reads the files and refuses what can't work, before anything starts.
    ///
    /// # Errors
    /// One sentence on what to do.
    pub fn plan(self) -> Result<Plan, String> {
        let now_ms = match &self.now {
            None => Clock::system().now_ms(),
            Some(text) => parse_instant(text).ok_or_else(|| not_an_instant("--now", text))?,
        };
        let mut from_ms = i64::MIN;
        if let Some(text) = &self.history_from {
            from_ms = parse_instant(text).ok_or_else(|| not_an_instant("--history-from", text))?;
            if from_ms >= now_ms {
                let now = shared::time::to_the_second(now_ms);
                return Err(format!("--history-from {text} is in the future (it is {now}): name a day in the past"));
            }
        }
        let is_example = self.accounts.is_none() && self.fields.is_none() && self.configuration.is_none();
        let shows_example = self.signals.is_none() && is_example;
        let signals = match &self.signals {
            None if !is_example => Vec::new(),
            path => list_of(&text_of(path.as_deref(), SIGNALS)?)?,
        };
        let given_key = self.given_key()?;
        let (pendo, key) = match (self.pendo_url, given_key) {
            (Some(url), Some(key)) => (Pendo::At(checked_url(url)?), key),
            (Some(_), None) => {
                return Err("--pendo-url needs a key: set PENDO_INTEGRATION_KEY, or give --pendo-key-file".to_owned());
            }
            (None, Some(key)) => (Pendo::Real, key),
            (None, None) => {
                let region: Region = self.region.parse()?;
                let options = SimulatorOptions { region, ..SimulatorOptions::default() };
                let key = SecretString::from(options.key.as_str());
                (Pendo::Simulator(Box::new(options)), key)
            }
        };
        // What is kept was seen as of its own time, and Pendo's own time can't be pushed.
        let is_fresh = !self.data_dir.as_deref().is_some_and(DataDir::is_begun);
        let may_pass = is_fresh && matches!(pendo, Pendo::Simulator(_)) && !signals.is_empty();
        let start_ms = now_ms - i64::from(DAYS_SHOWN) * DAY_MS;
        let (days_shown, start_ms) = if may_pass && from_ms < start_ms { (DAYS_SHOWN, start_ms) } else { (0, now_ms) };
        Ok(Plan {
            once: self.once,
            port: self.port,
            key,
            region: self.region,
            pendo,
            clock: if self.once && self.now.is_some() { Clock::fixed(start_ms) } else { Clock::ticking(start_ms) },
            now_ms,
            days_shown,
            accounts: upload(self.accounts.as_deref(), ACCOUNTS)?,
            contacts: upload(self.contacts.as_deref(), CONTACTS)?,
            matching: text_of(self.matching.as_deref(), MATCHING)?,
            exclusions: given(self.exclusions.as_deref())?,
            fields: text_of(self.fields.as_deref(), FIELDS)?,
            signals,
            shows_example,
            configuration: given(self.configuration.as_deref())?,
            history_from: self.history_from,
            time_zone: self.time_zone,
            data_dir: self.data_dir,
            export: self.export,
            report: self.report,
        })
    }

    /// The key, if one was given at all; an empty variable is none.
    fn given_key(&self) -> Result<Option<SecretString>, String> {
        use secrecy::ExposeSecret as _;
        let Some(path) = &self.pendo_key_file else {
            return Ok(self.pendo_key.clone().filter(|key| !key.expose_secret().trim().is_empty()));
        };
        let mut text = String::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
        };
        read.map_err(|error| format!("the key file {} can't be read: {error}", path.display()))?;
        if text.trim().is_empty() {
            return Err(format!("the key file {} is empty: put the integration key into it", path.display()));
        }
        Ok(Some(SecretString::from(text.trim())))
    }
}

fn not_an_instant(option: &str, text: &str) -> String {
    format!("{option} {text} is neither a date such as 2026-06-01 nor an instant such as 2026-06-30T12:30:00Z")
}

fn checked_url(url: String) -> Result<String, String> {
    shared::config::check_base_url(&url).map_err(|what| format!("--pendo-url {url} {what}"))?;
    Ok(url.trim_end_matches('/').to_owned())
}

fn text_of(path: Option<&Path>, example: &str) -> Result<String, String> {
    let Some(path) = path else { return Ok(example.to_owned()) };
    std::fs::read_to_string(path).map_err(|error| format!("the file {} can't be read: {error}", path.display()))
}

fn list_of(file: &str) -> Result<Vec<Value>, String> {
    let list: Vec<Value> =
        serde_json::from_str(file).map_err(|error| format!("the signals are not a list in JSON: {error}"))?;
    let is_named = |signal: &Value| signal.get("name").is_some_and(Value::is_string);
    match list.iter().position(|signal| !is_named(signal)) {
        Some(at) => {
            Err(format!("signal {} of the file has no \"name\": give each the body of POST /v1/signals", at + 1))
        }
        None => Ok(list),
    }
}

fn given(path: Option<&Path>) -> Result<Option<String>, String> {
    path.map(|path| text_of(Some(path), "")).transpose()
}

fn upload(path: Option<&Path>, example: &str) -> Result<Upload, String> {
    let is_ndjson = path.and_then(Path::extension).is_some_and(|end| end == "ndjson" || end == "jsonl");
    Ok(Upload { content: text_of(path, example)?, is_ndjson })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        let all = std::iter::once("local").chain(arguments.iter().copied());
        Arguments::try_parse_from(all).unwrap().plan().err().unwrap_or_default()
    }

    #[test]
    fn contradictions_are_refused_with_one_sentence() {
        let future = refusal(&["--now", "2026-06-30T12:30:00Z", "--history-from", "2026-07-01"]);
        assert!(future.contains("is in the future (it is 2026-06-30T12:30:00Z)"), "{future}");
        assert!(refusal(&["--now", "yesterday"]).contains("--now yesterday is neither"));
        assert!(refusal(&["--pendo-url", "http://pendo.example", "--pendo-key", "k"]).contains("https"));
        assert!(refusal(&["--accounts", "/nowhere/a.csv"]).contains("/nowhere/a.csv can't be read"));
    }

    #[test]
    fn the_key_is_not_printed() {
        let arguments = Arguments::try_parse_from(["local", "--pendo-key", "abc-123-secret"]).unwrap();
        assert!(!format!("{arguments:?}").contains("abc-123"));
    }

    #[test]
    fn with_once_the_clock_stands_still_three_days_before_where_they_are_to_pass() {
        let plan = |arguments: &[&str]| {
            let all = ["local", "--once", "--now", "2026-06-30T12:30:00Z"].iter().chain(arguments);
            Arguments::try_parse_from(all).unwrap().plan().unwrap()
        };
        let (now_ms, example) = (parse_instant("2026-06-30T12:30:00Z").unwrap(), plan(&[]));
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert_eq!((example.clock.now_ms(), example.days_shown, example.shows_example), (now_ms - 3 * DAY_MS, 3, true));
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = root.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (none, kept) = (file("none.json", "[]"), file("FORMAT", "1"));
        let kept = Path::new(&kept).parent().unwrap().to_str().unwrap();
        let others: [(&[&str], bool); 4] = [
            (&["--signals", none.as_str()], false),
            (&["--fields", none.as_str()], false),
            (&["--data-dir", kept], true),
            (&["--history-from", "2026-06-28"], true),
        ];
        for (arguments, has_signals) in others {
            let plan = plan(arguments);
            assert_eq!((plan.clock.now_ms(), plan.days_shown), (now_ms, 0), "{arguments:?}");
            assert_eq!(!plan.signals.is_empty(), has_signals, "{arguments:?}");
        }
        let refused = refusal(&["--signals", &file("other.json", "[{}]")]);
        assert!(refused.contains("signal 1 of the file has no \"name\""), "{refused}");
    }

    #[test]
    fn the_examples_are_what_the_api_takes() {
        let fields: Vec<serde_json::Value> = serde_json::from_str(FIELDS).unwrap();
        assert!(fields.iter().all(|field| field["name"].is_string()));
        let kinds: Vec<Value> = list_of(SIGNALS).unwrap().iter().map(|signal| signal["kind"].clone()).collect();
        assert_eq!(kinds, ["health", "journey", "indicator", "playbook", "value"]);
        assert!(serde_json::from_str::<serde_json::Value>(MATCHING).unwrap()["account"].is_object());
    }

    #[test]
    fn the_examples_directory_is_the_simulators() {
        use pendo_simulator::{DirectoryList, print_directory};
        for (list, example) in [(DirectoryList::Accounts, ACCOUNTS), (DirectoryList::Contacts, CONTACTS)] {
            let mut printed = Vec::new();
            print_directory(&SimulatorOptions::default(), list, &mut printed).unwrap();
            let is_same = String::from_utf8(printed).unwrap() == example;
            assert!(is_same, "print it again with: cargo run -p pendo-simulator -- --print-directory");
        }
    }
}
