//! Goal: where big auction sites say in public how their rules work, with numbers, the same numbers come out here.
//!
//! Method: each test is one page's example or table, with its source. Amounts are in cents where the source has cents.

use crate::common::*;
use gavel_core::auction::ReserveStatus;
use gavel_core::terms::{SoftCloseMode, SoftCloseTrigger};
use gavel_core::*;

/// eBay, "Automatic bidding" (ebay.com/help/buying/bidding/automatic-bidding?id=4014): the table of bid increments, in cents.
const EBAY: [(u64, u64); 10] = [
    (0, 5),
    (1_00, 25),
    (5_00, 50),
    (25_00, 1_00),
    (100_00, 2_50),
    (250_00, 5_00),
    (500_00, 10_00),
    (1_000_00, 25_00),
    (2_500_00, 50_00),
    (5_000_00, 100_00),
];

/// The same page: the increment goes by the current price, from the first to the last cent of each row.
#[test]
fn ebay_increments_by_current_price() {
    let rows = table(&EBAY).unwrap();
    let increments = Increments::new(rows.clone()).unwrap();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(increments.step_at(row.from), row.step);
        let last = rows.get(index + 1).map_or(Amount::MAX, |next| amount(next.from.get() - 1));
        assert_eq!(increments.step_at(last), row.step);
    }
}

/// eSnipe's eBay bidding tutorial (esnipe.com/tutorial/bidding-tutorial): "for a current high bid between $100 and $250, the
/// bid increment is $2.50. If the current high bid is $127.50, the lowest bid that eBay will accept is $130.00."
#[test]
fn ebay_lowest_bid_accepted() {
    let mut driven =
        Driven::open(TermsDraft { increments: table(&EBAY), opening_price: Some(amount(127_50)), ..draft() });
    driven.accept(bid(1, 127_50), time(1));
    assert_eq!(driven.refuse(bid(2, 129_99), time(2)), Rejection::TooLow(amount(130_00)));
    assert_eq!(driven.accept(bid(2, 130_00), time(3)).price, amount(130_00));
}

/// Catawiki, "What is an automatic bid?" (auction.catawiki.com/auctions/autobidding): "the highest bid for lot X, placed by
/// another bidder, is currently $17. You would like to bid a maximum of $111 … a bid of $23 for lot X will automatically be
/// made on your behalf."
#[test]
fn catawiki_automatic_bid() {
    let steps = table(&[(0, 2), (12, 6), (112, 12), (223, 23)]);
    let mut driven =
        Driven::open(TermsDraft { increments: steps, opening_price: Some(amount(17)), ..draft() });
    driven.accept(bid(1, 17), time(1));
    driven.accept(bid(2, 111), time(2));
    assert_eq!(driven.shown(), (23, 2));
}

/// Catawiki, "What is an automatic bid and how does it work?" (catawiki.com/help/automatic-bids): "If you place an automatic bid
/// that is higher than the reserve price, your first bid will automatically match the reserve price."
#[test]
fn catawiki_reserve_price_is_matched_at_once() {
    let mut driven = Driven::open(TermsDraft { reserve_price: Some(amount(80)), ..draft() });
    driven.accept(bid(1, 100), time(1));
    assert_eq!(driven.shown(), (80, 1));
    assert_eq!(driven.auction.view().reserve, ReserveStatus::Met);
}

/// United Charity (unitedcharity.de, "Can I confirm a maximum bid which is not shown immediately?"): at 750, "bidder A bids
/// €2,000 … the auction is now at €800. Bidder B bids €850 and will automatically be outbid by bidder A, so that the auction
/// is now at €900." Then either "if bidder B also bids €2,000, bidder A is the auction winner as well, as he was the first one to
/// bid this amount", or "if bidder B bids €2,050 and no bid follows, bidder B is the auction winner for €2,050".
#[test]
fn united_charity_maximum_bids() {
    let terms = || TermsDraft { increments: table(&[(0, 50)]), opening_price: Some(amount(750)), ..draft() };
    let end = |last: Option<Command>| {
        let mut driven = Driven::open(terms());
        driven.accept(bid(9, 750), time(1));
        driven.accept(bid(1, 2_000), time(2));
        assert_eq!(driven.shown(), (800, 1));
        driven.accept(bid(2, 850), time(3));
        assert_eq!(driven.shown(), (900, 1));
        last.map(|last| driven.accept(last, time(4)));
        driven.event(Command::Pulse, time(3_600));
        driven.shown()
    };
    assert_eq!(end(None), (900, 1));
    assert_eq!(end(Some(bid(2, 2_000))), (2_000, 1));
    assert_eq!(end(Some(bid(2, 2_050))), (2_050, 2));
}

