//! Asks a running server, by RESP, once.

use super::list::ShardList;
use crate::config::Address;
use crate::exit::Exit;
use crate::output;
use gavel_wire::Value;
use gavel_wire::client::{Client, ClientError};
use serde_json::Value as Json;
use std::time::Duration;

/// How long the server is waited for. A change is answered when it is on disk in all shards, which is a matter of milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The process has no runtime to ask with.
    #[error("can't start: {0}")]
    Runtime(std::io::Error),
    /// Nobody listens there.
    #[error("no server at {0}: {1} (start one with `gavel serve`, or name it with --server)")]
    Unreachable(Address, std::io::Error),
    /// It did not answer in time.
    #[error("the server at {0} has not answered within {1:?}; whether it has done what was asked is unknown")]
    Silent(Address, Duration),
    /// It refused, or answered with something else.
    #[error(transparent)]
    Answer(ClientError),
    /// The answer has another shape than it should have.
    #[error("the server at {0} is not one that this version can ask: {1}")]
    Shape(Address, serde_json::Error),
}

/// `gavel shards list`.
pub(super) fn list(address: Address, json: bool) -> Exit {
    let listed = ask(address, &["SHARDS".to_owned()]).and_then(|answer| {
        let list = ShardList::read(&answer).map_err(|problem| AskError::Shape(address, problem))?;
        Ok(if json { answer.to_string() } else { list.to_text() })
    });
    print(listed)
}

/// Any of the changes. What the server answers is the data: `OK`, or the numbers of the shards it has added.
pub(super) fn change(address: Address, words: &[String], json: bool) -> Exit {
    print(ask(address, words).map(|answer| if json { answer.to_string() } else { to_text(&answer) }))
}

pub(crate) fn print(answer: Result<String, AskError>) -> Exit {
    match answer {
        Ok(text) => output::data(&text),
        Err(problem) => output::failure(Exit::Failure, &problem),
    }
}

pub(crate) fn to_text(answer: &Json) -> String {
    match answer {
        Json::Array(items) => items.iter().map(to_text).collect::<Vec<_>>().join("\n"),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn ask(address: Address, words: &[String]) -> Result<Json, AskError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AskError::Runtime)?;
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    let asked = runtime.block_on(async { tokio::time::timeout(ANSWER_TIMEOUT, call(address, &words)).await });
    asked.unwrap_or(Err(AskError::Silent(address, ANSWER_TIMEOUT)))
}

async fn call(address: Address, words: &[&[u8]]) -> Result<Json, AskError> {
    let connected = Client::connect(address.0).await;
    let mut client = connected.map_err(|problem| match problem {
        ClientError::Io(problem) => AskError::Unreachable(address, problem),
        other => AskError::Answer(other),
    })?;
    client.call(words).await.map(to_json).map_err(AskError::Answer)
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

    #[test]
    fn a_server_that_is_not_there_is_said_so_with_what_to_do() {
        // A port of our own that nobody listens on: it is free again as soon as it is known.
        let address =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let problem = ask(Address(address), &["SHARDS".to_owned()]).unwrap_err();
        assert!(matches!(problem, AskError::Unreachable(..)), "{problem:?}");
        let said = problem.to_string();
        assert!(said.starts_with(&format!("no server at {address}: ")), "{said}");
        assert!(said.ends_with("(start one with `gavel serve`, or name it with --server)"), "{said}");
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
