//! Where the read side's documents go: a MongoDB, a file of the data directory, or nowhere.

use std::fmt::{Debug, Display, Formatter, Result as FmtResult};
use std::str::FromStr;

/// Where documents go as long as no MongoDB is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Documents {
    /// Nowhere.
    Off,
    /// Into the embedded store: a file of the data directory.
    Embedded,
}

impl FromStr for Documents {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "embedded" => Ok(Self::Embedded),
            _ => Err("allowed is embedded or off".to_owned()),
        }
    }
}

impl TryFrom<String> for Documents {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Display for Documents {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(match self {
            Self::Off => "off",
            Self::Embedded => "embedded",
        })
    }
}

/// A MongoDB by its connection string, which may hold a password; empty: none. What shows it leaves user, password and options out.
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct MongoUrl(String);

impl MongoUrl {
    /// The connection string, where there is one.
    pub(crate) fn get(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|url| !url.is_empty())
    }
}

impl FromStr for MongoUrl {
    type Err = std::convert::Infallible;

    /// Never fails, so that nothing repeats the text: what is wrong with it is said when it is used.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self(url.to_owned()))
    }
}

impl Display for MongoUrl {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Some(url) = self.get() else { return Ok(()) };
        let Some((scheme, rest)) = url.split_once("://") else {
            return f.write_str("not a connection string");
        };
        // A password may have any character: what is behind the last `@` is not of it.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let place = rest.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{place}")
    }
}

impl Debug for MongoUrl {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "MongoUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_a_connection_string_shows_no_secret() {
        for (url, shown) in [
            ("", ""),
            ("  ", ""),
            ("mongodb://db1,db2:2/shop?replicaSet=rs0", "mongodb://db1,db2:2/shop"),
            ("mongodb://me:secret@db/shop?tlsCertificateKeyFilePassword=secret", "mongodb://db/shop"),
            ("mongodb+srv://me:se@cret@db", "mongodb+srv://db"),
            ("me:secret@db", "not a connection string"),
        ] {
            let url: MongoUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("cret@") && !format!("{url:?}").contains("secret"));
        }
    }
}
