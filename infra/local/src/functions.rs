//! The three functions with their context, as Lambda would hold them.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use serde_json::Value;
use shared::context::Context;

/// Calls a function's handler as Lambda would; cheap to clone.
#[derive(Clone)]
pub struct Functions {
    context: Context,
}

impl Functions {
    /// Over a context made for this machine.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// `authenticate`, with a request of the HTTP API.
    pub async fn authenticate(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        authenticate::handle(&self.context, request).await
    }

    /// `mapping-config`, with a request of the HTTP API.
    pub async fn mapping_config(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        mapping_config::handle(&self.context, request).await
    }

    /// `sync`, with an event of the schedule or of the queue.
    ///
    /// # Errors
    /// What the function answers with.
    pub async fn sync(&self, event: Value) -> Result<Value, lambda_runtime::Error> {
        sync::handle(&self.context, event).await
    }
}
