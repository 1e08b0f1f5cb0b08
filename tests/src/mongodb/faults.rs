//! Failures that mongod is told to make, by its own failpoint `failCommand`.

use mongodb::bson::{Document, doc};
use std::time::Duration;

/// Which commands fail, how often, and in what way.
#[derive(Clone, Debug)]
pub struct Fault {
    data: Document,
    times: i32,
}

impl Fault {
    /// The next so many of these commands.
    fn next(times: i32, commands: &[&str]) -> Self {
        Self { data: doc! { "failCommands": commands }, times }
    }

    /// The connection ends instead of an answer; the command is not run.
    #[must_use]
    pub fn lost(times: i32, commands: &[&str]) -> Self {
        Self::next(times, commands).with("closeConnection", true)
    }

    /// The command waits so long before it is run: whoever gives up earlier has lost the reply of a command that does take effect.
    #[must_use]
    pub fn late(times: i32, commands: &[&str], by: Duration) -> Self {
        let millis = i32::try_from(by.as_millis()).expect("a short time");
        Self::next(times, commands).with("blockConnection", true).with("blockTimeMS", millis)
    }

    /// The command is refused with this code, e.g. 10107 (NotWritablePrimary); it is not run.
    #[must_use]
    pub fn refused(times: i32, commands: &[&str], code: i32) -> Self {
        Self::next(times, commands).with("errorCode", code)
    }

    /// The command is run, and its answer says that the write concern failed, with this code.
    #[must_use]
    pub fn write_concern(times: i32, commands: &[&str], code: i32) -> Self {
        let error = doc! { "code": code, "errmsg": "told to fail" };
        let mut fault = Self::next(times, commands);
        fault.data.insert("writeConcernError", error);
        fault
    }

    fn with(mut self, name: &str, value: impl Into<mongodb::bson::Bson>) -> Self {
        self.data.insert(name, value.into());
        self
    }

    /// The command that sets it.
    pub(super) fn command(&self) -> Document {
        doc! { "configureFailPoint": "failCommand", "mode": { "times": self.times }, "data": &self.data }
    }

    /// The command that ends it.
    pub(super) fn off() -> Document {
        doc! { "configureFailPoint": "failCommand", "mode": "off" }
    }
}
