//! Everything, started and stopped together: database, endpoints, queue, schedule, simulator and gateway, in one process.
//!
//! The command is a client of it, and so are the tests.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use pendo_simulator::{Clock, Options as SimulatorOptions, Simulator};
use serde_json::json;
use shared::context::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clients::Clients;
use crate::data_dir::{DataDir, DataDirError};
use crate::database::{self, DatabaseError};
use crate::endpoints::{self, EndpointsError};
use crate::events::Events;
use crate::functions::{self, Binaries, Functions};
use crate::gateway::{self, Authorizer};
use crate::lambda::{Environment, LambdaError};
use crate::schedule;
use crate::stopping::{self, Stop};
use crate::tokens::{AccessLevel, TokenError, Tokens, WORKSPACE};
use crate::worker::{self, Job, JobQueue};

/// How long servers may take to finish what they are at.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Where Pendo is.
#[derive(Clone, Debug)]
pub enum Pendo {
    /// In this process, made up.
    Simulator(Box<SimulatorOptions>),
    /// At this base URL.
    At(String),
    /// At the hosts of the connection's region.
    Real,
}

/// What a stack is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the API listens on 127.0.0.1; 0 takes a free port.
    pub port: u16,
    /// Keeps database, secrets and the tokens' key; otherwise all is in memory.
    pub data_dir: Option<PathBuf>,
    /// The time, for the functions, the schedule and the simulator.
    pub clock: Clock,
    /// Where Pendo is.
    pub pendo: Pendo,
    /// Whether the schedule hands over ticks by itself; else only [`Stack::tick`] does.
    pub is_scheduled: bool,
    /// The schedule begins behind this instant, ms since 1970.
    pub scheduled_after_ms: i64,
    /// Which functions run as Lambda runs them; none needs a binary.
    pub binaries: Binaries,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            data_dir: None,
            clock: Clock::system(),
            pendo: Pendo::Simulator(Box::default()),
            is_scheduled: true,
            scheduled_after_ms: i64::MIN,
            binaries: Binaries::default(),
        }
    }
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("port {0} is in use: stop the other program, or choose another port with --port")]
    PortInUse(u16),
    /// The port can't be opened.
    #[error("port {port} can't be opened: {source}")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// No database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No endpoints.
    #[error(transparent)]
    Endpoints(#[from] EndpointsError),
    /// No tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// No simulator.
    #[error("the Pendo simulator could not be started: {0}")]
    Simulator(#[source] io::Error),
    /// A function's binary does not start.
    #[error(transparent)]
    Lambda(#[from] LambdaError),
}

/// Everything, running. Dropping it stops it too, without waiting.
pub struct Stack {
    api: SocketAddr,
    database: SocketAddr,
    clients: Clients,
    clock: Clock,
    context: Context,
    environment: Environment,
    functions: Functions,
    queue: JobQueue,
    events: Events,
    simulator: Option<Simulator>,
    tokens: Tokens,
    stop: Stop,
    tasks: Vec<JoinHandle<()>>,
    data_dir: Option<DataDir>,
}

impl Stack {
    /// Starts everything. The port and the data directory are looked at first, so a refusal changes nothing.
    ///
    /// # Errors
    /// The first thing that could not be started.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let gateway_listener = listen(options.port).await?;
        let data_dir = options.data_dir.as_deref().map(DataDir::open).transpose()?;
        let tokens = data_dir.as_ref().map_or_else(Tokens::of_this_process, Tokens::kept_in)?;
        let in_data_dir = |name: &str| data_dir.as_ref().map(|dir| dir.file(name));

        let (stop, stopping) = stopping::stop();
        let (queue, jobs) = JobQueue::new();
        let events = Events::default();
        let database_file = in_data_dir("database.sqlite");
        let (database, database_task) = database::start(database_file.as_deref(), stopping.clone()).await?;
        let (endpoints, endpoints_task) =
            endpoints::start(in_data_dir("secrets.json"), queue.clone(), events.clone(), stopping.clone()).await?;
        let clients = Clients::new(database, endpoints);
        database::create_table(&clients.dynamodb).await?;

        let simulator = match &options.pendo {
            Pendo::Simulator(settings) => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(StartError::Simulator)?;
                let started = Simulator::start(settings.as_ref().clone(), options.clock.clone(), listener).await;
                Some(started.map_err(StartError::Simulator)?)
            }
            Pendo::At(_) | Pendo::Real => None,
        };
        let pendo_base_url = match (&options.pendo, &simulator) {
            (Pendo::At(url), _) => Some(url.clone()),
            (_, Some(simulator)) => Some(simulator.url().to_owned()),
            _ => None,
        };
        let is_simulated = simulator.is_some();
        let config = functions::config(endpoints, pendo_base_url, is_simulated);
        let environment = functions::environment(&config, database, endpoints);
        let context = functions::context(config, &clients, &options.clock);
        let functions = Functions::new(context.clone(), &options.binaries, &environment).await?;

        let api = gateway_listener.local_addr().map_err(|source| StartError::Port { port: options.port, source })?;
        let authorizer = Authorizer::new(tokens.public_key());
        let mut tasks = vec![
            gateway::start(gateway_listener, authorizer, functions.clone(), stopping.clone()),
            tokio::spawn(worker::run(queue.clone(), jobs, functions.clone(), stopping.clone())),
            endpoints_task,
            database_task,
        ];
        if options.is_scheduled {
            let after_ms = options.scheduled_after_ms;
            tasks.push(tokio::spawn(schedule::run(options.clock.clone(), after_ms, functions.clone(), stopping)));
        }
        Ok(Self {
            api,
            database,
            clients,
            clock: options.clock,
            context,
            environment,
            functions,
            queue,
            events,
            simulator,
            tokens,
            stop,
            tasks,
            data_dir,
        })
    }

    /// The base URL of the API, without a slash at its end.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The base URL of the embedded database.
    #[must_use]
    pub fn database_url(&self) -> String {
        format!("http://{}", self.database)
    }

    /// Clients of the AWS SDK over this stack's database, secrets, queue and bus.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the functions have at hand.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The same in the variables that Lambda sets for a function.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The functions themselves, to be called without HTTP.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The simulator, if Pendo is made up.
    #[must_use]
    pub fn simulator(&self) -> Option<&Simulator> {
        self.simulator.as_ref()
    }

    /// Signs tokens with any claims.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// A token of the workspace `local`.
    ///
    /// # Errors
    /// It could not be signed.
    pub fn token(&self, level: AccessLevel) -> Result<String, TokenError> {
        self.tokens.sign(&Tokens::claims(WORKSPACE, level.name()))
    }

    /// Returns once the queue holds no job and none runs.
    pub async fn run_job_queue_idle(&self) {
        self.queue.idle().await;
    }

    /// Lets no further job begin until [`Stack::release_jobs`]; what runs goes on.
    pub fn hold_jobs(&self) {
        self.queue.hold(true);
    }

    /// Lets jobs begin again.
    pub fn release_jobs(&self) {
        self.queue.hold(false);
    }

    /// The jobs that failed for good.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<Job> {
        self.queue.dead_letters()
    }

    /// The queue, to make it refuse or to give it a message again.
    #[must_use]
    pub fn queue(&self) -> &JobQueue {
        &self.queue
    }

    /// What was published to the bus of events, and faults for what is to come.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Asks for a run of every connection now, as an operator does by hand, and waits until all jobs it caused are done.
    ///
    /// # Errors
    /// What `sync` answers with.
    pub async fn tick(&self) -> Result<(), lambda_runtime::Error> {
        self.functions.sync(json!({"scheduled_time": "now"})).await?;
        self.queue.idle().await;
        Ok(())
    }

    /// Hands the schedule's event of an instant over, and waits until all jobs it caused are done.
    ///
    /// # Errors
    /// What `sync` answers with.
    pub async fn tick_at(&self, at_ms: i64) -> Result<(), lambda_runtime::Error> {
        schedule::tick(&self.functions, at_ms).await?;
        self.queue.idle().await;
        Ok(())
    }

    /// Stops everything and lets go of the data directory.
    pub async fn stop(self) {
        self.stop.now();
        // The simulator goes first: a request that is held back there must not hold up the rest.
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
        for task in self.tasks {
            if tokio::time::timeout(STOP_WITHIN, task).await.is_err() {
                tracing::warn!("a server did not stop in time and was left behind");
            }
        }
        drop(self.data_dir);
    }
}

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse(port),
        _ => StartError::Port { port, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stack_answers_keeps_its_data_and_lets_go_of_it() {
        let root = tempfile::tempdir().unwrap();
        let options = Options { data_dir: Some(root.path().join("data")), ..Options::default() };
        let stack = Stack::start(options.clone()).await.unwrap();
        let http = reqwest::Client::new();
        let unknown = http.get(format!("{}/v1/elsewhere", stack.api_url())).send().await.unwrap();
        assert_eq!(
            (unknown.status().as_u16(), unknown.text().await.unwrap().as_str()),
            (404, r#"{"message":"Not Found"}"#)
        );
        let anonymous = http.get(format!("{}/v1/status", stack.api_url())).send().await.unwrap();
        assert_eq!(
            (anonymous.status().as_u16(), anonymous.text().await.unwrap().as_str()),
            (401, r#"{"message":"Unauthorized"}"#)
        );
        let token = stack.token(AccessLevel::High).unwrap();
        let large = http
            .put(format!("{}/v1/directory/accounts", stack.api_url()))
            .bearer_auth(&token)
            .body(vec![b'x'; 10 * 1024 * 1024 + 1]);
        assert_eq!(large.send().await.unwrap().status().as_u16(), 413);

        let taken = Options { port: stack.api.port(), ..Options::default() };
        assert!(matches!(Stack::start(taken).await, Err(StartError::PortInUse(_))));
        assert!(matches!(Stack::start(options.clone()).await, Err(StartError::DataDir(DataDirError::InUse(_)))));
        stack.stop().await;
        let again = Stack::start(options).await.unwrap();
        assert_eq!(again.token(AccessLevel::High).unwrap().len(), token.len());
        again.stop().await;
    }

    #[tokio::test]
    async fn a_job_that_always_fails_becomes_a_dead_letter_and_leaves_the_queue_idle() {
        let stack = Stack::start(Options::default()).await.unwrap();
        let url = format!("http://127.0.0.1/000000000000/{}", endpoints::QUEUE);
        stack.clients().queue.send_message().queue_url(url).message_body("no job").send().await.unwrap();
        stack.run_job_queue_idle().await;
        let dead: Vec<String> = stack.dead_letters().into_iter().map(|job| job.body).collect();
        assert_eq!(dead, ["no job"]);
        stack.stop().await;
    }
}
