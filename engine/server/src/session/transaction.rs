//! Transactions: there are none, and nothing of one is done by halves.
//!
//! A client that pipelines `MULTI`, commands and `EXEC` (redis-py's default) has sent the commands before it hears that `MULTI`
//! is refused. It believes that all of them are carried out or none, so after a refused `MULTI` every command is refused up to
//! the `EXEC` or `DISCARD` that ends it; only `QUIT` is heeded.

use super::Session;
use gavel_core::Timestamp;
use gavel_wire::request::Transaction;
use gavel_wire::{Code, Request, RequestError};

const BEGUN: &str = "transactions are not supported: MULTI is refused, and so is every command up to EXEC or DISCARD; \
    send the commands without MULTI (in redis-py: pipeline(transaction=False))";
const WITHIN: &str = "nothing was done: this command came after a MULTI, and transactions are not supported; \
    EXEC or DISCARD ends what is refused";
const ENDED: &str = "transactions are not supported: nothing of this one was done; \
    send the commands without MULTI (in redis-py: pipeline(transaction=False))";

impl Session {
    /// Takes on what was understood of one command.
    pub(super) fn take(&mut self, parsed: Result<Request, RequestError>, received: Timestamp) {
        match (parsed, self.in_refused_transaction) {
            (Err(RequestError::Transaction(Transaction::Multi)), _) => self.refuse_transaction(true, BEGUN),
            (Err(RequestError::Transaction(_)), true) => self.refuse_transaction(false, ENDED),
            (Ok(request), false) => self.dispatch(request, received),
            (Err(error), false) => self.answer_error(error.code(), &error),
            (Ok(Request::Quit), true) => self.dispatch(Request::Quit, received),
            (_, true) => self.answer_error(Code::Unknown, &WITHIN),
        }
    }

    fn refuse_transaction(&mut self, goes_on: bool, words: &str) {
        self.in_refused_transaction = goes_on;
        self.answer_error(Code::Unknown, &words);
    }
}
