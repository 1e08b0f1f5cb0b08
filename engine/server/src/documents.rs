//! The read side as the binary knows it: the projector in the server's process, `gavel project` alone, and who answers queries.
//!
//! The projector has one thread, which gives way to those that decide and commit. Queries are answered from the store on the threads that
//! serve connections, so a projector that is busy catching up slows no reader, and a reader never slows it.

mod project;

pub(crate) use project::{ABOUT, HELP, ProjectFlags, run};

use crate::config::{DOCUMENTS_FILE, Documents, Settings};
use crate::source::{Consumer, EngineSource};
use gavel_log::follow::Source;
use gavel_projector::service::{Handle, Options, Service};
use gavel_projector::store::{Address as MongoAddress, AddressError, Embedded, MongoDb, Store, StoreError};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// What the projector is called among the consumers.
const CONSUMER: &str = "documents";
/// How to go on where the log does not have what comes next.
const GO_ON: &str =
    "empty the document store, and let it be filled from a log that goes back to the beginning";
/// Batches that are written at once: those of different shards. More do not make one MongoDB faster.
const PARALLEL: usize = 4;
/// How much the projector's thread gives way: between the processor's full share and what is left over.
const NICE: i32 = 5;

/// Where documents go: said once, connected to nothing yet.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file, open.
    Embedded(Embedded),
    /// A MongoDB.
    MongoDb(Box<MongoAddress>),
}

/// A projector on a thread of its own.
pub(crate) struct Projector {
    /// To ask it, and to stop it.
    pub(crate) handle: Handle,
    thread: JoinHandle<()>,
}

/// Why there is no read side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The connection string.
    #[error("mongodb (from {from}): {problem}")]
    Address {
        /// Where the setting came from.
        from: String,
        /// What is wrong.
        problem: AddressError,
    },
    /// The embedded store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread or its runtime.
    #[error("no thread for the projector: {0}")]
    Thread(#[from] std::io::Error),
}

/// Who answers queries: from the documents, and never from the engine.
#[derive(Clone)]
pub(crate) struct Reader {
    store: Arc<dyn Store>,
    projector: Handle,
    runtime: tokio::runtime::Handle,
}

/// The projector, as the log knows it.
fn consumer() -> Consumer {
    Consumer { name: CONSUMER.parse().ok(), go_on: GO_ON }
}

impl Place {
    /// Where settings say; `None` where there are to be no documents.
    ///
    /// # Errors
    /// It can't be used.
    pub(crate) async fn of(settings: &Settings) -> Result<Option<Self>, StartError> {
        if let Some(url) = settings.mongodb.get() {
            let of_setting = |problem| StartError::Address { from: settings.origin("mongodb"), problem };
            let address = MongoAddress::parse(url).await.map_err(of_setting)?;
            return Ok(Some(Self::MongoDb(Box::new(address))));
        }
        match settings.documents {
            Documents::Off => Ok(None),
            Documents::Embedded => {
                Ok(Some(Self::Embedded(Embedded::open(&settings.data.join(DOCUMENTS_FILE))?)))
            }
        }
    }

    /// A store there, whose connections belong to whoever calls this.
    fn store_of(&self, settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
        Ok(match self {
            Self::Embedded(store) => Arc::new(store.clone()),
            Self::MongoDb(address) => {
                let of_setting = |problem| StartError::Address { from: settings.origin("mongodb"), problem };
                Arc::new(MongoDb::new((**address).clone()).map_err(of_setting)?)
            }
        })
    }

    /// Where, without secrets.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Embedded(_) => DOCUMENTS_FILE.to_owned(),
            Self::MongoDb(address) => address.to_string(),
        }
    }
}

impl Projector {
    /// Starts it inside of the server.
    ///
    /// # Errors
    /// There is no thread, or the store can't be used.
    pub(crate) fn start(
        settings: &Settings,
        place: &Place,
        engine: gavel_engine::Handle,
    ) -> Result<Self, StartError> {
        Self::spawn(settings, place, EngineSource::new(engine, consumer()))
    }

    fn spawn(settings: &Settings, place: &Place, source: impl Source + Send) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let store = {
            // Connections belong to the runtime in which they are made.
            let _inside = runtime.enter();
            place.store_of(settings)?
        };
        let every = Duration::from_millis(settings.documents_every_ms);
        let (service, handle) = Service::new(Options { store, parallel: PARALLEL, every }, source);
        let thread = std::thread::Builder::new().name("gavel-documents".to_owned());
        let thread = thread.spawn(move || {
            // Of this thread, and of those that it starts. Without it documents are as right, only bids share with them.
            if let Err(error) = rustix::process::setpriority_process(None, NICE) {
                tracing::debug!(%error, "the projector's priority stays as it is");
            }
            runtime.block_on(service.run());
        })?;
        tracing::info!(place = place.shown(), "documents are written");
        Ok(Self { handle, thread })
    }

    /// Who answers queries, on the threads of this runtime.
    ///
    /// # Errors
    /// The store can't be used.
    pub(crate) fn reader(
        &self,
        settings: &Settings,
        place: &Place,
        runtime: tokio::runtime::Handle,
    ) -> Result<Reader, StartError> {
        let store = {
            let _inside = runtime.enter();
            place.store_of(settings)?
        };
        Ok(Reader { store, projector: self.handle.clone(), runtime })
    }

    /// Stops it, and waits for the batches that are being written.
    pub(crate) async fn stop(self) {
        self.handle.stop();
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the projector has panicked; this is a defect");
        }
    }
}

impl Reader {
    /// Asks the store, on the threads that its connections belong to.
    pub(crate) async fn ask<T, A>(&self, ask: impl FnOnce(Arc<dyn Store>) -> A) -> Result<T, StoreError>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let asked = self.runtime.spawn(ask(Arc::clone(&self.store))).await;
        asked.unwrap_or(Err(StoreError::Worker { operation: "answer a query" }))
    }

    /// How far documents are.
    pub(crate) const fn projector(&self) -> &Handle {
        &self.projector
    }
}
