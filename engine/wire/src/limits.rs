//! Every bound of the wire, in one place, with their relations proved at compile time.

use gavel_core::limits::{DETAILS_BYTES_MAX, PLACEMENT_KEY_BYTES_MAX, REASON_BYTES_MAX};

/// The longest argument that is taken, in bytes. Longer ones, up to [`BULK_BYTES_HARD_MAX`], are read past and answered
/// with `TOOLARGE`.
pub const BULK_BYTES_MAX: usize = 64 * 1024;
/// The longest argument that is read past, in bytes (what Redis allows). Beyond it the stream is given up.
pub const BULK_BYTES_HARD_MAX: u64 = 512 * 1024 * 1024;
/// The most arguments that one command may have. More, up to [`ARGS_HARD_MAX`], are read past and answered with `TOOLARGE`.
pub const ARGS_MAX: usize = 1024;
/// The most arguments that are read past (what Redis allows). Beyond it the stream is given up.
pub const ARGS_HARD_MAX: u64 = 1024 * 1024;
/// The longest command that is taken, in bytes, headers included. Longer ones are read past and answered with `TOOLARGE`.
pub const COMMAND_BYTES_MAX: usize = 128 * 1024;
/// The longest inline command, in bytes, without its line end. Beyond it the stream is given up.
pub const INLINE_BYTES_MAX: usize = 8 * 1024;
/// The longest length line (`*123`, `$123`) in digits. Beyond it the stream is given up.
pub const LENGTH_DIGITS_MAX: usize = 10;
/// A buffer of this size always lets the decoder go on: a whole command, or the header after which it reads past.
pub const READ_BUFFER_BYTES: usize = COMMAND_BYTES_MAX + LENGTH_DIGITS_MAX + 3;
/// Arguments that are found at once; the others are walked to.
pub const ARGS_AT_HAND: usize = 8;
/// Auctions named in one SUBSCRIBE or UNSUBSCRIBE.
pub const CHANNELS_PER_COMMAND_MAX: usize = ARGS_MAX - 1;
/// The longest name that a connection can be given, in bytes.
pub const CLIENT_NAME_BYTES_MAX: usize = 64;
/// Shards that one `SHARDS ADD` may add.
pub const SHARDS_PER_ADD_MAX: u64 = 255;
/// How deep the objects and arrays of details may lie in one another.
pub const DETAILS_DEPTH_MAX: usize = 32;
/// Errors about unknown fields that one answer lists; fields of the terms themselves are always all listed.
pub const UNKNOWN_FIELDS_LISTED_MAX: usize = 8;
/// How much of a wrong value an error repeats, in characters.
pub const ECHO_CHARS_MAX: usize = 48;
/// The longest text of an error reply, in bytes; longer ones are cut.
pub const ERROR_BYTES_MAX: usize = 4 * 1024;

/// The largest reply that the client takes, in bytes.
pub const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How deep the arrays of a reply may lie in one another.
pub const REPLY_DEPTH_MAX: usize = 8;
/// Elements that one array of a reply may have.
pub const REPLY_ELEMENTS_MAX: u64 = 1024 * 1024;
/// Messages of subscriptions that the client keeps while nobody takes them; then the oldest go.
pub const MESSAGES_KEPT_MAX: usize = 4096;
/// Commands in one pipeline of the client.
pub const PIPELINE_MAX: usize = 64 * 1024;
/// How long a consumer's connection may take to be made, in milliseconds, unless set.
pub const FEED_CONNECT_MS: u64 = 5_000;
/// How long a consumer takes silence, in milliseconds, unless set. The server says something every second.
pub const FEED_SILENCE_MS: u64 = 10_000;
/// The first pause of a consumer before it connects again, in milliseconds.
pub const FEED_PAUSE_MS_MIN: u64 = 50;
/// Its longest pause, in milliseconds.
pub const FEED_PAUSE_MS_MAX: u64 = 2_000;
/// Bytes that a consumer reads at a time.
pub const FEED_READ_BYTES: usize = 256 * 1024;

const _: () = assert!(BULK_BYTES_MAX < COMMAND_BYTES_MAX, "a longest argument and its command word fit");
const _: () = assert!(
    DETAILS_BYTES_MAX * 2 < BULK_BYTES_MAX,
    "the largest details fit into a terms argument with room to spare"
);
const _: () = assert!(INLINE_BYTES_MAX < COMMAND_BYTES_MAX, "an inline command is a command");
const _: () = assert!(REASON_BYTES_MAX < BULK_BYTES_MAX && PLACEMENT_KEY_BYTES_MAX < BULK_BYTES_MAX);
const _: () = assert!(
    BULK_BYTES_HARD_MAX < 10_u64.pow(LENGTH_DIGITS_MAX as u32),
    "every length that is followed fits its digits"
);
const _: () = assert!(
    ARGS_HARD_MAX < 10_u64.pow(LENGTH_DIGITS_MAX as u32),
    "every count that is followed fits its digits"
);
const _: () = assert!(ARGS_AT_HAND >= 6, "a bid with its id is found at once");
