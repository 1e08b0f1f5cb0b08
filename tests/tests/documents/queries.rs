//! Goal: pages get from the documents what the engine has decided, soon, or as soon as they ask for it; and are told what can't be had.
//!
//! Method: a server with the embedded store and one with a genuine MongoDB get the same auctions and bids; the same queries of both are held
//! against what was done. Whoever names a position in `Gavel-At-Least` never sees less.

use super::same::{bids, document};
use gavel_tests::fixtures::{OPENING_PRICE, SELLER, STEP};
use gavel_tests::mongodb::ReplicaSet;
use gavel_tests::{Http, Item, Options, Server};
use serde_json::{Value, json};

fn details(title: &str, category: &str) -> Value {
    json!({ "title": title, "category": category, "images": ["https://example.org/1.jpg"] })
}

/// Opens an auction; its id and position.
fn open(http: &mut Http, item: &Item) -> (String, String) {
    let terms: Value = serde_json::from_str(&item.json()).unwrap();
    let shown = http.post("/v1/auctions", &terms).expect(201).json();
    (shown["id"].as_str().unwrap().to_owned(), shown["position"].as_str().unwrap().to_owned())
}

/// Bids; the bid's position.
fn bid(http: &mut Http, auction: &str, bidder: u64, amount: u64) -> String {
    let body = json!({ "bidder": bidder.to_string(), "amount": amount });
    let receipt = http.post(&format!("/v1/auctions/{auction}/bids"), &body).expect(200).json();
    receipt["position"].as_str().unwrap().to_owned()
}

