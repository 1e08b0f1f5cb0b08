//! Answers of the engine as replies of the wire.

use gavel_core::{Position, ShardId};
use gavel_engine::{Cause, ChangeError, Refusal, Reply};
use gavel_wire::{Code, reply};

/// What a shard has answered.
pub(super) fn reply(out: &mut Vec<u8>, answer: &Reply) {
    match answer {
        Reply::Receipt(receipt) => reply::receipt(out, receipt),
        Reply::Opened(id, _) => reply::auction_id(out, *id),
        Reply::Done(_) => reply::ok(out),
        Reply::Rejected(rejection) => reply::rejection(out, rejection),
    }
}

/// The code of a refusal for want of credit, or of an engine that takes nothing now.
pub(super) fn refusal_code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Loading => Code::Loading,
        Refusal::ConnectionCredit(_) | Refusal::ProcessCredit(_) | Refusal::Closing | Refusal::Failed => {
            Code::Busy
        }
    }
}

/// The code of any refused command, as the journal of attempts spells it.
pub(crate) fn refused_code(cause: &Cause) -> Code {
    match cause {
        Cause::Rules(rejection) => Code::of(rejection),
        Cause::Engine(refusal) => refusal_code(*refusal),
    }
}

/// What became of a change of shards or policy.
pub(super) fn changed(result: Result<Position, ChangeError>) -> Vec<u8> {
    let mut out = Vec::new();
    match result {
        Ok(_) => reply::ok(&mut out),
        Err(error) => change_error(&mut out, &error),
    }
    out
}

/// Why shards or policy were not changed.
fn change_error(out: &mut Vec<u8>, error: &ChangeError) {
    reply::error(out, change_code(error), error);
}

/// Why a shard was not added, and which were before it by the same command: they stay.
pub(super) fn addition_error(out: &mut Vec<u8>, error: &ChangeError, added: &[ShardId]) {
    if added.is_empty() {
        return change_error(out, error);
    }
    let added = added.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    reply::error(out, change_code(error), format_args!("{error}; added before that: {added}"));
}

fn change_code(error: &ChangeError) -> Code {
    match error {
        ChangeError::Placement(_) => Code::Invalid,
        ChangeError::Refused(refusal) => refusal_code(*refusal),
        ChangeError::Rejected(rejection) => Code::of(rejection),
    }
}
