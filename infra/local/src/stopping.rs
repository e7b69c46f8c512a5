//! The word that everything shall stop: given by [`Stop::now`], or by dropping the [`Stop`].

use tokio::sync::watch;

/// Gives the word.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Waits for the word; each task holds a clone.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

/// A giver and a waiter that belong together.
#[must_use]
pub fn stop() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    /// Gives the word.
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Returns once the word is given.
    pub async fn wait(&mut self) {
        // An error means that the giver is gone, which is the word too.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}
