//! Goal: the journal of attempts gives back what it was given, stays within its size, and loses no more than a torn line to a crash.
//!
//! Method: journals in fresh folders, written, torn, rotated and cleared as a crash, a small size or an operator would do it.

use gavel_core::{AccountId, Amount, AuctionId, BidId, ShardId, Timestamp};
use gavel_log::attempts::{Attempt, BYTES_MIN, DIR, Journal, LINE_BYTES_MAX, WORDS_BYTES_MAX, read};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NOON_US: u64 = 1_795_341_600_000_000;

fn auction(sequence: u64) -> AuctionId {
    AuctionId::new(20_000, ShardId(3), sequence).unwrap()
}

fn attempt(auction_number: u64, amount: u64) -> Attempt<'static> {
    Attempt {
        at: Timestamp::from_micros(NOON_US + amount).unwrap(),
        shard: ShardId(3),
        auction: Some(auction(auction_number)),
        bidder: Some(AccountId::from_integer(7)),
        amount: Amount::new(amount),
        bid: None,
        command: "BID".into(),
        code: "TOOLOW".into(),
        words: format!("bid at least {}", amount + 1).into(),
    }
}

fn write(journal: &mut Journal, attempts: &[Attempt<'_>]) {
    for attempt in attempts {
        journal.append(attempt);
    }
    assert_eq!(journal.write().unwrap(), attempts.len() as u64);
}

fn all(data: &Path) -> Vec<Attempt<'static>> {
    read(data, None).unwrap().map(Result::unwrap).collect()
}

/// The amounts of all attempts.
fn amounts(data: &Path) -> Vec<u64> {
    all(data).iter().map(|attempt| attempt.amount.unwrap().get()).collect()
}

