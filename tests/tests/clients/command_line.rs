//! Goal: a stranger sells, bids and follows with `gavel` alone, and a script can tell by the exit code what has happened.
//!
//! Method: the real binary against a real server, as the README walks through it: open, bid, outbid, look, buy, ban, end, errors. Answers
//! are taken away by a relay between the two, which hands a bid on and hangs up; the bid must count once all the same.

mod relay {
    //! Stands between client and server, and takes answers away.

    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    pub(crate) struct Relay {
        pub(crate) address: SocketAddr,
        /// How many answers to bids are still to be taken away.
        left: Arc<AtomicUsize>,
    }

    impl Relay {
        /// Takes the answers to so many commands away that contain this word, each with its connection.
        pub(crate) fn taking_away(count: usize, word: &'static str, server: SocketAddr) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let left = Arc::new(AtomicUsize::new(count));
            let relay = Self { address, left: Arc::clone(&left) };
            std::thread::spawn(move || {
                for client in listener.incoming() {
                    let server = TcpStream::connect(server).unwrap();
                    serve(client.unwrap(), server, word, &left);
                }
            });
            relay
        }

        pub(crate) fn taken_away_all(&self) -> bool {
            self.left.load(Ordering::SeqCst) == 0
        }
    }

    /// One connection: a command, its answer, the next.
    fn serve(mut client: TcpStream, mut server: TcpStream, word: &str, left: &AtomicUsize) {
        let mut buffer = [0; 64 * 1024];
        loop {
            let Ok(asked @ 1..) = client.read(&mut buffer) else { return };
            let take_away = String::from_utf8_lossy(&buffer[..asked]).contains(word);
            server.write_all(&buffer[..asked]).unwrap();
            let answered = server.read(&mut buffer).unwrap();
            let one_less = |left: usize| left.checked_sub(1);
            if take_away && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                return;
            }
            client.write_all(&buffer[..answered]).unwrap();
        }
    }
}

use gavel_core::AuctionId;
use gavel_tests::command_line::{Background, Run, run};
use gavel_tests::{Item, Options, Server};
use relay::Relay;
use serde_json::Value;
use std::net::TcpListener;

const REFUSED: i32 = 7;
const UNAVAILABLE: i32 = 8;
const UNKNOWN: i32 = 9;

struct Shop(Server);

impl Shop {
    fn open() -> Self {
        Self(Server::start(Options::new()))
    }

    /// `gavel` with these words, separated by spaces.
    fn gavel(&self, words: &str) -> Run {
        self.words(&words.split(' ').collect::<Vec<_>>())
    }

    fn words(&self, words: &[&str]) -> Run {
        run(self.0.address(), words)
    }

    fn json(&self, words: &str) -> Value {
        self.gavel(&format!("{words} --json")).json()
    }

    /// Opens with the least there must be, and these flags.
    fn sell(&self, flags: &str) -> String {
        let words =
            format!("open --seller 7 --currency KRW --for 1h --opening-price 1000 --step 100 {flags}");
        self.gavel(words.trim_end()).ok()
    }
}

#[test]
fn a_walk_through_a_sale() {
    let shop = Shop::open();
    let id = shop.sell("");
    assert!(id.parse::<AuctionId>().is_ok(), "{id:?} is not an id alone");

    let led = shop.gavel(&format!("bid {id} 8 5000")).ok();
    assert!(led.starts_with("LEADING at 1,000 "), "{led}");
    assert!(led.contains("others must bid at least 1,100 ") && led.contains("ends in "), "{led}");
    assert!(led.contains("\nbid ") && led.contains(", at position "), "{led}");
    let outbid = shop.gavel(&format!("bid {id} 9 3000")).ok();
    assert!(outbid.starts_with("OUTBID: the price is 3,100 "), "{outbid}");
    let bid = shop.json(&format!("bid {id} 9 6000"));
    assert_eq!(
        (&bid["status"], &bid["price"], &bid["min_next"]),
        (&"leading".into(), &5_100.into(), &5_200.into())
    );
    assert_eq!(bid["auction"], id.as_str());

    let page = shop.gavel(&format!("get {id}")).ok();
    for part in
        [&format!("{id}  open, ends in "), "5,100 ", "leader 9", "3 bids by 2 bidders", "reserve       none"]
    {
        assert!(page.contains(part), "{part:?} is missing in:\n{page}");
    }
    let state = shop.json(&format!("get {id}"));
    assert_eq!(
        (&state["price"], &state["leader"], &state["bid_count"]),
        (&5_100.into(), &"9".into(), &3.into())
    );

    let bid_id = bid["bid_id"].as_str().unwrap();
    let refused = shop.words(&["retract", &id, bid_id, "a typo"]);
    assert_eq!(refused.exit, REFUSED);
    assert!(refused.stderr.starts_with("refused: STATE "), "{refused:?}");
    let removed = shop.words(&["remove", &id, "9", "a stolen account"]).ok();
    assert!(removed.starts_with("OK: open  ") && removed.contains("leader 8"), "{removed}");

    let ended = shop.gavel(&format!("end {id}")).ok();
    assert!(ended.starts_with("OK: awarded  "), "{ended}");
    assert_eq!(shop.json(&format!("paid {id}"))["state"], "closed");
    let late = shop.gavel(&format!("bid {id} 9 9000"));
    assert_eq!((late.exit, late.stdout.as_str()), (REFUSED, ""));
    assert!(late.stderr.starts_with("refused: CLOSED closed at "), "{late:?}");
}

