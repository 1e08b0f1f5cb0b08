//! Goal: whatever ends in the middle of a load run (the server, mongod, the projector), the documents are what the log says, none behind and
//! none made up; and while mongod is away, bids go on.
//!
//! Method: SIGKILL at random moments of a storm, of each of the three in turn and of pairs. In the end every document is held against a
//! replay of the log by the rules themselves, and every bid that was acknowledged must have its document. Each storm has auctions of its own.

use super::same::{assert_acknowledged, assert_as_the_log, wait_until_caught_up};
use gavel_tests::mongodb::ReplicaSet;
use gavel_tests::process::Process;
use gavel_tests::{Http, Item, Options, Server, Storm, binaries, records, rounds, server, wait};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Moments that are different in each round and the same in each run.
fn pause(round: u64) {
    std::thread::sleep(Duration::from_millis(20 + round * 7_919 % 180));
}

/// A `gavel project` and where it answers queries.
struct Projector {
    process: Process,
    queries: SocketAddr,
}

impl Projector {
    fn start(server: SocketAddr, mongodb: Option<&str>, folder: &Path) -> Self {
        let queries = server::unused_address();
        let mut command = Command::new(binaries::gavel());
        command.args(["project", "--server", &server.to_string(), "--http", &queries.to_string()]);
        command.args(["--documents-every-ms", "5", "--data"]).arg(folder.join("documents"));
        if let Some(url) = mongodb {
            command.args(["--mongodb", url]);
        }
        let process = Process::start(&mut command, &folder.join("project.log"));
        wait::until("the projector's port", || std::net::TcpStream::connect(queries).ok());
        Self { process, queries }
    }

    fn kill9(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait();
    }
}

#[test]
fn killed_in_one_process_documents_are_what_the_log_says() {
    let mut mongod = ReplicaSet::fresh();
    let url = mongod.url("shop");
    let mut server =
        Server::start(Options::new().with("--shards 2 --documents-every-ms 5 --mongodb").with(&url));
    let mut placed = Vec::new();
    for round in 0..6 * u64::from(rounds(1)) {
        let auctions = Item::new().open_spread(&mut server.connect(), 16);
        let storm = Storm::start(&server, &auctions, 2);
        storm.wait_for_accepted(300);
        pause(round);
        let (kills_server, kills_mongod) = (round % 3 != 1, round % 3 != 0);
        if kills_mongod {
            mongod.kill9();
        }
        if kills_server {
            pause(round + 1);
            server.kill9();
            placed.extend(storm.broken());
            server.restart();
        } else {
            // Bids go on without MongoDB.
            storm.wait_for_accepted(3_000);
            placed.extend(storm.end());
        }
        if kills_mongod {
            mongod.run().unwrap();
        }
    }
    wait_until_caught_up(&server, server.http());
    assert_the_same(server, &placed, Some(&url));
}

#[test]
fn killed_alone_the_projector_goes_on_where_its_store_says() {
    for with_mongodb in [true, false] {
        let mut mongod = with_mongodb.then(ReplicaSet::fresh);
        let url = mongod.as_ref().map(|mongod| mongod.url("shop"));
        let address = server::unused_address();
        let mut server = Server::start(Options::new().with("--shards 2").at(address));
        let folder = server.data().parent().unwrap().to_owned();
        let mut projector = Projector::start(address, url.as_deref(), &folder);
        let mut placed = Vec::new();
        for round in 0..4 * u64::from(rounds(1)) {
            let auctions = Item::new().open_spread(&mut server.connect(), 16);
            let storm = Storm::start(&server, &auctions, 2);
            storm.wait_for_accepted(300);
            pause(round);
            projector.kill9();
            match (&mut mongod, round % 3) {
                (Some(mongod), 1) => mongod.kill9(),
                (_, 2) => server.kill9(),
                _ => {}
            }
            if round % 3 == 2 {
                placed.extend(storm.broken());
                server.restart();
            } else {
                placed.extend(storm.end());
            }
            if let (Some(mongod), 1) = (&mut mongod, round % 3) {
                mongod.run().unwrap();
            }
            projector = Projector::start(address, url.as_deref(), &folder);
        }
        wait_until_caught_up(&server, projector.queries);
        projector.process.signal(Signal::TERM);
        assert!(projector.process.wait().success(), "{}", projector.process.output());
        let mut http = {
            server.terminate();
            projector = Projector::start(address, url.as_deref(), &folder);
            Http::connect(projector.queries)
        };
        assert_as_the_log(&mut http, &records::by_auction(server.data()));
        assert_acknowledged(&mut http, &placed);
        projector.kill9();
    }
}

#[test]
fn two_projectors_at_once_change_nothing() {
    let mongod = ReplicaSet::fresh();
    let url = mongod.url("shop");
    let address = server::unused_address();
    let mut server = Server::start(
        Options::new().with("--shards 2 --documents-every-ms 3 --mongodb").with(&url).at(address),
    );
    let folder = tempfile::tempdir().unwrap();
    let mut other = Projector::start(address, Some(&url), folder.path());
    let auctions = Item::new().open_spread(&mut server.connect(), 8);
    let storm = Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(5_000);
    let placed = storm.end();
    wait_until_caught_up(&server, server.http());
    wait_until_caught_up(&server, other.queries);
    server.terminate();
    let mut http = Http::connect(other.queries);
    assert_as_the_log(&mut http, &records::by_auction(server.data()));
    assert_acknowledged(&mut http, &placed);
    other.kill9();
}

#[test]
fn documents_of_another_log_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (first, other) = (Server::start(Options::new()), Server::start(Options::new()));
    let auction = Item::new().open(&mut first.connect());
    Item::new().open_many(&mut other.connect(), 50);
    let mut projector = Projector::start(first.address(), None, folder.path());
    wait_until_caught_up(&first, projector.queries);
    projector.kill9();

    let mut astray = Projector::start(other.address(), None, folder.path());
    let problem = wait::until("the refusal", || {
        let answer = Http::connect(astray.queries).get("/health/ready");
        let problem = answer.json()["shards"][0]["problem"].as_str().map(str::to_owned);
        problem.filter(|_| answer.status == 503)
    });
    assert!(problem.contains("the documents are those of log"), "{problem}");
    let listed = Http::connect(astray.queries).get("/v1/auctions").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "none of the other log's");
    assert_eq!(listed["items"][0]["id"], auction.to_string());
    astray.kill9();
}

/// Stops the server and reads its documents through a projector that has nobody to follow any more.
fn assert_the_same(mut server: Server, placed: &[gavel_tests::storm::Placed], mongodb: Option<&str>) {
    let address = server.address();
    server.terminate();
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Projector::start(address, mongodb, folder.path());
    let mut http = Http::connect(reader.queries);
    assert_as_the_log(&mut http, &records::by_auction(server.data()));
    assert_acknowledged(&mut http, placed);
    reader.kill9();
}
