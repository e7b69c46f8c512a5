//! Stories over the real functions: the real handlers, through the real HTTP path, against the embedded database and the
//! Pendo simulator. Each file is a topic, each test a sentence about what people can rely on.

mod demo;
mod harness;
mod reference;
mod store;
