//! One write database: how it is reached, without its secrets ever being printed, and its pool of connections.

use crate::error::said;
use crate::limits::{CONNECT_MAX, CONNECTIONS_MAX, WRITE_MAX};
use crate::schema::{self, SchemaError};
use crate::session::set_up;
use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

/// Where a database is, and how to get in. Neither `Debug` nor `Display` shows the password.
#[derive(Clone, Debug)]
pub struct Address {
    config: Config,
    authority: Option<PathBuf>,
}

/// A connection string, or what goes with it, that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is none.
    #[error(
        "the connection string is not one ({0}); allowed is `postgresql://user@host/database`, or `host=… user=… dbname=…`"
    )]
    Text(String),
    /// What looks like a host or a database may be the end of a password. None of it is repeated.
    #[error(
        "the connection string has an `@` too many: in a user's name or a password, write it percent-encoded, as `%40`"
    )]
    AtSign,
    /// A file of certificates.
    #[error("{}: {problem}", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No certificate authority is known.
    #[error(
        "no certificate authority is known to check the server by: {0}; name a file of them (`ca_file`), or say `sslmode=disable`"
    )]
    NoAuthority(String),
    /// A number that is out of bounds.
    #[error("connections must be 1 to {}", CONNECTIONS_MAX + 1)]
    Connections,
}

/// What settings of a connection string may be, where the driver does not say so.
const VALUES: [(&str, &str); 6] = [
    ("sslmode", "disable, prefer, require"),
    ("sslnegotiation", "postgres, direct"),
    ("channel_binding", "disable, prefer, require"),
    ("target_session_attrs", "any, read-write, read-only"),
    ("load_balance_hosts", "disable, random"),
    ("connect_timeout", "whole seconds"),
];

impl Address {
    /// Reads a connection string in either form that `tokio-postgres` takes. `authority` is a file of certificates, in PEM, that the
    /// server's is checked by, instead of the system's.
    ///
    /// # Errors
    /// It is none. The error holds no part of it that could be a password.
    pub fn parse(text: &str, authority: Option<&Path>) -> Result<Self, AddressError> {
        let mut config: Config = text.trim().parse().map_err(|error| AddressError::Text(in_full(&error)))?;
        let is_split = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if has_second_at_sign(text) || config.get_hosts().iter().any(is_split) {
            return Err(AddressError::AtSign);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("gavel");
        }
        Ok(Self { config, authority: authority.map(Path::to_owned) })
    }

    /// With this password, where the connection string has none.
    #[must_use]
    pub fn or_password(mut self, password: Option<&str>) -> Self {
        if let (None, Some(password)) = (self.config.get_password(), password) {
            self.config.password(password);
        }
        self
    }

