//! Where MongoDB is, and how to get in, without the password ever being printed.

use super::attempt::Limits;
use crate::store::limits::{CONNECT_MAX, MONGODB_CONNECTIONS_MAX, OPERATION_MAX};
use mongodb::options::{ClientOptions, ReadConcern, WriteConcern};
use std::fmt;
use std::time::Duration;

/// The database where the connection string names none.
const DATABASE: &str = "gavel";
/// Options whose values are secrets.
const SECRET_OPTIONS: [&str; 3] = ["password", "token", "properties"];

/// A connection string that was read. Neither `Debug` nor `Display` shows a password.
#[derive(Clone)]
pub struct Address {
    options: ClientOptions,
    database: String,
    limits: Limits,
}

/// A connection string that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is none.
    #[error(
        "the connection string of MongoDB can't be read: {0}; allowed is `mongodb://user:password@host:port/database?options`"
    )]
    Text(String),
    /// What comes before the host can't be read. Says nothing of what is there.
    #[error(
        "user or password in the connection string of MongoDB can't be read; write characters like `@:/%` in them as `%40` and so on"
    )]
    Credentials,
    /// What comes behind a host's colon is no port. Says nothing of what is there: it may be a password with nothing behind it.
    #[error(
        "a port in the connection string of MongoDB is no number from 1 to 65535; user and password stand before the hosts: \
         `mongodb://user:password@host:port/database`"
    )]
    Port,
    /// A bound that is out of bounds.
    #[error("an operation on MongoDB may take 10 ms to 10 min; not {} ms", .0.as_millis())]
    Bound(Duration),
}

impl Address {
    /// Reads a connection string. The database is the one it names, else `gavel`. Looks names up for `mongodb+srv://` alone.
    ///
    /// # Errors
    /// It is none. The error holds no part of it that could be a password.
    pub async fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let mut options = match ClientOptions::parse(text).await {
            Ok(options) => options,
            // Its own error may quote any part.
            Err(_) => return Err(explain(text).await),
        };
        options.app_name.get_or_insert_with(|| "gavel".to_owned());
        options.connect_timeout.get_or_insert(CONNECT_MAX);
        options.server_selection_timeout.get_or_insert(selection_max(OPERATION_MAX));
        options.max_pool_size.get_or_insert(MONGODB_CONNECTIONS_MAX);
        // Stated in each command, where nothing in the connection string can weaken it.
        options.write_concern = Some(WriteConcern::majority());
        options.read_concern.get_or_insert_with(ReadConcern::local);
        let database = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
        Ok(Self { options, database, limits: Limits::default() })
    }

    /// With this bound for one try of an operation, and for all of its tries together.
    ///
    /// # Errors
    /// One is shorter than 10 ms or longer than 10 min.
    pub fn with_limits(mut self, operation: Duration, all_tries: Duration) -> Result<Self, AddressError> {
        for bound in [operation, all_tries] {
            if !(Duration::from_millis(10)..=Duration::from_secs(600)).contains(&bound) {
                return Err(AddressError::Bound(bound));
            }
        }
        self.options.server_selection_timeout = Some(selection_max(operation));
        self.options.connect_timeout = Some(operation.min(CONNECT_MAX));
        self.limits = Limits { operation, all_tries };
        Ok(self)
    }

    pub(super) fn into_parts(self) -> (ClientOptions, String, Limits) {
        (self.options, self.database, self.limits)
    }
}

/// Database and hosts.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.options.hosts.iter().map(ToString::to_string).collect();
        write!(f, "{} at {}", self.database, hosts.join(", "))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.to_string()).finish()
    }
}

/// How long a server is looked for: less than the try may take, so that the driver has time to say what it found.
fn selection_max(operation: Duration) -> Duration {
    operation * 9 / 10
}

/// What is wrong with a connection string, said by the driver of the same without its secrets.
async fn explain(text: &str) -> AddressError {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, behind)| behind);
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    if place.split('/').next().unwrap_or_default().split(',').any(has_no_port) {
        return AddressError::Port;
    }
    let is_secret = |option: &&str| {
        let name = option.split('=').next().unwrap_or_default().to_ascii_lowercase();
        SECRET_OPTIONS.iter().any(|secret| name.contains(secret)) || name.starts_with("auth")
    };
    let options: Vec<&str> = options.split('&').filter(|option| !is_secret(option)).collect();
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    match ClientOptions::parse(format!("{scheme}{place}?{}", options.join("&"))).await {
        Ok(_) => AddressError::Credentials,
        Err(error) => AddressError::Text(error.kind.to_string()),
    }
}

/// True where something other than a port stands behind a host's colon.
fn has_no_port(host: &str) -> bool {
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    port.is_some_and(|port| port.parse::<u16>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_database_is_the_one_that_is_named_or_gavel() {
        for (text, shown) in [
            ("mongodb://localhost", "gavel at localhost:27017"),
            ("mongodb://localhost/", "gavel at localhost:27017"),
            ("mongodb://a:1,b:2/shop?replicaSet=rs0", "shop at a:1, b:2"),
            ("mongodb://me:secret@a:1/shop?authSource=admin", "shop at a:1"),
        ] {
            assert_eq!(Address::parse(text).await.unwrap().to_string(), shown);
        }
    }

    #[tokio::test]
    async fn a_password_is_in_nothing_that_is_printed() {
        let fine = Address::parse("mongodb://me:se%63ret@a:1/shop").await.unwrap();
        let store = MongoDbText(fine.clone());
        let mut printed = vec![format!("{fine} {fine:?}"), store.text()];
        for wrong in [
            "mongodb://me:secret@a:port/shop",
            "mongodb://me:secret/@a:1/shop",
            "mongodb://me:se@cret@a:1/shop",
            "mongodb://me:secret%@a:1/shop",
            "mongodb://me:secret",
            "me:secret@a:1",
            "mongodb://a:1/?tlsCertificateKeyFilePassword=secret&w=x&wtimeoutMS=-1",
            "mongodb://me@a:1/?authMechanism=secret",
        ] {
            printed.push(
                Address::parse(wrong).await.map_or_else(|error| error.to_string(), |fine| fine.to_string()),
            );
        }
        for text in printed {
            assert!(!text.contains("secret") && !text.contains("cret@"), "{text}");
        }
    }

    struct MongoDbText(Address);

    impl MongoDbText {
        fn text(self) -> String {
            format!("{:?}", super::super::MongoDb::new(self.0).unwrap())
        }
    }
}
