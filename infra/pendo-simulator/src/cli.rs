//! The command line.

use std::io::Write;
use std::process::ExitCode;

use chrono::DateTime;
use chrono_tz::Tz;
use clap::Parser;
use pendo_simulator::{Clock, DEFAULT_KEY, DirectoryList, Faults, Late, Options, Region, Simulator, print_directory};
use tokio::net::TcpListener;

/// A Pendo Engage API that runs on this machine and behaves as badly as the real one.
///
/// Point any Pendo client at it by its base URL. The world is a function of the seed, the sizes and the time alone; it begins on
/// 2024-07-01 and goes on as long as the clock does. Beside Pendo's API: /simulator/clock, /truth, /requests, /faults, /rows, /edit, /time-zone,
/// /do-not-process.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Where to listen on 127.0.0.1; 0 takes any free port
    #[arg(long, default_value_t = 8788)]
    port: u16,
    /// Start the clock at this instant (RFC 3339); it runs on from there
    #[arg(long, value_parser = instant)]
    now: Option<i64>,
    /// Let the clock stand still until it is moved through /simulator/clock
    #[arg(long)]
    still: bool,
    /// The seed of the world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many Pendo accounts
    #[arg(long, default_value_t = 40)]
    accounts: u32,
    /// How many visitors; 0 makes an empty world
    #[arg(long, default_value_t = 600)]
    visitors: u32,
    /// How many days of history; 0 is all since 2024-07-01
    #[arg(long, default_value_t = 0)]
    days: u32,
    /// The region of the subscription: us, us1, eu, jpn or au
    #[arg(long, default_value = "us")]
    region: Region,
    /// The integration key that reads
    #[arg(long, default_value = DEFAULT_KEY)]
    key: String,
    /// A second key of the same subscription
    #[arg(long)]
    second_key: Option<String>,
    /// A key of the same subscription with write access
    #[arg(long)]
    write_key: Option<String>,
    /// A key of another subscription
    #[arg(long)]
    foreign_key: Option<String>,
    /// A key of another region, as REGION=KEY
    #[arg(long, value_parser = region_key)]
    other_region_key: Option<(String, Region)>,
    /// The subscription's time zone
    #[arg(long, default_value = "UTC")]
    time_zone: Tz,
    /// Take app1.pendo.io for region us1
    #[arg(long)]
    app1: bool,
    /// No late rows: each arrives two minutes after its last event
    #[arg(long)]
    punctual: bool,
    /// This share of the rows arrives late, by anything up to so many hours, and no other
    #[arg(long, value_name = "PERCENT,HOURS", value_parser = share, conflicts_with = "punctual")]
    late: Option<Late>,
    /// Guide events with raw types such as ui:web:guideSeen
    #[arg(long)]
    raw_types: bool,
    #[command(flatten)]
    faults: FaultFlags,
    /// Print every raw row that has arrived, one JSON object a line, and exit
    #[arg(long)]
    print_truth: bool,
    /// Print a customer-success directory that fits the world as CSV, and exit
    #[arg(long, value_name = "LIST")]
    print_directory: Option<DirectoryList>,
}

/// What goes wrong from the start; PUT /simulator/faults changes it later.
#[derive(clap::Args)]
#[command(next_help_heading = "Faults")]
struct FaultFlags {
    /// All faults at once, as JSON such as {"too_many_every":3}; the flags below override it
    #[arg(long = "faults", value_name = "JSON", value_parser = faults)]
    all: Option<Faults>,
    /// Answer every N-th request 429
    #[arg(long, value_name = "N")]
    too_many_every: Option<u32>,
    /// With this Retry-After
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u32>,
    /// Fail every N-th request
    #[arg(long, value_name = "N")]
    error_every: Option<u32>,
    /// With this status (default 503)
    #[arg(long, value_name = "STATUS")]
    error_status: Option<u16>,
    /// Break off every N-th answer in the middle
    #[arg(long, value_name = "N")]
    cut_every: Option<u32>,
    /// Answer every N-th request with an HTML page
    #[arg(long, value_name = "N")]
    html_every: Option<u32>,
    /// Answer this share of the requests 403
    #[arg(long, value_name = "PERCENT")]
    forbidden_percent: Option<u32>,
    /// Hold every N-th request back
    #[arg(long, value_name = "N")]
    slow_every: Option<u32>,
    /// By this long
    #[arg(long, value_name = "MS")]
    slow_ms: Option<u64>,
    /// An empty answer has "results": null
    #[arg(long)]
    null_results: bool,
    /// Time out aggregations over more raw rows than this
    #[arg(long, value_name = "ROWS")]
    max_rows: Option<u64>,
    /// token/verify does not exist
    #[arg(long)]
    verify_missing: bool,
    /// Only a key with write access may aggregate
    #[arg(long)]
    aggregation_needs_write: bool,
    /// Refuse the source doNotProcessVisitors with this status
    #[arg(long, value_name = "STATUS")]
    list_refused: Option<u16>,
}

