//! `SHARDS`: what shards there are, and where new auctions are placed.

use super::fields::{counted, integer, plain_text, shard, time};
use super::{Request, RequestError, Shown, WORD_MAX, upper};
use crate::catalogue as entry;
use crate::decode::Args;
use crate::limits::SHARDS_PER_ADD_MAX;
use gavel_core::limits::PLACEMENT_KEY_BYTES_MAX;
use gavel_core::placement::{KeyRange, Policy};
use gavel_core::{ShardId, Timestamp};

/// `SHARDS` and its subcommands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardsRequest {
    /// `SHARDS`: tells all shards and the policy.
    List,
    /// `SHARDS ADD [<count>]`.
    Add {
        /// How many, 1 ..= [`SHARDS_PER_ADD_MAX`].
        count: u8,
    },
    /// `SHARDS DRAIN <shard>`.
    Drain(ShardId),
    /// `SHARDS UNDRAIN <shard>`.
    Undrain(ShardId),
    /// `SHARDS POLICY <policy> [FROM <time>]`.
    Policy {
        /// The policy.
        policy: Policy,
        /// From when on; `None`: from now on.
        from: Option<Timestamp>,
    },
    /// `SHARDS PLACE <key> <shard|->`.
    Place {
        /// The placement key, or a seller as text.
        key: Box<str>,
        /// Its shard; `None` removes the entry.
        shard: Option<ShardId>,
    },
}

pub(super) fn parse(args: &Args<'_>) -> Result<Request, RequestError> {
    let Some(word) = args.get(1) else { return Ok(Request::Shards(Box::new(ShardsRequest::List))) };
    let request = match upper(word, &mut [0; WORD_MAX]) {
        b"LIST" => match args.get(2) {
            None => ShardsRequest::List,
            Some(word) => return Err(RequestError::unexpected(&entry::SHARDS, word)),
        },
        b"ADD" => add(args)?,
        b"DRAIN" => ShardsRequest::Drain(shard(counted(args, &entry::SHARDS_DRAIN)?[0])?),
        b"UNDRAIN" => ShardsRequest::Undrain(shard(counted(args, &entry::SHARDS_UNDRAIN)?[0])?),
        b"POLICY" => policy(counted(args, &entry::SHARDS_POLICY)?)?,
        b"PLACE" => place(args)?,
        other => return Err(RequestError::Subcommand { of: &entry::SHARDS, got: Shown::new(other) }),
    };
    Ok(Request::Shards(Box::new(request)))
}

fn add(args: &Args<'_>) -> Result<ShardsRequest, RequestError> {
    let Some(text) = counted(args, &entry::SHARDS_ADD)?.first() else {
        return Ok(ShardsRequest::Add { count: 1 });
    };
    integer(text)
        .filter(|count| (1..=SHARDS_PER_ADD_MAX).contains(count))
        .and_then(|count| u8::try_from(count).ok())
        .map(|count| ShardsRequest::Add { count })
        .ok_or_else(|| RequestError::argument("count", "must be an integer 1 ..= 255", text))
}

fn place(args: &Args<'_>) -> Result<ShardsRequest, RequestError> {
    let fields = counted(args, &entry::SHARDS_PLACE)?;
    let key = key("key", fields[0])?;
    let shard = if fields[1] == b"-" { None } else { Some(shard(fields[1])?) };
    Ok(ShardsRequest::Place { key, shard })
}

fn key(name: &'static str, text: &[u8]) -> Result<Box<str>, RequestError> {
    if text.len() > PLACEMENT_KEY_BYTES_MAX {
        return Err(RequestError::Long { name, bytes: text.len(), bytes_max: PLACEMENT_KEY_BYTES_MAX });
    }
    Ok(plain_text(name, text)?.into())
}

fn policy(fields: &[&[u8]]) -> Result<ShardsRequest, RequestError> {
    let (policy, rest) = match upper(fields[0], &mut [0; WORD_MAX]) {
        b"KEY" => (Policy::Key, &fields[1..]),
        b"SEQUENCE" => (Policy::Sequence, &fields[1..]),
        b"DIRECTORY" => (Policy::Directory, &fields[1..]),
        b"RANGE" => match fields.get(1) {
            Some(json) => (Policy::Range(ranges(json)?), &fields[2..]),
            None => return Err(RequestError::missing(&entry::SHARDS_POLICY, fields[0])),
        },
        other => return Err(RequestError::Subcommand { of: &entry::SHARDS_POLICY, got: Shown::new(other) }),
    };
    let from = match rest {
        [] => None,
        [word, at] if word.eq_ignore_ascii_case(b"FROM") => Some(time("FROM", at)?),
        [word] if word.eq_ignore_ascii_case(b"FROM") => {
            return Err(RequestError::missing(&entry::SHARDS_POLICY, word));
        }
        [word, _, behind, ..] if word.eq_ignore_ascii_case(b"FROM") => {
            return Err(RequestError::unexpected(&entry::SHARDS_POLICY, behind));
        }
        [word, ..] => return Err(RequestError::unexpected(&entry::SHARDS_POLICY, word)),
    };
    Ok(ShardsRequest::Policy { policy, from })
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeJson {
    from: String,
    shard: u8,
}

/// A table of ranges. Whether it is a good one (order, gaps, size) the placement judges.
fn ranges(json: &[u8]) -> Result<Box<[KeyRange]>, RequestError> {
    let must = r#"must be JSON such as [{"from": "", "shard": 0}, {"from": "m", "shard": 1}]"#;
    let table: Vec<RangeJson> =
        serde_json::from_slice(json).map_err(|_| RequestError::argument("ranges", must, json))?;
    Ok(table.into_iter().map(|row| KeyRange { from: row.from.into(), shard: ShardId(row.shard) }).collect())
}
