//! Goal: whatever bytes come, the sender hears what was wrong and what is allowed, and nobody else notices.
//!
//! Method: malformed, oversized, truncated and slow input on connections of its own, beside one that works all the time. Exact texts,
//! as clients are built on them. A stream that can be followed goes on; one that can't is answered and closed.

use gavel_core::AuctionId;
use gavel_tests::client::{encode, words};
use gavel_tests::{Client, Item, Options, Receipt, Reply, Server};
use std::net::Shutdown;

struct Desk {
    server: Server,
    bystander: Client,
    auction: AuctionId,
    amount: u64,
}

impl Desk {
    fn open() -> Self {
        let server = Server::start(Options::new());
        let mut bystander = server.connect();
        let auction = Item::new().open(&mut bystander);
        Self { server, bystander, auction, amount: 1_000 }
    }

    /// A connection that was there before still bids.
    fn assert_undisturbed(&mut self) {
        self.amount += 200;
        self.bystander.bid(self.auction, self.amount / 200 % 2, self.amount);
    }
}

#[test]
fn commands_that_make_no_sense_are_told_why_and_the_connection_goes_on() {
    let mut desk = Desk::open();
    let id = desk.auction.to_string();
    let bid = "INVALID BID takes 3 or 5 arguments: BID <auction> <bidder> <amount> [ID <uuid>]";
    let amount = "INVALID amount must be an integer 1 ..= 9007199254740991, got";
    let cases: &[(&[&str], &str)] = &[
        (&["FROB"], "UNKNOWN there is no command 'FROB': COMMAND DOCS lists them"),
        (&["BID"], bid),
        (&["BID", &id, "1"], bid),
        (&["BID", &id, "1", "5000", "ID"], bid),
        (
            &["BID", &id, "1", "5000", "AS", "me"],
            "INVALID unexpected 'AS': BID <auction> <bidder> <amount> [ID <uuid>]",
        ),
        (&["BID", &id, "1", "x"], &format!("{amount} 'x'")),
        (&["BID", &id, "1", "0"], &format!("{amount} '0'")),
        (&["BID", &id, "1", "-5"], &format!("{amount} '-5'")),
        (&["BID", &id, "1", "1e3"], &format!("{amount} '1e3'")),
        (&["BID", &id, "1", "9007199254740992"], &format!("{amount} '9007199254740992'")),
        (&["BID", &id, "1", "18446744073709551617"], &format!("{amount} '18446744073709551617'")),
        (
            &["BID", "lamp", "1", "5000"],
            "INVALID auction must be an auction's id such as 20261122-003-00000042, got 'lamp'",
        ),
        (
            &["BID", &id, "you", "5000"],
            "INVALID bidder must be an integer 0 ..= 18446744073709551615 or a UUID whose upper half is not zero, got 'you'",
        ),
        (
            &["BID", &id, "1", "5000", "ID", "7"],
            "INVALID ID must be a UUID such as 0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3, got '7'",
        ),
        (&["PING", "a", "b"], "INVALID PING takes 0 or 1 argument: PING [message]"),
        (&["SELECT", "1"], "INVALID database must be 0, the only one, got '1'"),
        (&["HELLO", "4"], "INVALID protocol must be 2 or 3, got '4'"),
    ];
    let mut client = desk.server.connect();
    for (command, expected) in cases {
        assert_eq!(client.call(command), Reply::Error((*expected).to_owned()), "{command:?}");
    }
    assert_eq!(client.line("PING").text(), "PONG");
    desk.assert_undisturbed();
}

#[test]
fn the_same_errors_come_in_the_midst_of_a_pipeline_in_their_places() {
    let desk = Desk::open();
    let id = desk.auction;
    let lines =
        [format!("BID {id} 1 5000"), "FROB".to_owned(), format!("BID {id} 2"), format!("BID {id} 2 6000")];
    let replies = desk.server.connect().pipeline(&lines).unwrap();
    let codes: Vec<Option<&str>> = replies.iter().map(Reply::code).collect();
    assert_eq!(codes, [None, Some("UNKNOWN"), Some("INVALID"), None]);
    let positions = [Receipt::expect(&replies[0]).position, Receipt::expect(&replies[3]).position];
    assert!(positions[0] < positions[1]);
}

