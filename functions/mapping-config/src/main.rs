//! The cold start of `mapping-config`.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use shared::context::Context;

#[tokio::main]
async fn main() -> Result<(), Error> {
    shared::telemetry::start();
    // As text, because what ends a process is printed as `Debug` has it.
    let context = Context::from_env().await.map_err(|error| error.to_string())?;
    let context = &context;
    shared::telemetry::say_cold_start(&context.config, context.clock.now_ms());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        Ok::<_, Error>(Box::pin(mapping_config::handle(context, event.payload)).await)
    }))
    .await
}
