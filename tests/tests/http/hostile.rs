//! Goal: who sends too slowly, too much, or never reads hurts nobody but themselves.
//!
//! Method: each on connections of its own, beside one that bids all the time. That the server gives up on them is waited for, not
//! timed.

use gavel_core::AuctionId;
use gavel_tests::{Client, Http, Item, Options, Server, wait};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// Of this process and the server that it starts; the runner gives each test a process of its own.
const OPEN_FILES: u64 = 200;

struct Desk {
    server: Server,
    bystander: Http,
    resp: Client,
    auction: AuctionId,
    amount: u64,
}

impl Desk {
    fn open() -> Self {
        let server = Server::start(Options::new());
        let mut resp = server.connect();
        let auction = Item::new().open(&mut resp);
        Self { bystander: Http::connect(server.http()), server, resp, auction, amount: 1_000 }
    }

    /// A connection that was there before still bids, over both faces.
    fn assert_undisturbed(&mut self) {
        self.amount += 400;
        let path = format!("/v1/auctions/{}/bids", self.auction);
        self.bystander.post(&path, &json!({"bidder": "1", "amount": self.amount})).expect(200);
        self.resp.bid(self.auction, 2, self.amount + 200);
    }
}

#[test]
fn a_head_that_never_ends_is_given_up_on() {
    let mut desk = Desk::open();
    let mut slow: Vec<Http> = (0..20).map(|_| Http::connect(desk.server.http())).collect();
    for http in &mut slow {
        http.send_raw(b"POST /v1/bids HTTP/1.1\r\nHost: gavel\r\nX-Slow: ").unwrap();
    }
    desk.assert_undisturbed();
    for http in &mut slow {
        let answer = http.read_head().unwrap();
        assert_eq!(answer.status, 408);
    }
    desk.assert_undisturbed();
}

#[test]
fn a_body_that_never_ends_is_given_up_on() {
    let mut desk = Desk::open();
    let mut slow = Http::connect(desk.server.http());
    let head = "POST /v1/auctions HTTP/1.1\r\nHost: gavel\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    slow.send_raw(head.as_bytes()).unwrap();
    desk.assert_undisturbed();
    assert_eq!(slow.read(false).problem(), (408, "INVALID".to_owned()));
    assert!(slow.is_closed());
    desk.assert_undisturbed();
}

