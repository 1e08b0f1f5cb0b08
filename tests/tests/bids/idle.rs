//! Goal: ten thousand idle connections cost the one that bids nothing but memory.
//!
//! Method: the connections are opened, each says PING once; one more bids; then all of
//! them still answer. The server starts with the usual low limit of open files and has to raise its own.

use gavel_tests::wait::PATIENCE;
use gavel_tests::{Item, Options, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::TcpStream;

const CONNECTIONS: usize = 10_000;
const USUAL_LIMIT: u64 = 1_024;

#[test]
fn one_bids_among_ten_thousand_who_wait() {
    set_open_files(USUAL_LIMIT);
    let server = Server::start(Options::new());
    set_open_files(CONNECTIONS as u64 + USUAL_LIMIT);
    let idle: Vec<TcpStream> =
        (0..CONNECTIONS).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    assert_all_answer(&idle);
    let mut bidder = server.connect();
    let auction = Item::new().open(&mut bidder);
    for round in 1..=1_000 {
        bidder.bid(auction, round % 2, 1_000 + round * 200);
    }
    assert_eq!(bidder.auction(auction)["bid_count"], 1_000);
    assert_all_answer(&idle);
}

/// All are asked first and read then, so that all of them are at work at once.
fn assert_all_answer(connections: &[TcpStream]) {
    for mut connection in connections {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(b"PING\r\n").unwrap();
    }
    for mut connection in connections {
        let mut answer = [0; 7];
        connection.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    }
}

/// Sets this process's (and its future children's) soft limit, and the hard one where it is too low.
fn set_open_files(limit: u64) {
    let hard = getrlimit(Resource::Nofile).maximum.map(|maximum| maximum.max(limit));
    setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum: hard }).unwrap_or_else(|error| {
        panic!("this suite needs {limit} open files, and the limit could not be raised: {error}")
    });
}
