//! What can be listed: every order, page by page, with equals, and while documents change.

use super::documents::{auction, auction_id, batch, bid, bidder, seller, upserts};
use super::subject::id;
use super::{Promise, Subject, Subjects};
use bson::{DateTime, Document};
use gavel_core::auction::State;
use gavel_core::{AccountId, Amount};
use gavel_projector::store::{AfterError, Filter, Listing, Paging, Search, Sort};
use gavel_projector::{Batch, Collection, StoreError};
use std::cmp::Ordering;
use std::collections::BTreeSet;

pub(crate) const PROMISES: &[Promise] = &[
    ("an empty store lists nothing", nothing),
    (
        "auctions by state, by seller, ending soon, newest: every one once, in order, at any size of page",
        in_order,
    ),
    ("an auction that changes its place is listed where it is", moves),
    ("what keeps its place is on exactly one page, whatever changes between pages", changing),
    ("a place is refused in any other listing", other_listing),
    ("the bids of an auction, latest first, and of no other", bids),
    ("how a bidder stands, in the auction that was opened last first, and of no other", my_bids),
    ("a seller's documents, of every shard, and of no other", sellers),
];

const AUCTIONS: u64 = 97;

/// Which documents a filter keeps.
type Keep = Box<dyn Fn(&Document) -> bool>;

fn search(filter: Filter, sort: Sort) -> Listing {
    Listing::Auctions(Search::new(filter, sort).unwrap())
}

fn state(state: State) -> Filter {
    Filter { state: Some(state), ..Filter::default() }
}

fn of_seller(seller: u64) -> Filter {
    Filter { seller: Some(AccountId::from_integer(seller)), ..Filter::default() }
}

/// The naive answer: filter, sort, by the words of the specification.
fn expected(documents: &[Document], keep: impl Fn(&Document) -> bool, sort: Sort) -> Vec<String> {
    let number = |document: &Document, field: &str| document.get_i64(field).unwrap();
    let time = |document: &Document, field: &str| *document.get_datetime(field).unwrap();
    let mut kept: Vec<&Document> = documents.iter().filter(|document| keep(document)).collect();
    kept.sort_by(|a, b| {
        let ids = id(a).cmp(&id(b));
        let reverse = |ordering: Ordering| ordering.then(ids).reverse();
        match sort {
            Sort::EndsAt => time(a, "ends_at").cmp(&time(b, "ends_at")).then(ids),
            Sort::Newest => reverse(time(a, "opened_at").cmp(&time(b, "opened_at"))),
            Sort::Price => number(a, "current_price").cmp(&number(b, "current_price")).then(ids),
            Sort::Bids => reverse(number(a, "bid_count").cmp(&number(b, "bid_count"))),
        }
    });
    kept.into_iter().map(id).collect()
}

fn ids(documents: &[Document]) -> Vec<String> {
    documents.iter().map(id).collect()
}

fn filled(store: &Subject) -> Vec<Document> {
    let documents: Vec<Document> = (0..AUCTIONS).map(|number| auction(number, 1)).collect();
    store.write(&batch(1, documents.clone()));
    documents
}

fn is(field: &'static str, value: &'static str) -> impl Fn(&Document) -> bool {
    move |document| document.get_str(field).unwrap() == value
}

fn nothing(store: &Subject) {
    for listing in [
        search(Filter::default(), Sort::EndsAt),
        search(of_seller(1), Sort::Newest),
        Listing::BidsOfAuction(auction_id(1)),
        Listing::BidsOfBidder(AccountId::from_integer(7)),
    ] {
        assert_eq!(store.page(&listing, None, 10), (Vec::new(), None));
    }
    assert_eq!(store.seller(7), []);
}

