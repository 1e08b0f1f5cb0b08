//! What a backup holds, for people.

use super::manifest::Manifest;
use crate::output;
use std::path::Path;

/// One line for each shard, and what to do with it.
pub(super) fn text(dir: &Path, manifest: &Manifest) -> String {
    let heading = ["shard", "goes up to", "records"].map(str::to_owned).to_vec();
    let rows = manifest.shards.iter().map(|(shard, end)| {
        let records = end.last.lsn.0 + 1 - end.first.0;
        vec![shard.to_string(), end.position(*shard).to_string(), output::grouped(records)]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    format!(
        "{}\n\n{} holds {} as it was at {}\nrestore it with `gavel restore {} --data NEW`",
        output::table(&rows),
        dir.display(),
        manifest.of,
        manifest.at,
        dir.display()
    )
}
