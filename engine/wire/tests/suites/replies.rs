//! Goal: what the server writes, a client reads, in both protocols, however the bytes arrive, and nothing breaks out of its line.
//!
//! Method: round trips of random replies through both readers; every cut of them; random bytes; exact bytes where Redis clients
//! look at them.

use gavel_core::{
    Amount, AuctionId, BidId, Epoch, Lsn, Position, Receipt, Rejection, ShardId, Standing, Timestamp,
};
use gavel_wire::limits::{ERROR_BYTES_MAX, REPLY_DEPTH_MAX};
use gavel_wire::reply::{self, Protocol, ServerInfo};
use gavel_wire::request::CommandQuery;
use gavel_wire::value::BadReply;
use gavel_wire::{BidReply, Code, ServerError, Value, catalogue, read_bid_reply};
use proptest::prelude::*;

const BOTH: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn read(bytes: &[u8]) -> Value {
    let (value, size) = Value::parse(bytes).unwrap().unwrap();
    assert_eq!(size, bytes.len());
    value
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let standing = prop::sample::select(vec![Standing::Leading, Standing::Outbid, Standing::Sold]);
    let amount = || (0..=Amount::MAX.get()).prop_map(|value| Amount::new(value).unwrap());
    let ends_at = (0..=Timestamp::MAX.micros()).prop_map(|micros| Timestamp::from_micros(micros).unwrap());
    (standing, amount(), amount(), ends_at, any::<u128>(), any::<(u8, u32, u64)>()).prop_map(
        |(standing, price, min_next, ends_at, bid, (shard, epoch, lsn))| Receipt {
            standing,
            price,
            min_next,
            ends_at,
            bid: BidId::from_bits(bid),
            position: Position { shard: ShardId(shard), epoch: Epoch(epoch), lsn: Lsn(lsn) },
        },
    )
}

fn auction() -> AuctionId {
    "20261122-003-00000042".parse().unwrap()
}

proptest! {
    #[test]
    fn receipts_are_read_as_they_are_written(receipt in receipt(), behind in "[a-z]{0,3}") {
        let mut out = Vec::new();
        reply::receipt(&mut out, &receipt);
        prop_assert_eq!(read(&out).to_receipt(), Some(receipt));
        let size = out.len();
        for cut in 0..size {
            prop_assert_eq!(read_bid_reply(&out[..cut]), Ok(None), "cut at {}", cut);
            prop_assert_eq!(Value::parse(&out[..cut]), Ok(None), "cut at {}", cut);
        }
        out.extend_from_slice(behind.as_bytes());
        prop_assert_eq!(read_bid_reply(&out), Ok(Some((BidReply::Accepted(receipt), size))));
    }

    #[test]
    fn refusals_are_read_as_they_are_written(code in prop::sample::select(Code::ALL.to_vec()), words in "[^\r\n\t]{0,60}") {
        let mut out = Vec::new();
        reply::error(&mut out, code, &words);
        let line: String = words.chars().map(|c| if c < ' ' { ' ' } else { c }).collect();
        prop_assert_eq!(read_bid_reply(&out), Ok(Some((BidReply::Refused { code, words: line.as_bytes() }, out.len()))));
        prop_assert_eq!(read(&out), Value::Error(ServerError { code, message: line.into() }));
        for cut in 0..out.len() {
            prop_assert_eq!(read_bid_reply(&out[..cut]), Ok(None));
        }
    }

    #[test]
    fn any_bytes_are_a_reply_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..300), likely in "[*$:+%>~#_-][0-9\r\n*$]{0,80}") {
        for bytes in [bytes.as_slice(), likely.as_bytes()] {
            if let Ok(Some((_, size))) = Value::parse(bytes) {
                prop_assert!(size <= bytes.len());
            }
            if let Ok(Some((_, size))) = read_bid_reply(bytes) {
                prop_assert!(size <= bytes.len());
            }
        }
    }
}

