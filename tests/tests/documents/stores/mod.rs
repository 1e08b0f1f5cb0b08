//! Goal: both document stores keep what the trait `Store` promises, whatever ends, pauses, fails over or answers late in the middle; and what
//! only one of them can, it can, and the other says so.
//!
//! Method: one list of promises that every store is held to (`guards`, `cursors`, `listings`), on files of redb and on a genuine mongod.
//! Listings are held against a sort and filter of all documents in memory. Then each store's own dangers: `embedded` (SIGKILL of the
//! process), `mongodb` (SIGKILL, SIGSTOP, failpoints, lost replies, a primary that dies).

mod cursors;
mod documents;
mod embedded;
mod guards;
mod listings;
mod mongodb;
mod subject;

use subject::{Subject, Subjects};

/// A promise, and the function that holds a fresh store to it.
type Promise = (&'static str, fn(&Subject));

#[expect(
    clippy::print_stdout,
    reason = "the runner shows the output of a test that failed: the last line is the promise that was broken"
)]
fn keeps(subjects: &Subjects, promises: &[Promise]) {
    for (what, hold) in promises {
        println!("{what}");
        hold(&subjects.fresh());
    }
}

#[test]
fn the_embedded_store_keeps_the_promises_about_writing() {
    let subjects = Subjects::embedded();
    keeps(&subjects, guards::PROMISES);
    keeps(&subjects, cursors::PROMISES);
}

#[test]
fn mongodb_keeps_the_promises_about_writing() {
    let subjects = Subjects::mongodb();
    keeps(&subjects, guards::PROMISES);
    keeps(&subjects, cursors::PROMISES);
}

#[test]
fn the_embedded_store_keeps_the_promises_about_listing() {
    keeps(&Subjects::embedded(), listings::PROMISES);
}

#[test]
fn mongodb_keeps_the_promises_about_listing() {
    keeps(&Subjects::mongodb(), listings::PROMISES);
}
