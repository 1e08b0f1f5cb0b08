//! Keeps the log within its stated size: frames behind snapshots and consumers move to the archive, and what is too old leaves that.

use super::{Keeper, RETRY};
use crate::engine::Failure;
use gavel_core::{ConsumerName, Duration, Lsn, ShardId, Timestamp};
use gavel_log::trim::{Expired, Expiry, Trim, TrimError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Between two looks at what takes how much space.
const USAGE_EVERY: Duration = Duration::from_secs(1);
/// Between two looks for archive files that are too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// An archive file is worth its while from so many records on, unless nothing more can be moved.
const RECORDS_PER_MOVE: u64 = 100_000;
/// Below this share of the stated size the warnings are given again.
const REARM_PERCENT: u64 = 40;
/// The log's file takes up to so many times what its frames take: the storage engine writes a page anew that gets a frame.
const FILE_PER_FRAMES: u64 = 2;

const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

/// What the keeper remembers of the sizes of log and archive.
#[derive(Debug, Default)]
pub(super) struct Space {
    looked_at: Timestamp,
    expired_at: Timestamp,
    /// The share of the stated size, in percent, that a warning was last given at.
    warned: u64,
    /// Nothing is moved before, as moving has failed.
    retry_at: Timestamp,
    /// By shard: the consumer that was last warned of, and how near what it needs was to leaving the archive, in percent.
    losing: BTreeMap<ShardId, (ConsumerName, u64)>,
}

impl Keeper {
    /// Looks what takes how much space, moves frames, removes old archive files.
    pub(super) fn trim(&mut self, now: Timestamp) {
        let Some(trimmer) = self.trimmer.clone() else { return };
        if now.since(self.space.looked_at) < USAGE_EVERY {
            return;
        }
        self.space.looked_at = now;
        // What makes room comes first, whatever else fails for want of it.
        if now.since(self.space.expired_at) >= EXPIRE_EVERY {
            self.space.expired_at = now;
            self.expire(&trimmer, now);
        }
        if now >= self.space.retry_at
            && let Err(error) = self.move_frames(&trimmer, now)
        {
            self.space.retry_at = now.saturating_add(RETRY);
            self.trim_failed(&error);
        }
        match trimmer.usage() {
            Ok(usage) => self.shared.storage.lock().usage = usage,
            Err(error) => tracing::debug!(%error, "the size of the log can't be told"),
        }
        self.warn_of_pins();
    }

    /// Moves every shard's frames as far as they may leave the log. Fails with the last reason, after all were tried.
    fn move_frames(&mut self, trimmer: &Arc<dyn Trim>, now: Timestamp) -> Result<(), TrimError> {
        let mut result = Ok(());
        for shard in self.shards() {
            if self.is_stopping() {
                break;
            }
            let (up_to, all) = self.target(shard);
            let archived = self.archived[usize::from(shard.0)];
            let records = up_to.0.saturating_sub(archived.0);
            if records >= RECORDS_PER_MOVE || records > 0 && all {
                match trimmer.archive(shard, up_to, now) {
                    Ok(moved) => {
                        // As long as something moves there may be more: what the mark does not tell of yet follows a moment later.
                        let is_done = moved.frames == 0;
                        self.archived[usize::from(shard.0)] = if is_done { up_to } else { moved.archived };
                        tracing::debug!(%shard, up_to = up_to.0, ?moved, "frames were moved to the archive");
                    }
                    Err(error) if error.is_fatal() => return Err(error),
                    Err(error) => result = Err(error),
                }
            }
        }
        result
    }

    /// Up to where a shard's frames may leave the log, and whether that is all that its snapshot allows.
    ///
    /// A consumer keeps them there only until the log has its stated size; from then on it is served from the archive.
    fn target(&self, shard: ShardId) -> (Lsn, bool) {
        let snapshot = self.newest[usize::from(shard.0)].0;
        match self.consumers_floor(shard) {
            Some(floor) if floor < snapshot && self.used_percent() < 100 => (floor, false),
            _ => (snapshot, true),
        }
    }

    /// The last record of a shard that every consumer has; `None` where there is no consumer.
    pub(super) fn consumers_floor(&self, shard: ShardId) -> Option<Lsn> {
        self.shared.feed.consumers.floor(shard)
    }

    fn expire(&mut self, trimmer: &Arc<dyn Trim>, now: Timestamp) {
        let limits =
            Expiry { now, keep: self.options.archive_keep, bytes_max: self.options.archive_bytes_max };
        self.warn_of_losses(trimmer, limits);
        let Expired { files, bytes, bytes_over } = match trimmer.expire(limits) {
            Ok(expired) => expired,
            Err(error) => {
                self.shared.storage.lock().failures += 1;
                return tracing::warn!(%error, "archive files that are too old can't be removed; this is tried again");
            }
        };
        if files > 0 {
            tracing::info!(files, bytes, "archive files that were too old were removed");
        }
        if bytes_over > 0 {
            tracing::warn!(bytes_over, "the archive is larger than it may be: recovery needs what is in it");
        }
    }

    /// Says so once when what the slowest consumer needs next is half way, and once when it is three quarters of the way out of the archive:
    /// a consumer holds nothing there, and is told of a gap once it has come too late.
    fn warn_of_losses(&mut self, trimmer: &Arc<dyn Trim>, limits: Expiry) {
        for shard in self.shards() {
            let slowest = self.shared.feed.consumers.slowest(shard);
            let near = |(name, has): (ConsumerName, Lsn)| {
                Some((name, has, step_of(trimmer.nearness(shard, has.next(), limits)?)?))
            };
            let Some((name, has, step)) = slowest.and_then(near) else {
                self.space.losing.remove(&shard);
                continue;
            };
            let warned = self.space.losing.insert(shard, (name.clone(), step));
            if warned.is_none_or(|(before, at)| before != name || at < step) {
                let (behind, keep_days) =
                    (self.tip(shard).lsn.0.saturating_sub(has.0), limits.keep.micros() / DAY_US);
                tracing::warn!(
                    %shard,
                    consumer = %name,
                    records_behind = behind,
                    percent = step,
                    archive_keep_days = keep_days,
                    archive_max_mb = limits.bytes_max.map(|bytes| bytes >> 20),
                    "a consumer is so far behind that what it needs next will leave the archive; it then has a gap. Let it catch up, or forget it"
                );
            }
        }
    }

    /// How much of its stated size the log needs for its frames, in percent.
    pub(super) fn used_percent(&self) -> u64 {
        let frames = self.shared.storage.lock().usage.log_frame_bytes;
        frames.saturating_mul(FILE_PER_FRAMES * 100) / self.options.log_bytes_max.max(1)
    }

    /// Says so once when half, and once when three quarters of the stated size are held by something that is behind.
    fn warn_of_pins(&mut self) {
        let used = self.used_percent();
        let step = match used {
            75.. => 75,
            50.. => self.space.warned.max(50),
            // Around a bound it is not said at each swing.
            REARM_PERCENT.. => self.space.warned,
            _ => 0,
        };
        if step > self.space.warned {
            let (mib, used_percent) = (self.options.log_bytes_max >> 20, used);
            let pins = self.pins();
            tracing::warn!(
                log_max_mb = mib,
                used_percent,
                pins,
                "the log fills up: something holds its frames"
            );
        }
        self.space.warned = step;
    }

    /// What holds frames in the log, in words.
    fn pins(&self) -> String {
        let behind = |shard: ShardId| {
            let (tip, from) = (self.tip(shard).lsn, self.newest[usize::from(shard.0)].0);
            let slowest = self.shared.feed.consumers.slowest(shard).filter(|(_, has)| *has < from);
            let (what, has) = match slowest {
                Some((name, has)) => (format!("consumer {name}"), has),
                None => ("the newest snapshot".to_owned(), from),
            };
            format!("shard {shard}: {what} is {} records behind", tip.0.saturating_sub(has.0))
        };
        self.shards().into_iter().map(behind).collect::<Vec<_>>().join("; ")
    }

    fn trim_failed(&mut self, error: &TrimError) {
        if error.is_fatal() {
            return self.shared.fail(Failure::Log(error.to_string()));
        }
        self.shared.storage.lock().failures += 1;
        let retry_s = RETRY.micros() / 1_000_000;
        tracing::warn!(%error, retry_s, "frames could not be moved to the archive; bids go on, the log grows");
    }
}

/// The bound that was passed, of those at which a consumer's coming loss is announced, in percent.
fn step_of(nearness: u64) -> Option<u64> {
    [75, 50].into_iter().find(|step| nearness >= *step)
}