#[test]
fn a_receipt_is_an_array_of_six() {
    let receipt = Receipt {
        standing: Standing::Leading,
        price: Amount::new(10_500).unwrap(),
        min_next: Amount::new(11_000).unwrap(),
        ends_at: Timestamp::from_micros(1_795_338_000_000_000).unwrap(),
        bid: "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3".parse().unwrap(),
        position: Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(42) },
    };
    assert_eq!(
        text(|out| reply::receipt(out, &receipt)),
        "*6\r\n+LEADING\r\n$6\r\n3-1-42\r\n:10500\r\n:11000\r\n:1795338000000000\r\n$36\r\n0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3\r\n"
    );
}

#[test]
fn errors_stay_on_their_line_and_within_their_bound() {
    assert_eq!(text(|out| reply::error(out, Code::Invalid, "a\r\n+OK\r\nb\0")), "-INVALID a  +OK  b \r\n");
    let least = Rejection::TooLow(Amount::new(10_600).unwrap());
    assert_eq!(text(|out| reply::rejection(out, &least)), "-TOOLOW bid at least 10600\r\n");
    let long = text(|out| reply::error(out, Code::Busy, "é".repeat(ERROR_BYTES_MAX)));
    assert_eq!(long.len(), "-BUSY \r\n".len() + ERROR_BYTES_MAX);
    assert!(
        matches!(read_bid_reply(long.as_bytes()), Ok(Some((BidReply::Refused { code: Code::Busy, .. }, size))) if size == long.len())
    );
}

