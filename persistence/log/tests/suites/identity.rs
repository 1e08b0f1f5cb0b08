//! The identity: a log is given one before its first mark and keeps it; a log of before there were any gets one at its next start; one that
//! is damaged is refused, and nothing is changed.

use crate::common::{one_at_a_time, open};
use gavel_core::LogId;
use gavel_log::identity::{self, IDENTITY_FILE};
use gavel_log::mark::MARK_FILE;
use gavel_log::{IdentityError, OpenError, check_ours};
use std::fs;
use tempfile::TempDir;

#[test]
fn a_log_keeps_the_identity_that_it_was_given_first() {
    let _one = one_at_a_time();
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let id = open(dir.path()).unwrap().1.id;
    assert!(id.is_some());
    assert_eq!(identity::read(dir.path()).unwrap(), id);
    assert_eq!(open(dir.path()).unwrap().1.id, id);
    assert_ne!(open(other.path()).unwrap().1.id, id);
    // As an earlier version has left it.
    fs::remove_file(dir.path().join(IDENTITY_FILE)).unwrap();
    let given = open(dir.path()).unwrap().1.id;
    assert!(given.is_some() && given != id);
    assert_eq!(open(dir.path()).unwrap().1.id, given);
}

#[test]
fn what_a_start_that_was_cut_off_has_left_is_no_identity() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    identity::write(dir.path(), LogId(7)).unwrap();
    fs::write(dir.path().join("identity.new"), b"half").unwrap();
    check_ours(dir.path(), &[]).unwrap();
    let id = open(dir.path()).unwrap().1.id;
    assert!(id.is_some() && id != Some(LogId(7)), "without a mark there was no log");
}

#[test]
fn a_damaged_identity_is_refused_and_nothing_is_changed() {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    drop(open(dir.path()).unwrap());
    let mark = fs::read(dir.path().join(MARK_FILE)).unwrap();
    fs::write(dir.path().join(IDENTITY_FILE), b"damaged").unwrap();
    let Err(refused) = open(dir.path()) else { panic!("it opens") };
    assert!(matches!(refused, OpenError::Identity { source: IdentityError::Damaged, .. }), "{refused}");
    assert!(refused.to_string().contains("gavel rebuild postgres"), "{refused}");
    assert_eq!(fs::read(dir.path().join(MARK_FILE)).unwrap(), mark);
    assert_eq!(fs::read(dir.path().join(IDENTITY_FILE)).unwrap(), b"damaged");
}