fn demanding(http: &mut Http, path: &str, position: &str) -> Value {
    http.call("GET", path, &[&format!("Gavel-At-Least: {position}")], b"").expect(200).json()
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

/// What both stores can.
fn everywhere(http: &mut Http) {
    let (lamp, lit) =
        open(http, &Item::new().with("details", details("a lamp", "light")).with("duration_s", 7_200));
    let (vase, opened) = open(http, &Item::new().with("details", details("a vase", "pottery")));
    let document = demanding(http, &format!("/v1/auctions/{vase}?view=document"), &opened);
    assert_eq!((&document["title"], &document["state"]), (&json!("a vase"), &json!("open")));
    assert_eq!(document["details"], details("a vase", "pottery"), "as the seller wrote it");
    assert_eq!((&document["price"], &document["current_price"]), (&Value::Null, &json!(OPENING_PRICE)));

    // Read your own writes, each time.
    let mut position = String::new();
    for number in 0..30 {
        position = bid(http, &vase, 1 + number % 2, OPENING_PRICE + number * 2 * STEP);
        let document = demanding(http, &format!("/v1/auctions/{vase}?view=document"), &position);
        assert_eq!(document["bids_accepted"], number + 1);
        assert_eq!(document["position"], position);
    }
    let live = http.get(&format!("/v1/auctions/{vase}")).expect(200).json();
    let document = super::same::document(http, vase.parse().unwrap());
    for field in ["price", "bid_count", "bidder_count", "state", "min_next"] {
        assert_eq!(document[field], live[field], "{field}");
    }

    // Bids by pages, with one that comes in between.
    let path = format!("/v1/auctions/{vase}/bids?limit=7");
    let first = demanding(http, &path, &position);
    let last = bid(http, &vase, 3, 1_000_000);
    demanding(http, &path, &last);
    let rest = http.get(&format!("{path}&after={}", first["next"].as_str().unwrap())).expect(200).json();
    let (first, rest) = (ids(&first), ids(&rest));
    assert!(first.iter().all(|id| !rest.contains(id)), "{first:?} {rest:?}");
    assert_eq!(bids(http, vase.parse().unwrap()).len(), 31);

    // My bids: with my own maximum, which nobody else sees.
    let mine = http.get("/v1/bidders/3/bids").expect(200).json();
    assert_eq!(mine["items"][0]["auction"], vase);
    assert_eq!(
        (&mine["items"][0]["status"], &mine["items"][0]["amount"]),
        (&json!("leading"), &json!(1_000_000))
    );
    let theirs = http.get("/v1/bidders/1/bids").expect(200).json();
    assert_eq!(theirs["items"][0]["status"], "outbid");
    for path in [format!("/v1/auctions/{vase}?view=document"), format!("/v1/auctions/{vase}/bids")] {
        let text = String::from_utf8(http.get(&path).expect(200).body).unwrap();
        assert!(!text.contains("1000000"), "{path} shows a secret maximum: {text}");
    }

    // Ending soon, by state, by seller.
    demanding(http, "/v1/auctions", &lit);
    let soon = http.get("/v1/auctions?sort=ends_at").expect(200).json();
    assert_eq!(ids(&soon), [vase.as_str(), &lamp]);
    let open_ones = http.get("/v1/auctions?state=open").expect(200).json();
    assert_eq!(ids(&open_ones), [vase.as_str(), &lamp]);
    let of_seller = http.get(&format!("/v1/sellers/{SELLER}/auctions?limit=1")).expect(200).json();
    let next = of_seller["next"].as_str().unwrap();
    let second = http.get(&format!("/v1/sellers/{SELLER}/auctions?limit=1&after={next}")).expect(200).json();
    assert_eq!((ids(&of_seller), ids(&second)), (vec![vase.as_str()], vec![lamp.as_str()]));
    assert_eq!(second["next"], Value::Null);
    let sums = http.get(&format!("/v1/sellers/{SELLER}")).expect(200).json();
    assert_eq!((&sums["opened"], &sums["live"], &sums["sold"]), (&json!(2), &json!(2), &json!(0)));
    assert_eq!(http.get("/v1/sellers/77").expect(200).json()["opened"], 0);
}

/// What is wrong is said, and what is allowed.
fn mistakes(http: &mut Http) {
    let (auction, position) = open(http, &Item::new());
    demanding(http, &format!("/v1/auctions/{auction}?view=document"), &position);
    for (path, status, said) in [
        ("/v1/auctions?color=red", 400, "there is no 'color' here"),
        ("/v1/auctions?state=OPEN", 400, "one of scheduled, open"),
        ("/v1/auctions?limit=201", 400, "1 to 200 are allowed"),
        ("/v1/auctions?after=x", 400, "is not a place"),
        ("/v1/auctions/20261122-003-00000042?view=all", 400, "view=document is allowed"),
        ("/v1/auctions/20261122-003-00000042?view=document", 404, ""),
        ("/v1/auctions/20261122-003-00000042/bids", 404, ""),
        ("/v1/bidders/x/bids", 400, "bidder in the path"),
    ] {
        let answer = http.get(path);
        let (found, detail) = (answer.problem().0, answer.json()["detail"].as_str().unwrap().to_owned());
        assert!(found == status && detail.contains(said), "{path}: {found} {detail}");
    }
    let wrong = http.call("GET", "/v1/auctions", &["Gavel-At-Least: soon"], b"");
    assert_eq!(wrong.problem(), (400, "INVALID".to_owned()));
    let (shard, rest) = position.split_once('-').unwrap();
    let epoch = rest.split('-').next().unwrap();
    let ahead = http.call("GET", "/v1/auctions", &[&format!("Gavel-At-Least: {shard}-{epoch}-999999")], b"");
    assert_eq!(ahead.problem(), (503, "BUSY".to_owned()));
    assert!(
        ahead.json()["detail"].as_str().unwrap().contains(&format!("are at {shard}-{epoch}-")),
        "how far they are"
    );
    // A page's place goes with its own listing.
    open(http, &Item::new());
    let page = http.get("/v1/auctions?state=open&limit=1").expect(200).json();
    let elsewhere = http.get(&format!("/v1/auctions?limit=1&after={}", page["next"].as_str().unwrap()));
    assert_eq!(elsewhere.problem(), (400, "INVALID".to_owned()));
}

#[test]
fn the_embedded_store_answers_what_it_can_and_says_what_needs_mongodb() {
    let server = Server::start(Options::new().with("--documents embedded --shards 2"));
    let mut http = Http::connect(server.http());
    everywhere(&mut http);
    mistakes(&mut http);
    for path in [
        "/v1/auctions?q=lamp",
        "/v1/auctions?category=light",
        "/v1/auctions?sort=price",
        "/v1/auctions?state=open&seller=9000",
    ] {
        let answer = http.get(path);
        assert_eq!(answer.problem().0, 501, "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("[mongodb]"), "{answer:?}");
    }
}

#[test]
fn mongodb_answers_everything() {
    let mongod = ReplicaSet::fresh();
    let url = mongod.url("shop");
    let server = Server::start(Options::new().with("--shards 2").with("--mongodb").with(&url));
    let mut http = Http::connect(server.http());
    everywhere(&mut http);
    mistakes(&mut http);
    let (blue, opened) = open(
        &mut http,
        &Item::new().with("details", details("blue glass", "glass")).with("opening_price", 7_000),
    );
    let (red, position) = open(
        &mut http,
        &Item::new()
            .with("details", details("red glass", "glass"))
            .with("opening_price", 5_000)
            .with("seller", "77"),
    );
    // They may be of two shards.
    demanding(&mut http, "/v1/auctions", &opened);
    demanding(&mut http, "/v1/auctions", &position);
    let mut query = |text: &str| {
        let page = http.get(&format!("/v1/auctions?{text}")).expect(200).json();
        ids(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(query("category=glass&sort=price"), [red.clone(), blue.clone()]);
    assert_eq!(query("category=glass&sort=newest"), [red.clone(), blue.clone()]);
    assert_eq!(query("q=blue"), std::slice::from_ref(&blue));
    assert_eq!(query("category=glass&price_min=6000&price_max=8000&state=open"), [blue]);
    assert_eq!(query("category=glass&seller=77"), [red]);
    assert_eq!(query("sort=bids&limit=1").len(), 1);
}

#[test]
fn a_server_without_documents_says_how_to_get_them() {
    let server = Server::start(Options::new());
    let mut http = Http::connect(server.http());
    let (auction, _) = open(&mut http, &Item::new());
    for path in [
        "/v1/auctions".to_owned(),
        format!("/v1/auctions/{auction}/bids"),
        format!("/v1/auctions/{auction}?view=document"),
        "/v1/bidders/7/bids".to_owned(),
        "/v1/sellers/7".to_owned(),
    ] {
        let answer = http.get(&path);
        assert_eq!(answer.problem().0, 501, "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("--mongodb URL"), "{answer:?}");
    }
}

#[test]
fn documents_outlive_the_engines_memory() {
    let server = Server::start(Options::new().with("--documents embedded --shards 1 --retire-after-s 1"));
    let mut http = Http::connect(server.http());
    let (auction, _) = open(&mut http, &Item::new());
    http.call("POST", &format!("/v1/auctions/{auction}/end"), &[], b"").expect(200);
    gavel_tests::wait::until("the auction to leave memory", || {
        (http.get(&format!("/v1/auctions/{auction}")).status == 404).then_some(())
    });
    assert_eq!(document(&mut http, auction.parse().unwrap())["state"], "unsold");
}
