//! Gavel: the binary.
//!
//! `main` does nothing but hand over: [`cli`] reads the command line, [`config`] the settings, and each command has a module.

mod backup;
mod cli;
mod client;
mod completions;
mod config;
mod consumer;
mod demo;
mod documents;
mod exit;
mod http;
mod info;
mod logtool;
mod manual;
mod output;
mod postgres;
mod restore;
mod serve;
mod server;
mod session;
mod shards;
mod source;

use std::process::ExitCode;

/// Every bid passes through several small allocations; this allocator hands memory across threads cheaply.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run().into()
}
