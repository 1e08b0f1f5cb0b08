//! Goal: over HTTP the engine says and does what it says and does over RESP, and every request that is none is told so in one form.
//!
//! Method: a client written from the RFCs beside a RESP client on the same server; retries with and without keys, before and after a
//! kill; each kind of wrong request with its status and code.

use gavel_tests::fixtures::OPENING_PRICE;
use gavel_tests::http::Answer;
use gavel_tests::{Http, Item, Options, Server};
use serde_json::{Value, json};

/// Opens an auction over HTTP; its path.
fn open(http: &mut Http, item: &Item) -> String {
    let terms: Value = serde_json::from_str(&item.json()).unwrap();
    let answer = http.post("/v1/auctions", &terms).expect(201);
    let path = answer.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/v1/auctions/{}", answer.json()["id"].as_str().unwrap()));
    path
}

fn bid(http: &mut Http, auction: &str, bidder: &str, amount: u64) -> Answer {
    http.post(&format!("{auction}/bids"), &json!({"bidder": bidder, "amount": amount}))
}

#[test]
fn an_auction_lives_its_life_over_http_and_resp_sees_the_same() {
    let server = Server::start(Options::new());
    let (mut http, mut resp) = (Http::connect(server.http()), server.connect());
    let auction = open(&mut http, &Item::new().with("currency", "EUR").with("reserve_price", 5_000));
    let receipt = bid(&mut http, &auction, "1", 5_000).expect(200).json();
    assert_eq!(receipt["status"], "leading");
    assert_eq!((&receipt["price"], &receipt["min_next"]), (&json!(5_000), &json!(5_100)));
    assert_eq!((&receipt["currency"], &receipt["currency_exponent"]), (&json!("EUR"), &json!(2)));
    let outbid = bid(&mut http, &auction, "2", 5_100).expect(200).json();
    assert_eq!(outbid["status"], "leading");
    let refused = bid(&mut http, &auction, "3", 1);
    assert_eq!(refused.problem(), (409, "TOOLOW".to_owned()));
    assert_eq!(
        (&refused.json()["min_next"], &refused.json()["detail"]),
        (&json!(5_200), &json!("bid at least 5200"))
    );
    let id = auction.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(http.get(&auction).expect(200).json(), resp.auction(id));

    let answer =
        http.post(&format!("{auction}/removals"), &json!({"bidder": "1", "reason": "fraud"})).expect(200);
    assert!(answer.json()["position"].is_string());
    assert_eq!(bid(&mut http, &auction, "9000", 9_000).problem(), (403, "SELLERBID".to_owned()));
    http.call("POST", &format!("{auction}/end"), &[], b"").expect(200);
    assert_eq!(bid(&mut http, &auction, "3", 9_000).problem(), (409, "CLOSED".to_owned()));
    http.call("POST", &format!("{auction}/unpaid"), &[], b"").expect(200);
    assert_eq!(http.get(&auction).json()["state"], "unsold", "nobody is left");
    assert_eq!(http.call("POST", &format!("{auction}/paid"), &[], b"").problem(), (409, "STATE".to_owned()));
}

