//! Every bound of the stores, in one place. Those of documents are in [`crate::limits`].

use crate::limits::DOCUMENT_BYTES_MAX;
use std::time::Duration;

/// Documents of one page of a listing.
pub const PAGE_DOCUMENTS_MAX: usize = 200;
/// Bytes of the words that are searched for.
pub const SEARCH_TEXT_BYTES_MAX: usize = 256;
/// Statements of one command to MongoDB, and ids of one question.
pub const COMMAND_STATEMENTS_MAX: usize = 1_000;
/// Bytes of the documents of one command to MongoDB, but for a single larger one. A command as a whole may have 16 MiB and a little more.
pub const COMMAND_BYTES_MAX: usize = 12 * 1024 * 1024;
/// Connections to each node of MongoDB, where the connection string does not say.
pub const MONGODB_CONNECTIONS_MAX: u32 = 32;
/// How long connecting may take, where the connection string does not say.
pub const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long one try of an operation on MongoDB may take.
pub const OPERATION_MAX: Duration = Duration::from_secs(10);
/// How long an operation is tried again for. Longer than a replica set with MongoDB's own settings takes to elect another primary.
pub const TRIES_TOGETHER_MAX: Duration = Duration::from_secs(30);
/// The pause before the second try.
pub const RETRY_MIN: Duration = Duration::from_millis(20);
/// The longest pause between two tries.
pub const RETRY_MAX: Duration = Duration::from_secs(2);
/// How long making indexes may take: there may be many documents already.
pub const INDEXES_MAX: Duration = Duration::from_secs(600);
/// Memory that the embedded store keeps pages in.
pub const EMBEDDED_CACHE_BYTES: usize = 64 * 1024 * 1024;

const _: () = assert!(COMMAND_BYTES_MAX < DOCUMENT_BYTES_MAX, "a command is a document, too");
const _: () =
    assert!(OPERATION_MAX.as_millis() < TRIES_TOGETHER_MAX.as_millis(), "there is time for a second try");
const _: () = assert!(RETRY_MIN.as_millis() <= RETRY_MAX.as_millis());
