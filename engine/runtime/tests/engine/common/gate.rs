//! A log whose commits can be held back, and that tells what became of it.

use gavel_core::{ShardId, Timestamp};
use gavel_log::{Frame, Log, LogError, LogReader, Tip};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Any log, behind a [`Gate`].
pub(crate) struct GateLog<L> {
    inner: Option<L>,
    gate: Gate,
}

/// The test's side of it. Clones are the same gate.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    held: bool,
    /// A commit stands at the gate.
    waiting: bool,
    commits: u64,
    closed: bool,
    gone: bool,
}

impl Gate {
    /// Puts the gate before a log.
    pub(crate) fn before<L>(&self, log: L) -> GateLog<L> {
        GateLog { inner: Some(log), gate: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("nobody panics with the gate locked")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) {
        drop(self.0.1.wait_while(self.state(), |state| !until(state)).expect("nobody panics with it locked"));
    }

    /// Holds back every commit from the next on.
    pub(crate) fn hold(&self) {
        self.change(|state| state.held = true);
    }

    /// Lets all through again.
    pub(crate) fn release(&self) {
        self.change(|state| state.held = false);
    }

    /// Waits until a commit stands at the gate.
    pub(crate) fn wait_for_commit(&self) {
        self.wait(|state| state.waiting);
    }

    /// Waits until the engine has let go of the log.
    pub(crate) fn wait_until_gone(&self) {
        self.wait(|state| state.gone);
    }

    /// Commits that were tried, but for those still at the gate.
    pub(crate) fn commits(&self) -> u64 {
        self.state().commits
    }

    /// True when the log was closed in order.
    pub(crate) fn closed(&self) -> bool {
        self.state().closed
    }

    fn pass(&self) {
        let (_, changed) = &*self.0;
        let mut state = self.state();
        while state.held {
            state.waiting = true;
            changed.notify_all();
            state = changed.wait(state).expect("nobody panics with the gate locked");
        }
        state.waiting = false;
        state.commits += 1;
    }
}

impl<L: Log> GateLog<L> {
    fn inner(&self) -> &L {
        self.inner.as_ref().expect("the log is open")
    }

    fn inner_mut(&mut self) -> &mut L {
        self.inner.as_mut().expect("the log is open")
    }
}

impl<L: Log> Log for GateLog<L> {
    fn commit(&mut self, frames: &[Frame]) -> Result<(), LogError> {
        self.gate.pass();
        self.inner_mut().commit(frames)
    }

    fn tip(&self, shard: ShardId) -> Tip {
        self.inner().tip(shard)
    }

    fn shards(&self) -> Vec<ShardId> {
        self.inner().shards()
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        self.inner().reader()
    }

    fn mark(&mut self, now: Timestamp) -> Result<(), LogError> {
        self.inner_mut().mark(now)
    }

    fn close(mut self: Box<Self>, now: Timestamp) -> Result<(), LogError> {
        self.gate.change(|state| state.closed = true);
        self.inner.take().map_or(Ok(()), |log| Box::new(log).close(now))
    }
}

impl<L> Drop for GateLog<L> {
    fn drop(&mut self) {
        self.inner = None;
        self.gate.change(|state| state.gone = true);
    }
}
