//! What reading, keeping, starting and freshness cost, as Markdown on standard output. Nothing is checked here.
//!
//! `cargo bench -p sync -- SECTION…`, with the sections `reading`, `history`, `requests`, `month`, `start`; without any, all of
//! them. `large` reads 10 million rows, `calculating` stores 20 million; they run only when they are named. `.ci/bench` builds what they need first. Simulator, table, secrets and queue live in this process; where
//! processor time and memory are told, they are those of the `sync` binary, which runs in its own.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends where something fails, and prints")]

mod bare;
mod calculating;
mod calculator;
mod chart;
mod freshness;
mod month;
mod reading;
mod requests;
mod start;
mod world;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match asked.split_first() {
        Some((first, rest)) if first == "calculate" => calculator::main(rest),
        _ => tokio::runtime::Runtime::new().unwrap().block_on(sections(&asked)),
    }
}

async fn sections(asked: &[String]) {
    let wants = |section: &str| asked.is_empty() || asked.iter().any(|name| name == section);
    if wants("start") {
        start::run().await;
    }
    if wants("requests") {
        requests::quiet_hour().await;
        requests::a_day().await;
        requests::twice_a_day().await;
        requests::forbidden().await;
    }
    if wants("reading") {
        reading::sizes().await;
    }
    if asked.iter().any(|name| name == "large") {
        reading::large().await;
    }
    if wants("history") {
        reading::growth().await;
    }
    if wants("month") {
        month::run().await;
    }
    if asked.iter().any(|name| name == "calculating") {
        Box::pin(calculating::run()).await;
    }
}
