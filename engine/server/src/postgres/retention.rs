//! Retention beside the flusher, on a thread of its own: an export writes files.

use super::StartError;
use super::partitions::keep;
use crate::config::Settings;
use gavel_postgres::retention::{Keeper, Kept, Policy};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Retention under way.
pub(crate) struct Retention {
    /// To ask how it stands.
    pub(crate) kept: Kept,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Retention {
    /// Starts it, where a database is named and not everything is kept for ever. The databases' connections are its own.
    ///
    /// # Errors
    /// There is no thread.
    pub(crate) fn start(settings: &Settings) -> Result<Option<Self>, StartError> {
        let routes = settings.routes().ok().flatten().filter(|_| settings.postgres_keep_days > 0);
        let Some(routes) = routes else { return Ok(None) };
        let policy =
            Policy { keep: keep(settings.postgres_keep_days), export: settings.postgres_export.clone() };
        let (keeper, kept) = Keeper::new(routes.databases(), policy);
        let (stop, stopping) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("gavel-retention".to_owned());
        let thread = thread.spawn(move || runtime.block_on(keeper.run(stopping)))?;
        Ok(Some(Self { kept, stop, thread }))
    }

    /// Stops it. A day that is being exported stays.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("retention has panicked; this is a defect");
        }
    }
}
