//! `gavel postgres assign`: gives a shard to another database on purpose.

use super::tools::{ToolError, routes};
use crate::config::{POSTGRES_FILE, Settings};
use crate::exit::Exit;
use crate::output;
use gavel_core::ShardId;
use gavel_postgres::Database;
use gavel_postgres::assign::{Assignments, MoveError, Moved, assign};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The examples in the help.
pub(super) const HELP: &str = "\
Examples:
  gavel postgres assign --shard 3 --to second
  gavel postgres assign --shard 3 --to second --assignments /var/lib/gavel-flush/shards.json

Exits with 1 where a database that may have had the shard can't be asked (it is then to be done again), with 2 where there is no database of \
that name, with 8 where the new one can't be reached.";

/// Gives it, and says what came of it.
pub(super) async fn reassign(
    (shard, to): (ShardId, &str),
    named: Option<&Path>,
    settings: &Settings,
    json: bool,
) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let Some(database) = routes.named(to) else {
        let names: Vec<_> = routes.databases().iter().map(Database::name).collect();
        return Err(ToolError::Usage(format!("there is no database `{to}`; there are {}", names.join(", "))));
    };
    let file = remembered(named, settings);
    let assignments = Assignments::open(file.clone()).map_err(MoveError::from)?;
    let moved = assign(&routes, &assignments, shard, database).await?;
    for (name, problem) in &moved.unreachable {
        output::warning(&format_args!("database `{name}` could not be asked: {problem}"));
    }
    let file = file.map(|file| file.display().to_string());
    let text = || said(shard, to, &moved, file.as_deref());
    let fact = || {
        json!({
            "shard": shard.0, "to": to, "released": moved.released, "assignments": file,
            "unreachable": moved.unreachable.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        })
    };
    let printed = output::data(&if json { fact().to_string() } else { text() });
    Ok(if printed == Exit::Ok && !moved.unreachable.is_empty() { Exit::Failure } else { printed })
}

fn said(shard: ShardId, to: &str, moved: &Moved, file: Option<&str>) -> String {
    let mut text = format!("shard {shard} is given to `{to}`");
    if !moved.released.is_empty() {
        text += &format!(", and no longer written to {}", moved.released.join(", "));
    }
    if let Some(file) = file {
        text += &format!("; remembered in {file}");
    }
    text
}

/// The file that remembers where shards are written: the one that was named, else that of the server whose data directory is here. Where
/// neither is, the databases alone remember.
fn remembered(named: Option<&Path>, settings: &Settings) -> Option<PathBuf> {
    let of_server = || settings.data.is_dir().then(|| settings.data.join(POSTGRES_FILE));
    named.map(Path::to_owned).or_else(of_server)
}
