//! What the server says about itself while it runs: how far recovery is, and when the system's clock parts from its own.

use gavel_engine::{Handle, Phase};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Milliseconds between two looks at the progress.
const PROGRESS_MS: u64 = 100;
/// Looks between two lines of progress where stderr is no terminal.
const LOOKS_PER_LINE: u32 = 20;
/// Seconds between two looks at the clock.
const DRIFT_CHECK_S: u64 = 10;

/// Shows how far the reading of the log is: a bar on a terminal, else a line every two seconds. `shards` is how many were asked for, where
/// that was said: of a log that is there already it decides nothing, which nobody should have to find out by themselves.
pub(crate) async fn loading(engine: Handle, shards: Option<usize>) {
    let bar = ProgressBar::new(0);
    // The template is a constant; a wrong one would only look plain.
    if let Ok(style) =
        ProgressStyle::with_template("recovering {bar:40} {human_pos} of {human_len} records {msg}")
    {
        bar.set_style(style);
    }
    let (mut looks, mut phases) = (0, engine.phases());
    while engine.phase() == Phase::Loading {
        let (read, total) = progress(&engine);
        // Until the log is open there is nothing to show.
        if total > 0 {
            bar.set_length(total);
            bar.set_position(read);
        }
        looks += 1;
        let (snapshots, of_bytes) = snapshots(&engine);
        if snapshots < of_bytes {
            bar.set_message(format!("(snapshots {} of {})", HumanBytes(snapshots), HumanBytes(of_bytes)));
        } else {
            bar.set_message("");
        }
        if bar.is_hidden() && looks % LOOKS_PER_LINE == 0 {
            tracing::info!(records = read, of = total, snapshot_bytes = snapshots, of_bytes, "recovering");
        }
        let next_look = Duration::from_millis(PROGRESS_MS);
        // Whether time went by or the phase has changed, the loop looks.
        drop(tokio::time::timeout(next_look, phases.wait_for(|phase| *phase != Phase::Loading)).await);
    }
    bar.finish_and_clear();
    if engine.phase() == Phase::Ready {
        let (records, _) = progress(&engine);
        tracing::info!(records, epoch = engine.epoch().map_or(0, |epoch| epoch.0), "ready: bids are taken");
        let there = engine.placement().shards().count();
        if let Some(asked) = shards.filter(|asked| *asked != there) {
            tracing::warn!(
                asked,
                there,
                "the setting shards is for a new log; one that is there has its own (`gavel shards add` adds one)"
            );
        }
    }
}

fn progress(engine: &Handle) -> (u64, u64) {
    let progress = engine.progress();
    (progress.records.load(Ordering::Relaxed), progress.records_total.load(Ordering::Relaxed))
}

/// Bytes of snapshots read, and how many there are to read.
fn snapshots(engine: &Handle) -> (u64, u64) {
    let progress = engine.progress();
    (progress.snapshot_bytes.load(Ordering::Relaxed), progress.snapshot_bytes_total.load(Ordering::Relaxed))
}

/// Reports once when the system's clock has parted from the engine's, and once when it is back.
pub(crate) async fn clock_drift(engine: Handle) {
    let bound_us = i64::try_from(gavel_engine::limits::DRIFT_REPORTED_MS * 1_000).unwrap_or(i64::MAX);
    let mut apart = false;
    loop {
        tokio::time::sleep(Duration::from_secs(DRIFT_CHECK_S)).await;
        let drift_us = engine.clock_drift_us();
        match (apart, drift_us.abs() > bound_us) {
            (false, true) => {
                tracing::warn!(drift_us, "the system's clock was stepped; the engine's goes on as before")
            }
            (true, false) => tracing::info!(drift_us, "the system's clock agrees with the engine's again"),
            _ => {}
        }
        apart = drift_us.abs() > bound_us;
    }
}
