//! Goal: a full disk stops the server at once, with the reason, and loses nothing that was acknowledged.
//!
//! Method: the data directory lies on a small tmpfs, which a storm of bids fills. The process must end by itself, with the
//! exit code for a failed log, after saying why. With more space it starts again, and every acknowledged bid gets its first answer
//! again. While there is still no space it must not come up and pretend.

use gavel_tests::tmpfs::Tmpfs;
use gavel_tests::{Item, Options, Server, Storm, storm};

/// The documented exit code: the log failed.
const EXIT_LOG_FAILED: i32 = 3;
const SMALL_MIB: u32 = 48;
const LARGE_MIB: u32 = 512;

#[test]
fn a_full_disk_stops_the_server_and_loses_nothing_acknowledged() {
    let disk = Tmpfs::mount(SMALL_MIB);
    let mut server = Server::start(Options::new().data(&disk.path("data")));
    let auctions = Item::new().open_many(&mut server.connect(), 40);
    let storm = Storm::start(&server, &auctions, 4);
    let status = server.wait();
    let placed = storm.broken();
    assert_eq!(status.code(), Some(EXIT_LOG_FAILED));
    assert!(server.log().contains("no space is left on the disk"), "it must say why it stops");
    assert!(!server.log().contains("StorageFull"), "in words: {}", server.log());
    assert!(!placed.is_empty(), "the disk was full before the first bid");
    disk.resize(LARGE_MIB);
    server.restart();
    storm::assert_all_there(&server, &placed);
    server.connect().bid(auctions[0], 1, 9_000_000_000);
    server.terminate();
}
