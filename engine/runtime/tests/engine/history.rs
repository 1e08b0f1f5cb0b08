//! Goal: recovery from a snapshot and the records behind it comes to what the records alone say, whenever the snapshot was taken;
//! and a snapshot that is not what it was is left aside.
//!
//! Method: storms of random commands, seeded, over a log that fails at a random commit. Meanwhile snapshots are taken one after the
//! other, so that every auction, ban and departure from memory falls before, into and behind some of them. After each crash the
//! recovered shards are compared with a fold of all records from the first on, and every acknowledged bid is sent again. Then
//! single lies: a bit that flipped, a file that was cut off, a foot that says another count, a snapshot of another log.

use crate::common::{Client, Dice, Gate, Hand, bid, draft, launch, options_in, reach, rounds, secs};
use crate::recovery::{Fold, Ledger, SHARDS, assert_acknowledged, assert_folds, fault, storm};
use gavel_core::placement::{PlacementChange, Policy};
use gavel_core::{Digest, Lsn, ShardId};
use gavel_engine::{Engine, EngineOptions, Handle, LogState, Phase, Replica, ReplicaError, WideBan};
use gavel_log::snapshot::{Foot, Reader, Writer, list};
use gavel_log::{Contents, Faults, LossyLog, MemoryLog};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

fn options(dir: &Path, hand: &Hand) -> EngineOptions {
    EngineOptions { clock: hand.clock(), retire_after: secs(1), ..options_in(SHARDS, dir) }
}

