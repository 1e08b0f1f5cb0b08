//! Events of a whole shard.

use super::Form;
use crate::view_json::{Fields, object};
use gavel_core::command::StandingBids;
use gavel_core::placement::{KeyRange, PlacementChange, Policy};
use gavel_core::{AuctionId, Position, ShardEvent, ShardId, Timestamp};

/// Appends one event of a shard as one object, without a line's end.
pub fn shard_event(out: &mut Vec<u8>, position: Position, event: &ShardEvent, form: Form) {
    object(out, |fields| {
        fields.text("position", position);
        fields.text("type", shard_type_name(event));
        match event {
            ShardEvent::EpochStarted { epoch, at, alive_until } => {
                fields.time("at", Some(*at));
                fields.integer("epoch", u64::from(epoch.0));
                fields.time("alive_until", *alive_until);
            }
            ShardEvent::Banned { bidder, seller, standing, at } => {
                fields.time("at", Some(*at));
                fields.secret_account("bidder", *bidder, form);
                fields.account("seller", *seller);
                fields.boolean("bids_removed", *standing == StandingBids::Remove);
            }
            ShardEvent::Unbanned { bidder, seller, at } => {
                fields.time("at", Some(*at));
                fields.secret_account("bidder", *bidder, form);
                fields.account("seller", *seller);
            }
            ShardEvent::PlacementChanged { change, at } => {
                fields.time("at", Some(*at));
                fields.change(change, form);
            }
            ShardEvent::AuctionsRetired { auctions, at } => {
                fields.time("at", Some(*at));
                fields.auctions("auctions", auctions);
            }
        }
    });
}

/// What the event is called: the value of `type`.
#[must_use]
pub const fn shard_type_name(event: &ShardEvent) -> &'static str {
    match event {
        ShardEvent::EpochStarted { .. } => "epoch_started",
        ShardEvent::Banned { .. } => "banned",
        ShardEvent::Unbanned { .. } => "unbanned",
        ShardEvent::PlacementChanged { .. } => "placement_changed",
        ShardEvent::AuctionsRetired { .. } => "auctions_retired",
    }
}

impl Fields<'_> {
    fn change(&mut self, change: &PlacementChange, form: Form) {
        match change {
            PlacementChange::ShardAdded(shard) => self.shard_change("shard_added", *shard),
            PlacementChange::ShardDrained(shard) => self.shard_change("shard_drained", *shard),
            PlacementChange::PolicySet { effective_at, policy } => {
                self.text("change", "policy_set");
                self.policy(*effective_at, policy, form);
            }
            PlacementChange::DirectorySet { key, shard } => {
                self.text("change", "directory_set");
                if form == Form::Secret {
                    self.string("key", key);
                }
                match shard {
                    Some(shard) => self.integer("shard", u64::from(shard.0)),
                    None => self.raw("shard", "null"),
                }
            }
        }
    }

    fn shard_change(&mut self, change: &str, shard: ShardId) {
        self.text("change", change);
        self.integer("shard", u64::from(shard.0));
    }

    fn policy(&mut self, effective_at: Timestamp, policy: &Policy, form: Form) {
        self.time("effective_at", Some(effective_at));
        self.text("policy", policy.name());
        if let (Policy::Range(ranges), Form::Secret) = (policy, form) {
            self.ranges(ranges);
        }
    }

    fn auctions(&mut self, name: &str, auctions: &[AuctionId]) {
        self.name(name);
        for (index, auction) in auctions.iter().enumerate() {
            let before = if index == 0 { '[' } else { ',' };
            crate::reply::text(self.out, format_args!("{before}\"{auction}\""));
        }
        self.out.push(b']');
    }

    /// As `SHARDS POLICY RANGE` takes them.
    fn ranges(&mut self, ranges: &[KeyRange]) {
        self.name("ranges");
        self.out.push(b'[');
        for (index, KeyRange { from, shard }) in ranges.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            object(self.out, |fields| {
                fields.string("from", from);
                fields.integer("shard", u64::from(shard.0));
            });
        }
        self.out.push(b']');
    }
}
