//! Up to which record each shard of a running server is durable.

use super::Server;
use super::remote::ask;
use crate::client::LinkError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The last durable record of each shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Durable(BTreeMap<u8, u64>);

/// As the server lists shards.
#[derive(Debug, Deserialize)]
struct List {
    shards: Vec<Shard>,
}

#[derive(Debug, Deserialize)]
struct Shard {
    shard: u8,
    durable: u64,
}

impl Durable {
    /// Asks a server.
    pub(crate) fn ask(server: Server) -> Result<Self, LinkError> {
        let strange = |problem: serde_json::Error| LinkError::Strange(server.address(), problem.to_string());
        let list = List::deserialize(&ask(server, &["SHARDS".to_owned()])?).map_err(strange)?;
        Ok(list.shards.into_iter().map(|Shard { shard, durable }| (shard, durable)).collect())
    }

    /// A shard's; `None` for one that the server does not have.
    pub(crate) fn of(&self, shard: u8) -> Option<u64> {
        self.0.get(&shard).copied()
    }
}

impl FromIterator<(u8, u64)> for Durable {
    fn from_iter<I: IntoIterator<Item = (u8, u64)>>(shards: I) -> Self {
        Self(shards.into_iter().collect())
    }
}
