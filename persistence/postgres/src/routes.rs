//! Which database has an auction: by the shard in its id, as the configuration says. One typed pool, for the flusher and for whoever asks.

use crate::Database;
use crate::assign::AssignError;
use crate::limits::DATABASES_MAX;
use gavel_core::command::ShardKeyed;
use gavel_core::limits::SHARDS_MAX;
use gavel_core::{AuctionId, ShardId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The shards of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shards {
    /// All that no other database names.
    Others,
    /// These.
    Only(Vec<ShardId>),
}

/// Text that names no shards.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no shards; allowed is a list of numbers and ranges, 0 to 255, such as `0-3,7`")]
pub struct ShardsError(String);

impl std::str::FromStr for Shards {
    type Err = ShardsError;

    /// `0-3,7`, or `*` for all that no other database names.
    fn from_str(text: &str) -> Result<Self, ShardsError> {
        if text.trim() == "*" {
            return Ok(Self::Others);
        }
        let wrong = || ShardsError(text.to_owned());
        let mut shards = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u8>().map_err(|_| wrong());
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(wrong());
            }
            shards.extend((first..=last).map(ShardId));
        }
        Ok(Self::Only(shards))
    }
}

/// Databases that can't be routed to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    /// None, or too many.
    #[error("{0} databases; 1 to {DATABASES_MAX} are allowed")]
    Databases(usize),
    /// Two are called the same.
    #[error("two databases are called `{0}`")]
    Name(String),
    /// Two have the same shard.
    #[error("shard {shard} is given to both `{first}` and `{second}`")]
    Twice {
        /// Which.
        shard: ShardId,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// Two have all the others.
    #[error("`{first}` and `{second}` both have all shards that no other database names")]
    Others {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
}

/// All write databases.
#[derive(Clone, Debug)]
pub struct Routes {
    databases: Arc<[Database]>,
    /// By shard: a place in the list.
    by_shard: Arc<[Option<usize>; SHARDS_MAX]>,
}

impl Routes {
    /// # Errors
    /// A shard would have two databases, or a name stands for two.
    pub fn new(databases: Vec<(Database, Shards)>) -> Result<Self, RoutesError> {
        if !(1..=DATABASES_MAX).contains(&databases.len()) {
            return Err(RoutesError::Databases(databases.len()));
        }
        let name = |place: usize| databases[place].0.name().to_owned();
        let mut by_shard = [None; SHARDS_MAX];
        let mut others = None;
        for (place, (database, shards)) in databases.iter().enumerate() {
            if databases[..place].iter().any(|(before, _)| before.name() == database.name()) {
                return Err(RoutesError::Name(name(place)));
            }
            match shards {
                Shards::Others => {
                    if let Some(first) = others.replace(place) {
                        return Err(RoutesError::Others { first: name(first), second: name(place) });
                    }
                }
                Shards::Only(shards) => {
                    for &shard in shards {
                        if let Some(first) = by_shard[usize::from(shard.0)].replace(place) {
                            return Err(RoutesError::Twice {
                                shard,
                                first: name(first),
                                second: name(place),
                            });
                        }
                    }
                }
            }
        }
        by_shard.iter_mut().filter(|place| place.is_none()).for_each(|place| *place = others);
        let databases = databases.into_iter().map(|(database, _)| database).collect();
        Ok(Self { databases, by_shard: Arc::new(by_shard) })
    }

    /// All databases, in the order of the configuration.
    #[must_use]
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// The database called so.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.name() == name)
    }

    /// The database that has an auction.
    ///
    /// # Errors
    /// Its shard has none.
    pub fn for_auction(&self, auction: AuctionId) -> Result<&Database, AssignError> {
        self.for_shard(ShardKeyed::shard(&auction))
    }

    /// Each database that has some of these shards, with them.
    ///
    /// # Errors
    /// One of them has none.
    pub fn by_database(&self, shards: &[ShardId]) -> Result<Vec<(&Database, Vec<ShardId>)>, AssignError> {
        let mut found: BTreeMap<&str, (&Database, Vec<ShardId>)> = BTreeMap::new();
        for &shard in shards {
            let database = self.for_shard(shard)?;
            found.entry(database.name()).or_insert_with(|| (database, Vec::new())).1.push(shard);
        }
        Ok(found.into_values().collect())
    }

    /// The database that has a shard.
    ///
    /// # Errors
    /// It has none.
    pub fn for_shard(&self, shard: ShardId) -> Result<&Database, AssignError> {
        self.place(shard).map(|place| &self.databases[place]).ok_or(AssignError::NoDatabase(shard))
    }

    /// A shard's place in the list of databases.
    pub(crate) fn place(&self, shard: ShardId) -> Option<usize> {
        self.by_shard[usize::from(shard.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    fn database(name: &str) -> Database {
        Database::new(name, Address::parse("host=/nowhere", None).unwrap(), 1).unwrap()
    }

    fn shards(text: &str) -> Shards {
        text.parse().unwrap()
    }

    #[test]
    fn an_auction_goes_where_its_shard_goes() {
        let routes =
            Routes::new(vec![(database("main"), Shards::Others), (database("second"), shards("3,5-7"))])
                .unwrap();
        let at = |shard| {
            let auction = AuctionId::new(20_000, ShardId(shard), 1).unwrap();
            routes.for_auction(auction).unwrap().name().to_owned()
        };
        assert_eq!(
            [0, 3, 4, 5, 7, 8, 255].map(at),
            ["main", "second", "main", "second", "second", "main", "main"]
        );
        let some = Routes::new(vec![(database("second"), shards("3"))]).unwrap();
        assert_eq!(some.for_shard(ShardId(4)).unwrap_err(), AssignError::NoDatabase(ShardId(4)));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let two = |first: &str, second: &str| {
            Routes::new(vec![(database("a"), shards(first)), (database("b"), shards(second))])
                .unwrap_err()
                .to_string()
        };
        assert!(two("1-3", "3").contains("shard 3"));
        assert!(two("*", "*").contains("both"));
        assert!(Routes::new(vec![]).is_err());
        let same = Routes::new(vec![(database("a"), shards("1")), (database("a"), shards("2"))]);
        assert_eq!(same.unwrap_err(), RoutesError::Name("a".into()));
        for wrong in ["", "a", "1-", "3-1", "256", "1,,2"] {
            assert!(wrong.parse::<Shards>().is_err(), "{wrong}");
        }
    }
}
