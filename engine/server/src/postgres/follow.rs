//! The flusher's source inside of the server: the engine's own followers.

use super::{CONSUMER, GO_ON, consumer};
use gavel_core::{LogId, Lsn, Position, ShardId};
use gavel_engine::{Attached, FollowError, Handle, Phase};
use gavel_postgres::{Follow, Records, Source, SourceError};

/// The engine of this process.
#[derive(Clone)]
pub(super) struct EngineSource {
    engine: Handle,
}

impl EngineSource {
    pub(super) const fn new(engine: Handle) -> Self {
        Self { engine }
    }
}

impl Source for EngineSource {
    type Follow = EngineFollow;

    async fn shards(&self) -> Result<Vec<(ShardId, Lsn)>, SourceError> {
        match self.engine.phase() {
            // It is reading its log, and will have them.
            Phase::Loading => Ok(Vec::new()),
            Phase::Closing | Phase::Failed => Err(SourceError::Stopped),
            Phase::Ready => {
                let placement = self.engine.placement();
                Ok(placement.shards().map(|(shard, _)| (shard, self.engine.durable(shard))).collect())
            }
        }
    }

    async fn log(&self) -> Result<Option<LogId>, SourceError> {
        // It is known once the log is open, and from then on.
        let id = self.engine.log_id();
        id.map(Some).ok_or_else(|| SourceError::Unavailable("the log is not open yet".to_owned()))
    }

    async fn follow(&self, after: Position, _: Option<LogId>) -> Result<EngineFollow, SourceError> {
        let follow = self.engine.follow(after).await.map_err(source_error)?;
        let attached = consumer().map(|name| self.engine.attach(name, after)).transpose();
        let attached = attached.map_err(|error| SourceError::Unavailable(error.to_string()))?;
        Ok(EngineFollow { follow, attached, is_told: false })
    }
}

/// One shard of it.
pub(super) struct EngineFollow {
    follow: gavel_engine::Follow,
    /// Tells the log what is still needed.
    attached: Option<Attached>,
    /// It was said that somebody else does.
    is_told: bool,
}

impl Follow for EngineFollow {
    async fn ready(&mut self) -> Result<(), SourceError> {
        self.follow.ready().await.map_err(source_error)
    }

    async fn take(&mut self, into: &mut Records) -> Result<(), SourceError> {
        for frame in self.follow.next().await.map_err(source_error)? {
            let (shard, epoch) = (frame.shard(), frame.epoch());
            frame.records().for_each(|(lsn, record)| into.push(Position { shard, epoch, lsn }, record));
        }
        Ok(())
    }

    fn durable(&self) -> Lsn {
        self.follow.tip().lsn
    }

    fn position(&self) -> Position {
        self.follow.position()
    }

    fn acknowledge(&mut self, done: Position) {
        let taken_over = self.attached.as_ref().and_then(|attached| attached.acknowledge(done.into()).err());
        if taken_over.is_some() && !std::mem::replace(&mut self.is_told, true) {
            // Where it is the same database, the other says how far it is.
            tracing::warn!(
                "shard {}: another flusher has the name `{CONSUMER}`: stop one, or, if it writes to another database, give it a --name of its own",
                done.shard
            );
        }
    }
}

fn source_error(error: FollowError) -> SourceError {
    match error {
        FollowError::Stopped => SourceError::Stopped,
        FollowError::Loading | FollowError::Read(_) => SourceError::Unavailable(error.to_string()),
        FollowError::Gone { .. } | FollowError::Ahead { .. } | FollowError::Diverged { .. } => {
            SourceError::Unfit(format!("GAP {error}; {GO_ON}"))
        }
        FollowError::NoShard(_) | FollowError::Broken(_) => SourceError::Unfit(format!("GAP {error}")),
    }
}
