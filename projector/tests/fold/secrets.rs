//! Goal: what everybody may read tells nobody's maximum, nobody's account and no reserve price.
//!
//! Method: auctions whose bidders, maxima and reserve prices are numbers that occur nowhere else. Then no document of `auctions`, `bids` and
//! `sellers` has any of them, in any field; and a bidder's document has none of anybody else.

use crate::history::{History, account, amount, time};
use crate::store::at_once;
use bson::{Bson, Document};
use gavel_core::command::StandingBids;
use gavel_core::terms::{Retraction, TermsDraft};
use gavel_core::{Command, Currency, Details, Duration, Reason};
use gavel_projector::Collection;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// Numbers that nothing else is: bidders, from this one on.
const BIDDERS: u64 = 770_001;
/// What they bid at most: a thousand apart, so that no price comes to one of them.
const MAXIMA: u64 = 88_000_123;
const RESERVE: u64 = 99_000_000_321;

fn history() -> History {
    let mut history = History::default();
    let draft = TermsDraft {
        seller: Some(account(100)),
        currency: Currency::new(*b"EUR"),
        ends_at: Some(time(600_000)),
        reserve_price: Some(amount(RESERVE)),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        ..TermsDraft::default()
    };
    let nth = history.open(draft, Details(r#"{"title":"A vase"}"#.into()), 0);
    for (number, order) in [3_u64, 1, 4, 0, 5, 2, 7].into_iter().enumerate() {
        let bidder = account(BIDDERS + number as u64);
        let bid = Command::Bid { bidder, amount: amount(MAXIMA + order * 1_000), id: None };
        history.run(nth, &bid, 1_000 + number as u64);
    }
    let id = history.bids(crate::history::auction_id(1))[0];
    let retract = Command::Retract { bid: id, reason: Reason("a typing error".into()) };
    assert!(history.run(nth, &retract, 2_000));
    let bidder = account(BIDDERS + 6);
    assert!(history.run(nth, &Command::Ban { bidder, standing: StandingBids::Remove }, 3_000));
    assert!(history.run(
        nth,
        &Command::Ban { bidder: account(BIDDERS + 2), standing: StandingBids::Keep },
        3_001
    ));
    assert!(history.run(nth, &Command::LowerReserve { reserve: Some(amount(RESERVE - 1)) }, 4_000));
    assert!(history.run(nth, &Command::Pulse, 700_000));
    history
}

/// All numbers and texts of a document.
fn leaves(value: &Bson, into: &mut Vec<String>) {
    match value {
        Bson::Document(document) => document.values().for_each(|value| leaves(value, into)),
        Bson::Array(items) => items.iter().for_each(|value| leaves(value, into)),
        Bson::Int64(number) => into.push(number.to_string()),
        Bson::String(text) => into.push(text.clone()),
        other => into.push(other.to_string()),
    }
}

#[test]
fn nobody_reads_a_secret_of_somebody_else() {
    let history = history();
    let store = at_once(&history, history.log.len(), &mut ChaCha8Rng::seed_from_u64(1));
    let bidders: Vec<String> = (0..7).map(|number| account(BIDDERS + number).to_string()).collect();
    let maxima: Vec<String> = (0..8).map(|order| (MAXIMA + order * 1_000).to_string()).collect();
    let reserves = [RESERVE.to_string(), (RESERVE - 1).to_string()];
    let mut seen = [0; 2];
    for ((collection, id), document) in &store.documents {
        let mut texts = Vec::new();
        leaves(&Bson::Document(Document::try_from(&**document).unwrap()), &mut texts);
        let has = |secrets: &[String]| -> Vec<String> {
            secrets.iter().filter(|secret| texts.iter().any(|text| text.contains(*secret))).cloned().collect()
        };
        let (accounts, amounts, reserve) = (has(&bidders), has(&maxima), has(&reserves));
        match collection {
            Collection::Auctions | Collection::Bids | Collection::Sellers => {
                assert!(accounts.is_empty() && amounts.is_empty() && reserve.is_empty(), "{id}: {texts:?}");
            }
            Collection::Bidders => {
                assert!(accounts.len() == 1 && id.ends_with(&accounts[0]), "{id}: {accounts:?}");
                assert!(amounts.len() <= 1 && reserve.is_empty(), "{id}: {amounts:?}");
                seen[0] += amounts.len();
            }
            Collection::Reserves => {
                assert!(accounts.is_empty() && amounts.is_empty() && reserve.len() == 1, "{id}: {texts:?}");
                seen[1] += 1;
            }
        }
    }
    assert!(seen[0] >= 3 && seen[1] == 1, "the secrets are where they belong: {seen:?}");
}
