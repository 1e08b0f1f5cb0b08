//! Goal: what was written is read back exactly, and of a torn or damaged file exactly the whole blocks before the damage.
//! Method: a ledger with every kind of record, cut at every byte and flipped at many.

use super::*;
use crate::terms::{KnownTerms, TermsPlan};
use gavel_core::{Epoch, Lsn, Seq, ShardId};
use std::path::PathBuf;

const END_US: u64 = 1_800_000_000_000_000;

fn auctions() -> Vec<OpenedAuction> {
    let opened = |index: u32| OpenedAuction {
        auction: AuctionId::new(20_780, ShardId(index as u8), 42).unwrap(),
        terms: TermsPlan::standard(true).json(index, END_US),
    };
    (0..3).map(opened).collect()
}

/// Bids that use every flag and both signs of every difference.
fn acked() -> Vec<AckedBid> {
    let auctions = auctions();
    let assigned = AckedBid {
        auction: 1,
        bidder: AccountId::from_integer(7),
        amount: 12_000,
        id: BidId::assigned(auctions[1].auction, Seq(900)),
        chosen: false,
        standing: Standing::Leading,
        position: Position { shard: ShardId(1), epoch: Epoch(2), lsn: Lsn(1 << 40) },
        price: 11_000,
        min_next: 11_100,
        ends_us: END_US,
        sent_us: END_US - 5_000_000,
        acked_us: END_US - 4_999_000,
    };
    let chosen = AckedBid {
        id: BidId::from_bits(0x0197_b1c2_7d3e_7a4b_8c5d_6e7f_8091_a2b3),
        chosen: true,
        standing: Standing::Outbid,
        ends_us: END_US + 120_000_000,
        ..assigned
    };
    let elsewhere = AckedBid { position: Position { shard: ShardId(9), ..assigned.position }, ..assigned };
    let odd =
        AckedBid { id: chosen.id, standing: Standing::Sold, min_next: 1, ends_us: END_US - 9, ..assigned };
    let of_another_auction = AckedBid { id: BidId::assigned(auctions[2].auction, Seq(1)), ..assigned };
    vec![assigned, chosen, elsewhere, odd, of_another_auction]
}

fn unknown() -> Vec<UnknownBid> {
    let bid = UnknownBid {
        auction: 2,
        bidder: AccountId::from_integer(u64::MAX),
        amount: 5,
        id: None,
        sent_us: 77,
    };
    vec![bid, UnknownBid { id: Some(BidId::from_bits(3)), ..bid }]
}

fn write(directory: &tempfile::TempDir, close: bool) -> PathBuf {
    let path = directory.path().join("ledger");
    let auctions = auctions();
    let terms: Vec<KnownTerms> =
        auctions.iter().map(|opened| KnownTerms::parse(&opened.terms).unwrap()).collect();
    let file = LedgerFile::create(&path).unwrap();
    file.begin().unwrap();
    let mut writer = file.writer(Bases::new(&auctions, &terms));
    writer.start(r#"{"seed": 1}"#, &auctions);
    acked().iter().for_each(|bid| writer.acked(bid));
    writer.hand_over();
    unknown().iter().for_each(|bid| writer.unknown(bid));
    let totals = writer.finish();
    assert_eq!(totals, Totals { auctions: 3, acked: 5, unknown: 2 });
    let size = file.close(if close { totals } else { Totals::default() }).unwrap();
    assert_eq!(size, std::fs::metadata(&path).unwrap().len());
    path
}

#[test]
fn a_ledger_is_read_back_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::read(&write(&directory, true)).unwrap();
    assert_eq!(ledger.run.0, r#"{"seed": 1}"#);
    assert_eq!((ledger.auctions, ledger.acked, ledger.unknown), (auctions(), acked(), unknown()));
    assert_eq!((ledger.complete, ledger.torn_bytes), (true, 0));
    assert_eq!(ledger.terms[2].ends_us, END_US);
}

#[test]
fn other_counts_than_the_end_record_names_make_it_incomplete() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::read(&write(&directory, false)).unwrap();
    assert_eq!((ledger.acked.len(), ledger.complete, ledger.torn_bytes), (5, false, 0));
}

#[test]
fn a_torn_tail_loses_whole_blocks_and_is_reported_wherever_it_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory, true);
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let Ok(ledger) = Ledger::read(&path) else {
            assert!(cut < MAGIC.len(), "cut at {cut}");
            continue;
        };
        assert!(!ledger.complete, "cut at {cut}");
        assert!(
            [0, 5].contains(&ledger.acked.len()) && [0, 2].contains(&ledger.unknown.len()),
            "cut at {cut}"
        );
        assert!(ledger.acked.is_empty() || ledger.acked == acked());
        assert!(ledger.torn_bytes < cut as u64, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_is_never_read_as_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory, true);
    let whole = std::fs::read(&path).unwrap();
    for at in MAGIC.len()..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).unwrap();
        let ledger = Ledger::read(&path).unwrap();
        assert!(!ledger.complete && ledger.torn_bytes > 0, "flipped at {at}");
        assert!(ledger.acked.is_empty() || ledger.acked == acked(), "flipped at {at}");
    }
}

#[test]
fn other_files_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes");
    std::fs::write(&path, b"not a ledger at all").unwrap();
    let refusal = Ledger::read(&path).unwrap_err().to_string();
    assert!(refusal.contains("notes is not a ledger of format 1"), "{refusal}");
    assert!(matches!(Ledger::read(&directory.path().join("none")), Err(ReadError::Io { .. })));
}
