//! Goal: DOCUMENTS.md is true. Method: an auction that has been through a lot is folded; the page must show its documents as they are, name
//! each of their fields with its type and no other, and list the indexes.

use crate::history::{History, account, amount, auction_id, time};
use crate::store::{Store, at_once};
use bson::{Bson, Document};
use gavel_core::command::StandingBids;
use gavel_core::terms::{BuyNow, BuyNowPolicy, SoftClose, SoftCloseMode, SoftCloseTrigger};
use gavel_core::{
    BidId, Command, Currency, Details, Duration, IncrementStep, Reason, Retraction, TermsDraft,
};
use gavel_projector::indexes::{INDEXES, Order};
use gavel_projector::{Collection, documents};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PAGE: &str = include_str!("../../DOCUMENTS.md");

fn draft() -> TermsDraft {
    let row = |from, step| IncrementStep { from: amount(from), step: amount(step) };
    TermsDraft {
        seller: Some(account(100)),
        currency: Currency::new(*b"EUR"),
        starts_at: Some(time(60_000)),
        ends_at: Some(time(600_000)),
        opening_price: Some(amount(1_000)),
        reserve_price: Some(amount(9_000)),
        buy_now: Some(BuyNow { price: amount(50_000), policy: BuyNowPolicy::Always }),
        increments: Some(vec![row(0, 100), row(10_000, 500)]),
        soft_close: Some(SoftClose {
            mode: SoftCloseMode::FromBid,
            trigger: SoftCloseTrigger::Any,
            window: Duration::from_secs(60),
            extension: Duration::from_secs(90),
            hard_end: Some(time(3_600_000)),
        }),
        retraction: Some(Retraction::Until(Duration::ZERO)),
        ..TermsDraft::default()
    }
}