/// EPS Auctions, "Auto-bidding explained" (epsauctions.com/auto-bid-p35): start $3,000, reserve $5,000, an auto-bid of $5,000
/// stands at $5,000; a second one of $5,000 leaves the first bidder ahead, and the second must bid "at least $5,100".
#[test]
fn eps_reserve_and_equal_maximum() {
    let mut driven = Driven::open(TermsDraft {
        increments: table(&[(0, 100)]),
        opening_price: Some(amount(3_000)),
        reserve_price: Some(amount(5_000)),
        ..draft()
    });
    driven.accept(bid(1, 5_000), time(1));
    assert_eq!(driven.shown(), (5_000, 1));
    let refused = driven.refuse(bid(2, 5_000), time(2));
    assert_eq!(refused, Rejection::TooLow(amount(5_100)));
    assert_eq!(refused.to_string(), "bid at least 5100");
}

/// The same page: with reserve and current bid at $10,000, "if somebody else places an auto-bid of $15,000 the system will place a
/// bid of $10,100 … on their behalf".
#[test]
fn eps_auto_bid_above_a_reserve_that_is_reached() {
    let reserve_price = Some(amount(10_000));
    let mut driven = Driven::open(TermsDraft { increments: table(&[(0, 100)]), reserve_price, ..draft() });
    driven.accept(bid(1, 10_000), time(1));
    driven.accept(bid(2, 15_000), time(2));
    assert_eq!(driven.shown(), (10_100, 2));
}

/// BidSpotter, "What is timed bidding" (support.bidspotter.co.uk): in the last ten minutes "the time period will reset to 10
/// minutes remaining": with 8 minutes left it grows by 2, with 2 minutes left by 8.
#[test]
fn bidspotter_resets_to_ten_minutes() {
    for (left, grows) in [(8, 2), (2, 8)] {
        let soft_close = soft(SoftCloseMode::Reset, SoftCloseTrigger::Any, 600, 600);
        let mut driven = Driven::open(TermsDraft { soft_close, ..draft() });
        let receipt = driven.accept(bid(1, 10), time(3_600 - left * 60));
        assert_eq!(receipt.ends_at, time(3_600 + grows * 60));
    }
}

/// Nashville's surplus auctions (ebid.nashville.gov, "Bidding - Time Extension"): a bid within 5 minutes of the closing extends
/// it "an additional 5 minutes from the last bid time. This will occur until there are no bids within the last 5 minutes."
#[test]
fn nashville_extends_from_the_last_bid() {
    let soft_close = soft(SoftCloseMode::FromBid, SoftCloseTrigger::Any, 300, 300);
    let mut driven = Driven::open(TermsDraft { soft_close, ..draft() });
    assert_eq!(driven.accept(bid(1, 10), time(3_299)).ends_at, time(3_600), "not within 5 minutes");
    assert_eq!(driven.accept(bid(2, 20), time(3_400)).ends_at, time(3_700));
    assert_eq!(driven.accept(bid(1, 30), time(3_699)).ends_at, time(3_999));
    assert_eq!(driven.run(&Command::Pulse, time(3_998)), Ok(Decision::Nothing));
    driven.event(Command::Pulse, time(3_999));
}

/// Troostwijk, "What is the 5 minute rule?" (support.troostwijkauctions.com): "the closing time will be extended with 5 minutes
/// … It does not matter when the bid is placed within those 5 minutes."
#[test]
fn troostwijk_extends_from_the_end() {
    for bid_at in [3_300, 3_450, 3_599] {
        let soft_close = soft(SoftCloseMode::FromEnd, SoftCloseTrigger::Any, 300, 300);
        let mut driven = Driven::open(TermsDraft { soft_close, ..draft() });
        assert_eq!(driven.accept(bid(1, 10), time(bid_at)).ends_at, time(3_900));
    }
}

/// Yahoo! Auctions Japan, automatic extension (anythingaboutjapan.com/1753/auto-extension-on-yaj): the end is extended by 5
/// minutes "if the bid was raised in last 5 minutes", and again and again. A maximum that its owner raises unseen moves nothing.
#[test]
fn yahoo_japan_extends_when_the_price_rises() {
    let soft_close = soft(SoftCloseMode::FromEnd, SoftCloseTrigger::Price, 300, 300);
    let mut driven = Driven::open(TermsDraft { soft_close, ..draft() });
    driven.accept(bid(1, 100), time(10));
    assert_eq!(driven.accept(bid(1, 500), time(3_400)).ends_at, time(3_600), "no price was raised");
    assert_eq!(driven.accept(bid(2, 200), time(3_500)).ends_at, time(3_900));
    assert_eq!(driven.accept(bid(2, 300), time(3_899)).ends_at, time(4_200));
}
