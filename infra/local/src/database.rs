//! The embedded DynamoDB-compatible server, in memory or in a file, and the one table.
//!
//! The functions reach it through the AWS SDK over HTTP, as they reach DynamoDB.
#![expect(clippy::disallowed_types, reason = "makes the table that the store finds")]

use std::net::SocketAddr;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::stopping::Stopping;

/// The table's name.
pub const TABLE: &str = "pendo-usage";

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file or the port could not be opened.
    #[error("the embedded database could not be opened: {0}")]
    Open(String),
    /// The table could not be made.
    #[error("the table could not be made")]
    Table(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts the server over a file, or over memory, on a free port.
///
/// # Errors
/// A file that can't be opened, or no free port.
pub async fn start(file: Option<&Path>, mut stopping: Stopping) -> Result<(SocketAddr, JoinHandle<()>), DatabaseError> {
    let database = match file {
        Some(path) => Database::new(&path.to_string_lossy()),
        None => Database::memory(),
    };
    let database = database.map_err(|error| DatabaseError::Open(error.to_string()))?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| DatabaseError::Open(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| DatabaseError::Open(error.to_string()))?;
    let task = tokio::spawn(async move {
        let served =
            dynoxide::server::serve_with_shutdown(listener, database, async move { stopping.wait().await }).await;
        if let Err(error) = served {
            tracing::error!(%error, "the embedded database stopped");
        }
    });
    Ok((address, task))
}

/// Makes the table if it is not there yet.
///
/// # Errors
/// The server refused.
pub async fn create_table(client: &Client) -> Result<(), DatabaseError> {
    create_table_named(client, TABLE).await
}

/// As [`create_table`], under another name.
///
/// # Errors
/// The server refused.
pub async fn create_table_named(client: &Client, table: &str) -> Result<(), DatabaseError> {
    let known = client.list_tables().send().await.map_err(|error| DatabaseError::Table(error.into()))?;
    if known.table_names().iter().any(|name| name == table) {
        return Ok(());
    }
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for name in ["pk", "sk", "due"] {
        request = request.attribute_definitions(text_attribute(name)?);
    }
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due", KeyType::Hash)?)
        .key_schema(key("pk", KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .map_err(|error| DatabaseError::Table(error.into()))?;
    let request = request.key_schema(key("pk", KeyType::Hash)?).key_schema(key("sk", KeyType::Range)?);
    request.global_secondary_indexes(due).send().await.map_err(|error| DatabaseError::Table(error.into()))?;
    Ok(())
}

fn text_attribute(name: &str) -> Result<AttributeDefinition, DatabaseError> {
    let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    attribute.build().map_err(|error| DatabaseError::Table(error.into()))
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, DatabaseError> {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .map_err(|error| DatabaseError::Table(error.into()))
}
