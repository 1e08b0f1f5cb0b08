//! Messages to stderr, by level, as lines for people or as one JSON object per line.

use crate::config::{LogFormat, Settings};
use std::io::IsTerminal as _;
use std::panic::{Location, PanicHookInfo};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Starts writing messages. Once in a process.
pub(crate) fn start(settings: &Settings) {
    let level = settings.log_level.filter();
    // What the HTTP library says of its threads is news to those only who look for defects.
    let libraries = if level > LevelFilter::INFO { level } else { level.min(LevelFilter::WARN) };
    // And that a client has sent what is no HTTP is that client's matter: it is answered, and counted. Of a lost connection to PostgreSQL
    // the flusher tells itself.
    let strangers = if level > LevelFilter::INFO { level } else { LevelFilter::OFF };
    let filter = EnvFilter::new(format!(
        "{level},actix_server={libraries},actix_http={strangers},deadpool_postgres={strangers}"
    ));
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match settings.log_format {
        LogFormat::Json => {
            builder.json().init();
            std::panic::set_hook(Box::new(panicked));
        }
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
    }
}

/// A panic as a message like all others.
fn panicked(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let at = panic.location().map(Location::to_string).unwrap_or_default();
    let words = panic.payload_as_str().unwrap_or("a panic without words");
    tracing::error!(thread, at, "panicked: {words}");
}
