//! Goal: every command of the issue is understood, and whatever is wrong is told with what would do.
//!
//! Method: a table of lines and the requests they are; a table of lines and the exact words of their refusals; random arguments
//! never panic.

use gavel_core::command::{Reason, StandingBids};
use gavel_core::placement::{KeyRange, Policy};
use gavel_core::{
    AccountId, Amount, AuctionId, BidId, Command, Details, Epoch, Lsn, Position, ShardId, Timestamp,
};
use gavel_wire::request::{
    Act, Ban, ClientRequest, CommandQuery, ConsumersRequest, Follow, Hello, ShardsRequest, Unban, parse,
};
use gavel_wire::{Decoder, Item, Protocol, Request, RequestError, encode};
use proptest::collection::vec;
use proptest::prelude::*;

const ID: &str = "20261122-003-00000042";
const UUID: &str = "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";

fn parsed(line: &str) -> Result<Request, RequestError> {
    let stream = format!("{line}\r\n");
    match Decoder::new().decode(stream.as_bytes()).unwrap().item {
        Item::Command(args) => parse(&args),
        other => panic!("{line}: {other:?}"),
    }
}

fn id() -> AuctionId {
    ID.parse().unwrap()
}

fn bidder(number: u64) -> AccountId {
    AccountId::from_integer(number)
}

fn bid_id() -> BidId {
    UUID.parse().unwrap()
}

fn reason(words: &str) -> Reason {
    Reason(words.into())
}

#[test]
fn every_command_to_an_auction_is_understood() {
    let amount = Amount::new(10_600).unwrap();
    let nine = Timestamp::from_micros(1_795_338_000_000_000).unwrap();
    let cases: Vec<(&str, Command)> = vec![
        (
            "RETRACT {id} {uuid} 'typed one zero too many'",
            Command::Retract { bid: bid_id(), reason: reason("typed one zero too many") },
        ),
        ("REMOVE {id} 7 fraud", Command::Remove { bidder: bidder(7), reason: reason("fraud") }),
        ("AUCTION EXTEND {id} 2026-11-22T09:00:00Z", Command::Extend { ends_at: nine }),
        ("auction extend {id} 2026-11-22T18:00:00+09:00", Command::Extend { ends_at: nine }),
        ("AUCTION END {id}", Command::End),
        ("AUCTION CANCEL {id} broken", Command::Cancel { reason: reason("broken") }),
        (
            "AUCTION EDIT {id} '{\"title\": \"A lamp\", \"n\": 1.10}'",
            Command::Edit { details: Details("{\"title\":\"A lamp\",\"n\":1.10}".into()) },
        ),
        ("AUCTION LOWER-RESERVE {id} 10600", Command::LowerReserve { reserve: Some(amount) }),
        ("AUCTION lower-reserve {id} none", Command::LowerReserve { reserve: None }),
        ("AUCTION PAID {id}", Command::Paid),
        ("AUCTION UNPAID {id}", Command::Unpaid),
        ("AUCTION OFFER ACCEPT {id} 7", Command::AcceptOffer { bidder: bidder(7) }),
        ("AUCTION OFFER decline {id} 7", Command::DeclineOffer { bidder: bidder(7) }),
        ("BAN 7 AUCTION {id}", Command::Ban { bidder: bidder(7), standing: StandingBids::Keep }),
        ("BAN 7 AUCTION {id} REMOVE", Command::Ban { bidder: bidder(7), standing: StandingBids::Remove }),
        ("UNBAN 7 AUCTION {id}", Command::Unban { bidder: bidder(7) }),
    ];
    for (line, command) in cases {
        let line = line.replace("{id}", ID).replace("{uuid}", UUID);
        assert_eq!(parsed(&line), Ok(Request::Act(Box::new(Act { auction: id(), command }))), "{line}");
    }
}

