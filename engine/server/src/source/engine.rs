//! A consumer's source inside of the server: the engine's own followers.

use super::Consumer;
use gavel_core::{Lsn, Position, ShardId};
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
            Phase::Loading => Err(SourceError::Unavailable("the engine is reading its log".to_owned())),
            Phase::Closing | Phase::Failed => Err(SourceError::Stopped),
            Phase::Ready => {
                let placement = self.engine.placement();
                Ok(placement.shards().map(|(shard, _)| (shard, self.engine.durable(shard))).collect())
            }
        }
    }

    async fn follow(&self, after: Position) -> Result<EngineFollow, SourceError> {
        let go_on = self.consumer.go_on;
        let follow = self.engine.follow(after).await.map_err(|error| source_error(error, go_on))?;
        let attached = self.consumer.name().map(|name| self.engine.attach(name, after)).transpose();
        let attached = attached.map_err(|error| SourceError::Unavailable(error.to_string()))?;
        Ok(EngineFollow { follow, attached, go_on })
    }
}

/// One shard of it.
pub(crate) struct EngineFollow {
    follow: gavel_engine::Follow,
    /// Tells the log what is still needed.
    attached: Option<Attached>,
    go_on: &'static str,
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
        // Another consumer under the same name says how far the target is; it is the same target.
        let _taken_over = self.attached.as_ref().map(|attached| attached.acknowledge(done.into()));
    }
}

fn source_error(error: FollowError, go_on: &str) -> SourceError {
    match error {
        FollowError::Stopped => SourceError::Stopped,
        FollowError::Loading | FollowError::Read(_) => SourceError::Unavailable(error.to_string()),
        // What comes next has left the archive.
        FollowError::Gone { .. } => SourceError::Unfit(format!("GAP {error}; {go_on}")),
        FollowError::NoShard(_)
        | FollowError::Ahead { .. }
        | FollowError::Diverged { .. }
        | FollowError::Broken(_) => SourceError::Unfit(format!("GAP {error}")),
    }
}
