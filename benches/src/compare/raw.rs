//! The disk alone: the bytes of Gavel's frames, without anything that decides, sends or answers. Nothing that commits to this disk in this
//! way can be faster.

use super::lane::{Tally, Until};
use super::{Plan, Sample};
use crate::error::{BenchError, io};
use gavel_log::limits::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

/// A plain bid's record in a frame, with its length.
const RECORD_BYTES: usize = 58;
/// The file that is overwritten, again and again where the time is long.
const ZEROED_BYTES: u64 = 256 << 20;
/// An appending measurement ends at this size, whatever its time.
const APPENDED_BYTES_MAX: u64 = 2 << 30;

/// How bytes get to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Appended, then `fdatasync`: data and the file's new size.
    Append,
    /// Written over zeros, then `fdatasync`: the data alone.
    Zeroed,
    /// Written over zeros through `O_DSYNC`.
    Dsync,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Append, Self::Zeroed, Self::Dsync];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Zeroed => "zeroed",
            Self::Dsync => "dsync",
        }
    }
}

/// What a commit of so many bids has in frames.
#[must_use]
pub fn commit_bytes(bids: u32) -> usize {
    let records = bids as usize * RECORD_BYTES;
    records + records.div_ceil(FRAME_BYTES_MAX - FRAME_HEADER_BYTES) * FRAME_HEADER_BYTES
}

/// Writes commits of `bids` bids, one after the other, for the time of the plan.
pub(super) fn load(plan: &Plan, mode: Mode, bids: u32) -> Result<Sample, BenchError> {
    let dir =
        TempDir::with_prefix_in("compare-disk-", &plan.dir).map_err(io("a directory for the raw disk"))?;
    let (file, end) = open(mode, &dir.path().join("raw"))?;
    let data = vec![7; commit_bytes(bids)];
    let (mut at, mut tally) = (0, Tally::default());
    let (began, until) = (Instant::now(), Until::after(plan.time, &plan.stop));
    while !until.is_over() {
        if at + data.len() as u64 > end {
            if mode == Mode::Append {
                break;
            }
            at = 0;
        }
        let sent = Instant::now();
        file.write_all_at(&data, at).map_err(io("a write to the raw disk"))?;
        if mode != Mode::Dsync {
            file.sync_data().map_err(io("fdatasync"))?;
        }
        tally.latencies.record(sent.elapsed().as_nanos() as u64);
        tally.accepted += u64::from(bids);
        at += data.len() as u64;
    }
    Ok(Sample::of(&tally, began.elapsed()))
}

/// The file, and where it must not be written any further.
fn open(mode: Mode, path: &Path) -> Result<(File, u64), BenchError> {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    if mode == Mode::Append {
        return Ok((options.open(path).map_err(io("a file for the raw disk"))?, APPENDED_BYTES_MAX));
    }
    let mut file = options.open(path).map_err(io("a file for the raw disk"))?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..ZEROED_BYTES / zeros.len() as u64 {
        file.write_all(&zeros).map_err(io("zeros for the raw disk"))?;
    }
    file.sync_all().map_err(io("fsync"))?;
    if mode == Mode::Dsync {
        options.custom_flags(rustix::fs::OFlags::DSYNC.bits().cast_signed());
    }
    Ok((options.open(path).map_err(io("a file for the raw disk"))?, ZEROED_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_a_header_for_each_frame() {
        assert_eq!(commit_bytes(1), 68 + 58);
        assert_eq!(commit_bytes(64), 68 + 64 * 58);
        assert_eq!(commit_bytes(4_096), 8 * 68 + 4_096 * 58);
    }
}
