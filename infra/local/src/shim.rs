//! Stands in for the handlers until they are there.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use serde_json::{Value, json};
use shared::context::Context;

pub(crate) async fn http(_context: &Context, _request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = 501;
    response
}

pub(crate) async fn sync(_context: &Context, event: Value) -> Result<Value, lambda_runtime::Error> {
    tracing::debug!(%event, "no sync function yet");
    Ok(json!({"batchItemFailures": []}))
}
