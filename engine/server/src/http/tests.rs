//! What is served, held to what is said of it; and what is answered in phases of the engine that a client can't bring about.

use super::answers::RememberedAnswers;
use super::resume::Readings;
use super::routes;
use super::worker::{Common, Worker};
use crate::server::{Server, StartReport};
use actix_web::App;
use actix_web::dev::ServiceResponse;
use actix_web::test::{self as client, TestRequest};
use gavel_engine::{Engine, EngineOptions, LogState, Phase};
use gavel_log::MemoryLog;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

const PAGE: &str = include_str!("../../HTTP.md");
const TERMS: &str = r#"{"seller": "9000", "currency": "EUR", "duration_s": 3600, "buy_now": {"price": 90000},
    "soft_close": {"window_s": 60}, "retraction": {"until_s": 60}}"#;

/// Every path with its methods, as the description has them.
fn described() -> BTreeSet<(String, String)> {
    let api = serde_json::to_value(routes::description()).unwrap();
    let paths = api["paths"].as_object().unwrap().clone();
    let each = |(path, item): (String, Value)| {
        let methods: Vec<String> =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(move |method| (method, path.clone()))
    };
    paths.into_iter().flat_map(each).collect()
}

#[test]
fn the_page_tells_of_every_path_with_a_command_line_and_of_no_other() {
    let mut told = BTreeSet::new();
    for section in PAGE.split("\n### `").skip(1).filter(|section| section.contains(" /")) {
        let Some((method, path)) = section.split('`').next().unwrap().split_once(' ') else { continue };
        let lines: Vec<&str> =
            section.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
        let is_shown = lines.iter().any(|line| {
            let path = path
                .replace("{auction}", "20261122-003-00000042")
                .replace("{bidder}", "8")
                .replace("{seller}", "9000");
            let path = path.replace("{consumer}", "old-flusher");
            let url = format!("http://127.0.0.1:7480{path}");
            let is_there = line.split_whitespace().any(|word| word == url);
            is_there && (method == "GET" || line.contains(&format!("-X {method} ")))
        });
        assert!(is_shown, "{method} {path} has no command line");
        told.insert((method.to_owned(), path.to_owned()));
    }
    assert_eq!(told, described());
}

