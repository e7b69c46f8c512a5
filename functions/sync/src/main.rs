//! Cold start of the sync function.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::context::Context;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start();
    // As text, because what ends a process is printed as `Debug` has it.
    let context = Context::from_env().await.map_err(|error| error.to_string())?;
    let context = &context;
    shared::telemetry::say_cold_start(&context.config, context.clock.now_ms());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let left_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX) - context.clock.now_ms();
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or_default());
        sync::handle_within(context, event.payload, Some(left)).await
    }))
    .await
}
