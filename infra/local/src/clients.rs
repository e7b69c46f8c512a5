//! The AWS SDK's clients, pointed at this machine: the one place where the functions' surroundings differ from AWS.
#![expect(clippy::disallowed_types, reason = "makes the clients that each room of the shared crate is handed")]

use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

/// One client for each service.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The embedded database.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The endpoint of secrets.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The endpoint of the queue.
    pub queue: aws_sdk_sqs::Client,
    /// The endpoint of events.
    pub bus: aws_sdk_eventbridge::Client,
}

impl Clients {
    /// With test credentials, over the database's address and the other endpoints' address.
    #[must_use]
    pub fn new(database: SocketAddr, endpoints: SocketAddr) -> Self {
        let at_database = sdk(database);
        let at_endpoints = sdk(endpoints);
        // Tries are paid from a budget that the SDK shares within a process: each database and each bus has one of its own.
        let budget = RetryPartition::new(format!("table at {database}"));
        let table = aws_sdk_dynamodb::config::Builder::from(&at_database).retry_partition(budget).build();
        let budget = RetryPartition::new(format!("bus at {endpoints}"));
        let bus = aws_sdk_eventbridge::config::Builder::from(&at_endpoints).retry_partition(budget).build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(table),
            secrets: aws_sdk_secretsmanager::Client::new(&at_endpoints),
            queue: aws_sdk_sqs::Client::new(&at_endpoints),
            bus: aws_sdk_eventbridge::Client::from_conf(bus),
        }
    }
}

fn sdk(address: SocketAddr) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(format!("http://{address}"))
        .retry_config(shared::context::retries())
        .build()
}
