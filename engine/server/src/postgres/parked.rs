//! `gavel postgres parked` and `gavel postgres retry`: what PostgreSQL has refused, and trying it again.

use super::SPELLING;
use super::tools::{ToolError, each, ended, routes};
use crate::config::Settings;
use crate::exit::Exit;
use gavel_core::AuctionId;
use gavel_postgres::Database;
use gavel_postgres::park::{self, Parked, Retried};
use serde_json::{Value, json};

/// The examples in the help of `parked`.
pub(super) const PARKED_HELP: &str = "\
Examples:
  gavel postgres parked
  gavel postgres parked --json | jq '.[].reason'

Exits with 8 where a database can't be reached; the others are shown.";

/// The examples in the help of `retry`.
pub(super) const RETRY_HELP: &str = "\
What goes through is taken in, in its order, auction by auction; what is refused again stays parked, with the new reason.

Examples:
  gavel postgres retry
  gavel postgres retry --auction 20261122-003-00000042

Exits with 1 where something is still parked, with 8 where a database can't be reached.";

/// Parked auctions that are listed at most.
const LISTED_MAX: i64 = 1_000;

/// Lists what is parked.
pub(super) async fn show(settings: &Settings, json: bool) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let (all, exit) = each(routes.databases(), list).await;
    let all: Vec<(String, Parked)> = all.into_iter().flatten().collect();
    let text = |all: &[(String, Parked)]| {
        if all.is_empty() {
            "nothing is parked".to_owned()
        } else {
            all.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    Ok(ended(&all, exit, json, text, |all| all.iter().map(fact).collect()))
}

async fn list(database: &Database) -> Result<Vec<(String, Parked)>, ToolError> {
    let parked = park::list(database, LISTED_MAX).await.map_err(ToolError::of(database.name()))?;
    Ok(parked.into_iter().map(|parked| (database.name().to_owned(), parked)).collect())
}

fn line((database, parked): &(String, Parked)) -> String {
    let Parked { position, auction, records, sqlstate, reason } = parked;
    let what = auction.map_or_else(
        || format!("shard {}", position.shard),
        |(auction, seq)| format!("{auction} from its record {} on", seq.0),
    );
    let code = sqlstate.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
    let records = crate::output::count(*records, "record");
    format!("{position}  {database}  {what}, {records}: {reason}{code}")
}

fn fact((database, parked): &(String, Parked)) -> Value {
    let (auction, seq) = parked.auction.map(|(auction, seq)| (auction.to_string(), seq.0)).unzip();
    json!({
        "database": database, "position": parked.position.to_string(), "auction": auction, "seq": seq,
        "records": parked.records, "sqlstate": parked.sqlstate, "reason": parked.reason,
    })
}

/// Tries what is parked again, of one auction or all of it.
pub(super) async fn retry(
    auction: Option<AuctionId>,
    settings: &Settings,
    json: bool,
) -> Result<Exit, ToolError> {
    let routes = routes(settings)?;
    let concerned = match auction {
        Some(auction) => std::slice::from_ref(
            routes.for_auction(auction).map_err(|problem| ToolError::Usage(problem.to_string()))?,
        ),
        None => routes.databases(),
    };
    let (all, exit) = each(concerned, async |database| {
        let retried = park::retry(database, auction, &SPELLING).await;
        let of = |source| ToolError::Retry { name: database.name().to_owned(), source };
        Ok((database.name().to_owned(), retried.map_err(of)?))
    })
    .await;
    let is_left = all.iter().any(|(_, retried)| retried.left > 0);
    let exit = if exit == Exit::Ok && is_left { Exit::Failure } else { exit };
    let text = |all: &[(String, Retried)]| all.iter().map(said).collect::<Vec<_>>().join("\n");
    let fact = |(database, Retried { taken, left }): &(String, Retried)| json!({ "database": database, "taken": taken, "parked": left });
    Ok(ended(&all, exit, json, text, |all| all.iter().map(fact).collect()))
}

/// What came of a retry, for people.
fn said((database, retried): &(String, Retried)) -> String {
    let records = |number| crate::output::count(number, "record");
    match *retried {
        Retried { taken: 0, left: 0 } => format!("{database}: nothing is parked"),
        Retried { taken, left: 0 } => {
            format!("{database}: {} taken in, nothing is parked any more", records(taken))
        }
        Retried { taken: 0, left } => {
            format!(
                "{database}: nothing was taken in, {} still parked (gavel postgres parked says why)",
                records(left)
            )
        }
        Retried { taken, left } => {
            format!(
                "{database}: {} taken in, {} still parked (gavel postgres parked says why)",
                records(taken),
                records(left)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_retry_came_to_is_said_also_where_it_came_to_nothing() {
        let said = |taken, left| said(&("main".to_owned(), Retried { taken, left }));
        assert_eq!(said(0, 0), "main: nothing is parked");
        assert_eq!(said(51, 0), "main: 51 records taken in, nothing is parked any more");
        assert!(
            said(0, 1).starts_with("main: nothing was taken in, 1 record still parked"),
            "{}",
            said(0, 1)
        );
        assert!(said(2, 1).starts_with("main: 2 records taken in, 1 record still parked"), "{}", said(2, 1));
    }
}
