//! The disk alone: append and `fdatasync`, on the file system that the server's data lies on, in the same minute.

use crate::error::{BenchError, io};
use crate::spread::quantile;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// About what the log appends for one bid: a frame's header, a record, and what sled adds.
pub const ONE_BID_BYTES: usize = 512;
/// What the log appends for a full frame.
pub const FRAME_BYTES: usize = 32 * 1024;
/// Appends of one measurement: enough for a 99th percentile, over in a second.
const APPENDS: usize = 1_000;

/// Times of single appends, each with its `fdatasync`.
#[derive(Clone, Debug, Default)]
pub struct RawDisk {
    times_us: Vec<f64>,
}

impl RawDisk {
    /// Appends pieces of so many bytes to a fresh file in `dir`, and removes it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn measure(&mut self, dir: &Path, bytes: usize) -> Result<(), BenchError> {
        let path = dir.join("raw");
        let mut file = File::create(&path).map_err(io("a file for the raw disk"))?;
        let data = vec![7; bytes];
        for _ in 0..APPENDS {
            let began = Instant::now();
            file.write_all(&data).and_then(|()| file.sync_data()).map_err(io("an append to the raw disk"))?;
            self.times_us.push(began.elapsed().as_nanos() as f64 / 1e3);
        }
        std::fs::remove_file(path).map_err(io("removing the raw disk's file"))
    }

    /// A quantile of all that was measured, in microseconds.
    #[must_use]
    pub fn quantile_us(&self, q: f64) -> f64 {
        let mut sorted = self.times_us.clone();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, q)
    }
}
