//! Every id and name of a world once, known by number.

use std::collections::HashMap;
use std::sync::Arc;

/// A table of texts; equal texts have equal numbers.
#[derive(Default)]
pub(crate) struct Texts {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Texts {
    /// The number of a text, given out when it is new.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let shared: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&shared));
        self.numbers.insert(shared, number);
        number
    }

    /// The number of a text that is known already.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The text of a number; empty for a number that was never given out.
    pub(crate) fn text(&self, number: u32) -> Arc<str> {
        self.texts.get(number as usize).map_or_else(|| Arc::from(""), Arc::clone)
    }

    /// The text of a number, borrowed.
    pub(crate) fn str(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}
