//! What a function has at hand: made once at cold start, cheap to clone.

use crate::api::Tries;
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Config;
use crate::queue::Queue;
use crate::secrets::Secrets;
use crate::store::Store;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use std::sync::Arc;
use std::time::Duration;

/// One try of a call to AWS.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);
/// A call to AWS with its retries.
const OPERATION_MAX: Duration = Duration::from_secs(40);
/// Tries of a call to AWS. Where three of ten fail, three tries would lose one call in forty and so nearly every run;
/// eight lose one in fifteen thousand.
const ATTEMPTS: u32 = 8;
/// At most so long before the second try; twice as long before each next one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// At most so long before any try.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How calls to AWS are tried again: throttling, errors of the server, and answers that did not arrive.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE).with_max_backoff(PAUSE_MAX)
}

/// Store, secrets, queue, bus, settings and clock.
#[derive(Clone)]
pub struct Context {
    /// The table.
    pub store: Store,
    /// The integration keys.
    pub secrets: Secrets,
    /// The queue of jobs.
    pub queue: Queue,
    /// The bus of events.
    pub bus: Bus,
    /// The settings.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Tries of keys, as far as this process knows.
    pub tries: Arc<Tries>,
}

impl Context {
    /// Puts the clients of the SDK into their rooms.
    #[must_use]
    #[expect(clippy::disallowed_types, reason = "hands each SDK client to the one room that may use it")]
    pub fn new(
        config: Config,
        dynamodb: aws_sdk_dynamodb::Client,
        secrets: aws_sdk_secretsmanager::Client,
        queue: aws_sdk_sqs::Client,
        bus: aws_sdk_eventbridge::Client,
        clock: Clock,
    ) -> Self {
        Self {
            store: Store::new(dynamodb, config.table.clone()),
            secrets: Secrets::new(secrets, config.secret_prefix.clone(), config.secret_kms_key.clone()),
            queue: Queue::new(queue, config.queue_url.clone()),
            bus: Bus::new(bus, config.event_bus.clone()),
            config: Arc::new(config),
            clock,
            tries: Arc::default(),
        }
    }

    /// Makes it from the environment, as Lambda sets it.
    ///
    /// # Errors
    /// A setting that is missing or wrong.
    #[expect(clippy::disallowed_types, reason = "makes each SDK client for the one room that may use it")]
    pub async fn from_env() -> Result<Self, crate::config::ConfigError> {
        let config = Config::from_env()?;
        // The SDK waits for ever by default; a call that hangs must not eat the invocation.
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_MAX).operation_timeout(OPERATION_MAX).build();
        let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest());
        let sdk = sdk.timeout_config(timeouts).retry_config(retries()).load().await;
        Ok(Self::new(
            config,
            aws_sdk_dynamodb::Client::new(&sdk),
            aws_sdk_secretsmanager::Client::new(&sdk),
            aws_sdk_sqs::Client::new(&sdk),
            aws_sdk_eventbridge::Client::new(&sdk),
            Clock::system(),
        ))
    }
}
