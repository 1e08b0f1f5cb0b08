//! Goal: an auction ends by its own time: bids stamped before it count however late they are decided, bids stamped at it don't
//! however late the pulse is, and the pulse itself is never lost.
//! Method: stamps and clocks are set by hand; shards are held at the clock, the log at its gate. Ends are awaited, never slept for.

use crate::common::{
    Client, Gate, Hand, account, amount, bid, draft, options, options_at, reason, run_hub, secs, start,
};
use gavel_core::auction::View;
use gavel_core::terms::{SoftCloseMode, SoftCloseTrigger};
use gavel_core::{AuctionId, Command, Rejection, SoftClose, State, TermsDraft};
use gavel_engine::limits::{AUCTIONS_PER_PULSE, OWN_MESSAGES_PER_SHARD};
use gavel_engine::{Handle, Reply};
use gavel_log::MemoryLog;

/// Waits until the auction takes no bids any more.
async fn ended(handle: &Handle, id: AuctionId) -> View {
    let live = handle.live(id).expect("the auction is there");
    let mut changes = live.subscribe();
    loop {
        let view = live.view();
        if !matches!(view.state, State::Scheduled | State::Open) {
            return view;
        }
        changes.changed().await.expect("the auction lives");
    }
}

#[tokio::test]
async fn stamps_decide_not_the_moment_of_the_decision() {
    let hand = Hand::at_noon();
    let gate = Gate::default();
    let engine = start(gate.before(MemoryLog::new()), options_at(1, &hand)).await;
    let mut client = Client::new(&engine);
    let (just_before, end) = (hand.after_us(59_999_999), hand.after_us(60_000_000));
    let id = client.open(draft(end)).await;
    // Behind a commit that hangs, and long after the end by the engine's clock.
    gate.hold();
    let first = client.send(id, bid(1, 100));
    gate.wait_for_commit();
    hand.advance_us(120_000_000);
    let early = client.send_at(id, bid(2, 200), just_before);
    let late = client.send_at(id, bid(3, 300), end);
    gate.release();
    assert!(matches!(client.answer(first).await, Reply::Receipt(_)));
    let Reply::Receipt(receipt) = client.answer(early).await else { panic!("stamped before the end") };
    assert_eq!(receipt.price, amount(101));
    assert_eq!(client.answer(late).await, Reply::Rejected(Rejection::Closed(end)));
    let view = client.handle.live(id).unwrap().view();
    assert_eq!(view.state, State::Open, "no pulse has come: it was the stamp alone");
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_pulse_that_is_taken_up_late_ends_nothing_that_was_not_due_when_it_was_sent() {
    let hand = Hand::at_noon();
    let engine = start(MemoryLog::new(), options_at(1, &hand)).await;
    run_hub(&engine.handle());
    let mut client = Client::new(&engine);
    let later = client.open(draft(hand.after_us(3_600_000_000))).await;
    let stamp = hand.after_us(3_599_999_999);
    // The opening's handler reads the clock twice (the second time to set the timer), the timer once as it sends the
    // pulse, and the pulse once when it is taken up: there the shard is held.
    hand.hold_shards_after(3);
    let soon = client.open(draft(hand.after_us(20_000))).await;
    hand.advance_us(1_000_000);
    hand.wait_for_shard();
    let ticket = client.send_at(later, bid(1, 100), stamp);
    hand.advance_us(7_200_000_000);
    hand.release_shards();
    let reply = client.answer(ticket).await;
    assert!(matches!(reply, Reply::Receipt(_)), "stamped before the end, queued behind the pulse: {reply:?}");
    assert_eq!(ended(&client.handle, soon).await.state, State::Unsold);
    assert_eq!(ended(&client.handle, later).await.leader, Some(account(1)));
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn no_pulse_overtakes_what_was_received_before_an_end_and_is_not_sent_yet() {
    let hand = Hand::at_noon();
    let engine = start(MemoryLog::new(), options_at(1, &hand)).await;
    run_hub(&engine.handle());
    let mut client = Client::new(&engine);
    // The grace is 5 ms: a pulse that ends the first of them has been sent after the clock was advanced the second time.
    let witness = client.open(draft(hand.after_us(14_000))).await;
    let soon = client.open(draft(hand.after_us(20_000))).await;
    hand.advance_us(15_000);
    let handle = client.handle.clone();
    let received = handle.received();
    hand.advance_us(1_000_000);
    assert_eq!(ended(&handle, witness).await.state, State::Unsold);
    let ticket = client.send_at(soon, bid(1, 100), received.at());
    drop(received);
    let reply = client.answer(ticket).await;
    assert!(matches!(reply, Reply::Receipt(_)), "received before the end: {reply:?}");
    assert_eq!(
        ended(&handle, soon).await.leader,
        Some(account(1)),
        "the pulse comes once nothing holds it back"
    );
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn ends_that_were_moved_earlier_and_later_come_when_they_should() {
    let engine = start(MemoryLog::new(), options(2)).await;
    run_hub(&engine.handle());
    let mut client = Client::new(&engine);
    let now = client.handle.now();
    // An hour away; then a bid resets it to a second from then.
    let reset = SoftClose {
        mode: SoftCloseMode::Reset,
        trigger: SoftCloseTrigger::Any,
        window: secs(3_600),
        extension: secs(1),
        hard_end: None,
    };
    let terms = TermsDraft { soft_close: Some(reset), ..draft(now.saturating_add(secs(3_600))) };
    let earlier = client.open(terms).await;
    let receipt = client.receipt(earlier, bid(1, 100)).await;
    assert!(receipt.ends_at < now.saturating_add(secs(60)));
    // About to end; then moved on by a command.
    let soon = now.saturating_add(secs(1));
    let later = client.open(draft(soon)).await;
    let moved = soon.saturating_add(secs(1));
    let extended = client.ask(later, Command::Extend { ends_at: moved }).await;
    assert!(matches!(extended, Reply::Done(Some(_))), "{extended:?}");
    let view = ended(&client.handle, earlier).await;
    assert_eq!((view.state, view.leader, view.ends_at), (State::Awarded, Some(account(1)), receipt.ends_at));
    assert!(view.at >= receipt.ends_at);
    let view = ended(&client.handle, later).await;
    assert!(view.state == State::Unsold && view.ends_at == moved && view.at >= moved, "{view:?}");
    // Ended at once by command: no pulse comes for what is over.
    let id = client.open(draft(client.handle.now().saturating_add(secs(60)))).await;
    client.ask(id, Command::Cancel { reason: reason() }).await;
    assert_eq!(ended(&client.handle, id).await.state, State::Cancelled);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn thousands_that_end_at_once_all_end_and_do_not_pile_up_before_a_slow_log() {
    let hand = Hand::at_noon();
    let gate = Gate::default();
    let engine = start(gate.before(MemoryLog::new()), options_at(1, &hand)).await;
    run_hub(&engine.handle());
    let mut client = Client::new(&engine);
    let end = hand.after_us(500_000);
    let mut auctions = Vec::new();
    for seller in 0..5_000 {
        auctions.push(client.open(TermsDraft { seller: Some(account(seller)), ..draft(end) }).await);
    }
    let other = client.open(draft(hand.after_us(3_600_000_000))).await;
    gate.hold();
    let ticket = client.send(other, bid(1, 100));
    gate.wait_for_commit();
    hand.advance_us(1_000_000);
    let before = client.handle.inspect().await[0].applied.0;
    while client.handle.inspect().await[0].applied.0 == before {}
    // A pulse that has more to do goes behind each of these in the mailbox, and so would be through with all.
    for _ in 0..50 {
        client.handle.inspect().await;
    }
    let decided = client.handle.inspect().await[0].applied.0 - before;
    assert!(
        decided <= (OWN_MESSAGES_PER_SHARD * AUCTIONS_PER_PULSE) as u64,
        "{decided} ends wait for the log"
    );
    gate.release();
    assert!(matches!(client.answer(ticket).await, Reply::Receipt(_)));
    for &id in &auctions {
        let view = ended(&client.handle, id).await;
        assert_eq!((view.state, view.ends_at), (State::Unsold, end));
    }
    engine.stop().await.unwrap();
}
