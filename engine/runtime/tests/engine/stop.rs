//! Goal: an engine that is stopped answers all it has taken and closes its log; one that is dropped stops like a crash.
//! Method: commits are held while the stop begins.

use crate::common::{Client, Gate, bid, draft, launch, options, reach, restart, secs, start};
use gavel_engine::{Failure, LogState, Phase, Refusal, Reply};
use gavel_log::{Log, MemoryLog};

#[tokio::test]
async fn commands_under_way_are_answered_and_the_log_is_closed() {
    let gate = Gate::default();
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(gate.before(log), options(2)).await;
    let mut client = Client::new(&engine);
    let mut late = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    gate.hold();
    let tickets: Vec<_> = (1..=100).map(|n| client.send(id, bid(n, 10 * n))).collect();
    let now = client.handle.now();
    let pushed = client.push(now, id, bid(101, 5_000)).unwrap();
    let handle = engine.handle();
    let stopping = tokio::spawn(engine.stop());
    reach(&handle, Phase::Closing).await;
    assert_eq!(late.push(now, id, bid(1, 9_999)), Err(Refusal::Closing));
    // Pushed before the stop, sent after it began.
    client.port.flush();
    gate.release();
    for ticket in tickets {
        assert!(matches!(client.answer(ticket).await, Reply::Receipt(_)));
    }
    assert!(matches!(client.answer(pushed).await, Reply::Receipt(_)));
    stopping.await.unwrap().unwrap();
    assert!(gate.closed());
    gate.wait_until_gone();
    assert_eq!(handle.credit().0, 0);
    let engine = restart(&contents, options(2)).await;
    assert_eq!(engine.handle().live(id).unwrap().view().bid_count, 101);
    engine.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_taken_while_the_engine_closes_is_answered() {
    for _ in 0..crate::common::rounds(30) {
        let engine = start(MemoryLog::new(), options(2)).await;
        let mut opener = Client::new(&engine);
        let id = opener.open(draft(opener.handle.now().saturating_add(secs(3_600)))).await;
        let mut client = Client::new(&engine);
        let bidding = tokio::spawn(async move {
            for n in 1_u64.. {
                match client.push(client.handle.now(), id, bid(n, n)) {
                    Ok(ticket) => {
                        client.port.flush();
                        // A bid that was taken and is never answered would hang here.
                        client.answer(ticket).await;
                    }
                    Err(refusal) => return (refusal, n),
                }
            }
            unreachable!("the engine closes")
        });
        while engine.handle().live(id).unwrap().view().bid_count < 3 {
            tokio::task::yield_now().await;
        }
        let handle = engine.handle();
        engine.stop().await.unwrap();
        let (refusal, n) = bidding.await.unwrap();
        assert_eq!((refusal, handle.credit().0), (Refusal::Closing, 0));
        assert_eq!(u64::from(handle.live(id).unwrap().view().bid_count), n - 1);
    }
}

#[tokio::test]
async fn a_stop_while_the_log_is_read_is_no_failure_and_leaves_the_log_as_it_was() {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(log, options(2)).await;
    engine.stop().await.unwrap();
    let (before, marked_at) =
        (gavel_log::LogReader::durable(&contents, gavel_core::ShardId(0)), contents.marked_at());
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let reopened = MemoryLog::open(contents.clone());
    let open = move || {
        wait.recv().expect("the test lets it go");
        Ok::<_, Failure>((reopened, LogState::default()))
    };
    let engine = gavel_engine::Engine::start(options(2), Box::new(open)).unwrap();
    let handle = engine.handle();
    assert_eq!(handle.phase(), Phase::Loading);
    let stopping = tokio::spawn(engine.stop());
    reach(&handle, Phase::Closing).await;
    go.send(()).unwrap();
    stopping.await.unwrap().expect("nothing has failed");
    assert_eq!((handle.phase(), handle.failure()), (Phase::Closing, None));
    assert_eq!(gavel_log::LogReader::durable(&contents, gavel_core::ShardId(0)), before);
    assert_eq!(contents.marked_at(), marked_at, "no sign of life");
}

#[tokio::test]
async fn a_stop_during_the_first_commit_is_not_undone_by_its_end() {
    let gate = Gate::default();
    gate.hold();
    let engine = launch(gate.before(MemoryLog::new()), LogState::default(), options(2));
    let (handle, mut phases) = (engine.handle(), engine.handle().phases());
    gate.wait_for_commit();
    let stopping = tokio::spawn(engine.stop());
    reach(&handle, Phase::Closing).await;
    phases.mark_unchanged();
    gate.release();
    stopping.await.unwrap().unwrap();
    assert_eq!(handle.phase(), Phase::Closing);
    assert!(!phases.has_changed().unwrap(), "it was never ready");
    assert!(gate.closed());
}

#[tokio::test]
async fn a_dropped_engine_commits_and_answers_nothing_more() {
    let gate = Gate::default();
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = start(gate.before(log), options(1)).await;
    let mut client = Client::new(&engine);
    let id = client.open(draft(client.handle.now().saturating_add(secs(3_600)))).await;
    gate.hold();
    client.send(id, bid(1, 10));
    gate.wait_for_commit();
    client.send(id, bid(2, 20));
    assert_eq!(client.handle.inspect().await[0].auctions, 1, "the second is decided, too");
    drop(engine);
    gate.release();
    gate.wait_until_gone();
    assert_eq!(client.take_answers(), 0);
    assert!(!gate.closed());
    let log = MemoryLog::open(contents);
    let last = log.durable(id.shard()).0;
    // Its start (the first record), the opening, and the bid that was at the disk; not the one behind it.
    assert_eq!(last, 3);
}

#[tokio::test]
async fn a_log_that_is_refused_fails_with_its_reason() {
    let refuse = || Err::<(MemoryLog, LogState), _>(Failure::Refused("not ours".into()));
    let engine = gavel_engine::Engine::start(options(1), Box::new(refuse)).unwrap();
    reach(&engine.handle(), Phase::Failed).await;
    assert_eq!(engine.stop().await, Err(Failure::Refused("not ours".into())));
    let wrong = gavel_engine::EngineOptions { credit: 0, ..options(1) };
    let log = MemoryLog::new();
    let refused = gavel_engine::Engine::start(wrong, Box::new(move || Ok((log, LogState::default()))));
    assert!(refused.is_err_and(|error| error.to_string().contains("credit must be 1")));
    drop(launch(MemoryLog::new(), LogState::default(), options(1)));
}
