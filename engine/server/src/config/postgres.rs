//! The write databases among the settings: one connection string for all shards, or several databases, each with its shards.
//!
//! ```toml
//! postgres = "postgresql://flusher:…@db/auctions"
//! ```
//! or
//! ```toml
//! [[postgres]]
//! name = "main"
//! url = "postgresql://flusher:…@db1/auctions"
//! shards = "0-3"
//!
//! [[postgres]]
//! name = "second"
//! url = "postgresql://flusher:…@db2/auctions"
//! shards = "4-7"
//! ```
//!
//! A connection string holds a password, or `PGPASSWORD` does. It is read where it is checked, no error repeats it, and what shows a setting leaves it out.

use gavel_postgres::routes::ShardsError;
use gavel_postgres::{Address, AddressError, Database, Routes, Shards};
use serde::Deserialize;
use std::fmt::{Debug, Display, Formatter, Result as FmtResult};
use std::path::Path;
use std::str::FromStr;

/// Has the password of databases whose connection strings have none.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";
/// What the only database is called where its place has no name for it.
const NAME_DEFAULT: &str = "main";

/// The write databases as one place gives them; none at all turns them off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Said")]
pub(crate) struct Databases(Vec<Named>);

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    url: Secret,
    #[serde(default = "all")]
    shards: String,
}

/// Text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("Secret")
    }
}

/// The forms in a file.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a connection string, or tables of `name`, `url` and `shards`")]
enum Said {
    Url(Secret),
    Several(Vec<Named>),
}

impl From<Said> for Databases {
    fn from(said: Said) -> Self {
        match said {
            Said::Url(url) => Self::one(url.0),
            Said::Several(databases) => Self(databases),
        }
    }
}

fn all() -> String {
    "*".to_owned()
}

/// Databases that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabasesError {
    /// A connection string, or its certificates.
    #[error("database `{name}`: {source}")]
    Address {
        /// Which.
        name: String,
        /// Why.
        source: AddressError,
    },
    /// Its shards.
    #[error("database `{name}`: {source}")]
    Shards {
        /// Which.
        name: String,
        /// Why.
        source: ShardsError,
    },
    /// All of them together.
    #[error(transparent)]
    Routes(#[from] gavel_postgres::routes::RoutesError),
}

impl Databases {
    fn one(url: String) -> Self {
        if url.trim().is_empty() {
            return Self::default();
        }
        Self(vec![Named { name: NAME_DEFAULT.to_owned(), url: Secret(url), shards: all() }])
    }

    /// True where nothing is written to PostgreSQL.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The databases, connected to nothing yet.
    ///
    /// # Errors
    /// Whatever is wrong with one of them, without any secret.
    pub(crate) fn routes(&self, ca: Option<&Path>, connections: usize) -> Result<Routes, DatabasesError> {
        // As all of PostgreSQL's programs take it.
        let password = std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty());
        let databases = self.0.iter().map(|Named { name, url, shards }| {
            let of_address = |source| DatabasesError::Address { name: name.clone(), source };
            let of_shards = |source| DatabasesError::Shards { name: name.clone(), source };
            let address = Address::parse(&url.0, ca).map_err(of_address)?.or_password(password.as_deref());
            let shards: Shards = shards.parse().map_err(of_shards)?;
            Ok((Database::new(name, address, connections).map_err(of_address)?, shards))
        });
        Ok(Routes::new(databases.collect::<Result<_, DatabasesError>>()?)?)
    }
}

impl FromStr for Databases {
    type Err = std::convert::Infallible;

    /// Never fails, so that nothing repeats the text: what is wrong with it is said when it is checked.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self::one(url.to_owned()))
    }
}

/// The databases without their passwords; several are told with their shards.
impl Display for Databases {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        for (number, Named { name, url, shards }) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "; " })?;
            if self.0.len() > 1 {
                write!(f, "{name} ({shards}): ")?;
            }
            match Address::parse(&url.0, None) {
                Ok(address) => write!(f, "{}", address.without_secrets())?,
                Err(_) => f.write_str("not a connection string")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        postgres: Databases,
    }

    fn read(text: &str) -> Result<Databases, String> {
        toml::from_str::<File>(text).map(|file| file.postgres).map_err(|error| error.to_string())
    }

    #[test]
    fn one_string_is_all_shards_and_tables_are_several_databases() {
        let one = read("postgres = \"postgresql://u:sesame@db:6432/auctions\"").unwrap();
        assert_eq!(one.to_string(), "postgresql://u@db:6432/auctions");
        assert!(!format!("{one:?}").contains("sesame"));
        assert_eq!(one.routes(None, 1).unwrap().databases().len(), 1);
        assert!(read("postgres = \"\"").unwrap().is_empty());

        let two = "[[postgres]]\nname = \"a\"\nurl = \"host=db1\"\nshards = \"0-3\"\n\
                   [[postgres]]\nname = \"b\"\nurl = \"host=db2\"";
        let two = read(two).unwrap();
        assert_eq!(two.to_string(), "a (0-3): postgresql://db1:5432; b (*): postgresql://db2:5432");
        let routes = two.routes(None, 1).unwrap();
        let name = |shard| routes.for_shard(gavel_core::ShardId(shard)).unwrap().name().to_owned();
        assert_eq!((name(3), name(4)), ("a".to_owned(), "b".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let bad = "postgresql://u:sesame@db:port/auctions".parse::<Databases>().unwrap();
        let said = bad.routes(None, 1).unwrap_err().to_string();
        assert!(said.contains("database `main`") && !said.contains("sesame"), "{said}");
        assert_eq!(bad.to_string(), "not a connection string");
        let unknown = "[[postgres]]\nname = \"a\"\nurl = \"host=db password=sesame\"\nshard = \"1\"";
        assert!(!read(unknown).unwrap_err().contains("password"), "{}", read(unknown).unwrap_err());
    }
}