#[test]
fn both_protocols_are_written_as_redis_writes_them() {
    let [two, three] = BOTH;
    for (protocol, expected) in [(two, "$-1\r\n*4\r\n*2\r\n"), (three, "_\r\n%2\r\n>2\r\n")] {
        let written = text(|out| {
            reply::null(out, protocol);
            reply::map(out, 2, protocol);
            reply::push(out, 2, protocol);
        });
        assert_eq!(written, expected);
    }
    let channel = "$29\r\nauction:20261122-003-00000042\r\n";
    assert_eq!(
        text(|out| reply::subscribed(out, auction(), 1, two)),
        format!("*3\r\n$9\r\nsubscribe\r\n{channel}:1\r\n")
    );
    assert_eq!(
        text(|out| reply::unsubscribed(out, Some(auction()), 0, three)),
        format!(">3\r\n$11\r\nunsubscribe\r\n{channel}:0\r\n")
    );
    assert_eq!(
        text(|out| reply::unsubscribed(out, None, 0, two)),
        "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
    );
    assert_eq!(
        text(|out| reply::message(out, auction(), b"{}", three)),
        format!(">3\r\n$7\r\nmessage\r\n{channel}$2\r\n{{}}\r\n")
    );
    assert_eq!(text(|out| reply::pong_subscribed(out, b"hi")), "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    assert_eq!(text(|out| reply::auction_id(out, auction())), "$21\r\n20261122-003-00000042\r\n");
    assert_eq!(text(|out| reply::simple(out, "a\r\nb")), "+a  b\r\n");
}

#[test]
fn hello_is_a_map_of_what_redis_says() {
    let id = "0197b1c2-7d3e-4a4b-8c5d-6e7f8091a2b3";
    let logs = [(None, Value::Null), (id.parse().ok(), Value::Bulk(id.as_bytes().into()))];
    for ((protocol, number), (log, said)) in
        BOTH.into_iter().zip([2, 3]).flat_map(|face| logs.clone().map(|log| (face, log)))
    {
        let mut out = Vec::new();
        reply::hello(&mut out, ServerInfo { version: "0.1.0", connection: 9, log }, protocol);
        let flat: Vec<Value> = match read(&out) {
            Value::Array(list) => list,
            Value::Map(pairs) => pairs.into_iter().flat_map(|(key, value)| [key, value]).collect(),
            other => panic!("{other:?}"),
        };
        let keys: Vec<&str> = flat.iter().step_by(2).filter_map(Value::as_str).collect();
        assert_eq!(keys, ["server", "version", "proto", "id", "mode", "role", "modules", "log"]);
        assert_eq!((&flat[5], &flat[7]), (&Value::Integer(number), &Value::Integer(9)));
        assert_eq!(flat[15], said);
    }
}

#[test]
fn the_catalogue_is_whole_in_every_form() {
    let count = catalogue::commands().count();
    for protocol in BOTH {
        let answer = |query| {
            let mut out = Vec::new();
            reply::catalogue(&mut out, &query, protocol);
            read(&out)
        };
        assert_eq!(answer(CommandQuery::Count), Value::Integer(count as i64));
        for query in [CommandQuery::All, CommandQuery::Info(Box::default())] {
            let Value::Array(entries) = answer(query) else { panic!("an array") };
            assert_eq!(entries.len(), count);
        }
        let names = ["Bid", "GET"].map(|name| Box::<[u8]>::from(name.as_bytes()));
        let Value::Array(some) = answer(CommandQuery::Info(Box::new(names.clone()))) else {
            panic!("an array")
        };
        let Value::Array(bid) = &some[0] else { panic!("an array") };
        assert_eq!((bid[0].as_str(), &bid[1], &some[1]), (Some("bid"), &Value::Integer(-4), &Value::Null));
        let family = Box::<[u8]>::from(b"client".as_slice());
        let Value::Array(families) = answer(CommandQuery::Info(Box::new([family]))) else {
            panic!("an array")
        };
        let Value::Array(client) = &families[0] else { panic!("an array") };
        let Value::Array(subcommands) = &client[9] else { panic!("an array") };
        for entry in subcommands {
            let Value::Array(fields) = entry else { panic!("an array") };
            assert!(fields[0].as_str().unwrap().starts_with("client|") && fields.len() == 10, "{fields:?}");
        }
        assert_eq!((client.len(), subcommands.len()), (10, 4));
        let docs = |query| match answer(query) {
            Value::Map(pairs) => pairs.len(),
            Value::Array(flat) => flat.len() / 2,
            other => panic!("{other:?}"),
        };
        assert_eq!(docs(CommandQuery::Docs(Box::default())), count);
        assert_eq!(docs(CommandQuery::Docs(Box::new(names))), 1);
    }
}

/// As Redis 7 answers for a command without keys, tips and subcommands.
#[test]
fn a_command_has_the_ten_fields_of_redis_7() {
    let names = Box::new([Box::<[u8]>::from(b"echo".as_slice())]);
    let query = CommandQuery::Info(names);
    for (protocol, set) in BOTH.into_iter().zip(['*', '~']) {
        let written = text(|out| reply::catalogue(out, &query, protocol));
        let expected =
            format!("*1|*10|$4|echo|:2|{set}1|+readonly|:0|:0|:0|{set}1|+@read|{set}0|{set}0|{set}0|");
        assert_eq!(written, expected.replace('|', "\r\n"));
    }
}

#[test]
fn replies_that_are_too_much_are_given_up() {
    assert_eq!(Value::parse(b"*1048577\r\n"), Err(BadReply::TooLarge));
    assert_eq!(Value::parse(b"$16777217\r\n"), Err(BadReply::TooLarge));
    assert_eq!(Value::parse("*1\r\n".repeat(REPLY_DEPTH_MAX + 1).as_bytes()), Err(BadReply::TooLarge));
    assert_eq!(Value::parse(b"*1048576\r\n"), Ok(None), "nothing is reserved for what is only promised");
    assert_eq!(Value::parse(b"-ERR what\r\n"), Err(BadReply::Code));
    assert_eq!(Value::parse(b"HTTP/1.1 400\r\n"), Err(BadReply::Malformed));
    for stranger in [
        &b"+OK\r\n"[..],
        b"*5\r\n",
        b"-ERR what\r\n",
        b"*6\r\n+FIRST\r\n",
        b"*6\r\n+SOLD\r\n$5\r\n3-1-42\r\n",
    ] {
        assert!(read_bid_reply(stranger).is_err(), "{}", stranger.escape_ascii());
    }
}