/// An auction that has been through a lot: every field of every document has a value somewhere.
fn history() -> History {
    let mut history = History::default();
    let details = r#"{"title":"A vase","description":"Blue, with a crack","category":"ceramics","images":["https://img.example/1.jpg"]}"#;
    let nth = history.open(draft(), Details(details.into()), 0);
    let bid = |bidder, minor_units, id: u128| Command::Bid {
        bidder: account(bidder),
        amount: amount(minor_units),
        id: Some(BidId::from_bits(0x9b1d_eb4d_3b7d_4bad_9bdd_2b0d_7b3d_0000 + id)),
    };
    let added = Details(r#"{"images":["https://img.example/2.jpg"]}"#.into());
    let mistyped = BidId::from_bits(0x9b1d_eb4d_3b7d_4bad_9bdd_2b0d_7b3d_0003);
    let commands = [
        (60_000, Command::Pulse),
        (70_000, bid(7, 12_000, 1)),
        (80_000, bid(9, 15_000, 2)),
        (81_000, bid(10, 40_000, 3)),
        (90_000, Command::Retract { bid: mistyped, reason: Reason("a typing error".into()) }),
        (91_000, Command::Edit { details: added }),
        (92_000, Command::Ban { bidder: account(10), standing: StandingBids::Keep }),
        (590_000, bid(7, 20_000, 4)),
        (700_000, Command::Pulse),
    ];
    for (at, command) in commands {
        assert!(history.run(nth, &command, at), "{command:?}");
    }
    history
}

fn store() -> Store {
    let history = history();
    at_once(&history, history.log.len(), &mut ChaCha8Rng::seed_from_u64(1))
}

/// The document of each collection that the page shows.
fn shown() -> Vec<(Collection, Document)> {
    let (store, auction) = (store(), auction_id(1));
    let ids = [
        (Collection::Auctions, documents::auction_id(auction)),
        (Collection::Bids, documents::bid_id(auction, gavel_core::Seq(5))),
        (Collection::Bidders, documents::bidder_id(auction, account(7))),
        (Collection::Sellers, documents::seller_id(account(100), auction.shard())),
        (Collection::Reserves, documents::auction_id(auction)),
    ];
    let found = ids.map(|key| (key.0, Document::try_from(&*store.documents[&key]).unwrap()));
    found.to_vec()
}

/// As MongoDB's shell shows it.
fn text(value: &Bson, indent: usize, out: &mut String) {
    let inner = " ".repeat(indent + 2);
    match value {
        Bson::Document(document) if document.is_empty() => out.push_str("{}"),
        Bson::Document(document) => {
            out.push_str("{\n");
            for (name, value) in document {
                write!(out, "{inner}{name}: ").unwrap();
                text(value, indent + 2, out);
                out.push_str(",\n");
            }
            write!(out, "{}}}", " ".repeat(indent)).unwrap();
        }
        Bson::Array(items) if items.is_empty() => out.push_str("[]"),
        Bson::Array(items) => {
            out.push_str("[\n");
            for item in items {
                out.push_str(&inner);
                text(item, indent + 2, out);
                out.push_str(",\n");
            }
            write!(out, "{}]", " ".repeat(indent)).unwrap();
        }
        Bson::DateTime(at) => write!(out, "ISODate({:?})", at.try_to_rfc3339_string().unwrap()).unwrap(),
        Bson::Binary(bytes) => write!(out, "UUID({:?})", bytes.to_uuid().unwrap().to_string()).unwrap(),
        Bson::String(text) => write!(out, "{}", serde_json::to_string(text).unwrap()).unwrap(),
        Bson::Int64(number) => write!(out, "{number}").unwrap(),
        Bson::Boolean(is) => write!(out, "{is}").unwrap(),
        Bson::Null => out.push_str("null"),
        other => panic!("{other:?}: a type that documents don't have"),
    }
}

/// All fields, with their types; `null` where there is no value anywhere.
fn fields(value: &Document, path: &str, into: &mut BTreeMap<String, &'static str>) {
    for (name, value) in value {
        let path = format!("{path}{name}");
        let kind = match value {
            Bson::Document(_) => "document",
            Bson::Array(_) => "list",
            Bson::DateTime(_) => "date",
            Bson::Binary(_) => "UUID",
            Bson::String(_) => "text",
            Bson::Int64(_) => "Int64",
            Bson::Boolean(_) => "bool",
            _ => "null",
        };
        let known = into.entry(path.clone()).or_insert(kind);
        if *known == "null" {
            *known = kind;
        }
        match value {
            // The names in it are currencies.
            Bson::Document(_) if name == "paid" => {}
            Bson::Document(inner) => fields(inner, &format!("{path}."), into),
            Bson::Array(items) => items.iter().filter_map(Bson::as_document).for_each(|item| {
                fields(item, &format!("{path}[]."), into);
            }),
            _ => {}
        }
    }
}

/// The part of the page about a collection.
fn section(collection: Collection) -> &'static str {
    let head = format!("\n## `{}`", collection.name());
    let from = PAGE.find(&head).unwrap_or_else(|| panic!("DOCUMENTS.md lacks {head}"));
    let rest = &PAGE[from + head.len()..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[test]
fn every_collection_has_its_example_on_the_page() {
    let mut lacking = String::new();
    for (collection, document) in shown() {
        let mut example = String::from("```js\n");
        text(&Bson::Document(document), 0, &mut example);
        example.push_str("\n```\n");
        if !section(collection).contains(&example) {
            write!(lacking, "{}:\n{example}", collection.name()).unwrap();
        }
    }
    assert!(lacking.is_empty(), "DOCUMENTS.md should show\n{lacking}");
}

#[test]
fn every_field_is_on_the_page_with_its_type_and_no_other() {
    let store = store();
    for collection in Collection::ALL {
        let mut known = BTreeMap::new();
        for ((of, _), document) in &store.documents {
            if *of == collection {
                fields(&Document::try_from(&**document).unwrap(), "", &mut known);
            }
        }
        let mut told = BTreeMap::new();
        for row in section(collection).lines().filter_map(|line| line.strip_prefix("| `")) {
            let (name, rest) = row.split_once("` | ").unwrap();
            told.insert(name.to_owned(), rest.split([' ', ',']).next().unwrap());
        }
        for (field, kind) in &known {
            let named = told.get(field);
            assert!(
                named == Some(kind) || *kind == "null" && named.is_some(),
                "{field} is {kind}, not {named:?}"
            );
        }
        assert_eq!(told.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    }
}

#[test]
fn every_index_is_on_the_page() {
    for index in INDEXES {
        let mut keys = Vec::new();
        for (field, order) in index.keys {
            keys.push(match order {
                Order::Ascending => format!("{field}: 1"),
                Order::Descending => format!("{field}: -1"),
                Order::Text { .. } => format!("{field}: \"text\""),
            });
        }
        let only = index.only.map_or(String::new(), |(field, value)| format!(", only {field}: {value:?}"));
        let (name, collection) = (index.name, index.collection.name());
        let row = format!("| {collection} | {name} | `{{{}}}`{only} | {} |", keys.join(", "), index.serves);
        assert!(PAGE.contains(&row), "DOCUMENTS.md lacks {row}");
    }
}
