//! Goal: the times of the stages are those that passed in them, and every command counts once in each.
//! Method: the clock is set by hand, the log held at its gate: what passes where is known to the microsecond.

use crate::common::{Client, Gate, Hand, bid, draft, options_at, start};
use gavel_engine::{Histogram, Reply};
use gavel_log::MemoryLog;

/// How many values there are, and their sum.
fn total(histogram: &Histogram) -> (u64, u64) {
    (histogram.buckets().map(|(_, count)| count).sum(), histogram.sum())
}

#[tokio::test]
async fn each_stage_is_told_the_time_that_passed_in_it() {
    let (hand, gate) = (Hand::at_noon(), Gate::default());
    let engine = start(gate.before(MemoryLog::new()), options_at(1, &hand)).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(hand.after_us(3_600_000_000))).await;
    let stages = &client.handle.stats().stages;
    let before = stages.named().map(|(_, histogram)| total(histogram));
    assert_eq!(before, [(1, 0), (1, 0), (1, 0), (0, 0)], "the opening; nobody has told of its answer");

    gate.hold();
    let received = client.handle.now();
    hand.advance_us(700);
    let ticket = client.push(received, id, bid(1, 100)).unwrap();
    client.push(received, id, bid(2, 1)).unwrap();
    client.port.flush();
    gate.wait_for_commit();
    hand.advance_us(3_000);
    gate.release();
    assert!(matches!(client.answer(ticket).await, Reply::Receipt(_)));
    let given_at = client.handle.now();
    hand.advance_us(40);
    client.port.delivered(given_at, 2);

    let stages = &client.handle.stats().stages;
    let after = stages.named().map(|(name, histogram)| (name, total(histogram)));
    let expected =
        [("queue", (3, 2 * 700)), ("decide", (3, 0)), ("commit", (3, 2 * 3_000)), ("reply", (2, 2 * 40))];
    assert_eq!(after, expected);
    engine.stop().await.unwrap();
}