fn in_order(store: &Subject) {
    let documents = filled(store);
    let cases: [(Filter, Sort, Keep); 7] = [
        (Filter::default(), Sort::EndsAt, Box::new(|_| true)),
        (Filter::default(), Sort::Newest, Box::new(|_| true)),
        (state(State::Open), Sort::EndsAt, Box::new(is("state", "open"))),
        (state(State::Closed), Sort::Newest, Box::new(is("state", "closed"))),
        (state(State::Cancelled), Sort::Newest, Box::new(|_| false)),
        (of_seller(3), Sort::Newest, Box::new(is("seller", "3"))),
        (of_seller(33), Sort::Newest, Box::new(|_| false)),
    ];
    for (filter, sort, keep) in cases {
        let expected = expected(&documents, keep, sort);
        for limit in [1, 7, expected.len().max(1), 200] {
            let listed = store.all(&search(filter.clone(), sort), limit);
            assert_eq!(ids(&listed), expected, "{filter:?} by {sort:?}, {limit} at a time");
        }
    }
}

/// A document with another place: in another state, or with another end.
fn moved(number: u64, version: i64, state: &str, ends_at: i64) -> Document {
    let mut document = auction(number, version);
    document.insert("state", state);
    document.insert("ends_at", DateTime::from_millis(ends_at));
    document
}

fn moves(store: &Subject) {
    filled(store);
    let mut documents: Vec<Document> = Vec::new();
    for (version, of_three) in [(2, ["closed", "open", "open"]), (3, ["open", "open", "unsold"])] {
        let to = |number: u64| {
            moved(number, version, of_three[number as usize % 3], (number as i64 % 9) * version)
        };
        documents = (0..AUCTIONS).map(to).collect();
        store.write(&batch(1, documents.clone()));
        // A stale one moves nothing.
        store.write(&batch(1, (0..AUCTIONS).map(|number| moved(number, 1, "scheduled", 1))));
    }
    for (which, name) in [(State::Open, "open"), (State::Closed, "closed"), (State::Unsold, "unsold")] {
        let listed = store.all(&search(state(which), Sort::EndsAt), 10);
        assert_eq!(ids(&listed), expected(&documents, is("state", name), Sort::EndsAt), "{name}");
    }
    assert_eq!(store.all(&search(Filter::default(), Sort::Newest), 200).len(), AUCTIONS as usize);
}

fn changing(store: &Subject) {
    // Everything ends at one of two times, so that almost all are equals.
    let all = |number: u64| moved(number, 1, "open", (number as i64 % 2) * 1_000);
    store.write(&batch(1, (0..AUCTIONS).map(all)));
    let listing = search(state(State::Open), Sort::EndsAt);
    let (mut seen, mut after) = store.page(&listing, None, 10);
    for round in 0.. {
        if after.is_none() {
            break;
        }
        // Every fourth changes: some go to the front, some behind all others, some out of the listing; and there are new ones.
        let change = |number: u64| {
            let to = [("open", -1_000), ("open", 9_000), ("closed", 0)][(number as usize / 4 + round) % 3];
            moved(number * 4, 2 + round as i64, to.0, to.1)
        };
        store.write(&batch(2, (0..AUCTIONS / 4).map(change)));
        store.write(&batch(3, [moved(1_000 + round as u64, 1, "open", -5_000)]));
        let (more, next) = store.page(&listing, after, 10);
        seen.extend(more);
        after = next;
    }
    let of_unchanged = |document: &Document| {
        let number = (0..AUCTIONS).find(|&number| auction_id(number).to_string() == id(document));
        number.filter(|number| !number.is_multiple_of(4) || number / 4 >= AUCTIONS / 4)
    };
    let unchanged: Vec<u64> = seen.iter().filter_map(of_unchanged).collect();
    let once: BTreeSet<u64> = unchanged.iter().copied().collect();
    assert_eq!(unchanged.len(), once.len(), "none is there twice");
    let there_are = (0..AUCTIONS).filter(|number| !number.is_multiple_of(4) || number / 4 >= AUCTIONS / 4);
    assert_eq!(once, there_are.collect(), "none is missing");
}

