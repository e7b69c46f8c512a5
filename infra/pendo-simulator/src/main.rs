//! The command: reads its options, serves until it is told to stop.

mod cli;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    cli::run().await
}
