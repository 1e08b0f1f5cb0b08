//! What was found, for people and as JSON.

use super::rates::Row;
use super::{Inspected, Shard, Sizes};
use crate::output::{grouped, table};
use gavel_log::Mark;
use serde_json::{Value, json};

/// Hundredths, for ratios without floats.
const HUNDRED: u64 = 100;

pub(super) fn to_text(inspected: &Inspected) -> String {
    let Inspected { dir, holder, mark, sizes, shards, rates, damaged_places } = inspected;
    let mut lines = vec![
        format!("directory  {}", dir.display()),
        format!(
            "held by    {}",
            holder.as_ref().map_or_else(|| "nobody".to_owned(), |holder| format!("process {holder}"))
        ),
        format!("mark       {}", mark.as_ref().map_or_else(|| "none".to_owned(), mark_words)),
    ];
    lines.extend(size_lines(sizes));
    if *damaged_places > 0 {
        lines.push(format!(
            "           {} places in the log's file begin like a frame and are none: old copies, or damage (see `gavel log verify`)",
            grouped(*damaged_places as u64)
        ));
    }
    lines.push(String::new());
    lines.push(table(&std::iter::once(heading()).chain(shards.iter().map(row)).collect::<Vec<_>>()));
    lines.push(String::new());
    lines.extend(shards.iter().filter_map(damage_words));
    lines.extend(shards.iter().map(epochs_words));
    lines.extend(shards.iter().flat_map(snapshots_words));
    lines.push(String::new());
    lines.extend(rate_lines(inspected));
    let (records, bytes) = rates.totals();
    lines.push(String::new());
    lines.extend(amplification_words(sizes, records, bytes));
    lines.join("\n")
}

fn mark_words(mark: &Mark) -> String {
    let stop = if mark.clean { "the log was stopped in order then" } else { "not stopped since, or killed" };
    format!("{}, epoch {}; {stop}", mark.at, mark.epoch.0)
}

fn size_lines(sizes: &Sizes) -> Vec<String> {
    let Sizes {
        log,
        archive,
        archive_files,
        snapshots,
        snapshot_files,
        attempts,
        live_frames: _,
        archived_frames: _,
    } = *sizes;
    vec![
        format!("log        {}", size(log)),
        format!("archive    {} in {} files", size(archive), grouped(archive_files)),
        format!("snapshots  {} in {} files", size(snapshots), grouped(snapshot_files)),
        format!("attempts   {}", size(attempts)),
    ]
}

fn heading() -> Vec<String> {
    ["shard", "oldest", "archived", "last", "durable", "epoch", "frames", "frame bytes", "archive"]
        .map(str::to_owned)
        .to_vec()
}

fn row(shard: &Shard) -> Vec<String> {
    let Shard {
        shard,
        oldest,
        archived,
        tip,
        marked,
        frames: (frames, frame_bytes),
        archive: (_, archive_bytes, _),
        ..
    } = shard;
    vec![
        shard.to_string(),
        grouped(oldest.0),
        grouped(archived.0),
        grouped(tip.lsn.0),
        marked.map_or_else(|| "-".to_owned(), |marked| grouped(marked.0)),
        tip.epoch.0.to_string(),
        grouped(*frames),
        size(*frame_bytes),
        size(*archive_bytes),
    ]
}

/// What is not to be overlooked.
fn damage_words(shard: &Shard) -> Option<String> {
    (shard.unreadable > 0).then(|| {
        format!(
            "shard {}: DAMAGED after record {}: {} durable records can't be read from there (see `gavel log verify`)",
            shard.shard,
            grouped(shard.tip.lsn.0),
            grouped(shard.unreadable)
        )
    })
}

fn epochs_words(shard: &Shard) -> String {
    let epochs: Vec<_> = shard
        .epochs
        .iter()
        .map(|(epoch, first)| format!("{} from record {}", epoch.0, grouped(first.0)))
        .collect();
    let epochs = if epochs.is_empty() { "none".to_owned() } else { epochs.join(", ") };
    let archive = match shard.archive {
        (files, _, Some((first, last))) => format!("; archive of {files} files, {first} to {last}"),
        _ => String::new(),
    };
    format!("shard {}: epochs in the log {epochs}{archive}", shard.shard)
}

fn snapshots_words(shard: &Shard) -> Option<String> {
    let snapshot = |snapshot: &Option<_>| match snapshot {
        Some((from, at)) => {
            let from: &gavel_core::Lsn = from;
            format!("after record {} of {at}", grouped(from.0))
        }
        None => "one that is damaged".to_owned(),
    };
    let all: Vec<_> = shard.snapshots.iter().map(snapshot).collect();
    (!all.is_empty()).then(|| format!("shard {}: snapshots {}", shard.shard, all.join(", ")))
}

