//! Commands about the connection and the server itself, as Redis clients send them.

use super::fields::{auction_id, counted};
use super::{Request, RequestError, Shown, WORD_MAX, upper};
use crate::catalogue::{self as entry, Entry};
use crate::decode::Args;
use crate::limits::{CHANNELS_PER_COMMAND_MAX, CLIENT_NAME_BYTES_MAX};
use crate::reply::Protocol;
use gavel_core::AuctionId;

type Parsed = Result<Request, RequestError>;

/// `HELLO [2|3 [SETNAME <name>]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The protocol from this reply on; `None`: as before.
    pub protocol: Option<Protocol>,
    /// The connection's new name.
    pub name: Option<Box<str>>,
}

/// `CLIENT` and its subcommands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRequest {
    /// Answered with the connection's number.
    Id,
    /// Answered with the name, or null.
    GetName,
    /// Answered with `OK`. Empty: no name.
    SetName(Box<str>),
    /// `LIB-NAME`: what the client calls itself. Answered with `OK`.
    LibName(Box<str>),
    /// `LIB-VER`: the client's version. Answered with `OK`.
    LibVer(Box<str>),
}

/// `COMMAND` and its subcommands. The names are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandQuery {
    /// Everything about all.
    All,
    /// How many there are.
    Count,
    /// What some do; all, when there are no names.
    Docs(Box<[Box<[u8]>]>),
    /// The form of some; all, when there are no names.
    Info(Box<[Box<[u8]>]>),
}

pub(super) fn hello(args: &Args<'_>) -> Parsed {
    // `AUTH` takes two words more, which may come before or behind the name; it is told for what it is.
    if args.at_hand().iter().skip(2).any(|word| word.eq_ignore_ascii_case(b"AUTH")) {
        return Err(RequestError::Auth);
    }
    let (version, name) = match *counted(args, &entry::HELLO)? {
        [] => (None, None),
        [version] => (Some(version), None),
        [version, word, name] if word.eq_ignore_ascii_case(b"SETNAME") => (Some(version), Some(name)),
        [_, word] if word.eq_ignore_ascii_case(b"SETNAME") => {
            return Err(RequestError::missing(&entry::HELLO, word));
        }
        [_, word, ..] => return Err(RequestError::unexpected(&entry::HELLO, word)),
    };
    let protocol = version.map(protocol).transpose()?;
    let name = name.map(|name| client_text("name", name)).transpose()?;
    Ok(Request::Hello(Box::new(Hello { protocol, name })))
}

fn protocol(version: &[u8]) -> Result<Protocol, RequestError> {
    match version {
        b"2" => Ok(Protocol::Resp2),
        b"3" => Ok(Protocol::Resp3),
        _ => Err(RequestError::argument("protocol", "must be 2 or 3", version)),
    }
}

/// A word that Redis would take as a client's name: printable ASCII without spaces. May be empty.
fn client_text(name: &'static str, text: &[u8]) -> Result<Box<str>, RequestError> {
    if text.len() > CLIENT_NAME_BYTES_MAX {
        return Err(RequestError::Long { name, bytes: text.len(), bytes_max: CLIENT_NAME_BYTES_MAX });
    }
    match std::str::from_utf8(text) {
        Ok(word) if text.iter().all(u8::is_ascii_graphic) => Ok(word.into()),
        _ => Err(RequestError::argument(name, "must be printable ASCII without spaces", text)),
    }
}

pub(super) fn client(args: &Args<'_>) -> Parsed {
    let Some(word) = args.get(1) else { return Err(RequestError::Arity(&entry::CLIENT)) };
    let request = match upper(word, &mut [0; WORD_MAX]) {
        b"ID" => counted(args, &entry::CLIENT_ID).map(|_| ClientRequest::Id)?,
        b"GETNAME" => counted(args, &entry::CLIENT_GETNAME).map(|_| ClientRequest::GetName)?,
        b"SETNAME" => ClientRequest::SetName(client_text("name", counted(args, &entry::CLIENT_SETNAME)?[0])?),
        b"SETINFO" => set_info(counted(args, &entry::CLIENT_SETINFO)?)?,
        other => return Err(RequestError::Subcommand { of: &entry::CLIENT, got: Shown::new(other) }),
    };
    Ok(Request::Client(Box::new(request)))
}

fn set_info(fields: &[&[u8]]) -> Result<ClientRequest, RequestError> {
    match upper(fields[0], &mut [0; WORD_MAX]) {
        b"LIB-NAME" => Ok(ClientRequest::LibName(client_text("LIB-NAME", fields[1])?)),
        b"LIB-VER" => Ok(ClientRequest::LibVer(client_text("LIB-VER", fields[1])?)),
        other => Err(RequestError::argument("attribute", "must be LIB-NAME or LIB-VER", other)),
    }
}

pub(super) fn command(args: &Args<'_>) -> Parsed {
    let names = || args.iter().skip(2).map(Box::from).collect();
    let query = match args.get(1).map(|word| upper(word, &mut [0; WORD_MAX]).to_vec()).as_deref() {
        None => CommandQuery::All,
        Some(b"COUNT") => counted(args, &entry::COMMAND_COUNT).map(|_| CommandQuery::Count)?,
        Some(b"DOCS") => CommandQuery::Docs(names()),
        Some(b"INFO") => CommandQuery::Info(names()),
        Some(other) => return Err(RequestError::Subcommand { of: &entry::COMMAND, got: Shown::new(other) }),
    };
    Ok(Request::Command(Box::new(query)))
}

pub(super) fn info(args: &Args<'_>) -> Parsed {
    let section =
        counted(args, &entry::INFO)?.first().map(|section| client_text("section", section)).transpose()?;
    Ok(Request::Info(section.map(|section| section.to_ascii_lowercase().into())))
}

pub(super) fn ping(args: &Args<'_>) -> Parsed {
    Ok(Request::Ping(counted(args, &entry::PING)?.first().map(|&message| message.into())))
}

pub(super) fn echo(args: &Args<'_>) -> Parsed {
    Ok(Request::Echo(counted(args, &entry::ECHO)?[0].into()))
}

pub(super) fn select(args: &Args<'_>) -> Parsed {
    match counted(args, &entry::SELECT)?[0] {
        b"0" => Ok(Request::Select),
        other => Err(RequestError::argument("database", "must be 0, the only one", other)),
    }
}

/// The auctions behind `auction:<id>` names.
pub(super) fn channels(args: &Args<'_>, entry: &'static Entry) -> Result<Box<[AuctionId]>, RequestError> {
    if args.len() <= entry.min || args.len() > CHANNELS_PER_COMMAND_MAX + 1 {
        return Err(RequestError::Arity(entry));
    }
    let must = "must be auction:<id>, such as auction:20261122-003-00000042";
    let channel = |name: &[u8]| match name.strip_prefix(b"auction:") {
        Some(id) => auction_id(id),
        None => Err(RequestError::argument("channel", must, name)),
    };
    args.iter().skip(1).map(channel).collect()
}
