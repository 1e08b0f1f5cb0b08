//! Goal: a step of the system's clock closes no auction and reopens none, and is reported.
//! Method: a clock set by hand, whose system time is stepped by hours both ways while the monotonic clock stands or goes on.

use crate::common::{Client, Hand, NOON_US, bid, draft, options_at, start, time};
use gavel_core::{Rejection, State};
use gavel_engine::Reply;
use gavel_log::MemoryLog;

const HOUR_US: u64 = 3_600_000_000;

#[tokio::test]
async fn a_stepped_system_clock_closes_and_reopens_nothing() {
    let hand = Hand::at_noon();
    let engine = start(MemoryLog::new(), options_at(1, &hand)).await;
    let mut client = Client::new(&engine);
    let ends_at = hand.after_us(HOUR_US);
    let id = client.open(draft(ends_at)).await;
    assert_eq!(client.handle.clock_drift_us(), 0);

    hand.step_wall_us(5 * HOUR_US as i64);
    assert_eq!(client.handle.now(), time(NOON_US));
    assert_eq!(client.handle.clock_drift_us(), 5 * HOUR_US as i64);
    client.receipt(id, bid(1, 100)).await;
    assert_eq!(client.handle.live(id).unwrap().view().state, State::Open);

    hand.step_wall_us(-9 * HOUR_US as i64);
    assert_eq!(client.handle.clock_drift_us(), -4 * HOUR_US as i64);
    hand.advance_us(HOUR_US);
    assert_eq!(client.handle.now(), ends_at);
    let late = client.ask(id, bid(2, 200)).await;
    assert_eq!(late, Reply::Rejected(Rejection::Closed(ends_at)), "hours back do not reopen it");
    engine.stop().await.unwrap();
}
