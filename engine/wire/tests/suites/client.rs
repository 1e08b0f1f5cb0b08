//! Goal: the client keeps replies, refusals and messages apart, whatever comes between them, and never mistakes one for another
//! after a failure.
//!
//! Method: a peer on a loopback socket that speaks through this crate's own codec and answers every command in a fixed way; it
//! writes its replies in small pieces. (Against the real server the end-to-end suites drive the same client.)

use gavel_core::{AccountId, Amount, AuctionId, BidId, Epoch, Lsn, Position, Receipt, Standing, Timestamp};
use gavel_wire::client::Pipeline;
use gavel_wire::limits::MESSAGES_KEPT_MAX;
use gavel_wire::{Client, ClientError, Code, Decoder, Item, Protocol, Request, Value, reply, request};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const RESP3: Protocol = Protocol::Resp3;

fn auction() -> AuctionId {
    "20261122-003-00000042".parse().unwrap()
}

fn receipt(auction: AuctionId, amount: Amount, id: Option<BidId>) -> Receipt {
    let bid = id.unwrap_or(BidId::assigned(auction, gavel_core::Seq(5)));
    let position = Position { shard: auction.shard(), epoch: Epoch(1), lsn: Lsn(42) };
    let ends_at = Timestamp::from_micros(1).unwrap();
    Receipt { standing: Standing::Leading, price: amount, min_next: amount, ends_at, bid, position }
}

/// The fixed answers. `None`: hang up.
fn answer(request: Result<Request, gavel_wire::RequestError>, out: &mut Vec<u8>) -> Option<()> {
    match request {
        Ok(Request::Bid { amount, .. }) if amount.get() == 13 => {
            reply::error(out, Code::TooLow, "bid at least 14")
        }
        Ok(Request::Bid { auction, amount, id, .. }) => reply::receipt(out, &receipt(auction, amount, id)),
        Ok(Request::Ping(_)) => reply::simple(out, "PONG"),
        // A message in front of the reply, as the server may push one at any time.
        Ok(Request::Echo(message)) => {
            reply::message(out, auction(), &message, RESP3);
            reply::bulk(out, &message);
        }
        Ok(Request::Subscribe(auctions)) if auctions.len() > 2 => {
            reply::error(out, Code::TooLarge, "too many")
        }
        Ok(Request::Subscribe(auctions)) => {
            for (index, &auction) in auctions.iter().enumerate() {
                reply::subscribed(out, auction, index + 1, RESP3);
                reply::message(out, auction, b"{\"first\":true}", RESP3);
            }
        }
        Ok(Request::Open(_)) => reply::auction_id(out, auction()),
        Ok(Request::Get(id)) => reply::bulk(out, format!("{{\"id\":\"{id}\"}}").as_bytes()),
        Ok(Request::Hello(_)) => reply::ok(out),
        Ok(Request::Quit) => return None,
        Ok(other) => panic!("{other:?}"),
        Err(wrong) => reply::request_error(out, &wrong),
    }
    Some(())
}

async fn serve(mut socket: TcpStream) -> std::io::Result<()> {
    let (mut decoder, mut input, mut out) = (Decoder::new(), Vec::new(), Vec::new());
    while socket.read_buf(&mut input).await? > 0 {
        let mut used = 0;
        loop {
            let step = decoder.decode(&input[used..]).unwrap();
            used += step.consumed;
            match step.item {
                Item::Command(args) => {
                    if answer(request::parse(&args), &mut out).is_none() {
                        return socket.write_all(&out[..out.len() / 2]).await;
                    }
                }
                Item::Incomplete => break,
                other => panic!("{other:?}"),
            }
        }
        input.drain(..used);
        for piece in out.chunks(7_001) {
            socket.write_all(piece).await?;
        }
        out.clear();
    }
    Ok(())
}

async fn peer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that hangs up first is no failure here.
            tokio::spawn(async move { serve(socket).await.unwrap_or_default() });
        }
    });
    address
}

async fn client() -> Client {
    Client::connect(peer().await).await.unwrap()
}

fn bidder() -> AccountId {
    AccountId::from_integer(7)
}

fn amount(value: u64) -> Amount {
    Amount::new(value).unwrap()
}

