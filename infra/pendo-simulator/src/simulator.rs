//! The handle: starts a simulator on a listener, looks inside, changes the world, stops it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::http;
use crate::options::Options;
use crate::row::{Kind, RawRow};
use crate::state::{LoggedRequest, State};
use crate::value::Record;
use crate::world::{Account, Course, Item, ItemKind, Visitor};

/// A simulator that is running. Dropping it stops it too, without waiting.
pub struct Simulator {
    state: Arc<State>,
    address: SocketAddr,
    stopper: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Simulator {
    /// Starts serving on a listener.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn start(options: Options, clock: Clock, listener: TcpListener) -> std::io::Result<Simulator> {
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(options, clock));
        let (stopper, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, http::router(Arc::clone(&state))).with_graceful_shutdown(async move {
            // A dropped handle counts as a call to stop.
            drop(stopped.await);
        });
        let server = tokio::spawn(server.into_future());
        Ok(Simulator { state, address, stopper, server })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that reads.
    pub fn key(&self) -> &str {
        &self.state.options.key
    }

    /// The clock; pushing it pushes the world.
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// Every raw row that has arrived by now, of all kinds, of known, unknown and excluded visitors.
    pub fn truth(&self) -> Vec<RawRow> {
        self.state.read(false, |world, now_ms| world.truth(&Kind::ALL, now_ms))
    }

    /// Every raw row of one kind that has arrived by now.
    pub fn truth_of(&self, kind: Kind) -> Vec<RawRow> {
        self.state.read(false, |world, now_ms| world.truth(&[kind], now_ms))
    }

    /// The requests to the API so far.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state.requests()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.state.clear_requests();
    }

    /// The faults that are switched on.
    pub fn faults(&self) -> Faults {
        self.state.faults()
    }

    /// Switches faults; their counting begins anew.
    pub fn set_faults(&self, faults: Faults) {
        self.state.set_faults(faults);
    }

    /// Adds a raw row by hand.
    pub fn inject(&self, row: RawRow) {
        self.state.change(|world, _| world.inject(&row));
    }

    /// Removes the raw rows that are picked, arrived or not; says how many.
    pub fn remove(&self, mut unwanted: impl FnMut(&RawRow) -> bool) -> usize {
        self.state.change(|world, _| world.remove_rows(|world, row| unwanted(&world.raw(row))))
    }

    /// Adds a visitor, or replaces one. `metadata` is `{"agent":{"email":…},"auto":{…}}`; what is given of `auto` overrides what usage teaches.
    pub fn add_visitor(&self, id: &str, metadata: &Json) {
        let record = record(metadata);
        let do_not_process = metadata.pointer("/pendo/donotprocess") == Some(&Json::Bool(true));
        self.state.change(|world, _| {
            let id = world.texts.number(id);
            world.put_visitor(Visitor {
                id,
                metadata: Arc::new(record),
                by_hand: true,
                do_not_process,
                accounts: Vec::new(),
            });
        });
    }

    /// Adds an account, or replaces one, with its metadata groups.
    pub fn add_account(&self, id: &str, metadata: &Json) {
        let record = record(metadata);
        self.state.change(|world, _| {
            let id = world.texts.number(id);
            world.put_account(Account { id, metadata: Arc::new(record), by_hand: true, course: Course::Steady });
        });
    }

    /// Adds a feature to the catalogue of the default app.
    pub fn add_feature(&self, id: &str, name: &str) {
        self.add_object(Kind::Feature, id, name, crate::DEFAULT_APP);
    }

    /// Adds a page to the catalogue of the default app.
    pub fn add_page(&self, id: &str, name: &str) {
        self.add_object(Kind::Page, id, name, crate::DEFAULT_APP);
    }

    /// Adds a guide to the catalogue of the default app.
    pub fn add_guide(&self, id: &str, name: &str) {
        self.add_object(Kind::Guide, id, name, crate::DEFAULT_APP);
    }

    /// Adds a track type to the catalogue of the default app.
    pub fn add_track_type(&self, id: &str, name: &str) {
        self.add_object(Kind::Track, id, name, crate::DEFAULT_APP);
    }

    /// Adds what a kind of usage tells about to the catalogue of an app.
    pub fn add_object(&self, kind: Kind, id: &str, name: &str, app_id: i64) {
        let kind = ItemKind::of_usage(kind);
        self.state.change(|world, now_ms| {
            world.items.retain(|item| item.kind != kind || item.id != id);
            world.items.push(Item::by_hand(kind, id, name, app_id, now_ms));
        });
    }

    /// Takes an object out of the catalogue; its usage stays.
    pub fn remove_object(&self, id: &str) {
        self.state.change(|world, _| world.items.retain(|item| item.id != id));
    }

    /// Puts a visitor or account id on the exclude list.
    pub fn exclude(&self, id: &str) {
        self.state.change(|world, _| world.exclude(id));
    }

    /// Puts a visitor on the do-not-process list, with or without their usage being shown from then on.
    pub fn do_not_process(&self, id: &str, keeps_usage: bool) {
        self.state.change(|world, now_ms| world.erase(id, now_ms, keeps_usage));
    }

    /// Takes a visitor off the do-not-process list; usage that was hidden is shown again.
    pub fn process_again(&self, id: &str) {
        self.state.change(|world, now_ms| world.release(id, now_ms));
    }

    /// Edits a tag: its history is cleared and comes back newest first over `takes_ms`; `keeps_percent` of the old matches stay.
    /// Says whether the object exists.
    pub fn edit(&self, kind: Kind, id: &str, takes_ms: i64, keeps_percent: u64) -> bool {
        self.state.change(|world, now_ms| world.edit(ItemKind::of_usage(kind), id, now_ms, takes_ms, keeps_percent))
    }

    /// Puts an object of the catalogue into another group, which is no edit of its tag. Says whether the object exists.
    pub fn group(&self, kind: Kind, id: &str, name: &str) -> bool {
        self.state.change(|world, _| world.group(ItemKind::of_usage(kind), id, name))
    }

    /// Moves the subscription to another time zone; all usage reads as nothing for `takes_ms`.
    pub fn change_time_zone(&self, zone: Tz, takes_ms: i64) {
        self.state.change(|world, now_ms| world.change_zone(zone, now_ms, takes_ms));
    }

    /// Stops serving and waits a moment for what is under way.
    pub async fn stop(self) {
        let Simulator { stopper, mut server, .. } = self;
        drop(stopper);
        if tokio::time::timeout(Duration::from_secs(1), &mut server).await.is_err() {
            server.abort();
        }
    }
}

fn record(json: &Json) -> Record {
    json.as_object().map(Record::from_json).unwrap_or_default()
}
