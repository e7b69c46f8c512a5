//! A function as Lambda runs it: its own binary in its own process, which asks for events over the runtime API.
//!
//! [`Lambda`] is one execution environment: it plays the runtime API on a free port, starts the binary with the
//! function's environment and nothing else, hands it one event at a time, and ends it when it is dropped.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::process::{self, Used};

/// What an invocation may take, as long as Lambda allows.
const INVOCATION_MAX: Duration = Duration::from_secs(15 * 60);
/// An answer may not be larger.
const ANSWER_MAX: usize = 6 * 1024 * 1024;
/// How often is looked whether the process still runs.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Variables by their names.
pub type Environment = BTreeMap<String, String>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LambdaError {
    /// The binary or the port could not be opened.
    #[error("{binary} could not be started: {source}")]
    Start {
        /// The binary's path.
        binary: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The process ended by itself.
    #[error("the function's process ended ({status}): {log}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// All that it wrote.
        log: String,
    },
    /// The function answered with an error.
    #[error("{message}")]
    Function {
        /// Its message.
        message: String,
    },
    /// What was sent or answered is not JSON.
    #[error("an event or an answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
}

type Answer = Result<Bytes, Bytes>;

/// The side of the runtime API.
struct Runtime {
    started: Instant,
    ready_after: watch::Sender<Option<Duration>>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Vec<u8>)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
}

/// One execution environment of a function.
pub struct Lambda {
    runtime: Arc<Runtime>,
    events: mpsc::UnboundedSender<(String, Vec<u8>)>,
    turn: tokio::sync::Mutex<()>,
    child: Mutex<Child>,
    log: Arc<Mutex<String>>,
    server: JoinHandle<()>,
}

impl Lambda {
    /// Starts a binary and waits until it asks for its first event.
    ///
    /// # Errors
    /// The binary can't be started, or it ended instead of asking.
    pub async fn start(binary: &Path, environment: &Environment) -> Result<Self, LambdaError> {
        let failed = |source| LambdaError::Start { binary: binary.display().to_string(), source };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (events, receiver) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            started: Instant::now(),
            ready_after: watch::Sender::new(None),
            events: tokio::sync::Mutex::new(receiver),
            waiting: Mutex::default(),
        });
        let router = router(Arc::clone(&runtime));
        let name = binary.file_stem().unwrap_or_default();
        let mut child = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "local")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let log = Arc::new(Mutex::new(String::new()));
        if let Some(stdout) = child.stdout.take() {
            keep_lines(stdout, &log);
        }
        if let Some(stderr) = child.stderr.take() {
            keep_lines(stderr, &log);
        }
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the runtime API stopped");
            }
        });
        let lambda =
            Self { runtime, events, turn: tokio::sync::Mutex::default(), child: Mutex::new(child), log, server };
        let mut ready = lambda.runtime.ready_after.subscribe();
        tokio::select! {
            ready = ready.wait_for(Option::is_some) => drop(ready),
            status = lambda.ended() => return Err(lambda.end(status).await),
        }
        Ok(lambda)
    }

    /// Hands over an event, once those before it are answered, and gives back the answer.
    ///
    /// # Errors
    /// The function's own error, or the end of its process.
    pub async fn invoke(&self, event: &Value) -> Result<Value, LambdaError> {
        let event = serde_json::to_vec(event)?;
        let _turn = self.turn.lock().await;
        let id = format!("{:032x}", rand::random::<u128>());
        let (sender, answer) = oneshot::channel();
        locked(&self.runtime.waiting).insert(id.clone(), sender);
        // The other end lives as long as this environment.
        self.events.send((id, event)).ok();
        tokio::select! {
            answer = answer => match answer.unwrap_or_else(|_| Ok(Bytes::new())) {
                Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
                Err(bytes) => {
                    let error: Value = serde_json::from_slice(&bytes)?;
                    let message = error["errorMessage"].as_str().unwrap_or_default().to_owned();
                    Err(LambdaError::Function { message })
                }
            },
            status = self.ended() => Err(self.end(status).await),
        }
    }

    /// From the start of the process to its first question for an event.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.runtime.ready_after.borrow().unwrap_or_default()
    }

    /// What the process has used so far, where the system tells.
    #[must_use]
    pub fn used(&self) -> Option<Used> {
        process::used(&locked(&self.child).id().to_string())
    }

    /// All that the process wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        locked(&self.log).clone()
    }

    async fn ended(&self) -> ExitStatus {
        loop {
            if let Ok(Some(status)) = locked(&self.child).try_wait() {
                return status;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn end(&self, status: ExitStatus) -> LambdaError {
        // What was written last may still be in the pipes; whoever reads them lets go of the log at their end.
        let started = Instant::now();
        while Arc::strong_count(&self.log) > 1 && started.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        LambdaError::Ended { status, log: self.log() }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.server.abort();
        let mut child = locked(&self.child);
        if child.kill().and_then(|()| child.wait()).is_err() {
            tracing::warn!("a function's process could not be ended");
        }
    }
}

fn router(runtime: Arc<Runtime>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(ANSWER_MAX))
        .with_state(runtime)
}

/// Waits for an event and hands it out.
async fn next(State(runtime): State<Arc<Runtime>>) -> Response<Body> {
    let after = runtime.started.elapsed();
    runtime.ready_after.send_if_modified(|ready| ready.is_none() && ready.replace(after).is_none());
    let event = runtime.events.lock().await.recv().await;
    let Some((id, event)) = event else { return empty(StatusCode::GONE) };
    let deadline_ms = shared::clock::Clock::system().now_ms() + i64::try_from(INVOCATION_MAX.as_millis()).unwrap_or(0);
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", deadline_ms)
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:local")
        .header("lambda-runtime-trace-id", format!("Root=1-00000000-{};Sampled=0", &id[..24]))
        .body(Body::from(event));
    response.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn response(State(runtime): State<Arc<Runtime>>, UrlPath(id): UrlPath<String>, body: Bytes) -> Response<Body> {
    answered(&runtime, &id, Ok(body))
}

async fn error(State(runtime): State<Arc<Runtime>>, UrlPath(id): UrlPath<String>, body: Bytes) -> Response<Body> {
    answered(&runtime, &id, Err(body))
}

/// The process ends after this; its log says why.
async fn init_error() -> Response<Body> {
    empty(StatusCode::ACCEPTED)
}

fn answered(runtime: &Runtime, id: &str, answer: Answer) -> Response<Body> {
    match locked(&runtime.waiting).remove(id) {
        // Whoever asked may be gone; the function can't know.
        Some(asked) => {
            asked.send(answer).ok();
            empty(StatusCode::ACCEPTED)
        }
        None => empty(StatusCode::BAD_REQUEST),
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Keeps what is written, line by line, in a thread of its own that ends with the pipe.
fn keep_lines(pipe: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = locked(&log);
            log.push_str(&line);
            log.push('\n');
        }
    });
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