#[tokio::test]
async fn bids_are_answered_with_receipts_and_refusals() {
    let mut client = client().await;
    let id = Some(BidId::from_bits(u128::MAX));
    assert_eq!(
        client.bid(auction(), bidder(), amount(5), id).await.unwrap(),
        receipt(auction(), amount(5), id)
    );
    let Err(ClientError::Server(refusal)) = client.bid(auction(), bidder(), amount(13), None).await else {
        panic!("a refusal")
    };
    assert_eq!((refusal.code, &*refusal.message), (Code::TooLow, "bid at least 14"));
    assert_eq!(client.open("{}", None).await.unwrap(), auction());
    assert_eq!(client.get(auction()).await.unwrap(), "{\"id\":\"20261122-003-00000042\"}");
    let Err(ClientError::Server(refusal)) = client.call(&[b"LPUSH"]).await else { panic!("a refusal") };
    assert_eq!(refusal.code, Code::Unknown);
}

#[tokio::test]
async fn a_pipeline_larger_than_every_buffer_between_comes_back_in_order() {
    let mut client = client().await;
    let mut pipeline = Pipeline::new();
    for value in 1..=60_000 {
        pipeline.bid(auction(), bidder(), amount(value), None);
    }
    let replies = client.pipeline(&pipeline).await.unwrap();
    assert_eq!(replies.len(), 60_000);
    for (reply, value) in replies.into_iter().zip(1..) {
        match reply {
            Ok(reply) => assert_eq!(reply.to_receipt(), Some(receipt(auction(), amount(value), None))),
            Err(refusal) => assert_eq!((value, refusal.code), (13, Code::TooLow)),
        }
    }
}

#[tokio::test]
async fn messages_between_replies_are_kept_and_bounded() {
    let mut client = client().await;
    client.subscribe(&[auction(), auction()]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(&*client.next_message().await.unwrap().payload, "{\"first\":true}");
    }
    assert_eq!(client.call(&[b"ECHO", b"a"]).await.unwrap().as_str(), Some("a"));
    let message = client.next_message().await.unwrap();
    assert_eq!((&*message.channel, &*message.payload), ("auction:20261122-003-00000042", "a"));

    let mut pipeline = Pipeline::new();
    for number in 0..MESSAGES_KEPT_MAX + 10 {
        pipeline.command(&[b"ECHO", number.to_string().as_bytes()]);
    }
    client.pipeline(&pipeline).await.unwrap();
    assert_eq!(&*client.next_message().await.unwrap().payload, "10", "the oldest ten have gone");
}

#[tokio::test]
async fn a_refused_subscription_leaves_the_connection_usable() {
    let mut client = client().await;
    assert!(matches!(client.subscribe(&[auction(); 3]).await, Err(ClientError::Server(_))));
    assert_eq!(client.call(&[b"PING"]).await.unwrap(), Value::Simple("PONG".into()));
    assert!(matches!(client.subscribe(&[]).await, Err(ClientError::TooMany(0, _))));
}

#[tokio::test]
async fn a_connection_that_ends_halfway_is_said_to_have_ended() {
    let mut client = client().await;
    let mut pipeline = Pipeline::new();
    pipeline.command(&[b"PING"]);
    pipeline.command(&[b"QUIT"]);
    assert!(matches!(client.pipeline(&pipeline).await, Err(ClientError::Closed | ClientError::Io(_))));
    assert!(matches!(client.call(&[b"PING"]).await, Err(ClientError::Broken)));
    assert!(matches!(client.next_message().await, Err(ClientError::Broken)));
}

#[tokio::test]
async fn a_connection_that_ends_while_a_message_is_awaited_is_said_to_have_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"+OK\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n>3\r\n").await.unwrap();
        // The client's HELLO is read, so that closing sends no reset that would discard what was written.
        socket.read_exact(&mut [0; b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n".len()]).await.unwrap();
    });
    let mut client = Client::connect(address).await.unwrap();
    assert_eq!(&*client.next_message().await.unwrap().payload, "b");
    assert!(matches!(client.next_message().await, Err(ClientError::Closed | ClientError::Io(_))));
    assert!(matches!(client.next_message().await, Err(ClientError::Broken)));
}

#[tokio::test]
async fn a_call_that_is_given_up_halfway_ends_the_connection() {
    let mut client = client().await;
    {
        let call = client.call(&[b"PING"]);
        tokio::pin!(call);
        // Polled once: the command is on its way, its reply is not read.
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    }
    assert!(matches!(client.call(&[b"PING"]).await, Err(ClientError::Broken)));
}
