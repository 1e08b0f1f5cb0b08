//! Every bound of the log, in one place, with their relations proved at compile time.

/// Bytes of one frame, header and all. At most a quarter of a sled segment: above it sled writes a blob file of its own,
/// which it never syncs.
pub const FRAME_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a frame's header.
pub const FRAME_HEADER_BYTES: usize = 68;
/// Bytes before each record in a frame: its length.
pub const RECORD_PREFIX_BYTES: usize = 2;
/// Bytes of one record. The largest are an opening (its details, its terms and some to spare) and a table of key ranges.
pub const RECORD_BYTES_MAX: usize = 25 * 1024;
/// Bytes of the record of a plain bid: an engine-assigned id, an integer account, an end that did not move.
pub const PLAIN_BID_BYTES: usize = 55;
/// sled's unit of allocation, and the most that one of its writes can hold.
pub const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// What sled may use to cache pages. The log is written once and read at start, so little is enough.
pub const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// How often sled's own thread cleans segments up and writes what it holds.
pub const CLEANUP_EVERY_MS: u64 = 500;
/// Frames of one commit. Bounds what a commit holds in memory and how long it takes.
pub const FRAMES_PER_COMMIT_MAX: usize = 4_096;
/// Bytes of one block of a snapshot. Bounds what its writer and reader hold in memory.
pub const SNAPSHOT_BLOCK_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of frames in one block of an archive file, before compression. What is read at random is read by the block.
pub const ARCHIVE_BLOCK_BYTES_MAX: usize = 256 * 1024;
/// Bytes of frames in one archive file, before compression. Old files are removed whole, so it is the step in which they go.
pub const ARCHIVE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The newest archive file of a shard is written anew, longer, as long as it has fewer bytes of frames than this: where little is bid, there
/// would be a file for each of a few bids otherwise.
pub const ARCHIVE_EXTEND_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How much time one archive file that was extended spans at most, in seconds: files expire whole.
pub const ARCHIVE_EXTEND_SPAN_SECS_MAX: u64 = 24 * 60 * 60;
/// Frames that are removed from the log in one step, at most; after each, commits come in between for [`TRIM_PAUSE_MS`]. Where commits are
/// small there are many frames, and they must leave at least as fast as they come.
pub const TRIM_STEP_FRAMES: usize = 256;
/// Bytes of frames in such a step, at most, but for one frame.
pub const TRIM_STEP_BYTES: usize = 256 * 1024;
/// The pause after a step, in milliseconds.
pub const TRIM_PAUSE_MS: u64 = 2;
/// Frames that a sled page can hold before it splits: 16 it may keep, and 10 that may wait to be merged into it.
const FRAMES_PER_PAGE_MAX: usize = 16 + 10 + 1;

const _: () = assert!(FRAME_BYTES_MAX <= SEGMENT_BYTES / 4, "a frame must not become a blob");
const _: () = assert!(
    FRAMES_PER_PAGE_MAX * (FRAME_BYTES_MAX + 64) <= SEGMENT_BYTES / 4,
    "a page full of frames must not become a blob"
);
const _: () = assert!(
    FRAME_HEADER_BYTES + RECORD_PREFIX_BYTES + RECORD_BYTES_MAX <= FRAME_BYTES_MAX,
    "the largest record must fit an empty frame"
);
const _: () = assert!(FRAME_BYTES_MAX <= ARCHIVE_BLOCK_BYTES_MAX, "every frame fits a block of the archive");
const _: () =
    assert!(ARCHIVE_BLOCK_BYTES_MAX as u64 <= ARCHIVE_FILE_BYTES_MAX, "every block fits an archive file");
const _: () = assert!(ARCHIVE_EXTEND_BYTES_MAX < ARCHIVE_FILE_BYTES_MAX, "a file that is extended has room");
const _: () = assert!(RECORD_BYTES_MAX <= u16::MAX as usize, "a record's length has 16 bits");
const _: () = assert!(FRAME_BYTES_MAX <= u32::MAX as usize, "a frame's length has 32 bits");
const _: () = assert!(
    RECORD_BYTES_MAX >= gavel_core::limits::DETAILS_BYTES_MAX + 2 * 1024,
    "the largest details leave room for the terms"
);
const _: () = assert!(
    RECORD_BYTES_MAX >= gavel_core::limits::RANGE_KEYS_BYTES_MAX + gavel_core::limits::RANGES_MAX * 16 + 1024,
    "the largest table of key ranges fits, with 16 bytes beside each key"
);
const _: () = assert!(PLAIN_BID_BYTES <= 96, "a plain bid's record stays small");
