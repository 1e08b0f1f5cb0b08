//! What was restored and what is lost, for people and for scripts.

use super::plan::{Plan, ShardPlan};
use crate::output;
use gavel_core::ShardId;
use serde_json::json;
use std::path::Path;

/// Up to which record of each shard the new directory goes, and what to do with it.
pub(super) fn text(data: &Path, plan: &Plan) -> String {
    let heading = ["shard", "restored up to", "records", "lost at the end"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heading).chain(plan.shards.iter().map(row)).collect();
    let mut lines = vec![output::table(&rows), String::new()];
    if plan.is_damaged() {
        lines.extend([damage(plan), String::new()]);
    }
    lines.push(format!(
        "{} goes on in epoch {}: gavel serve --data {}",
        data.display(),
        plan.epoch.0,
        data.display()
    ));
    lines.join("\n")
}

fn row((shard, part): (&ShardId, &ShardPlan)) -> Vec<String> {
    let records = part.run.as_ref().map_or(0, |run| run.last.lsn.0 - run.base.lsn.0);
    vec![
        shard.to_string(),
        if part.run.is_some() { part.up_to(*shard).to_string() } else { "nothing".to_owned() },
        output::grouped(records),
        if part.lost() == 0 { "none".to_owned() } else { output::grouped(part.lost()) },
    ]
}

/// What is wrong with the backup, and what that costs: one line each.
pub(super) fn damage(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.flaws.iter().map(|flaw| format!("  {flaw}")).collect();
    for (shard, part) in &plan.shards {
        match &part.run {
            None => lines.push(format!("  shard {shard}: nothing can be restored, all of it is lost")),
            Some(_) if part.lost() > 0 => lines.push(format!(
                "  shard {shard}: can be restored up to {}; the {} records after it, up to {}, are lost",
                part.up_to(*shard),
                output::grouped(part.lost()),
                part.had
            )),
            Some(_) => lines.push(format!("  shard {shard}: can be restored up to {}", part.up_to(*shard))),
        }
        if let Some(first) = part.history_from() {
            lines.push(format!(
                "  shard {shard}: the history before Lsn {} is lost; the state is not, as a snapshot holds it",
                first.0
            ));
        }
    }
    lines.join("\n")
}

/// The same as JSON.
pub(super) fn json(data: &Path, plan: &Plan) -> String {
    let shard = |(shard, part): (&ShardId, &ShardPlan)| {
        json!({
            "shard": shard.0,
            "restored_up_to": part.run.as_ref().map(|_| part.up_to(*shard).to_string()),
            "first_lsn": part.run.as_ref().map(|run| run.first().0),
            "records_lost": part.lost(),
        })
    };
    let shards: Vec<_> = plan.shards.iter().map(shard).collect();
    json!({ "data": data, "epoch": plan.epoch.0, "flaws": plan.flaws, "shards": shards }).to_string()
}
