//! Asks a running server, by RESP, once.

use super::Server;
use super::list::ShardList;
use crate::client::{self, Again, LinkError};
use crate::exit::Exit;
use gavel_wire::Value;
use serde_json::Value as Json;

/// `gavel shards list`.
pub(super) fn list(server: Server, json: bool) -> Exit {
    let listed = ask(server, &["SHARDS".to_owned()]).and_then(|answer| {
        let strange = |problem: serde_json::Error| LinkError::Strange(server.address(), problem.to_string());
        let list = ShardList::read(&answer).map_err(strange)?;
        Ok(if json { answer.to_string() } else { list.to_text() })
    });
    client::print(listed)
}

/// Any of the changes. What the server answers is the data: `OK`, or the numbers of the shards it has added.
pub(crate) fn change(server: Server, words: &[String], json: bool) -> Exit {
    client::print(ask(server, words).map(|answer| if json { answer.to_string() } else { to_text(&answer) }))
}

fn to_text(answer: &Json) -> String {
    match answer {
        Json::Array(items) => items.iter().map(to_text).collect::<Vec<_>>().join("\n"),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn ask(server: Server, words: &[String]) -> Result<Json, LinkError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    client::talk(server.once(), async |link| link.call(&words, Again::Unsafe).await).map(to_json)
}

/// The answer in JSON: the same structure and names.
fn to_json(value: Value) -> Json {
    match value {
        Value::Simple(text) => Json::String(text.into()),
        Value::Error(refusal) => Json::String(refusal.to_string()),
        Value::Integer(number) => number.into(),
        Value::Bulk(bytes) => Json::String(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Null => Json::Null,
        Value::Boolean(boolean) => boolean.into(),
        Value::Array(items) | Value::Push(items) => items.into_iter().map(to_json).collect(),
        Value::Map(pairs) => {
            let key = |key| match to_json(key) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            Json::Object(pairs.into_iter().map(|(name, value)| (key(name), to_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Address;

    #[test]
    fn a_server_that_is_not_there_is_said_so_with_what_to_do() {
        // A port of our own that nobody listens on: it is free again as soon as it is known.
        let address =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let problem = ask(Server { address: Address(address) }, &["SHARDS".to_owned()]).unwrap_err();
        assert!(matches!(problem, LinkError::Unreachable(..)), "{problem:?}");
        let said = problem.to_string();
        assert!(said.starts_with(&format!("no server at {address}: ")), "{said}");
        assert!(
            said.contains("Is it running (`gavel serve`)?") && said.contains("--server HOST:PORT"),
            "{said}"
        );
    }

    #[test]
    fn answers_keep_their_structure_in_json_and_are_one_line_each_as_text() {
        let bulk = |text: &str| Value::Bulk(text.as_bytes().into());
        let map = Value::Map(vec![(bulk("shard"), Value::Integer(3)), (bulk("gone"), Value::Null)]);
        assert_eq!(
            to_json(Value::Array(vec![map, Value::Boolean(true)])).to_string(),
            r#"[{"gone":null,"shard":3},true]"#
        );
        assert_eq!(to_text(&to_json(Value::Array(vec![Value::Integer(2), Value::Integer(3)]))), "2\n3");
        assert_eq!(to_text(&to_json(Value::Simple("OK".into()))), "OK");
    }
}