#[test]
fn every_other_command_is_understood() {
    let amount = Amount::new(10_600).unwrap();
    let (auction, all, seller) = (id(), None, Some(bidder(9)));
    let uuid_account: AccountId = UUID.parse().unwrap();
    let at = Position { shard: ShardId(3), epoch: Epoch(1), lsn: Lsn(42) };
    let consumers = |request| Request::Consumers(Box::new(request));
    let follow = |after, name: Option<&str>| {
        Request::Follow(Box::new(Follow { after, name: name.map(|name| name.parse().unwrap()) }))
    };
    let shards = |request| Request::Shards(Box::new(request));
    let client = |request| Request::Client(Box::new(request));
    let hello = |protocol, name: Option<&str>| {
        Request::Hello(Box::new(Hello { protocol, name: name.map(Box::from) }))
    };
    let policy = |policy, from| shards(ShardsRequest::Policy { policy, from });
    let bytes = |text: &str| Box::<[u8]>::from(text.as_bytes());
    let ranges =
        [("", 0), ("m", 1)].map(|(from, shard)| KeyRange { from: from.into(), shard: ShardId(shard) });
    let cases: Vec<(&str, Request)> = vec![
        ("BID {id} 7 10600", Request::Bid { auction, bidder: bidder(7), amount, id: None }),
        (
            "bid 20261122-{003}-00000042 {uuid} 10600 id {uuid}",
            Request::Bid { auction, bidder: uuid_account, amount, id: Some(bid_id()) },
        ),
        ("BUYNOW {id} 7", Request::BuyNow { auction, bidder: bidder(7), id: None }),
        ("BUYNOW {id} 7 ID {uuid}", Request::BuyNow { auction, bidder: bidder(7), id: Some(bid_id()) }),
        ("AUCTION GET {id}", Request::Get(auction)),
        (
            "BAN 7",
            Request::Ban(Box::new(Ban { bidder: bidder(7), seller: all, standing: StandingBids::Keep })),
        ),
        (
            "BAN 7 REMOVE",
            Request::Ban(Box::new(Ban { bidder: bidder(7), seller: all, standing: StandingBids::Remove })),
        ),
        (
            "ban 7 seller 9 keep",
            Request::Ban(Box::new(Ban { bidder: bidder(7), seller, standing: StandingBids::Keep })),
        ),
        ("UNBAN 7", Request::Unban(Box::new(Unban { bidder: bidder(7), seller: all }))),
        ("UNBAN 7 SELLER 9", Request::Unban(Box::new(Unban { bidder: bidder(7), seller }))),
        (
            "SUBSCRIBE auction:{id} auction:20261122-{003}-00000042",
            Request::Subscribe(Box::new([auction, auction])),
        ),
        ("UNSUBSCRIBE", Request::Unsubscribe(Box::new([]))),
        ("UNSUBSCRIBE auction:{id}", Request::Unsubscribe(Box::new([auction]))),
        ("SHARDS", shards(ShardsRequest::List)),
        ("SHARDS LIST", shards(ShardsRequest::List)),
        ("SHARDS ADD", shards(ShardsRequest::Add { count: 1 })),
        ("SHARDS ADD 255", shards(ShardsRequest::Add { count: 255 })),
        ("SHARDS DRAIN 3", shards(ShardsRequest::Drain(ShardId(3)))),
        ("shards undrain 3", shards(ShardsRequest::Undrain(ShardId(3)))),
        ("SHARDS POLICY key", policy(Policy::Key, None)),
        (
            "SHARDS POLICY SEQUENCE FROM 1970-01-01T00:00:01Z",
            policy(Policy::Sequence, Timestamp::from_micros(1_000_000)),
        ),
        ("SHARDS POLICY directory", policy(Policy::Directory, None)),
        (
            "SHARDS POLICY RANGE '[{\"from\":\"\",\"shard\":0},{\"from\":\"m\",\"shard\":1}]'",
            policy(Policy::Range(Box::new(ranges)), None),
        ),
        (
            "SHARDS PLACE seller:7 3",
            shards(ShardsRequest::Place { key: "seller:7".into(), shard: Some(ShardId(3)) }),
        ),
        ("SHARDS PLACE seller:7 -", shards(ShardsRequest::Place { key: "seller:7".into(), shard: None })),
        ("FOLLOW 3 START", follow(Position::start(ShardId(3)), None)),
        ("follow 3 start name flusher", follow(Position::start(ShardId(3)), Some("flusher"))),
        ("FOLLOW 3 3-1-42", follow(at, None)),
        ("FOLLOW 3 3-1-42 NAME eu.flusher:2", follow(at, Some("eu.flusher:2"))),
        ("ACK 3-1-42", Request::Ack(at)),
        ("CONSUMERS", consumers(ConsumersRequest::List)),
        ("CONSUMERS list", consumers(ConsumersRequest::List)),
        ("CONSUMERS FORGET a", consumers(ConsumersRequest::Forget("a".parse().unwrap()))),
        ("INFO", Request::Info(None)),
        ("INFO Server", Request::Info(Some("server".into()))),
        ("HELLO", hello(None, None)),
        ("HELLO 3", hello(Some(Protocol::Resp3), None)),
        ("hello 2 setname me", hello(Some(Protocol::Resp2), Some("me"))),
        ("PING", Request::Ping(None)),
        ("PING hi", Request::Ping(Some(bytes("hi")))),
        ("ECHO hi", Request::Echo(bytes("hi"))),
        ("QUIT", Request::Quit),
        ("SELECT 0", Request::Select),
        ("COMMAND", Request::Command(Box::new(CommandQuery::All))),
        ("COMMAND COUNT", Request::Command(Box::new(CommandQuery::Count))),
        ("COMMAND DOCS bid", Request::Command(Box::new(CommandQuery::Docs(Box::new([bytes("bid")]))))),
        ("COMMAND INFO", Request::Command(Box::new(CommandQuery::Info(Box::new([]))))),
        ("CLIENT ID", client(ClientRequest::Id)),
        ("CLIENT GETNAME", client(ClientRequest::GetName)),
        ("CLIENT SETNAME me", client(ClientRequest::SetName("me".into()))),
        ("CLIENT SETINFO lib-name redis-py", client(ClientRequest::LibName("redis-py".into()))),
        ("CLIENT SETINFO LIB-VER 7.1.0", client(ClientRequest::LibVer("7.1.0".into()))),
    ];
    for (line, request) in cases {
        let line = line.replace("{id}", ID).replace("{uuid}", UUID);
        assert_eq!(parsed(&line), Ok(request), "{line}");
    }
}

