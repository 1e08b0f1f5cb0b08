//! What is around a run: the machine, the server's own account, and who else used the processors.

use crate::info::Info;
use crate::machine::{LoadMeter, Machine, is_here};
use crate::options::Options;
use crate::report::{Measured, stages};
use std::net::SocketAddr;

/// Looked at before a run, completed after it.
#[derive(Debug)]
pub(crate) struct Surroundings {
    server: SocketAddr,
    machine: Machine,
    before: Info,
    meter: LoadMeter,
}

impl Surroundings {
    pub(crate) fn look(options: &Options) -> Self {
        let (server, before) = (options.server, Info::ask(options.server));
        let machine = Machine::look(options.ledger.as_deref());
        let meter = LoadMeter::start(before.process(server), is_here(server.ip()));
        Self { server, machine, before, meter }
    }

    /// Adds to what was measured where and beside what.
    pub(crate) fn complete(self, measured: Measured) -> Measured {
        let load = self.meter.stop();
        let after = if measured.server_gone { Info::default() } else { Info::ask(self.server) };
        let stages = stages(&self.before.0, &after.0);
        Measured { machine: self.machine, load, server: self.before.facts(self.server), stages, ..measured }
    }
}
