//! Goal: without credit a command is refused at once, with it there is always room, and no credit is ever lost.
//! Method: commits are held, so that answers, and the credit with them, stay out as long as the test likes.

use crate::common::{Client, Gate, bid, draft, options, secs, start};
use gavel_core::AuctionId;
use gavel_engine::{Engine, EngineOptions, Refusal};
use gavel_log::MemoryLog;

async fn rig(credit: usize, connection_credit: usize) -> (Gate, Engine, AuctionId) {
    let gate = Gate::default();
    let options = EngineOptions { credit, connection_credit, ..options(1) };
    let engine = start(gate.before(MemoryLog::new()), options).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    (gate, engine, id)
}

fn push(client: &mut Client, id: AuctionId, n: u64) -> Result<(), Refusal> {
    client.push(client.handle.now(), id, bid(n, n)).map(drop)
}

async fn take(client: &mut Client, count: usize) {
    while client.port.under_way() > 0 {
        client.take_answers();
        tokio::task::yield_now().await;
    }
    assert_eq!(client.order.len(), count);
}

#[tokio::test]
async fn a_connection_without_credit_is_refused_at_once_and_recovers() {
    let (gate, engine, id) = rig(100, 10).await;
    let (mut client, mut other) = (Client::new(&engine), Client::new(&engine));
    gate.hold();
    for n in 1..=10 {
        push(&mut client, id, n).unwrap();
    }
    assert_eq!(
        push(&mut client, id, 11),
        Err(Refusal::ConnectionCredit(10)),
        "pushed counts as much as sent"
    );
    client.port.flush();
    gate.wait_for_commit();
    assert_eq!(push(&mut client, id, 11), Err(Refusal::ConnectionCredit(10)));
    push(&mut other, id, 12).expect("others are not concerned");
    other.port.flush();
    gate.release();
    take(&mut client, 10).await;
    take(&mut other, 1).await;
    push(&mut client, id, 13).unwrap();
    client.port.flush();
    take(&mut client, 11).await;
    assert_eq!(client.handle.credit(), (0, 100));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_without_credit_refuses_everybody_at_once_and_recovers() {
    let (gate, engine, id) = rig(20, 20).await;
    let (mut client, mut other) = (Client::new(&engine), Client::new(&engine));
    gate.hold();
    (1..=20).for_each(|n| push(&mut client, id, n).unwrap());
    client.port.flush();
    assert_eq!(push(&mut other, id, 21), Err(Refusal::ProcessCredit(20)));
    assert_eq!(client.handle.credit(), (20, 20));
    gate.release();
    take(&mut client, 20).await;
    push(&mut other, id, 21).unwrap();
    other.port.flush();
    take(&mut other, 1).await;
    assert_eq!(client.handle.credit(), (0, 20));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn every_credit_can_be_used_at_once_in_messages_of_one() {
    let (gate, engine, id) = rig(3_000, 1_000).await;
    gate.hold();
    let mut clients: Vec<_> = (0..3).map(|_| Client::new(&engine)).collect();
    for n in 1..=1_000 {
        for client in &mut clients {
            push(client, id, n).unwrap();
            client.port.flush();
        }
    }
    assert_eq!(engine.handle().credit(), (3_000, 3_000));
    gate.release();
    for client in &mut clients {
        take(client, 1_000).await;
    }
    assert_eq!(engine.handle().credit(), (0, 3_000));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn ports_that_are_dropped_leave_no_credit_behind() {
    let (gate, engine, id) = rig(200, 100).await;
    gate.hold();
    let mut sent = Client::new(&engine);
    (1..=70).for_each(|n| push(&mut sent, id, n).unwrap());
    sent.port.flush();
    gate.wait_for_commit();
    // Pushed and never flushed: gone with the port, and an opening among them can be placed anew.
    let mut unsent = Client::new(&engine);
    (1..=70).for_each(|n| push(&mut unsent, id, n).unwrap());
    let handle = unsent.handle.clone();
    assert_eq!(
        handle.credit().0,
        170,
        "all that the port has taken counts, used or not, until it is flushed"
    );
    drop(unsent);
    assert_eq!(handle.credit().0, 70);
    drop(sent);
    assert_eq!(handle.credit().0, 70, "what is under way is still under way");
    gate.release();
    // The answers to a port that is gone give their credit back as any other; this one's come after them.
    let mut last = Client::new(&engine);
    push(&mut last, id, 1_000).unwrap();
    last.port.flush();
    take(&mut last, 1).await;
    assert_eq!(handle.credit().0, 0);
    assert_eq!(handle.live(id).unwrap().view().bid_count, 71, "what was sent was carried out");
    engine.stop().await.unwrap();
}