#[test]
fn bodies_that_are_too_large_are_refused_told_or_not() {
    let mut desk = Desk::open();
    let json = "Content-Type: application/json";
    let large = vec![b' '; 64 * 1024 + 1];
    let mut told = Http::connect(desk.server.http());
    // The server answers before it has read the body, so sending it may fail.
    drop(told.send("POST", "/v1/auctions", &[json], &large));
    assert_eq!(told.read(false).problem(), (413, "TOOLARGE".to_owned()));
    let mut chunked = Http::connect(desk.server.http());
    let head =
        format!("POST /v1/auctions HTTP/1.1\r\nHost: gavel\r\n{json}\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunked.send_raw(head.as_bytes()).unwrap();
    for _ in 0..5 {
        drop(chunked.send_raw(format!("4000\r\n{}\r\n", " ".repeat(0x4000)).as_bytes()));
    }
    assert_eq!(chunked.read(false).problem(), (413, "TOOLARGE".to_owned()));
    desk.assert_undisturbed();
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let mut desk = Desk::open();
    let mut http = Http::connect(desk.server.http());
    let head = format!("GET /health/live HTTP/1.1\r\nHost: gavel\r\nX-Large: {}", "x".repeat(256 * 1024));
    drop(http.send_raw(head.as_bytes()));
    assert_eq!(http.read_head().unwrap().status, 431);
    desk.assert_undisturbed();
}

#[test]
fn what_is_no_http_is_refused_and_closed() {
    let mut desk = Desk::open();
    for bytes in [b"*1\r\n$4\r\nPING\r\n".as_slice(), b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n"] {
        let mut http = Http::connect(desk.server.http());
        http.send_raw(bytes).unwrap();
        assert_eq!(http.read(false).status, 400, "{}", bytes.escape_ascii());
        assert!(http.is_closed());
    }
    desk.assert_undisturbed();
}

#[test]
fn a_watcher_that_never_reads_holds_nobody_up() {
    let mut desk = Desk::open();
    let mut deaf: Vec<Http> = (0..20).map(|_| Http::connect(desk.server.http())).collect();
    let path = format!("/v1/auctions/{}/events", desk.auction);
    deaf.iter_mut().for_each(|http| http.send("GET", &path, &[], b"").unwrap());
    for _ in 0..1_000 {
        desk.assert_undisturbed();
    }
}

#[test]
fn a_client_that_never_reads_its_answers_holds_nobody_up() {
    let mut desk = Desk::open();
    let mut lines = Http::connect(desk.server.http());
    let head = "POST /v1/bids HTTP/1.1\r\nHost: gavel\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    lines.send_raw(head.as_bytes()).unwrap();
    let line = format!("{}\n", json!({"auction": desk.auction.to_string(), "bidder": "9", "amount": 1}));
    let chunk = line.repeat(100);
    let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    let requests = Http::connect(desk.server.http());
    let get = format!("GET /v1/auctions/{} HTTP/1.1\r\nHost: gavel\r\n\r\n", desk.auction).repeat(100);
    let (mut lines_writer, lines_reader) = lines.split();
    let (mut requests_writer, requests_reader) = requests.split();
    // They block once both sides' buffers are full, until the connections are shut down below.
    let senders = [
        std::thread::spawn(move || (0..2_000).try_for_each(|_| lines_writer.write_all(chunk.as_bytes()))),
        std::thread::spawn(move || (0..2_000).try_for_each(|_| requests_writer.write_all(get.as_bytes()))),
    ];
    for _ in 0..500 {
        desk.assert_undisturbed();
    }
    for reader in [&lines_reader, &requests_reader] {
        reader.get_ref().shutdown(Shutdown::Both).unwrap();
    }
    for sender in senders {
        assert!(sender.join().unwrap().is_err(), "nobody has read it, and it was taken all the same");
    }
    desk.assert_undisturbed();
}

#[test]
fn half_a_request_changes_nothing() {
    let mut desk = Desk::open();
    let body = json!({"bidder": "9", "amount": 5_000}).to_string();
    let whole = format!(
        "POST /v1/auctions/{}/bids HTTP/1.1\r\nHost: gavel\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        desk.auction,
        body.len()
    );
    for cut in (1..whole.len()).step_by(7) {
        let mut http = Http::connect(desk.server.http());
        http.send_raw(&whole.as_bytes()[..cut]).unwrap();
        let (writer, mut reader) = http.split();
        writer.shutdown(Shutdown::Both).unwrap();
        let mut rest = Vec::new();
        drop(reader.read_to_end(&mut rest));
    }
    assert_eq!(desk.resp.auction(desk.auction)["bid_count"], 0);
    desk.assert_undisturbed();
}

#[test]
fn connections_of_both_faces_share_one_limit() {
    let few = Rlimit { current: Some(OPEN_FILES), maximum: Some(OPEN_FILES) };
    setrlimit(Resource::Nofile, few).unwrap();
    let mut desk = Desk::open();
    let limit: usize = desk.resp.info("clients", "maxclients").parse().unwrap();
    assert!(limit < OPEN_FILES as usize);
    let mut await_open = |open: usize| {
        let mut told = || desk.resp.info("clients", "connected_clients").parse() == Ok(open);
        wait::until(&format!("{open} connections to be counted"), || told().then_some(()));
    };
    // A connection is there for its client a moment before the server counts it.
    await_open(2);
    let others: Vec<TcpStream> =
        (2..limit).map(|_| TcpStream::connect(desk.server.http()).unwrap()).collect();
    await_open(limit);
    let mut http = Http::connect(desk.server.http());
    http.send("GET", "/health/live", &[], b"").unwrap();
    assert_eq!(http.read(false).problem(), (503, "BUSY".to_owned()));
    assert!(http.is_closed());
    let refused = desk.server.connect().read();
    assert_eq!(refused.code(), Some("BUSY"), "{refused:?}");
    drop((http, others));
    await_open(2);
    Http::connect(desk.server.http()).get("/health/live").expect(200);
    desk.assert_undisturbed();
}