#[test]
fn bans_are_resources() {
    let server = Server::start(Options::new());
    let mut http = Http::connect(server.http());
    let auction = open(&mut http, &Item::new());
    let id = auction.rsplit('/').next().unwrap();
    for path in
        ["/v1/bans/8".to_owned(), "/v1/bans/8/sellers/9000".to_owned(), format!("/v1/bans/8/auctions/{id}")]
    {
        assert_eq!(http.call("DELETE", &path, &[], b"").problem(), (404, "NOTFOUND".to_owned()));
        assert_eq!(http.call("PUT", &path, &[], b"").status, 201, "{path}");
        assert_eq!(http.call("PUT", &path, &[], b"").status, 204, "{path} is in force already");
        let remove =
            http.call("PUT", &path, &["Content-Type: application/json"], br#"{"standing_bids":"remove"}"#);
        assert_eq!(remove.problem(), (409, "STATE".to_owned()), "nothing is removed by a ban that is there");
        assert_eq!(bid(&mut http, &auction, "8", 5_000).problem(), (403, "BANNED".to_owned()));
        assert_eq!(http.call("DELETE", &path, &[], b"").status, 204);
    }
    bid(&mut http, &auction, "8", 5_000).expect(200);
}

#[test]
fn a_key_makes_a_retry_the_same_request_also_after_a_kill() {
    let mut server = Server::start(Options::new());
    let mut http = Http::connect(server.http());
    let terms: Value = serde_json::from_str(&Item::new().json()).unwrap();
    let opened = http.post_with("/v1/auctions", &["Idempotency-Key: lamp 1"], &terms);
    assert_eq!(opened.problem(), (400, "INVALID".to_owned()), "a key has no spaces");
    let opened = http.post_with("/v1/auctions", &["Idempotency-Key: \"lamp-1\""], &terms).expect(201).json();
    let bids = format!("/v1/auctions/{}/bids", opened["id"].as_str().unwrap());
    let uuid = "0197b1c2-7d3e-7a4b-8c5d-6e7f8091a2b3";
    let offer = |amount: u64| json!({"bidder": "1", "amount": amount});
    let offers = [
        (format!("Idempotency-Key: {uuid}"), offer(5_000)),
        ("Idempotency-Key: my-bid".to_owned(), offer(6_000)),
    ];
    let first = offers.clone().map(|(key, offer)| http.post_with(&bids, &[&key], &offer).expect(200).json());
    assert_eq!(first[0]["bid_id"], uuid);
    assert_ne!(first[1]["bid_id"], uuid);
    server.kill9();
    server.restart();
    let mut http = Http::connect(server.http());
    assert_eq!(
        http.post_with("/v1/auctions", &["Idempotency-Key: lamp-1"], &terms).expect(201).json()["id"],
        opened["id"]
    );
    let mut others = terms.clone();
    others["opening_price"] = json!(1);
    let conflict = http.post_with("/v1/auctions", &["Idempotency-Key: lamp-1"], &others);
    assert_eq!(conflict.problem(), (409, "IDCONFLICT".to_owned()));
    for ((key, offered), first) in offers.iter().zip(&first) {
        assert_eq!(http.post_with(&bids, &[key], offered).expect(200).json(), *first);
        let conflict = http.post_with(&bids, &[key], &offer(7_000));
        assert_eq!(conflict.problem(), (409, "IDCONFLICT".to_owned()));
    }
}

#[test]
fn other_requests_with_a_key_are_carried_out_once() {
    let server = Server::start(Options::new());
    let mut http = Http::connect(server.http());
    let auction = open(&mut http, &Item::new());
    let end = format!("{auction}/end");
    bid(&mut http, &auction, "1", 5_000).expect(200);
    let key = ["Idempotency-Key: end-it"];
    let first = http.call("POST", &end, &key, b"").expect(200);
    assert_eq!(http.call("POST", &end, &key, b"").json(), first.json(), "the first answer again");
    assert_eq!(http.call("POST", &end, &[], b"").problem(), (409, "STATE".to_owned()), "another request");
    let other = http.call("POST", &format!("{auction}/paid"), &key, b"");
    assert_eq!(other.problem(), (409, "IDCONFLICT".to_owned()));
    // What was refused is judged anew.
    let cancel = ["Idempotency-Key: cancel-it", "Content-Type: application/json"];
    for _ in 0..2 {
        let refused = http.call("POST", &format!("{auction}/cancel"), &cancel, br#"{"reason":"broken"}"#);
        assert_eq!(refused.status, http.call("POST", &end, &[], b"").status);
    }
}

#[test]
fn what_is_no_request_is_told_so_in_one_form() {
    let server = Server::start(Options::new());
    let mut http = Http::connect(server.http());
    let auction = open(&mut http, &Item::new());
    let bids = format!("{auction}/bids");
    let json = "Content-Type: application/json";
    let missing = "/v1/auctions/19700101-000-00000001";
    /// Method, path, headers, body; status and code.
    type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a str, u16, &'a str);
    let cases: &[Case<'_>] = &[
        ("GET", "/", &[], "", 404, "UNKNOWN"),
        ("GET", "/v2/auctions", &[], "", 404, "UNKNOWN"),
        ("GET", missing, &[], "", 404, "NOTFOUND"),
        ("GET", &format!("{missing}/events"), &[], "", 404, "NOTFOUND"),
        ("GET", "/v1/auctions/lamp", &[], "", 400, "INVALID"),
        ("DELETE", &auction, &[], "", 405, "UNKNOWN"),
        ("GET", "/v1/bids", &[], "", 405, "UNKNOWN"),
        ("HEAD", "/v1/bids", &[], "", 405, ""),
        ("GET", &auction, &["Accept: text/html"], "", 406, "INVALID"),
        ("POST", &bids, &[], r#"{"bidder":"1","amount":5000}"#, 415, "INVALID"),
        ("POST", &bids, &["Content-Type: text/plain"], r#"{"bidder":"1","amount":5000}"#, 415, "INVALID"),
        ("POST", "/v1/bids", &[json], "{}", 415, "INVALID"),
        ("POST", &bids, &[json], "", 400, "INVALID"),
        ("POST", &bids, &[json], "{", 400, "INVALID"),
        ("POST", &bids, &[json], "[]", 400, "INVALID"),
        ("POST", &bids, &[json], r#"{"bidder":1,"amount":5000}"#, 400, "INVALID"),
        ("POST", &bids, &[json], r#"{"bidder":"1","amount":5000.5}"#, 400, "INVALID"),
        ("POST", &bids, &[json], r#"{"bidder":"1","amount":5000,"max":1}"#, 400, "INVALID"),
        ("POST", &bids, &[json], r#"{"bidder":"1","amount":9007199254740992}"#, 400, "INVALID"),
        (
            "POST",
            &bids,
            &[json, "Idempotency-Key: a", "Idempotency-Key: b"],
            r#"{"bidder":"1","amount":5000}"#,
            400,
            "INVALID",
        ),
        ("POST", &format!("{auction}/end"), &[json], r#"{"now":true}"#, 400, "INVALID"),
        ("POST", "/v1/auctions", &[json], r#"{"seller":"1","currency":"won"}"#, 400, "INVALID"),
        ("PUT", "/v1/bans/you", &[], "", 400, "INVALID"),
        ("POST", &format!("{auction}/end"), &["Sec-Fetch-Site: cross-site"], "", 403, "INVALID"),
        ("GET", &format!("{auction}/events"), &["Last-Event-ID: yesterday"], "", 400, "INVALID"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = http.call(method, path, headers, body.as_bytes());
        if *method == "HEAD" {
            assert_eq!(answer.status, *status, "{method} {path}");
        } else {
            assert_eq!(answer.problem(), (*status, (*code).to_owned()), "{method} {path} {body}: {answer:?}");
        }
    }
    let other = http.call("DELETE", &auction, &[], b"");
    assert_eq!(other.header("allow"), Some("GET, HEAD, PATCH"));
    let terms = http.call("POST", "/v1/auctions", &[json], br#"{"seller":"1","currency":"won"}"#).json();
    let fields: Vec<&str> =
        terms["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"currency") && fields.contains(&"ends_at"), "{fields:?}");
    bid(&mut http, &auction, "1", OPENING_PRICE).expect(200);
}

#[test]
fn looking_again_costs_nothing_while_nothing_has_changed() {
    let server = Server::start(Options::new());
    let mut http = Http::connect(server.http());
    let auction = open(&mut http, &Item::new());
    let seen = http.get(&auction).expect(200);
    let known = format!("If-None-Match: {}", seen.header("etag").unwrap());
    assert_eq!(http.call("GET", &auction, &[&known], b"").status, 304);
    let head = http.call("HEAD", &auction, &[], b"");
    assert_eq!((head.status, head.header("etag")), (200, seen.header("etag")));
    bid(&mut http, &auction, "1", 5_000).expect(200);
    http.call("GET", &auction, &[&known], b"").expect(200);
}

#[test]
fn health_shards_consumers_and_metrics_tell_how_the_server_is() {
    let server = Server::start(Options::new().with("--shards 3"));
    let mut http = Http::connect(server.http());
    let auction = open(&mut http, &Item::new());
    bid(&mut http, &auction, "1", 5_000).expect(200);
    assert_eq!(bid(&mut http, &auction, "2", 1).status, 409);
    assert_eq!(http.get("/health/live").expect(200).json(), json!({"status": "ready"}));
    assert_eq!(http.get("/health/ready").expect(200).json(), json!({"status": "ready"}));
    let shards = http.get("/v1/shards").expect(200).json();
    assert_eq!(shards["shards"].as_array().unwrap().len(), 3);
    assert_eq!(http.get("/v1/consumers").expect(200).json(), json!({"consumers": []}));
    assert_eq!(http.call("DELETE", "/v1/consumers/old", &[], b"").problem(), (404, "NOTFOUND".to_owned()));
    let metrics = http.get("/metrics").expect(200);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(metrics.body).unwrap();
    for line in [
        "gavel_bids_accepted_total{outcome=\"leading\"} 1",
        "gavel_commands_refused_total{code=\"TOOLOW\"} 1",
        "gavel_auctions_opened_total 1",
        "gavel_ready 1",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} is not in\n{text}");
    }
    for name in [
        "gavel_commit_records_bucket",
        "gavel_commit_duration_seconds_bucket",
        "gavel_stage_duration_seconds_bucket{stage=\"queue\"",
        "gavel_stage_duration_seconds_bucket{stage=\"reply\"",
        "gavel_commands_under_way",
        "gavel_credit",
        "gavel_log_queue_batches",
        "gavel_shard_applied_lsn",
        "gavel_shard_durable_lsn",
        "gavel_log_bytes",
        "gavel_archive_bytes",
        "gavel_archive_files_bad",
        "gavel_snapshot_bytes",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in\n{text}");
    }
    // Each metric says what it is.
    let names = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
    assert_eq!(names("# HELP "), names("# TYPE "));
    let open_metrics =
        http.call("GET", "/metrics", &["Accept: application/openmetrics-text"], b"").expect(200);
    assert!(open_metrics.body.ends_with(b"# EOF\n"));
    // What lies above all bounds is told once, in both forms.
    for text in [&text, std::str::from_utf8(&open_metrics.body).unwrap()] {
        let mut buckets = text.lines().filter(|line| line.starts_with("gavel_commit_records_bucket"));
        let endless = buckets.clone().filter(|line| line.contains("+Inf")).count();
        assert!(
            endless == 1 && !buckets.any(|line| line.contains("e308") || line.contains("e+308")),
            "{text}"
        );
    }
}
