//! Goal: a subscriber sees the last state, however slow it is, and nothing piles up for it.
//! Method: a burst of bids against a subscriber that does not look; then subscribers that race with the bids.

use crate::common::{Client, bid, draft, options, run_hub, secs, start};
use gavel_core::Seq;
use gavel_log::MemoryLog;

#[tokio::test]
async fn a_slow_subscriber_sees_one_change_the_last() {
    let engine = start(MemoryLog::new(), options(1)).await;
    run_hub(&engine.handle());
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    let live = engine.handle().live(id).unwrap();
    let mut changes = live.subscribe();
    assert_eq!(*changes.borrow_and_update(), 1, "it begins with what is there");
    let tickets: Vec<_> = (1..=500).map(|n| client.send(id, bid(n, 10 * n))).collect();
    for ticket in tickets {
        client.answer(ticket).await;
    }
    let mut wakes = 0;
    while *changes.borrow_and_update() != 501 {
        changes.changed().await.unwrap();
        wakes += 1;
    }
    assert!(wakes <= 500);
    assert_eq!(live.view().seq, Seq(501));
    assert!(!changes.has_changed().unwrap(), "nothing is left to be seen");
    engine.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_last_state_is_missed_by_whoever_comes_and_goes() {
    let engine = start(MemoryLog::new(), options(2)).await;
    run_hub(&engine.handle());
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    let live = engine.handle().live(id).unwrap();
    for n in 1..=300_u64 {
        let (live, seq) = (live.clone(), n as u32 + 1);
        // Subscribes at no particular moment of the bid's way, and goes when it has seen it.
        let watcher = tokio::spawn(async move {
            let mut changes = live.subscribe();
            changes.wait_for(|now| *now >= seq).await.map(|now| *now).unwrap()
        });
        client.receipt(id, bid(n, 10 * n)).await;
        assert_eq!(watcher.await.unwrap(), seq);
    }
    engine.stop().await.unwrap();
}