/// Clients pipeline `MULTI`, commands and `EXEC` before they hear that there are no transactions: they must not find half of one done.
#[test]
fn nothing_of_a_refused_transaction_is_done_and_the_connection_goes_on() {
    let mut desk = Desk::open();
    let id = desk.auction;
    for end in ["EXEC", "discard"] {
        let lines = [
            "MULTI".to_owned(),
            format!("BID {id} 1 5000"),
            "PING".to_owned(),
            "FROB".to_owned(),
            format!("AUCTION END {id}"),
            "BAN 1".to_owned(),
            end.to_owned(),
            "PING".to_owned(),
        ];
        let replies = desk.server.connect().pipeline(&lines).unwrap();
        let (last, refused) = replies.split_last().unwrap();
        assert_eq!(last.text(), "PONG");
        assert!(refused.iter().all(|reply| reply.code() == Some("UNKNOWN")), "{refused:?}");
        assert!(refused[0].text().contains("transactions are not supported"), "{refused:?}");
        assert!(refused[1].text().starts_with("UNKNOWN nothing was done: "), "{refused:?}");
        assert!(refused[6].text().contains("nothing of this one was done"), "{refused:?}");
    }
    assert_eq!(desk.bystander.auction(id)["bid_count"], 0);
    desk.assert_undisturbed();

    // What came before stands, what comes behind is taken, and an end without a beginning ends nothing.
    let around = [
        format!("BID {id} 1 50000"),
        "MULTI".to_owned(),
        "EXEC".to_owned(),
        "EXEC".to_owned(),
        format!("BID {id} 2 60000"),
    ];
    let replies = desk.server.connect().pipeline(&around).unwrap();
    let codes: Vec<Option<&str>> = replies.iter().map(Reply::code).collect();
    assert_eq!(codes, [None, Some("UNKNOWN"), Some("UNKNOWN"), Some("UNKNOWN"), None]);
    // One that was left unfinished is the connection's own affair, and it can be left.
    let left = desk.server.connect().pipeline(&["MULTI".to_owned(), "QUIT".to_owned()]).unwrap();
    assert_eq!(left[1].text(), "OK");
    desk.amount = 60_000;
    desk.assert_undisturbed();
}