#[test]
fn what_is_wrong_is_told_with_what_would_do() {
    let account = "must be an integer 0 ..= 18446744073709551615 or a UUID whose upper half is not zero";
    let uuid = "must be a UUID such as 0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";
    let time = "must be a time as RFC 3339 has it, such as 2026-11-22T09:00:00Z, not before 1970";
    let cases: Vec<(&str, String)> = vec![
        ("LPUSH a b", "UNKNOWN there is no command 'LPUSH': COMMAND DOCS lists them".into()),
        ("SUBSCRIBERS", "UNKNOWN there is no command 'SUBSCRIBERS': COMMAND DOCS lists them".into()),
        ("AVERYLONGCOMMANDNAMETHATISNONE", "UNKNOWN there is no command 'AVERYLONGCOMMANDNAMETHATISNONE': COMMAND DOCS lists them".into()),
        ("BID {id} 7", "INVALID BID takes 3 or 5 arguments: BID <auction> <bidder> <amount> [ID <uuid>]".into()),
        ("BID {id} 7 100 AS", "INVALID BID takes 3 or 5 arguments: BID <auction> <bidder> <amount> [ID <uuid>]".into()),
        ("BID {id} 7 100 AS {uuid}", "INVALID unexpected 'AS': BID <auction> <bidder> <amount> [ID <uuid>]".into()),
        ("BID x 7 100", "INVALID auction must be an auction's id such as 20261122-003-00000042, got 'x'".into()),
        ("BID {id} -7 100", format!("INVALID bidder {account}, got '-7'")),
        ("BID {id} 7 12x", "INVALID amount must be an integer 1 ..= 9007199254740991, got '12x'".into()),
        ("BID {id} 7 0", "INVALID amount must be an integer 1 ..= 9007199254740991, got '0'".into()),
        ("BID {id} 7 007", "INVALID amount must be an integer 1 ..= 9007199254740991, got '007'".into()),
        ("BID {id} 7 9007199254740992", "INVALID amount must be an integer 1 ..= 9007199254740991, got '9007199254740992'".into()),
        ("BID {id} 7 99999999999999999999999999", "INVALID amount must be an integer 1 ..= 9007199254740991, got '99999999999999999999999999'".into()),
        ("BID {id} 7 ''", "INVALID amount must be an integer 1 ..= 9007199254740991, got ''".into()),
        ("BID {id} 7 1 ID 1", format!("INVALID ID {uuid}, got '1'")),
        ("BUYNOW {id}", "INVALID BUYNOW takes 2 or 4 arguments: BUYNOW <auction> <bidder> [ID <uuid>]".into()),
        ("BUYNOW {id} 7 AS {uuid}", "INVALID unexpected 'AS': BUYNOW <auction> <bidder> [ID <uuid>]".into()),
        ("FOLLOW 3", "INVALID FOLLOW takes 2 or 4 arguments: FOLLOW <shard> <position|START> [NAME <consumer>]".into()),
        ("FOLLOW 3 START NAME", "INVALID something is missing behind 'NAME': FOLLOW <shard> <position|START> [NAME <consumer>]".into()),
        ("FOLLOW 3 START AS x", "INVALID unexpected 'AS': FOLLOW <shard> <position|START> [NAME <consumer>]".into()),
        ("FOLLOW 256 START", "INVALID shard must be an integer 0 ..= 255, got '256'".into()),
        ("FOLLOW 3 42", "INVALID position must be shard-epoch-lsn, such as 3-1-42, or START, got '42'".into()),
        ("FOLLOW 3 4-1-42", "INVALID position must be one of shard 3, got '4-1-42'".into()),
        ("FOLLOW 3 START NAME a/b", "INVALID consumer must have 1 to 64 characters: letters, digits, dots, dashes, underscores, colons, got 'a/b'".into()),
        ("ACK START", "INVALID position must be shard-epoch-lsn, such as 3-1-42, got 'START'".into()),
        ("CONSUMERS FORGET", "INVALID CONSUMERS FORGET takes 1 argument: CONSUMERS FORGET <consumer>".into()),
        ("CONSUMERS drop a", "UNKNOWN CONSUMERS has no subcommand 'drop': CONSUMERS [LIST|FORGET <consumer>]".into()),
        ("RETRACT {id} 5 why", format!("INVALID bid_id {uuid}, got '5'")),
        ("RETRACT {id} {uuid} two words", "INVALID RETRACT takes 3 arguments: RETRACT <auction> <bid_id> <reason>".into()),
        ("REMOVE {id} 7 ''", "INVALID reason must be UTF-8, not empty, without the character U+0000, got ''".into()),
        ("REMOVE {id} 7 {257}", "TOOLARGE reason has 257 bytes, at most 256 are allowed".into()),
        ("AUCTION", "INVALID AUCTION takes a subcommand: AUCTION <OPEN|GET|EXTEND|END|CANCEL|EDIT|LOWER-RESERVE|PAID|UNPAID|OFFER> ...".into()),
        ("AUCTION sell {id}", "UNKNOWN AUCTION has no subcommand 'SELL': AUCTION <OPEN|GET|EXTEND|END|CANCEL|EDIT|LOWER-RESERVE|PAID|UNPAID|OFFER> ...".into()),
        ("AUCTION EXTEND {id} 60s", format!("INVALID new end {time}, got '60s'")),
        ("AUCTION OPEN 7", "INVALID terms must be one JSON object, got '7'".into()),
        ("AUCTION OPEN {} AS x", "INVALID unexpected 'AS': AUCTION OPEN <terms as JSON> [ID <uuid>]".into()),
        ("AUCTION OFFER TAKE {id} 7", "UNKNOWN AUCTION OFFER has no subcommand 'TAKE': AUCTION OFFER <ACCEPT|DECLINE> <auction> <bidder>".into()),
        ("AUCTION LOWER-RESERVE {id} ten", "INVALID new reserve (or NONE) must be an integer 1 ..= 9007199254740991, got 'ten'".into()),
        ("AUCTION EDIT {id} [1]", "INVALID details must be a JSON object of at most 16384 bytes without spaces, at most 32 deep, without the character U+0000, got '[1]'".into()),
        ("BAN 7 SELLER", "INVALID something is missing behind 'SELLER': BAN <bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]".into()),
        ("BAN 7 FOREVER", "INVALID unexpected 'FOREVER': BAN <bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]".into()),
        ("BAN 7 SELLER 71 FOO", "INVALID unexpected 'FOO': BAN <bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]".into()),
        ("BAN 7 KEEP SELLER 71", "INVALID unexpected 'SELLER': BAN <bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]".into()),
        ("BAN 7 SELLER 71 KEEP REMOVE", "INVALID BAN takes 1 to 4 arguments: BAN <bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]".into()),
        ("UNBAN 7 KEEP", "INVALID unexpected 'KEEP': UNBAN <bidder> [SELLER <seller>|AUCTION <auction>]".into()),
        ("SUBSCRIBE", "INVALID SUBSCRIBE takes at least 1 argument: SUBSCRIBE auction:<id> [auction:<id> ...]".into()),
        ("SUBSCRIBE news", "INVALID channel must be auction:<id>, such as auction:20261122-003-00000042, got 'news'".into()),
        ("SHARDS ADD 256", "INVALID count must be an integer 1 ..= 255, got '256'".into()),
        ("SHARDS DRAIN 256", "INVALID shard must be an integer 0 ..= 255, got '256'".into()),
        ("SHARDS UNDRAIN", "INVALID SHARDS UNDRAIN takes 1 argument: SHARDS UNDRAIN <shard>".into()),
        ("SHARDS UNDRAIN 1 2", "INVALID SHARDS UNDRAIN takes 1 argument: SHARDS UNDRAIN <shard>".into()),
        ("SHARDS UNDRAIN x", "INVALID shard must be an integer 0 ..= 255, got 'x'".into()),
        ("SHARDS MOVE", "UNKNOWN SHARDS has no subcommand 'MOVE': SHARDS [ADD|DRAIN|UNDRAIN|POLICY|PLACE ...]".into()),
        ("SHARDS POLICY RANGE {}", "INVALID ranges must be JSON such as [{\"from\": \"\", \"shard\": 0}, {\"from\": \"m\", \"shard\": 1}], got '{}'".into()),
        ("SHARDS LIST all", "INVALID unexpected 'all': SHARDS [ADD|DRAIN|UNDRAIN|POLICY|PLACE ...]".into()),
        ("SHARDS POLICY RANGE", "INVALID something is missing behind 'RANGE': SHARDS POLICY <KEY|SEQUENCE|DIRECTORY|RANGE <ranges as JSON>> [FROM <time, RFC 3339>]".into()),
        ("SHARDS POLICY KEY FROM", "INVALID something is missing behind 'FROM': SHARDS POLICY <KEY|SEQUENCE|DIRECTORY|RANGE <ranges as JSON>> [FROM <time, RFC 3339>]".into()),
        ("SHARDS POLICY KEY AT noon", "INVALID unexpected 'AT': SHARDS POLICY <KEY|SEQUENCE|DIRECTORY|RANGE <ranges as JSON>> [FROM <time, RFC 3339>]".into()),
        ("SHARDS POLICY KEY FROM noon on", "INVALID unexpected 'on': SHARDS POLICY <KEY|SEQUENCE|DIRECTORY|RANGE <ranges as JSON>> [FROM <time, RFC 3339>]".into()),
        ("MULTI", "UNKNOWN transactions are not supported: send the commands without MULTI (in redis-py: pipeline(transaction=False))".into()),
        ("exec", "UNKNOWN transactions are not supported: send the commands without EXEC (in redis-py: pipeline(transaction=False))".into()),
        ("DISCARD", "UNKNOWN transactions are not supported: send the commands without DISCARD (in redis-py: pipeline(transaction=False))".into()),
        ("SHARDS POLICY KEY FROM noon", format!("INVALID FROM {time}, got 'noon'")),
        ("HELLO 4", "INVALID protocol must be 2 or 3, got '4'".into()),
        ("HELLO 3 AUTH me secret", "INVALID this server has no users and no passwords: leave AUTH out".into()),
        ("HELLO 3 AUTH me secret SETNAME me", "INVALID this server has no users and no passwords: leave AUTH out".into()),
        ("HELLO 3 SETNAME me AUTH me secret", "INVALID this server has no users and no passwords: leave AUTH out".into()),
        ("HELLO 3 SETNAME", "INVALID something is missing behind 'SETNAME': HELLO [2|3 [SETNAME <name>]]".into()),
        ("HELLO 3 NAME me", "INVALID unexpected 'NAME': HELLO [2|3 [SETNAME <name>]]".into()),
        ("HELLO 3 SETNAME me too", "INVALID HELLO takes 0 to 3 arguments: HELLO [2|3 [SETNAME <name>]]".into()),
        ("AUTH secret", "INVALID this server has no users and no passwords: leave AUTH out".into()),
        ("SELECT 1", "INVALID database must be 0, the only one, got '1'".into()),
        ("QUIT now", "INVALID QUIT takes no arguments: QUIT".into()),
        ("CLIENT KILL", "UNKNOWN CLIENT has no subcommand 'KILL': CLIENT <ID|SETNAME <name>|GETNAME|SETINFO <LIB-NAME|LIB-VER> <text>>".into()),
        ("CLIENT SETNAME 'a b'", "INVALID name must be printable ASCII without spaces, got 'a b'".into()),
        ("CLIENT SETINFO COLOUR red", "INVALID attribute must be LIB-NAME or LIB-VER, got 'COLOUR'".into()),
    ];
    for (line, words) in cases {
        let line = line.replace("{id}", ID).replace("{uuid}", UUID).replace("{257}", &"x".repeat(257));
        let wrong = parsed(&line).unwrap_err();
        assert_eq!(format!("{} {wrong}", wrong.code()), words, "{line}");
    }
}

