//! Goal: nobody learns of anything that could still be lost.
//! Method: a commit is held at the gate; answers, live view and durable Lsn are looked at before and after it passes, and after
//! it has failed.

use crate::common::{Client, Gate, amount, bid, draft, launch, options, reach, secs, start};
use gavel_core::{Command, Rejection};
use gavel_engine::{Failure, LogState, Phase, Refusal, Reply};
use gavel_log::{Fault, Faults, LossyLog, MemoryLog};

#[tokio::test]
async fn nothing_is_seen_before_its_commit_and_all_of_it_after() {
    let gate = Gate::default();
    let engine = start(gate.before(MemoryLog::new()), options(1)).await;
    let mut client = Client::new(&engine);
    let mut other = Client::new(&engine);
    let ends_at = client.handle.now().saturating_add(secs(3_600));
    let id = client.open(draft(ends_at)).await;
    let before = (client.handle.live(id).unwrap().view(), client.handle.durable(id.shard()));

    gate.hold();
    let accepted = client.send(id, bid(1, 100));
    gate.wait_for_commit();
    // Decided by the shard, while the first is at the disk: a rejection that depends on it, a retry, an opening.
    let rejected = other.send(id, bid(2, 1));
    let opened = other.send_open(draft(ends_at), Some(5)).unwrap();
    // The shard has answered this after it has decided those: they are decided, and wait for the log thread.
    let report = client.handle.inspect().await.remove(0);
    assert_eq!(report.applied.0, before.1.0 + 2, "the shard is ahead of the disk");
    assert_eq!((client.take_answers(), other.take_answers()), (0, 0), "nobody has heard anything");
    assert_eq!((client.handle.live(id).unwrap().view(), client.handle.durable(id.shard())), before);
    assert_eq!(client.handle.live_counts(id.shard()).unfinished, 1, "the second auction is not there yet");
    assert_eq!(client.handle.credit().0, 3);

    gate.release();
    let Reply::Receipt(receipt) = client.answer(accepted).await else { panic!("no receipt") };
    assert_eq!(other.answer(rejected).await, Reply::Rejected(Rejection::TooLow(amount(2))));
    let Reply::Opened(second, position) = other.answer(opened).await else { panic!("not opened") };
    assert_eq!(client.handle.live(id).unwrap().view().position, receipt.position);
    assert_eq!(client.handle.durable(id.shard()), position.lsn);
    assert!(client.handle.live(second).is_some());
    assert_eq!(client.handle.credit().0, 0);
    engine.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_commit_ends_all_answering_and_is_not_tried_again() {
    for fault in
        [Fault::DiskFull, Fault::SyncFails, Fault::SyncFailsAfterAll, Fault::WriteFails { survivors: 0 }]
    {
        let gate = Gate::default();
        // The first commit is the start's, the second the opening's.
        let log = LossyLog::new(Faults { commit: Some((3, fault)), ..Faults::default() });
        let engine = start(gate.before(log), options(1)).await;
        let mut client = Client::new(&engine);
        let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
        let before = client.handle.live(id).unwrap().view();
        assert_eq!(gate.commits(), 2);
        for command in [bid(1, 100), bid(2, 1)] {
            client.push(client.handle.now(), id, command).unwrap();
        }
        client.port.flush();
        reach(&client.handle, Phase::Failed).await;
        gate.wait_until_gone();
        assert_eq!(client.take_answers(), 0, "{fault:?}");
        assert_eq!(gate.commits(), 3, "{fault:?}: tried once");
        assert!(!gate.closed(), "{fault:?}: not marked clean");
        assert_eq!(client.handle.live(id).unwrap().view(), before, "{fault:?}");
        let Some(Failure::Log(why)) = client.handle.failure() else { panic!("no reason") };
        let words = if fault == Fault::DiskFull { "no space is left" } else { "the disk failed" };
        assert!(why.contains(words), "{why}");
        let refused = client.push(client.handle.now(), id, Command::End);
        // The port may hold credit from before; whatever it still sends is never answered.
        assert!(matches!(refused, Err(Refusal::Failed) | Ok(_)), "{refused:?}");
        assert!(
            matches!(engine.stop().await, Err(Failure::Log(kept)) if kept == why),
            "the first reason is kept"
        );
        assert_eq!(client.take_answers(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn a_start_that_can_not_be_committed_takes_no_command() {
    let log = LossyLog::new(Faults { commit: Some((1, Fault::DiskFull)), ..Faults::default() });
    let engine = launch(log, LogState::default(), options(2));
    reach_failed(&engine.handle()).await;
    let refused = engine.handle().port().push_open(
        gavel_engine::Ticket(1),
        engine.handle().now(),
        crate::common::opening(
            draft(engine.handle().now().saturating_add(secs(60))),
            None,
            engine.handle().now(),
        ),
    );
    assert!(matches!(refused, Err(Refusal::Failed)), "{refused:?}");
    assert!(matches!(engine.stop().await, Err(Failure::Log(_))));
}

/// As [`reach`], where the engine was never ready.
async fn reach_failed(handle: &gavel_engine::Handle) {
    let mut phases = handle.phases();
    let mut seen = vec![*phases.borrow_and_update()];
    while *seen.last().unwrap() != Phase::Failed {
        phases.changed().await.expect("the engine lives");
        seen.push(*phases.borrow_and_update());
    }
    assert!(!seen.contains(&Phase::Ready), "{seen:?}");
}