    /// How long a connection may take until it is ready to write: what each host is given, and as much again for whatever comes after
    /// the last one has been reached.
    #[must_use]
    pub fn connect_max(&self) -> Duration {
        let each = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_MAX);
        each.saturating_mul(self.config.get_hosts().len() as u32 + 1)
    }

    /// The connection string again, as far as it says where the database is and who asks.
    #[must_use]
    pub fn without_secrets(&self) -> String {
        let user = self.config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let database = self.config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
        let (hosts, folders): (Vec<_>, Vec<_>) =
            self.config.get_hosts().iter().enumerate().partition(|(_, host)| matches!(host, Host::Tcp(_)));
        let hosts: Vec<String> = hosts.iter().map(|(number, host)| self.host(*number, host)).collect();
        let folders: Vec<String> =
            folders.iter().map(|(number, host)| format!("host={}", self.host(*number, host))).collect();
        let folders = if folders.is_empty() { String::new() } else { format!("?{}", folders.join("&")) };
        format!("postgresql://{user}{}{database}{folders}", hosts.join(","))
    }

    /// One host, as it is in a connection string.
    fn host(&self, number: usize, host: &Host) -> String {
        let ports = self.config.get_ports();
        let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(path) => path.display().to_string(),
        }
    }

    fn tls(&self) -> Result<MakeRustlsConnect, AddressError> {
        let mut roots = RootCertStore::empty();
        match &self.authority {
            Some(path) => {
                let bad = |problem: String| AddressError::Certificates { path: path.clone(), problem };
                let certificates =
                    CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                    roots.add(certificate).map_err(|error| bad(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(bad("holds no certificate".to_owned()));
                }
            }
            None => {
                let system = rustls_native_certs::load_native_certs();
                let (_added, _ignored) = roots.add_parsable_certificates(system.certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| AddressError::NoAuthority(error.to_string()))?;
        Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// What is wrong with a connection string and, where a setting has a few values, which are allowed.
fn in_full(error: &tokio_postgres::Error) -> String {
    let said = said(error);
    let allowed = VALUES.iter().find(|(name, _)| said.contains(&format!("`{name}`")));
    allowed.map_or(said.clone(), |(_, values)| format!("{said}: allowed are {values}"))
}

/// True for a URL whose host or database has an `@`. The first one ends the password, whatever was meant.
fn has_second_at_sign(text: &str) -> bool {
    let text = text.trim();
    let url = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
    let behind = url.and_then(|url| url.split_once('@')).map_or("", |(_, behind)| behind);
    behind.split('?').next().is_some_and(|place| place.contains('@'))
}

/// Database, host and port.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let user = self.config.get_user().unwrap_or("postgres");
        f.write_str(self.config.get_dbname().unwrap_or(user))?;
        for (number, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if number == 0 { " at " } else { ", " })?;
            f.write_str(&self.host(number, host))?;
        }
        Ok(())
    }
}

/// A database and its connections.
#[derive(Clone, Debug)]
pub struct Database {
    name: Arc<str>,
    address: Arc<Address>,
    pool: Pool,
}

/// Why a database can't be worked with just now.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no connection to be had.
    #[error("{0}")]
    Connect(String),
    /// Something was asked for, a connection perhaps, and nothing came.
    #[error("PostgreSQL has not answered for {} s", .0.as_secs())]
    Silent(Duration),
    /// Its schema is another.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement failed.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

impl Database {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// What goes with the address can't be used.
    pub fn new(name: &str, address: Address, connections: usize) -> Result<Self, AddressError> {
        if !(1..=CONNECTIONS_MAX + 1).contains(&connections) {
            return Err(AddressError::Connections);
        }
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(address.config.clone(), address.tls()?, manager);
        let ready = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move {
                let set = tokio::time::timeout(CONNECT_MAX, set_up(client)).await;
                set.map_err(|_silent| HookError::message("silent"))?.map_err(HookError::Backend)
            })
        });
        let pool = Pool::builder(manager).max_size(connections).runtime(Runtime::Tokio1).post_create(ready);
        // Whoever has a connection gives it back within this time.
        let pool = pool.create_timeout(Some(address.connect_max())).wait_timeout(Some(WRITE_MAX));
        // Bounds of time are set and the runtime is, too, which is all that could be wrong.
        let pool = pool.build().map_err(|error| AddressError::Text(error.to_string()))?;
        Ok(Self { name: name.into(), address: Arc::new(address), pool })
    }

    /// What the configuration calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A connection, set up to write; it goes back by itself.
    ///
    /// # Errors
    /// None is to be had.
    pub async fn client(&self) -> Result<Client, DatabaseError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                DatabaseError::Postgres(error)
            }
            PoolError::Timeout(TimeoutType::Create) => DatabaseError::Silent(self.address.connect_max()),
            PoolError::PostCreateHook(HookError::Message(_)) => DatabaseError::Silent(CONNECT_MAX),
            PoolError::Timeout(TimeoutType::Wait) => {
                let seconds = WRITE_MAX.as_secs();
                DatabaseError::Connect(format!("all connections have been in use for {seconds} s"))
            }
            error => DatabaseError::Connect(error.to_string()),
        })
    }

    /// Does something with the database within a bound of time.
    ///
    /// # Errors
    /// What goes wrong, or that the database was silent. Then connections are let go.
    pub async fn within<T, E: From<DatabaseError>>(
        &self,
        most: Duration,
        what: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let done = tokio::time::timeout(most, what).await;
        done.unwrap_or_else(|_elapsed| {
            self.let_go();
            Err(DatabaseError::Silent(most).into())
        })
    }

    /// Ends the connections that nobody uses just now: one of them may wait for an answer that was given up, and nobody may be handed
    /// it again.
    pub fn let_go(&self) {
        drop(self.pool.retain(|_, _| false));
    }

    /// Makes the schema where there is none, else demands this binary's. Says whether it made it.
    ///
    /// # Errors
    /// There is no connection, or the schema is another.
    pub async fn ensure_schema(&self) -> Result<bool, DatabaseError> {
        Ok(schema::ensure(&mut **self.client().await?).await?)
    }

    /// Brings the schema up to date; gives the version before.
    ///
    /// # Errors
    /// There is no connection, or the schema can't be brought up to date.
    pub async fn migrate(&self) -> Result<schema::Version, DatabaseError> {
        Ok(schema::migrate(&mut **self.client().await?).await?)
    }

    /// The name that the database has of itself, wherever it is reached.
    ///
    /// # Errors
    /// There is no connection, or no schema.
    pub async fn id(&self) -> Result<Uuid, DatabaseError> {
        let client = self.client().await?;
        Ok(client.query_one("SELECT id FROM gavel.database", &[]).await?.try_get(0)?)
    }

    /// Ends all connections that are not in use.
    pub fn close(&self) {
        self.pool.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_an_address_shows_its_password() {
        for text in [
            "postgresql://flusher:sesame@db.example:6432/auctions?sslmode=require",
            "host=db.example port=6432 user=flusher password=sesame dbname=auctions",
            "postgres://flusher:sesame@db.example:6432/auctions",
        ] {
            let address = Address::parse(text, None).unwrap();
            assert_eq!(address.to_string(), "auctions at db.example:6432");
            assert_eq!(address.without_secrets(), "postgresql://flusher@db.example:6432/auctions");
            assert!(!format!("{address:?}").contains("sesame"), "{address:?}");
        }
        for wrong in [
            "postgresql://flusher:sesame@db:notaport/auctions",
            "host=db password=sesame nonsense",
            "host=db sesame=sesame1",
            "password='sesame",
        ] {
            let error = Address::parse(wrong, None).unwrap_err().to_string();
            assert!(error.contains("postgresql://user@host/database"), "{error}");
            assert!(!error.contains("sesame1") && !error.contains("password='"), "{error}");
        }
    }

    #[test]
    fn a_value_that_is_none_is_told_with_those_that_are() {
        for (wrong, allowed) in [
            ("host=db sslmode=verify-full", "disable, prefer, require"),
            ("postgresql://db/auctions?target_session_attrs=primary", "any, read-write, read-only"),
            ("host=db connect_timeout=soon", "whole seconds"),
        ] {
            let error = Address::parse(wrong, None).unwrap_err().to_string();
            assert!(error.contains(allowed), "{error}");
        }
    }

    #[test]
    fn a_password_from_elsewhere_counts_where_the_string_has_none() {
        let of = |text: &str, password| {
            let address = Address::parse(text, None).unwrap().or_password(password);
            address.config.get_password().map(|password| String::from_utf8(password.to_vec()).unwrap())
        };
        assert_eq!(of("postgresql://u@db/auctions", Some("sesame")).as_deref(), Some("sesame"));
        assert_eq!(of("postgresql://u:own@db/auctions", Some("sesame")).as_deref(), Some("own"));
        assert_eq!(of("postgresql://u@db/auctions", None), None);
    }

    #[test]
    fn a_password_with_an_at_sign_is_not_taken_for_a_host() {
        for wrong in [
            "postgresql://flusher:open@sesame@db/auctions",
            "postgresql://flusher:open@se/same@db/auctions",
            "postgres://flusher:open?@sesame@db/auctions",
            "host=sesame@db user=flusher",
        ] {
            let error = Address::parse(wrong, None).unwrap_err().to_string();
            assert!(error.contains("%40") && !error.contains("same"), "{error}");
        }
        for right in
            ["postgresql://flusher:open%40sesame@db/auctions", "postgresql://db/auctions?user=me%40here"]
        {
            assert!(Address::parse(right, None).is_ok(), "{right}");
        }
    }

    #[tokio::test]
    async fn whoever_accepts_and_never_answers_is_given_up() {
        let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = deaf.local_addr().unwrap().port();
        let text = format!("host=127.0.0.1 port={port} user=me connect_timeout=1 sslmode=disable");
        let database = Database::new("main", Address::parse(&text, None).unwrap(), 1).unwrap();
        assert!(matches!(database.client().await, Err(DatabaseError::Silent(_))));
        let waiting = database.within(Duration::from_millis(1), database.client());
        assert!(matches!(waiting.await, Err(DatabaseError::Silent(_))));
    }

    #[test]
    fn certificates_that_are_none_are_named() {
        let dir = std::env::temp_dir().join(format!("gavel-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (missing, empty) = (dir.join("missing.pem"), dir.join("empty.pem"));
        std::fs::write(&empty, "nothing").unwrap();
        for path in [&missing, &empty] {
            let address = Address::parse("host=db", Some(path)).unwrap();
            let error = Database::new("main", address, 1).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