#[test]
fn the_page_tells_the_status_of_every_code() {
    for code in gavel_wire::Code::ALL {
        let (status, _) = super::problem::of_code(code);
        let row = PAGE.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{code}`")));
        let row = row.unwrap_or_else(|| panic!("{code} is not told"));
        assert!(row.contains(status.as_str()), "{code}: {status} is not in {row}");
    }
}

/// A server without a disk, and the way to let its log be opened.
struct House {
    engine: Engine,
    common: Arc<Common>,
    open: std::sync::mpsc::Sender<()>,
}

impl House {
    fn new() -> Self {
        let (open, may_open) = std::sync::mpsc::channel();
        let log = Box::new(move || {
            may_open.recv().unwrap();
            Ok((MemoryLog::new(), LogState { clean: true, ..LogState::default() }))
        });
        let engine = Engine::start(EngineOptions { shards: 2, ..EngineOptions::default() }, log).unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Arc::new(Server::new(engine.handle(), address, StartReport::default(), 100, None));
        let common = Common {
            server,
            answers: RememberedAnswers::default(),
            wide: AtomicUsize::new(0),
            readings: Readings::default(),
        };
        Self { engine, common: Arc::new(common), open }
    }

    async fn ready(&self) {
        self.open.send(()).unwrap();
        self.engine.handle().phases().wait_for(|phase| *phase == Phase::Ready).await.unwrap();
    }
}

async fn status_and_code(response: ServiceResponse) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = client::read_body_json(response).await;
    (status, body["code"].clone())
}

#[actix_web::test]
async fn nothing_is_taken_before_the_log_is_read_nor_once_the_engine_closes() {
    let house = House::new();
    let app =
        client::init_service(routes::app(App::new(), Worker::start(Arc::clone(&house.common)), None)).await;
    let get = |path: &str| TestRequest::get().uri(path).to_request();
    let post = |path: &str, body: &'static str| {
        TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/json"))
            .set_payload(body)
            .to_request()
    };
    let bid = "/v1/auctions/20261122-000-00000001/bids";
    let requests = || {
        [
            get("/v1/auctions/20261122-000-00000001"),
            get("/v1/auctions/20261122-000-00000001/events"),
            get("/v1/shards"),
            post("/v1/auctions", TERMS),
            post(bid, r#"{"bidder": "1", "amount": 5}"#),
            TestRequest::put().uri("/v1/bans/7").to_request(),
        ]
    };
    for request in requests() {
        let path = request.path().to_owned();
        let response = client::call_service(&app, request).await;
        assert_eq!(
            response.headers().get("retry-after").map(|value| value.as_bytes()),
            Some(b"1".as_slice()),
            "{path}"
        );
        assert_eq!(status_and_code(response).await, (503, json!("LOADING")), "{path}");
    }
    assert_eq!(client::call_service(&app, get("/health/live")).await.status(), 200);
    assert_eq!(client::call_service(&app, get("/health/ready")).await.status(), 503);
    assert_eq!(client::call_service(&app, get("/metrics")).await.status(), 200);

    house.ready().await;
    assert_eq!(client::call_service(&app, get("/health/ready")).await.status(), 200);
    let opened = client::call_service(&app, post("/v1/auctions", TERMS)).await;
    assert_eq!(opened.status(), 201);

    let House { engine, .. } = house;
    engine.stop().await.unwrap();
    assert_eq!(client::call_service(&app, get("/health/live")).await.status(), 200);
    assert_eq!(client::call_service(&app, get("/health/ready")).await.status(), 503);
    let refused = client::call_service(&app, post(bid, r#"{"bidder": "1", "amount": 5}"#)).await;
    assert_eq!(status_and_code(refused).await, (503, json!("BUSY")));
}

/// The fields of a schema of the description.
fn fields(schema: &str) -> BTreeSet<String> {
    let api = serde_json::to_value(routes::description()).unwrap();
    let properties = api["components"]["schemas"][schema]["properties"].as_object();
    properties.unwrap_or_else(|| panic!("{schema} is not described")).keys().cloned().collect()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[actix_web::test]
async fn an_auction_has_the_fields_that_are_described() {
    let house = House::new();
    house.ready().await;
    let app =
        client::init_service(routes::app(App::new(), Worker::start(Arc::clone(&house.common)), None)).await;
    let post = TestRequest::post().uri("/v1/auctions").insert_header(("Content-Type", "application/json"));
    let opened: Value = client::call_and_read_body_json(&app, post.set_payload(TERMS).to_request()).await;
    assert_eq!(names(&opened), fields("Auction"));
    for (field, schema) in [("buy_now", "BuyNow"), ("soft_close", "SoftClose")] {
        assert_eq!(names(&opened[field]), fields(schema));
    }
    assert_eq!(names(&opened["increments"][0]), fields("Step"));
    let bid = TestRequest::post().uri(&format!("/v1/auctions/{}/bids", opened["id"].as_str().unwrap()));
    let bid = bid
        .insert_header(("Content-Type", "application/json"))
        .set_payload(r#"{"bidder": "1", "amount": 5000}"#);
    let receipt: Value = client::call_and_read_body_json(&app, bid.to_request()).await;
    assert_eq!(names(&receipt), fields("BidReceipt"));
    house.engine.stop().await.unwrap();
}

#[test]
fn the_terms_that_are_described_are_those_that_are_read() {
    let unknown = gavel_wire::terms::TermsRequest::parse(br#"{"no_such_field": 1}"#).unwrap();
    let error = unknown.validate(None, gavel_core::Timestamp::default()).unwrap_err().to_string();
    let listed = error.split("the fields are ").nth(1).unwrap().split(';').next().unwrap();
    let read: BTreeSet<String> = listed.split(", ").map(|name| name.trim().to_owned()).collect();
    assert_eq!(fields("Terms"), read);
}
