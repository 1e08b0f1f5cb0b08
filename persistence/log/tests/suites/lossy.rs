//! The lossy log fails and forgets as it says it does; otherwise a suite that stands on it would prove nothing.

use crate::common::{append, frame_after, read_all, time};
use gavel_core::{Epoch, ShardId};
use gavel_log::{Fault, Faults, Log, LogError, LossyLog, Tip};

const A: ShardId = ShardId(3);

#[test]
fn a_lying_sync_loses_what_a_true_one_keeps() {
    let mut log = LossyLog::new(Faults { lying_sync: true, ..Faults::default() });
    let kept = append(&mut log, A, 5, 40);
    log.sync_for_real();
    append(&mut log, A, 5, 40);
    assert_eq!(read_all(&log, A).len(), 2, "with power, nothing is missing");
    let after = LossyLog::open(&log.disk(), Faults::default());
    assert_eq!(read_all(&after, A), [kept]);
}

#[test]
fn each_fault_fails_its_commit_poisons_the_log_and_leaves_what_it_says() {
    let faults = [
        (Fault::DiskFull, 0),
        (Fault::WriteFails { survivors: 1 }, 1),
        (Fault::SyncFails, 0),
        (Fault::SyncFailsAfterAll, 2),
    ];
    for (fault, survivors) in faults {
        let mut log = LossyLog::new(Faults { commit: Some((2, fault)), ..Faults::default() });
        let kept = append(&mut log, A, 5, 40);
        let second = frame_after(A, Epoch(1), Tip::of(&kept), 5, 40);
        let third = frame_after(A, Epoch(1), Tip::of(&second), 5, 40);
        let error = log.commit(&[second.clone(), third.clone()]).unwrap_err();
        assert_eq!(matches!(error, LogError::DiskFull { .. }), fault == Fault::DiskFull, "{error}");
        assert_eq!(log.tip(A), Tip::of(&kept), "a failed commit is not durable");
        assert!(matches!(log.commit(std::slice::from_ref(&second)), Err(LogError::Poisoned)));
        assert!(matches!(log.mark(time(1)), Err(LogError::Poisoned)));
        let after = LossyLog::open(&log.disk(), Faults::default());
        assert_eq!(read_all(&after, A), [kept, second, third][..1 + survivors], "{fault:?}");
    }
}
