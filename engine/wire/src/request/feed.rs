//! The feed: following shards, acknowledging what was followed, and who follows.

use super::fields::{counted, shard};
use super::{Request, RequestError, Shown, WORD_MAX, upper};
use crate::catalogue as entry;
use crate::decode::Args;
use gavel_core::{ConsumerName, Position};

/// `FOLLOW <shard> <position|START> [NAME <consumer>]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The last record that the follower has; [`Position::start`] for none.
    pub after: Position,
    /// The consumer whose cursor this is; `None`: nobody's.
    pub name: Option<ConsumerName>,
}

/// `CONSUMERS` and its subcommands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumersRequest {
    /// `CONSUMERS` or `CONSUMERS LIST`.
    List,
    /// `CONSUMERS FORGET <consumer>`. Answered with `OK`.
    Forget(ConsumerName),
}

const POSITION: &str = "must be shard-epoch-lsn, such as 3-1-42";
const POSITION_OR_START: &str = "must be shard-epoch-lsn, such as 3-1-42, or START";

type Parsed = Result<Request, RequestError>;

pub(super) fn follow(args: &Args<'_>) -> Parsed {
    let (of, at, name) = match *counted(args, &entry::FOLLOW)? {
        [of, at] => (of, at, None),
        [of, at, word, name] if word.eq_ignore_ascii_case(b"NAME") => (of, at, Some(consumer(name)?)),
        [_, _, word] if word.eq_ignore_ascii_case(b"NAME") => {
            return Err(RequestError::missing(&entry::FOLLOW, word));
        }
        [_, _, word, ..] => return Err(RequestError::unexpected(&entry::FOLLOW, word)),
        _ => return Err(RequestError::Arity(&entry::FOLLOW)),
    };
    let shard = shard(of)?;
    let after = if at.eq_ignore_ascii_case(b"START") {
        Position::start(shard)
    } else {
        position(at, POSITION_OR_START)?
    };
    if after.shard != shard {
        return Err(RequestError::argument("position", format!("must be one of shard {shard}"), at));
    }
    Ok(Request::Follow(Box::new(Follow { after, name })))
}

pub(super) fn acknowledge(args: &Args<'_>) -> Parsed {
    Ok(Request::Ack(position(counted(args, &entry::ACK)?[0], POSITION)?))
}

pub(super) fn consumers(args: &Args<'_>) -> Parsed {
    let request = match args.get(1).map(|word| (word, upper(word, &mut [0; WORD_MAX]).to_vec())) {
        None => ConsumersRequest::List,
        Some((_, word)) if word == b"LIST" => {
            counted(args, &entry::CONSUMERS_LIST).map(|_| ConsumersRequest::List)?
        }
        Some((_, word)) if word == b"FORGET" => {
            ConsumersRequest::Forget(consumer(counted(args, &entry::CONSUMERS_FORGET)?[0])?)
        }
        Some((word, _)) => {
            return Err(RequestError::Subcommand { of: &entry::CONSUMERS, got: Shown::new(word) });
        }
    };
    Ok(Request::Consumers(Box::new(request)))
}

fn position(text: &[u8], must: &'static str) -> Result<Position, RequestError> {
    Position::parse(text).ok_or_else(|| RequestError::argument("position", must, text))
}

fn consumer(text: &[u8]) -> Result<ConsumerName, RequestError> {
    const MUST: &str = "must have 1 to 64 characters: letters, digits, dots, dashes, underscores, colons";
    const _: () = assert!(gavel_core::limits::CONSUMER_NAME_BYTES_MAX == 64, "the words say so");
    let name = std::str::from_utf8(text).ok().and_then(|text| ConsumerName::new(text).ok());
    name.ok_or_else(|| RequestError::argument("consumer", MUST, text))
}
