//! The three functions: their handlers in this process, or their binaries as Lambda runs them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use pendo_simulator::Clock;
use serde_json::Value;
use shared::config::{Config, Passes, ROWS_HELD};
use shared::context::Context;
use shared::pendo::pace::PER_SECOND;

use crate::clients::Clients;
use crate::database;
use crate::endpoints::{BUS, QUEUE};
use crate::lambda::{Environment, Lambda, LambdaError};

/// Which functions are binaries; the others' handlers are called in this process.
#[derive(Clone, Debug, Default)]
pub struct Binaries {
    /// `authenticate`'s.
    pub authenticate: Option<PathBuf>,
    /// `mapping-config`'s.
    pub mapping_config: Option<PathBuf>,
    /// `sync`'s.
    pub sync: Option<PathBuf>,
}

/// Calls a function as Lambda would; cheap to clone.
#[derive(Clone)]
pub struct Functions {
    context: Context,
    authenticate: Option<Arc<Lambda>>,
    mapping_config: Option<Arc<Lambda>>,
    sync: Option<Arc<Lambda>>,
}

impl Functions {
    /// Over a context made for this machine, and the same in variables for those that are binaries. A binary's clock is
    /// the machine's, whatever the context's is.
    ///
    /// # Errors
    /// A binary that does not start.
    pub async fn new(context: Context, binaries: &Binaries, environment: &Environment) -> Result<Self, LambdaError> {
        let start = async |binary: Option<&Path>| match binary {
            Some(binary) => Lambda::start(binary, environment).await.map(|lambda| Some(Arc::new(lambda))),
            None => Ok(None),
        };
        Ok(Self {
            context,
            authenticate: start(binaries.authenticate.as_deref()).await?,
            mapping_config: start(binaries.mapping_config.as_deref()).await?,
            sync: start(binaries.sync.as_deref()).await?,
        })
    }

    /// `authenticate`, with a request of the HTTP API.
    pub async fn authenticate(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        match &self.authenticate {
            Some(lambda) => proxied(lambda, request).await,
            None => authenticate::handle(&self.context, request).await,
        }
    }

    /// `mapping-config`, with a request of the HTTP API.
    pub async fn mapping_config(&self, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        match &self.mapping_config {
            Some(lambda) => proxied(lambda, request).await,
            None => mapping_config::handle(&self.context, request).await,
        }
    }

    /// `sync`, with an event of the schedule or of the queue.
    ///
    /// # Errors
    /// What the function answers with.
    pub async fn sync(&self, event: Value) -> Result<Value, lambda_runtime::Error> {
        match &self.sync {
            Some(lambda) => Ok(lambda.invoke(&event).await?),
            None => sync::handle(&self.context, event).await,
        }
    }

    /// The process of `sync`, if it is a binary.
    #[must_use]
    pub fn sync_process(&self) -> Option<&Lambda> {
        self.sync.as_deref()
    }
}

/// The settings of a stack whose endpoints are at this address.
pub(crate) fn config(endpoints: SocketAddr, pendo_base_url: Option<String>, is_simulated: bool) -> Config {
    Config {
        table: database::TABLE.to_owned(),
        queue_url: format!("http://{endpoints}/000000000000/{QUEUE}"),
        event_bus: BUS.to_owned(),
        secret_prefix: "pendo-usage/".to_owned(),
        secret_kms_key: None,
        pendo_base_url,
        workspace_claim: "workspace".to_owned(),
        access_level_claim: "access_level".to_owned(),
        provisional_hours: 8,
        // Nobody else asks the simulator.
        pendo_requests_per_second: if is_simulated { 1_000 } else { PER_SECOND },
        rows_held: ROWS_HELD,
        passes: Passes::default(),
        function: None,
    }
}

/// What the functions have at hand, made of them.
pub(crate) fn context(config: Config, clients: &Clients, clock: &Clock) -> Context {
    let clock = clock.clone();
    let now_ms = shared::clock::Clock::of(Arc::new(move || clock.now_ms()));
    Context::new(
        config,
        clients.dynamodb.clone(),
        clients.secrets.clone(),
        clients.queue.clone(),
        clients.bus.clone(),
        now_ms,
    )
}

/// A function's settings, and where it finds table, secrets, queue and bus, in the variables that Lambda sets.
pub(crate) fn environment(config: &Config, database: SocketAddr, endpoints: SocketAddr) -> Environment {
    let variables = [
        ("TABLE_NAME", config.table.clone()),
        ("QUEUE_URL", config.queue_url.clone()),
        ("EVENT_BUS", config.event_bus.clone()),
        ("SECRET_PREFIX", config.secret_prefix.clone()),
        ("PENDO_REQUESTS_PER_SECOND", config.pendo_requests_per_second.to_string()),
        ("PENDO_BASE_URL", config.pendo_base_url.clone().unwrap_or_default()),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{database}")),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{endpoints}")),
        ("AWS_ENDPOINT_URL_SQS", format!("http://{endpoints}")),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", format!("http://{endpoints}")),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).into()
}

/// As API Gateway: a function that fails or answers something else is a 500 of its own.
async fn proxied(lambda: &Lambda, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let answer = async {
        let answer = lambda.invoke(&serde_json::to_value(request)?).await?;
        Ok::<_, LambdaError>(serde_json::from_value(answer)?)
    };
    answer.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a function failed");
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = 500;
        response.body = Some(Body::Text(r#"{"message":"Internal Server Error"}"#.to_owned()));
        response
    })
}