#[test]
fn what_cannot_be_followed_is_answered_and_closed() {
    let mut desk = Desk::open();
    let long_line = vec![b'a'; 9_000];
    let cases: &[(&[u8], &str)] = &[
        (b"\x16\x03\x01", "expected '*' or a command word, got 0x16"),
        (b"*-1\r\n", "invalid multibulk length"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$4\r\nPINGxx", "expected CRLF after an argument"),
        (&long_line, "too big inline request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "this port speaks RESP, not HTTP"),
    ];
    for (bytes, expected) in cases {
        let mut client = desk.server.connect();
        client.send_raw(bytes).unwrap();
        let text = format!("INVALID Protocol error: {expected}");
        assert_eq!(client.read_to_end(), [Reply::Error(text)], "{}", bytes.escape_ascii());
        desk.assert_undisturbed();
    }
}

#[test]
fn commands_before_a_broken_one_are_carried_out_and_answered() {
    let mut desk = Desk::open();
    let mut client = desk.server.connect();
    let mut bytes = encode(&words(&format!("BID {} 1 5000", desk.auction)));
    bytes.extend_from_slice(b"!");
    client.send_raw(&bytes).unwrap();
    let replies = client.read_to_end();
    assert_eq!(Receipt::expect(&replies[0]).price, 1_000);
    assert_eq!(replies[1].code(), Some("INVALID"));
    assert_eq!(replies.len(), 2);
    assert_eq!(desk.bystander.auction(desk.auction)["bid_count"], 1);
}

#[test]
fn what_is_too_large_is_read_past_and_refused() {
    let mut desk = Desk::open();
    let mut client = desk.server.connect();
    let large = vec![b'x'; 64 * 1024 + 1];
    let cases: [(Vec<&[u8]>, &str); 3] = [
        (vec![b"ECHO", &large], "TOOLARGE an argument has 65537 bytes, at most 65536 are allowed"),
        (vec![b"ECHO"; 1_025], "TOOLARGE a command has 1025 arguments, at most 1024 are allowed"),
        (
            vec![&large[1..]; 3],
            "TOOLARGE a command has more than 131072 bytes, which is the most that is allowed",
        ),
    ];
    for (command, expected) in &cases {
        assert_eq!(client.call(command), Reply::Error((*expected).to_owned()));
        assert_eq!(client.line("PING").text(), "PONG", "the stream goes on behind it");
    }
    desk.assert_undisturbed();
}

#[test]
fn terms_are_judged_as_a_whole_and_unknown_fields_refused() {
    let desk = Desk::open();
    let mut client = desk.server.connect();
    for (item, field) in [
        (Item::new().with("sellr", "7"), "sellr"),
        (Item::new().with("opening_price", -1), "opening_price"),
        (Item::new().with("opening_price", 1.5), "opening_price"),
        (Item::new().with("currency", "won"), "currency"),
        (Item::new().with("duration_s", 0), "duration_s"),
    ] {
        let reply = client.call(&["AUCTION", "OPEN", &item.json()]);
        assert_eq!(reply.code(), Some("INVALID"), "{reply:?}");
        assert!(reply.text().contains(field), "{field:?} is not named in {reply:?}");
    }
    let reply = client.call(&["AUCTION", "OPEN", "{\"currency\": \"won\", \"opening_price\": -1}"]);
    for field in ["seller", "currency", "opening_price"] {
        assert!(reply.text().contains(field), "{field:?} is not named in {reply:?}");
    }
    let reply = client.call(&["AUCTION", "OPEN", "{\"seller\": "]);
    assert_eq!(reply.code(), Some("INVALID"), "{reply:?}");
}

#[test]
fn a_command_that_comes_byte_by_byte_is_a_command() {
    let mut desk = Desk::open();
    let mut slow = desk.server.connect();
    for byte in encode(&words(&format!("BID {} 9 1000", desk.auction))) {
        slow.send_raw(&[byte]).unwrap();
        assert_eq!(desk.bystander.line("PING").text(), "PONG", "others are served meanwhile");
    }
    Receipt::expect(&slow.read());
    desk.assert_undisturbed();
}

#[test]
fn a_command_that_never_ends_disturbs_nobody() {
    let mut desk = Desk::open();
    let whole = encode(&words(&format!("BID {} 9 1000", desk.auction)));
    for cut in 1..whole.len() {
        let mut client = desk.server.connect();
        client.send_raw(&whole[..cut]).unwrap();
        let (writer, mut reader) = client.split();
        writer.shutdown(Shutdown::Write).unwrap();
        let reply = Reply::read(&mut reader);
        assert!(reply.is_err(), "{cut} of {} bytes were answered {reply:?}", whole.len());
    }
    assert_eq!(desk.bystander.auction(desk.auction)["bid_count"], 0, "half a bid is none");
    desk.assert_undisturbed();
}

#[test]
fn a_client_that_has_finished_writing_still_hears_its_answers() {
    let desk = Desk::open();
    let mut client = desk.server.connect();
    let bids: Vec<u8> = (0..100)
        .flat_map(|round| {
            encode(&words(&format!("BID {} {} {}", desk.auction, round % 2, 1_000 + round * 200)))
        })
        .collect();
    client.send_raw(&bids).unwrap();
    let (writer, mut reader) = client.split();
    writer.shutdown(Shutdown::Write).unwrap();
    for _ in 0..100 {
        Receipt::expect(&Reply::read(&mut reader).unwrap());
    }
    assert!(Reply::read(&mut reader).is_err(), "the server closes after the last answer");
}

#[test]
fn a_client_that_never_reads_its_answers_disturbs_nobody() {
    let mut desk = Desk::open();
    let mut deaf = desk.server.connect();
    let bids: Vec<u8> =
        (0..100_000).flat_map(|_| encode(&words(&format!("BID {} 9 1", desk.auction)))).collect();
    let (writer, reader) = {
        deaf.send_raw(b"PING\r\n").unwrap();
        deaf.split()
    };
    let sender = std::thread::spawn(move || {
        // It blocks once both sides' buffers are full, until the connection is shut down below.
        drop(std::io::Write::write_all(&mut &writer, &bids));
    });
    for _ in 0..1_000 {
        desk.assert_undisturbed();
    }
    reader.get_ref().shutdown(Shutdown::Both).unwrap();
    sender.join().unwrap();
    desk.assert_undisturbed();
}