fn other_listing(store: &Subject) {
    filled(store);
    let listings = [
        search(state(State::Open), Sort::EndsAt),
        search(state(State::Open), Sort::Newest),
        search(state(State::Closed), Sort::EndsAt),
        search(Filter::default(), Sort::EndsAt),
        search(of_seller(1), Sort::Newest),
        Listing::BidsOfAuction(auction_id(1)),
        Listing::BidsOfAuction(auction_id(2)),
        Listing::BidsOfBidder(AccountId::from_integer(1)),
    ];
    for (at, one) in listings.iter().enumerate().take(5) {
        let place = store.page(one, None, 3).1.unwrap();
        for (other_at, other) in listings.iter().enumerate() {
            let paging = Paging::new(Some(place.parse().unwrap()), 3).unwrap();
            match store.try_list(other, &paging) {
                Ok(_) => assert_eq!(at, other_at, "{other:?} takes a place of {one:?}"),
                Err(StoreError::After(AfterError::OtherListing)) => assert_ne!(at, other_at),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn write_others(store: &Subject, collection: Collection, documents: Vec<Document>) {
    store.write(&Batch { others: upserts(collection, documents), ..batch(1, []) });
}

fn bids(store: &Subject) {
    let all = [1, 10, 11, 2].into_iter().flat_map(|number| (2..40).map(move |seq| bid(number, seq)));
    write_others(store, Collection::Bids, all.collect());
    for limit in [1, 7, 38, 100] {
        let listed = store.all(&Listing::BidsOfAuction(auction_id(1)), limit);
        let expected: Vec<Document> = (2..40).rev().map(|seq| bid(1, seq)).collect();
        assert_eq!(listed, expected, "{limit} at a time");
    }
}

fn my_bids(store: &Subject) {
    let of = |account| (0..30).map(move |number: u64| bidder(number, account, 1, number as i64 % 4));
    write_others(store, Collection::Bidders, of(7).chain(of(77)).chain(of(8)).collect());
    let listing = Listing::BidsOfBidder(AccountId::from_integer(7));
    let mut expected: Vec<String> = of(7).map(|document| id(&document)).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    for limit in [1, 7, 30, 100] {
        assert_eq!(ids(&store.all(&listing, limit)), expected, "{limit} at a time");
    }
    write_others(store, Collection::Bidders, vec![bidder(5, 7, 2, 99)]);
    assert_eq!(ids(&store.all(&listing, 10)), expected, "another bid moves nothing");
}

fn sellers(store: &Subject) {
    let all = [(7, 0), (7, 3), (7, 255), (77, 0), (6, 1)].map(|(account, shard)| seller(account, shard));
    write_others(store, Collection::Sellers, all.to_vec());
    let mut found = ids(&store.seller(7));
    found.sort_unstable();
    assert_eq!(found, ["7/0", "7/255", "7/3"]);
    assert_eq!(store.seller(8), []);
}

fn price(amount: u64) -> Option<Amount> {
    Some(Amount::new(amount).unwrap())
}

fn filters() -> Vec<(Filter, Keep)> {
    let none = Filter::default;
    let cost = |document: &Document| document.get_i64("current_price").unwrap();
    let category = |name: &str| Some(name.to_owned());
    vec![
        (none(), Box::new(|_| true)),
        (Filter { category: category("lamps"), ..none() }, Box::new(is("category", "lamps"))),
        (Filter { category: category("lamp"), ..none() }, Box::new(|_| false)),
        (Filter { price_min: price(200), ..none() }, Box::new(move |one| cost(one) >= 200)),
        (Filter { price_max: price(200), ..none() }, Box::new(move |one| cost(one) <= 200)),
        (
            Filter {
                price_min: price(100),
                price_max: price(300),
                category: category("clocks"),
                ..state(State::Open)
            },
            Box::new(move |one| {
                is("state", "open")(one) && is("category", "clocks")(one) && (100..=300).contains(&cost(one))
            }),
        ),
        (
            Filter { seller: Some(AccountId::from_integer(2)), ..state(State::Scheduled) },
            Box::new(|one| is("state", "scheduled")(one) && is("seller", "2")(one)),
        ),
    ]
}

#[test]
fn mongodb_combines_filters_and_orders_freely() {
    let store = Subjects::mongodb().kept();
    let documents = filled(&store.0);
    for (filter, keep) in filters() {
        for sort in Sort::ALL {
            let expected = expected(&documents, &keep, sort);
            for limit in [7, 100] {
                let listed = store.0.all(&search(filter.clone(), sort), limit);
                assert_eq!(ids(&listed), expected, "{filter:?} by {sort:?}, {limit} at a time");
            }
        }
    }
}

#[test]
fn mongodb_searches_words_in_any_language() {
    let store = Subjects::mongodb().kept();
    let documents = filled(&store.0);
    let title = |part: &'static str| move |one: &Document| one.get_str("title").unwrap().contains(part);
    let cracked = |one: &Document| one.get_str("description").unwrap().contains("cracked");
    let cases: [(&str, Keep); 6] = [
        ("OAK", Box::new(title("oak"))),
        ("램프", Box::new(title("램프"))),
        ("oak cracked", Box::new(move |one| title("oak")(one) || cracked(one))),
        ("oak -cracked", Box::new(move |one| title("oak")(one) && !cracked(one))),
        ("\"cracked shade\"", Box::new(cracked)),
        ("walnut", Box::new(|_| false)),
    ];
    for (text, keep) in cases {
        let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
        for sort in Sort::ALL {
            let listed = store.0.all(&search(filter.clone(), sort), 5);
            assert_eq!(ids(&listed), expected(&documents, &keep, sort), "{text} by {sort:?}");
        }
    }
}

#[test]
fn the_embedded_store_says_what_it_can_not_and_who_can() {
    let store = Subjects::embedded().kept();
    filled(&store.0);
    let with = |filter| search(filter, Sort::EndsAt);
    let refused = [
        (with(Filter { text: Some("oak".to_owned()), ..Filter::default() }), "words"),
        (with(Filter { category: Some("lamps".to_owned()), ..Filter::default() }), "category"),
        (with(Filter { price_min: price(1), ..Filter::default() }), "price"),
        (with(Filter { price_max: price(1), ..Filter::default() }), "price"),
        (with(of_seller(1)), "seller"),
        (search(Filter { state: Some(State::Open), ..of_seller(1) }, Sort::Newest), "together"),
        (search(Filter::default(), Sort::Price), "price"),
        (search(Filter::default(), Sort::Bids), "bids"),
    ];
    for (listing, word) in refused {
        let refused = store.0.try_list(&listing, &Paging::new(None, 10).unwrap());
        let Err(error @ StoreError::Unsupported { .. }) = refused else { panic!("{listing:?}: {refused:?}") };
        let text = error.to_string();
        assert!(text.contains(word) && text.contains("[mongodb]"), "{text}");
    }
}

#[test]
fn what_can_not_be_answered_is_no_search() {
    let min_above_max = Filter { price_min: price(2), price_max: price(1), ..Filter::default() };
    let error = Search::new(min_above_max, Sort::Price).unwrap_err();
    assert_eq!(error.to_string(), "the least price, 2, is above the highest, 1");
    for text in ["", " ", &"x".repeat(257)] {
        let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
        assert!(Search::new(filter, Sort::Price).is_err(), "{text:?}");
        let filter = Filter { category: Some(text.to_owned()), ..Filter::default() };
        assert!(Search::new(filter, Sort::Price).is_err(), "{text:?}");
    }
    assert!(Paging::new(None, 0).is_err() && Paging::new(None, 201).is_err());
}
