//! What is to be delivered, as the command line says it and as a run's record keeps it.

use super::RepublishFlags;
use crate::postgres::tools::ToolError;
use gavel_core::{AuctionId, ShardId, Timestamp};
use gavel_postgres::republish::{Selection, Type};
use gavel_wire::time_text::parse_time;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter, Result as FmtResult};

/// A time on the command line.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| "must be a time such as 2026-11-22T09:00:00Z".to_owned())
}

/// A selection, and the only shard that it is about.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) selection: Selection,
    pub(super) shard: Option<ShardId>,
}

/// As it is recorded.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Recorded {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    auctions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    #[serde(default)]
    missing: bool,
}

impl Wanted {
    /// What the flags say.
    ///
    /// # Errors
    /// They contradict each other.
    pub(super) fn of(flags: &RepublishFlags) -> Result<Self, ToolError> {
        if let (Some(shard), Some(other)) = (
            flags.shard,
            flags.auction.iter().find(|auction| flags.shard.is_some_and(|shard| shard != auction.shard())),
        ) {
            return Err(ToolError::Usage(format!(
                "auction {other} is of shard {}, not of shard {shard}",
                other.shard()
            )));
        }
        if let (Some(from), Some(until)) = (flags.from, flags.until)
            && from > until
        {
            return Err(ToolError::Usage(format!(
                "--from {from} is after --until {until}: nothing lies between"
            )));
        }
        let selection = Selection {
            auctions: flags.auction.iter().copied().collect(),
            from: flags.from,
            until: flags.until,
            types: flags.types.iter().cloned().collect(),
            missing: flags.missing,
        };
        Ok(Self { selection, shard: flags.shard })
    }

    /// True where a shard may have something of it.
    pub(super) fn touches(&self, shard: ShardId) -> bool {
        let auctions = &self.selection.auctions;
        auctions.is_empty() || auctions.iter().any(|auction| auction.shard() == shard)
    }

    /// As it is recorded.
    pub(super) fn to_json(&self) -> String {
        let Selection { auctions, from, until, types, missing } = &self.selection;
        let mut auctions: Vec<String> = auctions.iter().map(AuctionId::to_string).collect();
        auctions.sort_unstable();
        let recorded = Recorded {
            auctions,
            shard: self.shard.map(|shard| shard.0),
            from: from.map(|time| time.to_string()),
            until: until.map(|time| time.to_string()),
            types: types.iter().map(|name| name.as_str().to_owned()).collect(),
            missing: *missing,
        };
        serde_json::to_string(&recorded).unwrap_or_default()
    }

    /// From a run's record.
    ///
    /// # Errors
    /// It is of a gavel that knew more.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let unknown =
            |what: &str| format!("the run's record has {what}, which this gavel does not know: {text}");
        let recorded: Recorded = serde_json::from_str(text).map_err(|_| unknown("another form"))?;
        let Recorded { auctions, shard, from, until, types, missing } = recorded;
        let time = |text: Option<String>| {
            text.map(|text| parse_time(&text).ok_or_else(|| unknown("a time"))).transpose()
        };
        let auctions = auctions.iter().map(|text| text.parse().map_err(|_| unknown("an auction")));
        let types = types.iter().map(|text| text.parse::<Type>().map_err(|_| unknown("a type")));
        let selection = Selection {
            auctions: auctions.collect::<Result<_, _>>()?,
            from: time(from)?,
            until: time(until)?,
            types: types.collect::<Result<_, _>>()?,
            missing,
        };
        Ok(Self { selection, shard: shard.map(ShardId) })
    }
}

/// As it was said, more or less.
impl Display for Wanted {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Selection { auctions, from, until, types, missing } = &self.selection;
        let mut words = Vec::new();
        match auctions.len() {
            0 => {}
            1 => words.extend(auctions.iter().map(|auction| format!("--auction {auction}"))),
            several => words.push(format!("{several} auctions")),
        }
        words.extend(self.shard.map(|shard| format!("--shard {shard}")));
        words.extend(from.map(|time| format!("--from {time}")));
        words.extend(until.map(|time| format!("--until {time}")));
        words.extend(types.iter().map(|name| format!("--type {}", name.as_str())));
        words.extend(missing.then(|| "--missing".to_owned()));
        f.write_str(if words.is_empty() { "everything" } else { "" })?;
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_reads_back() {
        let types = ["won", "bid"].map(|name| name.parse().unwrap()).into_iter().collect();
        let auctions = ["20261122-003-00000042".parse().unwrap()].into_iter().collect();
        let from = parse_time("2026-11-22T09:00:00Z");
        let selection = Selection { auctions, from, until: None, types, missing: true };
        let wanted = Wanted { selection, shard: Some(ShardId(3)) };
        let again = Wanted::read(&wanted.to_json()).unwrap();
        assert_eq!(again.to_json(), wanted.to_json());
        assert_eq!(
            again.to_string(),
            "--auction 20261122-003-00000042 --shard 3 --from 2026-11-22T09:00:00Z --type bid --type won --missing"
        );
        assert!(again.touches(ShardId(3)) && !again.touches(ShardId(4)));
        assert_eq!(Wanted::read("{}").unwrap().to_string(), "everything");
        assert!(Wanted::read("{\"types\":[\"later\"]}").unwrap_err().contains("a type"));
    }
}