fn files(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(data.join(DIR)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn append(file: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(file).unwrap().write_all(bytes).unwrap();
}

fn data() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn every_field_comes_back() {
    let data = data();
    let full = Attempt {
        bidder: Some(AccountId::from_bits(u128::MAX)),
        bid: Some(BidId::from_bits(42)),
        words: "\"quoted\", \u{1} and é".into(),
        ..attempt(1, 5)
    };
    let bare = Attempt {
        auction: None,
        bidder: None,
        amount: None,
        command: "AUCTION OPEN".into(),
        ..attempt(1, 6)
    };
    write(&mut Journal::new(data.path(), BYTES_MIN), &[full.clone(), bare.clone()]);
    assert_eq!(all(data.path()), [full, bare]);
}

#[test]
fn the_lines_are_json_in_the_text_forms_of_all_faces() {
    let data = data();
    write(&mut Journal::new(data.path(), BYTES_MIN), &[attempt(1, 10_500)]);
    let text = std::fs::read_to_string(&files(data.path())[0]).unwrap();
    assert_eq!(
        text,
        "{\"at\":\"2026-11-22T10:00:00.010500Z\",\"shard\":3,\"auction\":\"20241004-003-00000001\",\"bidder\":\"7\",\
         \"amount\":10500,\"command\":\"BID\",\"code\":\"TOOLOW\",\"words\":\"bid at least 10501\"}\n"
    );
}

#[test]
fn one_auction_is_read_among_many() {
    let data = data();
    let attempts: Vec<_> = (0..1_000).map(|n| attempt(1 + n % 10, n)).collect();
    write(&mut Journal::new(data.path(), BYTES_MIN), &attempts);
    let of =
        |number| read(data.path(), Some(auction(number))).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let expected: Vec<_> =
        attempts.iter().filter(|attempt| attempt.auction == Some(auction(4))).cloned().collect();
    assert_eq!(of(4), expected);
    assert!(of(11).is_empty());
}

#[test]
fn words_are_cut_to_their_bound_and_the_line_still_reads() {
    let data = data();
    for words in ["é".repeat(WORDS_BYTES_MAX), "\u{1}".repeat(WORDS_BYTES_MAX * 2), "x".repeat(9_000)] {
        write(
            &mut Journal::new(data.path(), BYTES_MIN),
            &[Attempt { words: words.clone().into(), ..attempt(1, 1) }],
        );
        let read = all(data.path()).pop().unwrap();
        assert!(
            read.words.len() <= WORDS_BYTES_MAX && words.starts_with(&*read.words),
            "{}",
            read.words.len()
        );
    }
}

#[test]
fn no_journal_reads_as_an_empty_one() {
    assert_eq!(all(data().path()), []);
}

#[test]
fn a_torn_line_costs_itself_alone() {
    let data = data();
    write(&mut Journal::new(data.path(), BYTES_MIN), &[attempt(1, 1)]);
    append(&files(data.path())[0], br#"{"at":"2026-11-22T10:00:00Z","sha"#);
    let mut torn = read(data.path(), None).unwrap();
    assert_eq!((torn.by_ref().count(), torn.passed_over()), (1, 1));
    write(&mut Journal::new(data.path(), BYTES_MIN), &[attempt(1, 2)]);
    let mut after = read(data.path(), None).unwrap();
    assert_eq!(
        after.by_ref().map(|attempt| attempt.unwrap().amount.unwrap().get()).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(after.passed_over(), 1);
    assert_eq!(files(data.path()).len(), 1, "a new writer goes on with the last file");
}

#[test]
fn damage_of_any_length_is_passed_over() {
    let data = data();
    write(&mut Journal::new(data.path(), BYTES_MIN), &[attempt(1, 1)]);
    let file = &files(data.path())[0];
    append(file, &vec![0; LINE_BYTES_MAX * 3]);
    append(file, b"\nnot JSON\n\n{\"at\":5}\n\xff\xfe\n");
    write(&mut Journal::new(data.path(), BYTES_MIN), &[attempt(1, 2)]);
    let mut damaged = read(data.path(), None).unwrap();
    assert_eq!(damaged.by_ref().map(Result::unwrap).count(), 2);
    assert_eq!(damaged.passed_over(), 4);
}

#[test]
fn the_oldest_go_and_the_size_is_kept() {
    let data = data();
    let mut journal = Journal::new(data.path(), BYTES_MIN);
    let mut next = 0;
    for _ in 0..200 {
        let attempts: Vec<_> = (next..next + 200).map(|n| attempt(1, n)).collect();
        next += 200;
        write(&mut journal, &attempts);
        let size: u64 = files(data.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
        assert!(size <= BYTES_MIN, "{size}");
    }
    let kept = amounts(data.path());
    assert!(
        kept.len() as u64 * 200 > BYTES_MIN / 2,
        "more was deleted than had to be: {} are left",
        kept.len()
    );
    assert_eq!(
        kept,
        (next - kept.len() as u64..next).collect::<Vec<_>>(),
        "the newest are kept, without gaps"
    );
}

#[test]
fn a_smaller_size_is_reached_at_the_next_write() {
    let data = data();
    let mut large = Journal::new(data.path(), BYTES_MIN * 4);
    for round in 0..60 {
        write(&mut large, &(0..200).map(|n| attempt(1, round * 200 + n)).collect::<Vec<_>>());
    }
    write(&mut Journal::new(data.path(), BYTES_MIN), &[attempt(1, 1_000_000)]);
    let size: u64 = files(data.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(size <= BYTES_MIN, "{size}");
    assert_eq!(amounts(data.path()).last(), Some(&1_000_000));
}

#[test]
fn rotation_does_not_disturb_a_reader() {
    let data = data();
    let mut journal = Journal::new(data.path(), BYTES_MIN);
    let mut next = 0;
    let mut fill = |lines: u64| {
        for _ in 0..lines / 200 {
            write(&mut journal, &(next..next + 200).map(|n| attempt(1, n)).collect::<Vec<_>>());
            next += 200;
        }
    };
    fill(2_000);
    let mut reader = read(data.path(), None).unwrap().map(|attempt| attempt.unwrap().amount.unwrap().get());
    assert_eq!(reader.next(), Some(0));
    // Far more than the journal holds: every file that the reader knows is gone.
    fill(20_000);
    let rest: Vec<u64> = reader.collect();
    assert!(rest.is_sorted(), "order is kept over a gap");
    assert_eq!(rest.last(), Some(&21_999));
}

#[test]
fn a_folder_that_cannot_be_is_an_error_and_a_later_one_is_written_to() {
    let data = data();
    let mut journal = Journal::new(data.path(), BYTES_MIN);
    std::fs::write(data.path().join(DIR), "a file").unwrap();
    journal.append(&attempt(1, 1));
    let failed = journal.write().unwrap_err();
    assert_eq!(failed.lost, 1);
    assert!(failed.to_string().contains("can't be written"), "{failed}");
    std::fs::remove_file(data.path().join(DIR)).unwrap();
    write(&mut journal, &[attempt(1, 2)]);
    assert_eq!(amounts(data.path()), [2]);
    std::fs::remove_dir_all(data.path().join(DIR)).unwrap();
    write(&mut journal, &[attempt(1, 3)]);
    assert_eq!(amounts(data.path()), [3], "an operator may clear the journal at any time");
}