/// Takes snapshots until the engine is gone.
fn snapshots(handle: Handle) -> tokio::task::JoinHandle<u64> {
    tokio::spawn(async move {
        let mut taken = 0;
        while handle.phase() == Phase::Ready {
            taken += u64::from(handle.snapshot().await.is_ok());
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        taken
    })
}

async fn bans_and_placement(engine: &Engine, dice: &mut Dice) {
    let handle = engine.handle();
    for _ in 0..dice.below(6) {
        let bidder = gavel_core::AccountId::from_integer(1 + dice.below(8));
        let seller = (dice.below(2) == 0).then(|| gavel_core::AccountId::from_integer(100 + dice.below(50)));
        let standing = dice.pick(&[None, Some(gavel_core::command::StandingBids::Keep)]);
        // Refused where it is so already, and when the engine fails.
        drop(handle.ban(WideBan { bidder, seller, ban: standing }).await);
        let policy = dice.pick(&[0, 1]);
        let policy = if policy == 0 { Policy::Key } else { Policy::Sequence };
        let effective_at = handle.now().saturating_add(secs(dice.below(5)));
        drop(handle.change_placement(PlacementChange::PolicySet { effective_at, policy }).await);
    }
}

async fn round(seed: u64) -> (u64, u64, usize) {
    let (mut dice, mut ledger, dir) = (Dice(seed), Ledger::default(), tempfile::tempdir().unwrap());
    let (mut disk, hand) = (Contents::default(), Hand::at_noon());
    let (mut taken, mut spared) = (0, 0);
    for _ in 0..5 {
        let gate = Gate::default();
        let mut faults = fault(&mut dice);
        // Late enough for some snapshots to come before it.
        faults.commit = faults.commit.map(|(nth, fault)| (nth * 8, fault));
        let lossy = LossyLog::open(&disk, faults);
        disk = lossy.disk();
        let state = LogState { alive_until: disk.marked_at(), ..LogState::default() };
        let engine = launch(gate.before(lossy), state, options(dir.path(), &hand));
        let handle = engine.handle();
        let reached = *handle.phases().wait_for(|phase| *phase >= Phase::Ready).await.unwrap();
        if reached == Phase::Ready {
            spared += handle.progress().records_in_snapshots.load(Ordering::Relaxed);
            let snapshots = snapshots(handle.clone());
            while engine.handle().phase() == Phase::Ready {
                storm(&engine, &mut dice, &mut ledger, 100, seed).await;
                bans_and_placement(&engine, &mut dice).await;
            }
            drop(engine);
            taken += snapshots.await.unwrap();
        } else {
            drop(engine);
        }
        gate.wait_until_gone();
        // The next start finds final auctions that are to leave memory.
        hand.advance_us(2_000_000);
    }
    let state = LogState { alive_until: disk.marked_at(), ..LogState::default() };
    let lossy = LossyLog::open(&disk, Faults::default());
    let disk = lossy.disk();
    let none_leaves = EngineOptions { retire_after: secs(86_400), ..options(dir.path(), &hand) };
    let engine = launch(lossy, state, none_leaves);
    reach(&engine.handle(), Phase::Ready).await;
    spared += engine.handle().progress().records_in_snapshots.load(Ordering::Relaxed);
    assert_folds(&engine, &disk, seed).await;
    let retired: HashSet<_> =
        (0..SHARDS as u8).flat_map(|shard| Fold::of(&disk, ShardId(shard)).retired).collect();
    assert_acknowledged(&engine, &ledger, &retired, seed).await;
    engine.stop().await.unwrap();
    (taken, spared, retired.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_at_any_moment_lead_to_what_the_records_say() {
    let first = std::env::var("GAVEL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut taken, mut spared, mut retired) = (0, 0, 0);
    for seed in first..first + rounds(12) {
        eprintln!("seed {seed}");
        let of_round = round(seed).await;
        taken += of_round.0;
        spared += of_round.1;
        retired += of_round.2;
    }
    assert!(
        taken > 30 && spared > 1_000 && retired > 10,
        "{taken} snapshots, {spared} records, {retired} left"
    );
}

/// An engine over a log in memory that has taken a snapshot, then another, and then gone on.
async fn with_two_snapshots(dir: &Path) -> (Contents, Vec<(ShardId, Digest)>) {
    let log = MemoryLog::new();
    let contents = log.contents();
    let engine = launch(log, LogState::default(), options_in(1, dir));
    reach(&engine.handle(), Phase::Ready).await;
    let mut client = Client::new(&engine);
    let auction = client.open(draft(client.handle.now().saturating_add(secs(1_000)))).await;
    for n in 1..=30 {
        client.receipt(auction, bid(n, 10 * n)).await;
        if n % 10 == 0 {
            engine.handle().snapshot().await.unwrap();
        }
    }
    client.receipt(auction, bid(77, 1_000)).await;
    let digests = digests(&engine).await;
    engine.stop().await.unwrap();
    (contents, digests)
}

async fn digests(engine: &Engine) -> Vec<(ShardId, Digest)> {
    engine.handle().inspect().await.into_iter().map(|report| (report.shard, report.digest)).collect()
}

/// Starts on what is there; the digests, and how many records the snapshot has spared.
async fn recover(contents: &Contents, dir: &Path) -> (Vec<(ShardId, Digest)>, u64) {
    let engine = launch(MemoryLog::open(contents.clone()), LogState::default(), options_in(1, dir));
    reach(&engine.handle(), Phase::Ready).await;
    let spared = engine.handle().progress().records_in_snapshots.load(Ordering::Relaxed);
    let digests = digests(&engine).await;
    // Not stopped in order: nothing of this start is to be in the way of the next.
    drop(engine);
    (digests, spared)
}

fn newest(dir: &Path) -> PathBuf {
    list(dir, ShardId(0)).unwrap().remove(0)
}

/// Writes the newest snapshot once more, with another foot.
fn forge(dir: &Path, bend: impl FnOnce(&mut Foot)) {
    let mut reader = Reader::open(&newest(dir)).unwrap();
    let mut writer = Writer::create(dir, reader.head()).unwrap();
    while let Some(block) = reader.next_block().unwrap() {
        writer.block(block).unwrap();
    }
    let mut foot = *reader.foot().unwrap();
    bend(&mut foot);
    writer.finish(&foot).unwrap();
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_it_was_is_left_aside() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("none", |_| {}),
        ("a bit", |dir| {
            let mut bytes = std::fs::read(newest(dir)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            std::fs::write(newest(dir), bytes).unwrap();
        }),
        ("cut off", |dir| {
            let bytes = std::fs::read(newest(dir)).unwrap();
            std::fs::write(newest(dir), &bytes[..bytes.len() - 100]).unwrap();
        }),
        ("empty", |dir| std::fs::write(newest(dir), []).unwrap()),
        ("count", |dir| forge(dir, |foot| foot.auctions += 1)),
        ("ahead", |dir| forge(dir, |foot| foot.until = Lsn(1_000_000))),
    ];
    for (name, harm) in harms {
        let dir = tempfile::tempdir().unwrap();
        let (contents, before) = with_two_snapshots(dir.path()).await;
        let files = list(dir.path(), ShardId(0)).unwrap();
        assert_eq!(files.len(), 2, "two are kept");
        let from = |path: &PathBuf| Reader::open(path).unwrap().head().from.lsn.0;
        let (newer, older) = (from(&files[0]), from(&files[1]));
        harm(dir.path());
        let (after, spared) = recover(&contents, dir.path()).await;
        assert_eq!(after, before, "{name}");
        assert_eq!(spared, if name == "none" { newer } else { older }, "{name}");
        files.iter().for_each(|path| std::fs::write(path, b"no snapshot").unwrap());
        let (after, spared) = recover(&contents, dir.path()).await;
        assert_eq!((after, spared), (before, 0), "{name}: from the start");
    }
}

/// A start goes by the bytes; the tools also by what they lead to.
#[tokio::test]
async fn a_snapshot_that_leads_to_another_state_is_found_by_the_tools() {
    let dir = tempfile::tempdir().unwrap();
    with_two_snapshots(dir.path()).await;
    assert!(Replica::from_snapshot(&newest(dir.path())).is_ok());
    forge(dir.path(), |foot| foot.digest.0[2] ^= 1);
    let error = Replica::from_snapshot(&newest(dir.path())).unwrap_err();
    assert!(matches!(error, ReplicaError::Foot { .. }), "{error}");
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_left_aside() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (contents, before) = with_two_snapshots(one.path()).await;
    with_two_snapshots(other.path()).await;
    let snapshots = gavel_log::snapshot::SNAPSHOT_DIR;
    std::fs::rename(one.path().join(snapshots), one.path().join("elsewhere")).unwrap();
    std::fs::rename(other.path().join(snapshots), one.path().join(snapshots)).unwrap();
    assert_eq!(recover(&contents, one.path()).await, (before, 0));
}
