//! Goal: a data directory belongs to one process.
//!
//! Method: a second server on the directory of a running one ends with its own exit code and says who holds it; the first
//! goes on undisturbed. After the first was killed, the directory is free again. Directories of other kinds are looked at before and after.

use gavel_tests::process::Process;
use gavel_tests::{Item, Options, Server, server};
use std::net::SocketAddr;

/// The documented exit code: the data directory is held by another process.
const EXIT_HELD: i32 = 4;
/// The documented exit code: the directory is not Gavel's.
const EXIT_REFUSED: i32 = 5;

#[test]
fn a_second_server_on_the_same_directory_is_told_who_holds_it() {
    let mut server = Server::start(Options::new());
    let mut client = server.connect();
    let auction = Item::new().open(&mut client);
    let logs = tempfile::tempdir().unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut command = server::command(server.data(), anywhere);
    let mut second = Process::start(&mut command, &logs.path().join("second.log"));
    assert_eq!(second.wait().code(), Some(EXIT_HELD), "{}", second.output());
    let said = second.output();
    for fact in [server.id().to_string(), server.address().to_string(), server.data().display().to_string()] {
        assert!(said.contains(&fact), "{fact:?} is missing in: {said}");
    }
    client.bid(auction, 1, 5_000);
    server.kill9();
    server.restart();
    assert_eq!(server.connect().auction(auction)["bid_count"], 1);
}

/// Rule: what is somebody else's is not written to, least of all cleared away.
#[test]
fn a_directory_that_is_not_gavel_s_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let foreign: [(&str, &str, &[u8]); 4] = [
        ("thesis", "thesis.txt", b"irreplaceable"),
        ("var", "log/syslog", b"Nov 26 02:00:00 cron"),
        ("other", "log/db", &[0x5a; 10_000]),
        ("backup", "archive/000-00000000000000000001.frames", b"frames"),
    ];
    for (name, file, content) in foreign {
        let dir = folder.path().join(name);
        let path = dir.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let mut command = server::command(&dir, SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut refused = Process::start(&mut command, &folder.path().join("said"));
        assert_eq!(refused.wait().code(), Some(EXIT_REFUSED), "{name}: {}", refused.output());
        let said = refused.output();
        let why = if name == "backup" { "gavel restore" } else { "is not Gavel's" };
        assert!(said.contains(why) && said.contains(dir.to_str().unwrap()), "{name}: {said}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "{name}: something was added");
    }
}

/// Rule: what a file system puts into an empty directory, and what an interrupted first start leaves there, keeps nobody out.
#[test]
fn a_new_file_system_and_an_interrupted_start_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("lost+found")).unwrap();
    std::fs::create_dir_all(folder.path().join("log/blobs")).unwrap();
    std::fs::write(folder.path().join("log/db"), [0; 4_096]).unwrap();
    std::fs::write(folder.path().join("resp.addr"), "127.0.0.1:1\n").unwrap();
    std::fs::write(folder.path().join("mark.new"), [0; 100]).unwrap();
    let mut server = Server::start(Options::new().data(folder.path()));
    Item::new().open(&mut server.connect());
    server.terminate();
    assert!(!folder.path().join("resp.addr").exists(), "nobody is there any more");
}