impl FaultFlags {
    fn faults(self) -> Faults {
        let mut faults = self.all.unwrap_or_default();
        faults.too_many_every = self.too_many_every.unwrap_or(faults.too_many_every);
        faults.retry_after_seconds = self.retry_after.or(faults.retry_after_seconds);
        faults.error_every = self.error_every.unwrap_or(faults.error_every);
        faults.error_status = self.error_status.or(faults.error_status);
        faults.cut_every = self.cut_every.unwrap_or(faults.cut_every);
        faults.html_every = self.html_every.unwrap_or(faults.html_every);
        faults.forbidden_percent = self.forbidden_percent.unwrap_or(faults.forbidden_percent);
        faults.slow_every = self.slow_every.unwrap_or(faults.slow_every);
        faults.slow_ms = self.slow_ms.unwrap_or(faults.slow_ms);
        faults.max_rows = self.max_rows.unwrap_or(faults.max_rows);
        faults.null_results |= self.null_results;
        faults.verify_missing |= self.verify_missing;
        faults.aggregation_needs_write |= self.aggregation_needs_write;
        faults.list_refused = self.list_refused.or(faults.list_refused);
        faults
    }
}

/// Runs the command.
pub(crate) async fn run() -> ExitCode {
    let cli = Cli::parse();
    match serve(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("pendo-simulator: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: Cli) -> std::io::Result<()> {
    let clock = match (cli.now, cli.still) {
        (Some(now_ms), true) => Clock::fixed(now_ms),
        (Some(now_ms), false) => Clock::ticking(now_ms),
        (None, true) => Clock::fixed(Clock::system().now_ms()),
        (None, false) => Clock::system(),
    };
    let options = Options {
        seed: cli.seed,
        accounts: cli.accounts,
        visitors: cli.visitors,
        days: cli.days,
        region: cli.region,
        key: cli.key,
        second_key: cli.second_key,
        write_key: cli.write_key,
        foreign_key: cli.foreign_key,
        other_region_key: cli.other_region_key,
        time_zone: cli.time_zone,
        late: if cli.punctual { Late::Never } else { cli.late.unwrap_or(Late::Mixed) },
        faults: cli.faults.faults(),
        app1: cli.app1,
        raw_types: cli.raw_types,
        ..Options::default()
    };
    if let Some(list) = cli.print_directory {
        return print_directory(&options, list, std::io::stdout().lock());
    }
    let port = if cli.print_truth { 0 } else { cli.port };
    let simulator = Simulator::start(options, clock, TcpListener::bind(("127.0.0.1", port)).await?).await?;
    if cli.print_truth {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for row in simulator.truth() {
            serde_json::to_writer(&mut out, &row)?;
            out.write_all(b"\n")?;
        }
        return out.flush();
    }
    say(&format!("pendo-simulator listens on {}", simulator.url()));
    tokio::signal::ctrl_c().await?;
    simulator.stop().await;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a command talks to its user")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn instant(text: &str) -> Result<i64, String> {
    DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis()).map_err(|error| error.to_string())
}

fn faults(text: &str) -> Result<Faults, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<Late, String> {
    let wrong = || "write it as PERCENT,HOURS, such as 5,72".to_owned();
    let (percent, hours) = text.split_once(',').ok_or_else(wrong)?;
    let percent = percent.parse().ok().filter(|percent| *percent <= 100).ok_or_else(wrong)?;
    Ok(Late::Share { percent, hours: hours.parse().map_err(|_| wrong())? })
}

fn region_key(text: &str) -> Result<(String, Region), String> {
    let (region, key) = text.split_once('=').ok_or("write it as REGION=KEY")?;
    Ok((key.to_owned(), region.parse()?))
}