#[test]
fn every_term_is_said_by_a_flag_and_comes_back() {
    let shop = Shop::open();
    let folder = tempfile::tempdir().unwrap();
    let details = folder.path().join("details.json");
    std::fs::write(&details, r#"{"title": "a lamp"}"#).unwrap();
    let id = shop.sell(&format!(
        "--reserve 4000 --buy-now 20000 --buy-now-always --soft-close 2m --extension 30s --soft-close-mode from-end \
         --soft-close-trigger leader --hard-end +3h --retraction 5m --payment-window 2d --offer-window 3h --details-file {}",
        details.display()
    ));
    let state = shop.json(&format!("get {id}"));
    assert_eq!(state["reserve_status"], "not_met");
    assert_eq!(state["buy_now"], serde_json::json!({ "price": 20_000, "policy": "always" }));
    let soft_close = &state["soft_close"];
    assert_eq!((&soft_close["window_s"], &soft_close["extension_s"]), (&120.into(), &30.into()));
    assert_eq!((&soft_close["mode"], &soft_close["trigger"]), (&"from_end".into(), &"leader".into()));
    assert_eq!(state["retraction"], serde_json::json!({ "until_s": 300 }));
    assert_eq!((&state["payment_window_s"], &state["offer_window_s"]), (&172_800.into(), &10_800.into()));
    let later = shop
        .gavel("open --seller 7 --currency EUR --starts +1h --ends +2h --increments 0:10,1000:50 --no-proxy")
        .ok();
    let state = shop.json(&format!("get {later}"));
    assert_eq!((&state["state"], &state["proxy"]), (&"scheduled".into(), &false.into()));
    assert_eq!(
        state["increments"],
        serde_json::json!([{ "from": 0, "step": 10 }, { "from": 1_000, "step": 50 }])
    );
    let early = shop.gavel(&format!("bid {later} 8 5000"));
    assert_eq!(early.exit, REFUSED);
    assert!(early.stderr.starts_with("refused: NOTSTARTED "), "{early:?}");
    let wrong = shop.gavel("open --seller 7 --currency KRW --for 10m --buy-now 10 --opening-price 1000");
    assert_eq!(wrong.exit, REFUSED);
    assert!(wrong.stderr.starts_with("refused: INVALID ") && wrong.stderr.contains("buy_now"), "{wrong:?}");
}

#[test]
fn what_sellers_and_operators_do() {
    let shop = Shop::open();
    let id = shop.sell("--reserve 4000 --buy-now 20000 --retraction 1m");
    let end = |state: &Value| state["ends_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let before = end(&shop.json(&format!("get {id}")));
    let after = end(&shop.json(&format!("extend {id} --by 10m")));
    assert_eq!(after.duration_since(before).as_secs(), 600);
    let to = after + jiff::SignedDuration::from_secs(60);
    assert_eq!(end(&shop.json(&format!("extend {id} {to}"))), to);
    let again = shop.gavel(&format!("extend {id} {to}"));
    assert_eq!(again.exit, REFUSED, "{again:?}");
    shop.words(&["edit", &id, r#"{"title": "a blue lamp"}"#]).ok();

    shop.gavel(&format!("bid {id} 8 1500")).ok();
    assert_eq!(shop.json(&format!("lower-reserve {id} 1200"))["reserve_status"], "met");
    let sold = shop.gavel(&format!("buy {id} 9"));
    assert_eq!(sold.exit, REFUSED, "the first bid has removed the buy-now price: {sold:?}");
    let bid = shop.json(&format!("bid {id} 9 3000"))["bid_id"].as_str().unwrap().to_owned();
    assert_eq!(shop.words(&["retract", &id, &bid, "a typo", "--json"]).json()["leader"], "8");
    shop.gavel(&format!("bid {id} 9 2000")).ok();

    shop.gavel(&format!("end {id}")).ok();
    assert_eq!(shop.json(&format!("unpaid {id}"))["state"], "offered");
    assert_eq!(shop.json(&format!("offer accept {id} 8"))["state"], "awarded");
    assert_eq!(shop.json(&format!("paid {id}"))["state"], "closed");

    let bought = shop.sell("--buy-now 20000");
    assert!(shop.gavel(&format!("buy {bought} 9")).ok().starts_with("SOLD at 20,000 "));
    let cancelled = shop.sell("");
    assert_eq!(shop.words(&["cancel", &cancelled, "it is broken", "--json"]).json()["state"], "cancelled");
}

#[test]
fn a_ban_is_told_and_holds() {
    let shop = Shop::open();
    let id = shop.sell("");
    shop.gavel(&format!("bid {id} 8 5000")).ok();
    assert_eq!(shop.gavel("ban 8 --seller 7 --remove-bids").ok(), "OK: 8 is banned in auctions of 7");
    assert_eq!(shop.json(&format!("get {id}"))["leader"], Value::Null);
    let refused = shop.gavel(&format!("bid {id} 8 6000"));
    assert_eq!(
        (refused.exit, refused.stderr.as_str()),
        (REFUSED, "refused: BANNED this bidder may not bid here\n")
    );
    assert_eq!(shop.gavel("ban 8 --seller 7").exit, REFUSED);
    assert_eq!(shop.json("unban 8 --seller 7")["ok"], true);
    shop.gavel(&format!("bid {id} 8 6000")).ok();
    shop.gavel(&format!("ban 8 --auction {id}")).ok();
    assert_eq!(shop.gavel(&format!("bid {id} 8 7000")).exit, REFUSED);
    let none = shop.gavel("unban 8");
    assert!(none.stderr.starts_with("refused: NOTFOUND "), "{none:?}");
}

#[test]
fn a_bid_whose_answer_was_lost_is_sent_again_and_counts_once() {
    let shop = Shop::open();
    let id = shop.sell("");
    let relay = Relay::taking_away(2, "BID\r\n", shop.0.address());
    let bid = run(relay.address, &["bid", &id, "8", "5000", "--json"]).json();
    assert!(relay.taken_away_all());
    assert_eq!(bid["status"], "leading");
    assert_eq!(shop.json(&format!("get {id}"))["bid_count"], 1);
}

#[test]
fn an_answer_that_never_comes_is_said_with_how_to_go_on() {
    let shop = Shop::open();
    let id = shop.sell("");
    let relay = Relay::taking_away(usize::MAX, "BID\r\n", shop.0.address());
    let lost = run(relay.address, &["bid", &id, "8", "5000", "--retry-for", "1s"]);
    assert_eq!((lost.exit, lost.stdout.as_str()), (UNKNOWN, ""), "{lost:?}");
    assert!(lost.stderr.contains("whether it was done is unknown"), "{lost:?}");
    let bid_id = lost.stderr.split("--id ").nth(1).unwrap().split(':').next().unwrap().to_owned();
    let again = shop.json(&format!("bid {id} 8 5000 --id {bid_id}"));
    assert_eq!((&again["status"], &again["bid_id"]), (&"leading".into(), &bid_id.as_str().into()));
    assert_eq!(shop.json(&format!("get {id}"))["bid_count"], 1);
    let other = shop.gavel(&format!("bid {id} 8 6000 --id {bid_id}"));
    assert!(other.stderr.starts_with("refused: IDCONFLICT "), "{other:?}");
}

#[test]
fn an_opening_whose_answer_was_lost_opens_one_auction() {
    let shop = Shop::open();
    let relay = Relay::taking_away(1, "OPEN\r\n", shop.0.address());
    let words = ["open", "--seller", "7", "--currency", "KRW", "--for", "1h", "--json"];
    let opened = run(relay.address, &words).json();
    let (id, open_id) = (opened["id"].as_str().unwrap(), opened["open_id"].as_str().unwrap());
    let again = shop.words(&[&words[..7], &["--id", open_id]].concat()).ok();
    assert_eq!(again, id);
    let number = id.parse::<AuctionId>().unwrap().sequence();
    assert_eq!(number, 1, "another auction was opened before it");
}

#[test]
fn what_might_be_done_twice_is_not_sent_again_by_itself() {
    let shop = Shop::open();
    let id = shop.sell("");
    shop.gavel(&format!("bid {id} 8 5000")).ok();
    shop.gavel(&format!("end {id}")).ok();
    let relay = Relay::taking_away(1, "UNPAID\r\n", shop.0.address());
    let lost = run(relay.address, &["unpaid", &id]);
    assert_eq!(lost.exit, UNKNOWN, "{lost:?}");
    assert!(lost.stderr.contains(&format!("see `gavel get {id}` before you run it again")), "{lost:?}");
    assert_eq!(shop.json(&format!("get {id}"))["state"], "unsold", "it was carried out");
}

#[test]
fn a_server_that_is_not_there_is_said_at_once_with_what_to_check() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    for words in [
        &["get", "20261122-003-00000042"][..],
        &["bid", "20261122-003-00000042", "8", "5000"],
        &["open", "--seller", "7", "--currency", "KRW", "--for", "1h"],
        &["watch", "20261122-003-00000042"],
        &["ban", "8"],
        &["shards", "list"],
    ] {
        let gone = run(free, words);
        assert_eq!((gone.exit, gone.stdout.as_str()), (UNAVAILABLE, ""), "{words:?}: {gone:?}");
        let expected = [&format!("error: no server at {free}: "), "gavel serve", "--server HOST:PORT"];
        assert!(expected.iter().all(|part| gone.stderr.contains(*part)), "{words:?}: {gone:?}");
    }
}

#[test]
fn a_server_that_is_to_come_is_waited_for_when_that_is_asked_for() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    let mut waiting = Background::start(free, &["get", "20261122-003-00000042", "--retry-for", "5m"]);
    waiting.wait_for_note("trying again for 300s");
    let server = Server::start(Options::new().at(free));
    assert_eq!(waiting.wait().code(), Some(REFUSED), "there is a server now, and no such auction");
    assert!(waiting.notes().contains("refused: NOTFOUND "), "{}", waiting.notes());
    drop(server);
    let gone = run(free, &["get", "20261122-003-00000042", "--retry-for", "1s"]);
    assert_eq!(gone.exit, UNAVAILABLE, "{gone:?}");
}

#[test]
fn something_else_at_the_address_is_no_hang_and_no_panic() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            use std::io::Write as _;
            drop(client.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let strange = run(address, &["get", "20261122-003-00000042"]);
    assert_eq!(strange.exit, 1, "{strange:?}");
    assert!(strange.stderr.contains("not one that this version can ask"), "{strange:?}");
}

#[test]
fn wrong_words_are_usage_and_reach_no_server() {
    let shop = Shop::open();
    let auction = Item::new().open(&mut shop.0.connect());
    for words in [
        format!("bid {auction} 8"),
        format!("bid {auction} 8 106.50"),
        "bid 42 8 5000".to_owned(),
        format!("edit {auction} []"),
        format!("edit {auction} --file /nowhere/details.json"),
        "watch".to_owned(),
    ] {
        let wrong = shop.gavel(&words);
        assert_eq!((wrong.exit, wrong.stdout.as_str()), (2, ""), "{words}: {wrong:?}");
    }
    assert_eq!(shop.json(&format!("get {auction}"))["bid_count"], 0);
}

#[test]
fn completions_and_pages_are_there_for_every_command() {
    let shop = Shop::open();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shop.gavel(&format!("completions {shell}")).ok();
        assert!(
            ["lower-reserve", "soft-close-mode", "undrain"].iter().all(|word| script.contains(word)),
            "{shell}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let written = shop.json(&format!("man {}", folder.path().display()));
    assert_eq!(written["pages"], std::fs::read_dir(folder.path()).unwrap().count());
    let page = std::fs::read_to_string(folder.path().join("gavel-bid.1")).unwrap();
    assert!(page.contains("counts once however often it is sent"), "{page}");
}

#[test]
fn the_example_of_the_settings_starts_a_server() {
    let example = run(([127, 0, 0, 1], 1).into(), &["config", "--example"]).ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gavel.toml");
    std::fs::write(&file, example).unwrap();
    let mut server = Server::start(Options::new().with(&format!("--config {}", file.display())));
    Item::new().open(&mut server.connect());
    server.terminate();
}