fn rate_lines(inspected: &Inspected) -> Vec<String> {
    let rows = inspected.rates.rows();
    let Some(first) = rows.first() else { return vec!["no records in the log".to_owned()] };
    let heading =
        vec![format!("from ({} s each)", first.seconds), "records".to_owned(), "a second".to_owned()];
    let row =
        |row: &Row| vec![row.from.to_string(), grouped(row.records), grouped(row.records / row.seconds)];
    let mut lines = vec![table(&std::iter::once(heading).chain(rows.iter().map(row)).collect::<Vec<_>>())];
    if let Some((second, records)) = inspected.rates.busiest() {
        lines.push(format!("busiest second {second}: {} records", grouped(records)));
    }
    lines
}

fn amplification_words(sizes: &Sizes, records: u64, bytes: u64) -> Vec<String> {
    let per = |what: u64, of: u64| {
        ratio(what, of)
            .map_or_else(|| "-".to_owned(), |ratio| format!("{}.{:02}", ratio / HUNDRED, ratio % HUNDRED))
    };
    vec![
        format!(
            "log        {} bytes on disk for each byte of live frames; a record takes {} bytes of a frame, {} on disk",
            per(sizes.log, sizes.live_frames),
            per(bytes, records),
            per(sizes.log, records)
        ),
        format!(
            "archive    {} bytes on disk for each byte of frames",
            per(sizes.archive, sizes.archived_frames)
        ),
    ]
}

/// In hundredths; `None` of nothing.
fn ratio(what: u64, of: u64) -> Option<u64> {
    what.saturating_mul(HUNDRED).checked_div(of)
}

/// Bytes in the unit that leaves at most four digits.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{}.{} {}", grouped(tenths / 10), tenths % 10, UNITS[unit])
    }
}

pub(super) fn to_json(inspected: &Inspected) -> String {
    let Inspected { dir, holder, mark, sizes, shards, rates, damaged_places } = inspected;
    let (records, bytes) = rates.totals();
    let hundredths = |what, of| ratio(what, of).map(|ratio| ratio as f64 / HUNDRED as f64);
    json!({
        "directory": dir.display().to_string(),
        "holder": holder,
        "mark": mark.as_ref().map(|mark| json!({ "at": mark.at.to_string(), "epoch": mark.epoch.0, "clean": mark.clean })),
        "bytes": { "log": sizes.log, "archive": sizes.archive, "snapshots": sizes.snapshots, "attempts": sizes.attempts,
            "live_frames": sizes.live_frames, "archived_frames": sizes.archived_frames },
        "archive_files": sizes.archive_files,
        "snapshot_files": sizes.snapshot_files,
        "damaged_places": damaged_places,
        "shards": shards.iter().map(shard_json).collect::<Vec<_>>(),
        "rates": rates.rows().iter().map(|row| json!({
            "from": row.from.to_string(), "seconds": row.seconds, "records": row.records })).collect::<Vec<_>>(),
        "busiest_second": rates.busiest().map(|(at, records)| json!({ "at": at.to_string(), "records": records })),
        "amplification": {
            "log_bytes_per_live_frame_byte": hundredths(sizes.log, sizes.live_frames),
            "frame_bytes_per_record": hundredths(bytes, records),
            "log_bytes_per_record": hundredths(sizes.log, records),
            "archive_bytes_per_frame_byte": hundredths(sizes.archive, sizes.archived_frames),
        },
    })
    .to_string()
}

fn shard_json(shard: &Shard) -> Value {
    let Shard {
        shard,
        oldest,
        archived,
        tip,
        unreadable,
        marked,
        frames: (frames, frame_bytes),
        archive,
        snapshots,
        epochs,
    } = shard;
    let (archive_files, archive_bytes, times) = archive;
    json!({
        "shard": shard.0,
        "oldest": oldest.0,
        "archived": archived.0,
        "last": tip.lsn.0,
        "position": tip.to_string(),
        "durable": marked.map(|marked| marked.0),
        "unreadable": unreadable,
        "frames": frames,
        "frame_bytes": frame_bytes,
        "archive": { "files": archive_files, "bytes": archive_bytes,
            "from": times.map(|(from, _)| from.to_string()), "until": times.map(|(_, until)| until.to_string()) },
        "snapshots": snapshots.iter().map(|snapshot| match snapshot {
            Some((from, at)) => json!({ "from": from.0, "at": at.to_string() }),
            None => json!({ "damaged": true }),
        }).collect::<Vec<_>>(),
        "epochs": epochs.iter().map(|(epoch, first)| json!({ "epoch": epoch.0, "first": first.0 })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 1_023, 1_024, 1_536, 1 << 20, (1 << 30) * 7 / 2].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "3.5 GiB"]
        );
    }

    #[test]
    fn a_ratio_of_nothing_is_none() {
        assert_eq!([ratio(184, 100), ratio(1, 3), ratio(5, 0)], [Some(184), Some(33), None]);
    }
}
