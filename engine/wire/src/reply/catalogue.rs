//! What `COMMAND` and its subcommands answer, in the shapes that redis-cli and client libraries read.

use super::{Protocol, array, bulk, integer, length, map, null, simple};
use crate::catalogue::{ALL, Entry, commands, find};
use crate::request::CommandQuery;

/// Answers `COMMAND`, `COMMAND COUNT`, `COMMAND DOCS` and `COMMAND INFO`.
pub fn catalogue(out: &mut Vec<u8>, query: &CommandQuery, protocol: Protocol) {
    match query {
        CommandQuery::Count => integer(out, i64::try_from(commands().count()).unwrap_or(i64::MAX)),
        CommandQuery::All => info_all(out, protocol),
        CommandQuery::Info(names) if names.is_empty() => info_all(out, protocol),
        CommandQuery::Info(names) => {
            array(out, names.len());
            for name in names {
                match find(name) {
                    Some(entry) => info(out, entry, protocol),
                    None => null(out, protocol),
                }
            }
        }
        CommandQuery::Docs(names) => docs(out, names, protocol),
    }
}

fn info_all(out: &mut Vec<u8>, protocol: Protocol) {
    array(out, commands().count());
    commands().for_each(|entry| info(out, entry, protocol));
}

/// The ten fields of Redis 7: name, arity, flags, three numbers about where keys are (none, as auctions are no keys), categories
/// of access, tips, key specifications, subcommands.
fn info(out: &mut Vec<u8>, entry: &Entry, protocol: Protocol) {
    array(out, 10);
    name(out, entry);
    integer(out, entry.arity());
    set(out, 1, protocol);
    simple(out, if entry.writes { "write" } else { "readonly" });
    (0..3).for_each(|_| integer(out, 0));
    set(out, 1, protocol);
    simple(out, if entry.writes { "@write" } else { "@read" });
    set(out, 0, protocol);
    set(out, 0, protocol);
    match subcommands(entry).count() {
        0 => set(out, 0, protocol),
        count => array(out, count),
    }
    subcommands(entry).for_each(|sub| info(out, sub, protocol));
}

/// The name as Redis spells it: `auction|open`.
fn name(out: &mut Vec<u8>, entry: &Entry) {
    bulk(out, entry.name.to_ascii_lowercase().replace(' ', "|").as_bytes());
}

/// The subcommands of a command; a subcommand has none.
fn subcommands(entry: &Entry) -> impl Iterator<Item = &'static Entry> {
    ALL.iter().filter(|sub| sub.words() == 2 && sub.name.split(' ').next() == Some(entry.name))
}

/// The head of a set. RESP2 has none: there it is an array.
fn set(out: &mut Vec<u8>, elements: usize, protocol: Protocol) {
    match protocol {
        Protocol::Resp2 => array(out, elements),
        Protocol::Resp3 => length(out, b'~', elements),
    }
}

/// A map from name to what it does, with its subcommands. Names that are none are left out.
fn docs(out: &mut Vec<u8>, names: &[Box<[u8]>], protocol: Protocol) {
    let wanted = |entry: &&Entry| {
        names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(entry.name.as_bytes()))
    };
    map(out, commands().filter(wanted).count(), protocol);
    for entry in commands().filter(wanted) {
        let count = subcommands(entry).count();
        doc(out, entry, usize::from(count > 0), protocol);
        if count > 0 {
            bulk(out, b"subcommands");
            map(out, count, protocol);
            subcommands(entry).for_each(|sub| doc(out, sub, 0, protocol));
        }
    }
}

/// One name and what is said of it; `more` pairs follow that the caller writes.
fn doc(out: &mut Vec<u8>, entry: &Entry, more: usize, protocol: Protocol) {
    name(out, entry);
    map(out, 3 + more, protocol);
    bulk(out, b"summary");
    bulk(out, format!("{}: {entry}", entry.summary).as_bytes());
    bulk(out, b"since");
    bulk(out, b"0.1.0");
    bulk(out, b"group");
    bulk(out, if entry.writes { b"bidding".as_slice() } else { b"connection".as_slice() });
}
