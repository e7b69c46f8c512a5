//! What all requests share: the subscriptions, the clock, the faults, the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use serde::Serialize;

use crate::clock::Clock;
use crate::faults::{Fate, Faults};
use crate::options::Options;
use crate::world::World;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoggedRequest {
    /// Its number, from 1.
    pub number: u64,
    /// The simulator's time when it came.
    pub at_ms: i64,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What stands behind the question mark.
    pub query: String,
    /// The `Host` header.
    pub host: String,
    /// The body as text.
    pub body: String,
    /// The status of the answer.
    pub status: u16,
    /// The size of the answer's body before compression.
    pub answer_bytes: usize,
    /// How long the answer took on the machine's clock, in milliseconds.
    pub took_ms: u64,
    /// How many requests were under way when it came, itself included.
    pub in_flight: u64,
}

/// The shared state.
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    subscriptions: [RwLock<World>; 2],
    faults: RwLock<Faults>,
    log: Mutex<Vec<LoggedRequest>>,
    pub(crate) numbered: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    counted: AtomicU64,
    spoiled: AtomicU64,
}

impl State {
    /// The state of a fresh simulator.
    pub(crate) fn new(options: Options, clock: Clock) -> State {
        let start_ms = clock.now_ms();
        State {
            subscriptions: [false, true].map(|foreign| RwLock::new(World::new(&options, start_ms, foreign))),
            faults: RwLock::new(options.faults.clone()),
            log: Mutex::default(),
            numbered: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            spoiled: AtomicU64::new(0),
            options,
            clock,
        }
    }

    /// Reads a subscription at the present instant.
    pub(crate) fn read<T>(&self, foreign: bool, look: impl FnOnce(&World, i64) -> T) -> T {
        let now_ms = self.clock.now_ms();
        let world = &self.subscriptions[usize::from(foreign)];
        if world.read().unwrap_or_else(PoisonError::into_inner).is_behind(now_ms) {
            world.write().unwrap_or_else(PoisonError::into_inner).grow(now_ms);
        }
        look(&world.read().unwrap_or_else(PoisonError::into_inner), now_ms)
    }

    /// Changes the main subscription at the present instant.
    pub(crate) fn change<T>(&self, alter: impl FnOnce(&mut World, i64) -> T) -> T {
        let now_ms = self.clock.now_ms();
        let mut world = self.subscriptions[0].write().unwrap_or_else(PoisonError::into_inner);
        world.grow(now_ms);
        alter(&mut world, now_ms)
    }

    /// The faults that are switched on.
    pub(crate) fn faults(&self) -> Faults {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Switches faults; counting begins anew.
    pub(crate) fn set_faults(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
        self.counted.store(0, Ordering::SeqCst);
        self.spoiled.store(0, Ordering::SeqCst);
    }

    /// Draws what happens to the next request, and how long it is held back.
    pub(crate) fn draw(&self, path: &str, body: &[u8]) -> (Fate, u64) {
        let faults = self.faults();
        let body = String::from_utf8_lossy(body);
        let lacks = |text: &str, only: &Option<String>| only.as_ref().is_some_and(|only| !text.contains(only.as_str()));
        if lacks(path, &faults.only_path) || lacks(&body, &faults.only_body) {
            return (Fate::Fine, 0);
        }
        let number = self.counted.fetch_add(1, Ordering::SeqCst) + 1;
        let (fate, delay_ms) = (faults.fate(self.options.seed, number), faults.delay_ms(number));
        if fate == Fate::Fine && delay_ms == 0 {
            return (fate, delay_ms);
        }
        let spoiled = self.spoiled.fetch_add(1, Ordering::SeqCst);
        if faults.at_most > 0 && spoiled >= faults.at_most { (Fate::Fine, 0) } else { (fate, delay_ms) }
    }

    /// Keeps a request.
    pub(crate) fn log(&self, request: LoggedRequest) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests so far.
    pub(crate) fn clear_requests(&self) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
