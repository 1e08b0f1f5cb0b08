//! A consumer's source inside of the server: the engine's own followers.

use super::Consumer;
use gavel_core::{ConsumerName, LogId, Lsn, Position, ShardId};
use gavel_engine::{Attached, FollowError, Handle, Phase};
use gavel_log::follow::{Follow, Records, Source, SourceError};

/// The engine of this process.
#[derive(Clone)]
pub(crate) struct EngineSource {
    engine: Handle,
    consumer: Consumer,
}

impl EngineSource {
    pub(crate) const fn new(engine: Handle, consumer: Consumer) -> Self {
        Self { engine, consumer }
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
        let Consumer { name, go_on } = self.consumer.clone();
        let follow = self.engine.follow(after).await.map_err(|error| source_error(error, go_on))?;
        let attached = name.clone().map(|name| self.engine.attach(name, after)).transpose();
        let attached = attached.map_err(|error| SourceError::Unavailable(error.to_string()))?;
        Ok(EngineFollow { follow, attached, name, go_on, is_told: false })
    }
}

/// One shard of it.
pub(crate) struct EngineFollow {
    follow: gavel_engine::Follow,
    /// Tells the log what is still needed.
    attached: Option<Attached>,
    name: Option<ConsumerName>,
    go_on: &'static str,
    /// It was said that somebody else does.
    is_told: bool,
}

impl Follow for EngineFollow {
    async fn ready(&mut self) -> Result<(), SourceError> {
        self.follow.ready().await.map_err(|error| source_error(error, self.go_on))
    }

    async fn take(&mut self, into: &mut Records) -> Result<(), SourceError> {
        let go_on = self.go_on;
        for frame in self.follow.next().await.map_err(|error| source_error(error, go_on))? {
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
        if let (Some(_), Some(name), false) = (taken_over, &self.name, self.is_told) {
            self.is_told = true;
            // Where it is the same target, the other says how far it is.
            tracing::warn!(
                "shard {}: another consumer has the name `{name}`: stop one, or, if it writes somewhere else, give it a --name of its own",
                done.shard
            );
        }
    }
}

fn source_error(error: FollowError, go_on: &str) -> SourceError {
    match error {
        FollowError::Stopped => SourceError::Stopped,
        FollowError::Loading | FollowError::Read(_) => SourceError::Unavailable(error.to_string()),
        FollowError::Gone { .. } | FollowError::Ahead { .. } | FollowError::Diverged { .. } => {
            SourceError::Unfit(format!("GAP {error}; {go_on}"))
        }
        FollowError::NoShard(_) | FollowError::Broken(_) => SourceError::Unfit(format!("GAP {error}")),
    }
}
