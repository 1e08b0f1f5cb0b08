//! Goal: a stream of bids is answered line by line, in order, each from the disk; what is wrong with one line is told in its place.
//!
//! Method: bad lines of every kind in the midst of good ones; a stream that is read while it is written, one line at a time; the
//! whole sent again with its key; a hundred thousand bids in one stream, compared with the oracle.

use gavel_core::AuctionId;
use gavel_tests::fixtures::{OPENING_PRICE, STEP};
use gavel_tests::{Ascending, Http, Item, Options, Server, Standing};
use serde_json::{Value, json};
use std::io::Write;

const NDJSON: &str = "Content-Type: application/x-ndjson";
const MANY: u64 = 100_000;

fn line(auction: AuctionId, bidder: u64, amount: u64) -> String {
    json!({"auction": auction.to_string(), "bidder": bidder.to_string(), "amount": amount}).to_string()
}

fn answers(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[test]
fn bad_lines_are_answered_in_their_places_and_the_rest_goes_on() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let long = format!("{{\"auction\": \"{}\"}}", "x".repeat(5_000));
    let missing: AuctionId = "19700101-000-00000001".parse().unwrap();
    let lines = [
        (line(auction, 1, 5_000), "leading"),
        ("{".to_owned(), "INVALID"),
        ("[1, 2]".to_owned(), "INVALID"),
        (line(auction, 2, 6_000), "leading"),
        (long, "TOOLARGE"),
        (line(missing, 2, 6_000), "NOTFOUND"),
        (line(auction, 2, 0), "INVALID"),
        (line(auction, 3, 1), "TOOLOW"),
        ("\u{fffd}\u{0}".to_owned(), "INVALID"),
        (line(auction, 9_000, 7_000), "SELLERBID"),
        (line(auction, 3, 5_900), "outbid"),
        (line(auction, 3, 9_000), "leading"),
    ];
    // Blank lines are none, and the last needs no end.
    let body = lines.iter().map(|(line, _)| &**line).collect::<Vec<_>>().join("\r\n\n  \n");
    let mut http = Http::connect(server.http());
    let answer = http.call("POST", "/v1/bids", &[NDJSON], body.as_bytes()).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let answers = answers(&answer.body);
    assert_eq!(answers.len(), lines.len(), "{answers:?}");
    for (index, (answer, (line, expected))) in answers.iter().zip(&lines).enumerate() {
        assert_eq!(answer["line"], 3 * index + 1, "blank lines count, as in an editor");
        let said = answer["status"].as_str().or(answer["code"].as_str()).unwrap();
        assert_eq!(said, *expected, "{line}: {answer}");
    }
    assert_eq!(client.auction(auction)["bid_count"], 4);
    assert_eq!(http.get("/health/ready").status, 200, "the connection goes on");
}

#[test]
fn each_line_is_answered_while_the_stream_is_still_open() {
    let server = Server::start(Options::new());
    let auction = Item::new().open(&mut server.connect());
    let mut http = Http::connect(server.http());
    let head =
        format!("POST /v1/bids HTTP/1.1\r\nHost: gavel\r\n{NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n");
    http.send_raw(head.as_bytes()).unwrap();
    for round in 1..=50_u64 {
        let line = format!("{}\n", line(auction, round % 2, OPENING_PRICE + round * 2 * STEP));
        http.send_raw(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes()).unwrap();
        if round == 1 {
            assert_eq!(http.read_head().unwrap().status, 200);
        }
        let answer = answers(&http.chunk().unwrap().unwrap());
        assert_eq!(
            (&answer[0]["line"], &answer[0]["status"]),
            (&json!(round), &json!("leading")),
            "{answer:?}"
        );
    }
    http.send_raw(b"0\r\n\r\n").unwrap();
    assert_eq!(http.chunk().unwrap(), None);
}

#[test]
fn a_whole_stream_can_be_sent_again_with_its_key() {
    let mut server = Server::start(Options::new());
    let auction = Item::new().open(&mut server.connect());
    let body: String =
        (1..=200).map(|round| line(auction, round % 2, OPENING_PRICE + round * 2 * STEP) + "\n").collect();
    let send = |server: &Server, body: &str| {
        let headers = [NDJSON, "Idempotency-Key: batch-7"];
        let answer =
            Http::connect(server.http()).call("POST", "/v1/bids", &headers, body.as_bytes()).expect(200);
        answers(&answer.body)
    };
    let first = send(&server, &body);
    assert!(first.iter().all(|answer| answer["status"] == "leading"), "{first:?}");
    server.kill9();
    server.restart();
    assert_eq!(send(&server, &body), first);
    assert_eq!(server.connect().auction(auction)["bid_count"], 200);
    let other = send(&server, &(line(auction, 5, 1_000_000) + "\n"));
    assert_eq!(other[0]["code"], "IDCONFLICT");
}

#[test]
fn a_long_stream_is_read_while_it_is_written() {
    let server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let amount = |round: u64| OPENING_PRICE + (round * 7_919) % (MANY * STEP);
    let mut http = Http::connect(server.http());
    let body: String = (0..MANY).map(|round| line(auction, round % 50, amount(round)) + "\n").collect();
    let head = format!(
        "POST /v1/bids HTTP/1.1\r\nHost: gavel\r\n{NDJSON}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    http.send_raw(head.as_bytes()).unwrap();
    let writer = http.second_handle();
    let sender = std::thread::spawn(move || (&writer).write_all(body.as_bytes()));
    let answer = http.read(false);
    sender.join().unwrap().unwrap();
    let answers = answers(&answer.body);
    assert_eq!(answers.len() as u64, MANY);
    let mut oracle = Ascending::new(OPENING_PRICE, STEP);
    let mut accepted = 0;
    for (round, answer) in (0..MANY).zip(&answers) {
        assert_eq!(answer["line"], round + 1);
        match answer["status"].as_str() {
            Some(status) => {
                accepted += 1;
                let (standing, price) = oracle.bid(round % 50, amount(round));
                let expected = if standing == Standing::Leading { "leading" } else { "outbid" };
                assert_eq!((status, answer["price"].as_u64()), (expected, Some(price)), "line {}", round + 1);
            }
            None => assert_eq!(answer["code"], "TOOLOW", "{answer}"),
        }
    }
    assert_eq!(client.auction(auction)["bid_count"], accepted);
}
