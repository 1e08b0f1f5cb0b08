//! The placement: the fold of all its changes.
//!
//! Invariants, whatever is applied:
//! - There is always an active shard. Shard 0 is there from the start, as it keeps the log of these changes; the drain of
//!   the last active shard is refused by `validate`, and without effect in `apply`.
//! - Shards are numbered 0, 1, 2, … without gaps, and never forgotten: ids name them for ever.
//! - Policies are sorted by effective time, one for each time.

use super::{Directory, PlacementChange, Policy};
use crate::{ShardId, Timestamp};

/// Whether a shard takes new auctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardStatus {
    /// It does.
    Active,
    /// It does not; those it has go on to their ends.
    Draining,
}

/// Shards, policies and directory, as of the latest change applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// By shard number.
    pub(super) shards: Vec<ShardStatus>,
    /// Those that take new auctions, ascending; never empty. Derived from `shards`.
    pub(super) active: Vec<ShardId>,
    /// By effective time, ascending: the one in force at the latest change, and those that come.
    pub(super) policies: Vec<(Timestamp, Policy)>,
    /// The explicit entries.
    pub(super) directory: Directory,
}

impl Default for Placement {
    /// As it is before any change: shard 0 alone, placed by key.
    fn default() -> Self {
        Self {
            shards: vec![ShardStatus::Active],
            active: vec![ShardId(0)],
            policies: Vec::new(),
            directory: Directory::default(),
        }
    }
}

impl Placement {
    /// The changes that a new deployment with `shards` shards begins with: one for each shard after shard 0. More than
    /// 256 is as many as 256, less than one as one.
    pub fn first_changes(shards: usize) -> impl Iterator<Item = PlacementChange> {
        (1..=u8::MAX).map(ShardId).map(PlacementChange::ShardAdded).take(shards.saturating_sub(1))
    }

    /// Takes a logged change in; `at` is when it was decided. Total: what `validate` would have refused has no effect, or
    /// the nearest that keeps the invariants.
    pub fn apply(&mut self, change: &PlacementChange, at: Timestamp) {
        match change {
            PlacementChange::ShardAdded(shard) => self.add(*shard),
            PlacementChange::ShardDrained(shard) => self.drain(*shard),
            PlacementChange::PolicySet { effective_at, policy } => self.set_policy(*effective_at, policy, at),
            PlacementChange::DirectorySet { key, shard } => self.directory.set(key, *shard),
        }
    }

    fn add(&mut self, shard: ShardId) {
        let index = usize::from(shard.0);
        if index >= self.shards.len() {
            // A gap cannot come from `validate`; the shards in it exist from now on, but were never meant to be used.
            self.shards.resize(index + 1, ShardStatus::Draining);
        }
        self.shards[index] = ShardStatus::Active;
        self.derive_active();
    }

    fn drain(&mut self, shard: ShardId) {
        if self.active == [shard] || self.status(shard).is_none() {
            return;
        }
        self.shards[usize::from(shard.0)] = ShardStatus::Draining;
        self.derive_active();
    }

    fn derive_active(&mut self) {
        let active = self.shards().filter(|(_, status)| *status == ShardStatus::Active);
        self.active = active.map(|(shard, _)| shard).collect();
    }

    /// Forgets the policies that were superseded by `at`, so that a deployment can change its mind for ever within bounded
    /// memory. A policy for the same time replaces the earlier one.
    fn set_policy(&mut self, effective_at: Timestamp, policy: &Policy, at: Timestamp) {
        let in_force = self.policies.partition_point(|(from, _)| *from <= at);
        self.policies.drain(..in_force.saturating_sub(1));
        match self.policies.binary_search_by_key(&effective_at, |(from, _)| *from) {
            Ok(index) => self.policies[index].1 = policy.clone(),
            Err(index) => self.policies.insert(index, (effective_at, policy.clone())),
        }
    }

    /// All shards that were ever added, ascending.
    pub fn shards(&self) -> impl ExactSizeIterator<Item = (ShardId, ShardStatus)> {
        // The cast is exact: `add` takes a `ShardId`, so there are at most 256.
        self.shards.iter().enumerate().map(|(index, status)| (ShardId(index as u8), *status))
    }

    /// The shards that take new auctions, ascending; never empty.
    #[must_use]
    pub fn active(&self) -> &[ShardId] {
        &self.active
    }

    /// Whether a shard takes new auctions; `None` when it was never added.
    #[must_use]
    pub fn status(&self, shard: ShardId) -> Option<ShardStatus> {
        self.shards.get(usize::from(shard.0)).copied()
    }

    /// The policy in force at a time, at or after the latest change: the one with the latest effective time not after it;
    /// `Key` before the first. (For earlier times the log has the answer.)
    #[must_use]
    pub fn policy_at(&self, now: Timestamp) -> &Policy {
        let after = self.policies.partition_point(|(from, _)| *from <= now);
        after.checked_sub(1).map_or(&Policy::Key, |index| &self.policies[index].1)
    }

    /// The policies by effective time: the one in force at the latest change, and those that come.
    #[must_use]
    pub fn policies(&self) -> &[(Timestamp, Policy)] {
        &self.policies
    }

    /// The explicit entries.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Puts another directory in place (one that was lost, or one that was found again) and gives the present one back.
    pub const fn replace_directory(&mut self, directory: Directory) -> Directory {
        std::mem::replace(&mut self.directory, directory)
    }
}