#[test]
fn what_is_shown_of_an_argument_is_short_and_on_one_line() {
    let mut stream = Vec::new();
    let long = "é".repeat(500);
    for (argument, shown) in [
        (b"a\r\nb".as_slice(), "'a\\x0d\\x0ab'".to_owned()),
        (long.as_bytes(), format!("'{}…'", "é".repeat(48))),
    ] {
        stream.clear();
        encode::command(&mut stream, &[b"SELECT", argument]);
        let Item::Command(args) = Decoder::new().decode(&stream).unwrap().item else { panic!("a command") };
        assert_eq!(
            parse(&args).unwrap_err().to_string(),
            format!("database must be 0, the only one, got {shown}")
        );
    }
}

#[test]
fn bids_hold_nothing_on_the_heap_and_requests_stay_small() {
    assert!(std::mem::size_of::<Request>() <= 80, "{}", std::mem::size_of::<Request>());
}

fn any_word() -> impl Strategy<Value = Vec<u8>> {
    let names = gavel_wire::catalogue::ALL.iter().flat_map(|entry| entry.name.split(' ')).collect::<Vec<_>>();
    prop_oneof![
        3 => prop::sample::select(names).prop_map(|name| name.as_bytes().to_vec()),
        1 => prop::sample::select(vec![ID, UUID, "7", "100", "{}", "ID", "FROM", "RANGE", "-", "NONE", "KEEP", "2"])
            .prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #[test]
    fn any_arguments_are_a_request_or_told_why(arguments in vec(any_word(), 1..12)) {
        let mut stream = Vec::new();
        encode::command(&mut stream, &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let Item::Command(args) = Decoder::new().decode(&stream).unwrap().item else { panic!("a command") };
        if let Err(wrong) = parse(&args) {
            prop_assert!(!wrong.to_string().contains(['\r', '\n']));
        }
    }

    #[test]
    fn bids_are_read_as_they_are_written(day: u16, shard: u8, sequence in 1_u64..=99_999_999, account: u128, amount in 1_u64..1 << 53, id: Option<u128>) {
        let auction = AuctionId::new(day, ShardId(shard), sequence).unwrap();
        let (bidder, amount) = (AccountId::from_bits(account), Amount::new(amount).unwrap());
        let id = id.map(BidId::from_bits);
        let mut stream = Vec::new();
        encode::bid(&mut stream, auction, bidder, amount, id);
        let Item::Command(args) = Decoder::new().decode(&stream).unwrap().item else { panic!("a command") };
        prop_assert_eq!(parse(&args), Ok(Request::Bid { auction, bidder, amount, id }));
    }
}
