//! Goal: `gavel log inspect|verify|replay|export|salvage|diff` say what is there, beside a running server, after a stop and after a
//! kill; find what is damaged, and name it; and change not a byte.
//!
//! Method: real servers with eventful auctions; what the tools say is held against what the server says (`INFO digest`, receipts) and
//! against the records as the log's own reader gives them; directories are compared by bytes and times before and after; damage is a
//! flipped bit in a frame that is known to be durable.

use gavel_core::{AuctionId, Lsn};
use gavel_log::offline::Offline;
use gavel_log::{LogReader, scan_dir};
use gavel_tests::backup::{gavel, said};
use gavel_tests::log_tool::{diff, expect, export, json, run};
use gavel_tests::{Client, Item, Options, Server, Storm, binaries, log_tool, records, wait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

const SHARDS: &str = "--shards 2";
/// Snapshots so often that there are two of each shard soon.
const SNAPSHOTS: &str = "--shards 2 --snapshot-every-s 1 --snapshot-every-records 1000";

/// Auctions with a bit of everything.
fn fill(server: &Server, count: usize) -> Vec<AuctionId> {
    let mut client = server.connect();
    let item = Item::new()
        .with("reserve_price", 50_000)
        .with("retraction", json!({"until_s": 0}))
        .with("soft_close", json!({"window_s": 4_000}));
    let auctions = on_all_shards(&item, &mut client, count);
    for (index, &auction) in auctions.iter().enumerate() {
        for bid in 0..20 {
            client.bid(auction, 1 + bid % 3, 2_000 + 700 * bid);
        }
        match index % 4 {
            0 => done(&mut client, &format!("AUCTION END {auction}")),
            1 => done(&mut client, &format!("REMOVE {auction} 2 because")),
            2 => done(&mut client, &format!("AUCTION LOWER-RESERVE {auction} 2000")),
            _ => done(&mut client, &format!("BAN 3 AUCTION {auction} REMOVE")),
        }
    }
    auctions
}

/// Opens auctions that are placed by keys of their own, so that every shard gets some.
fn on_all_shards(item: &Item, client: &mut Client, count: usize) -> Vec<AuctionId> {
    (0..count)
        .map(|number| item.clone().with("placement_key", format!("key-{number}")).open(client))
        .collect()
}

fn done(client: &mut Client, line: &str) {
    let reply = client.line(line);
    assert_eq!(reply.code(), None, "{line}: {reply:?}");
}

/// What `INFO digest` says, one line for each shard, as `gavel log replay` prints it.
fn digest(server: &Server) -> String {
    let reply = server.connect().line("INFO digest");
    let lines = reply.text().lines().filter(|line| line.starts_with("shard")).map(str::to_owned);
    lines.collect::<Vec<_>>().join("\n")
}

fn replayed(data: &Path, words: &[&str]) -> String {
    let words: Vec<&str> = std::iter::once("replay").chain(words.iter().copied()).collect();
    expect(data, &words, 0).out.trim_end().to_owned()
}

/// Every file with its bytes and when it was changed.
fn files(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            all.insert(path.clone(), (Vec::new(), entry.metadata().unwrap().modified().unwrap()));
            all.extend(files(&path));
        } else {
            all.insert(
                path.clone(),
                (std::fs::read(&path).unwrap(), entry.metadata().unwrap().modified().unwrap()),
            );
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn restore(backup: &Path, data: &Path) {
    let restored =
        Command::new(binaries::gavel()).arg("restore").arg(backup).arg("--data").arg(data).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
}

/// Flips a bit in the middle of every copy of the frame of shard 0 that holds this record; its first and last record.
fn damage(data: &Path, lsn: u64) -> (u64, u64) {
    let scan = scan_dir(data).unwrap().unwrap();
    let frames = scan.logs();
    let found = frames.values().flatten().find(|found| {
        scan.read(found).unwrap().shard().0 == 0 && found.first.0 <= lsn && lsn <= found.tip.lsn.0
    });
    let found = found.unwrap();
    let frame = scan.read(found).unwrap();
    let path = data.join("log/db");
    let mut bytes = std::fs::read(&path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - frame.bytes().len()).filter(|at| bytes[*at..].starts_with(frame.bytes())).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + frame.bytes().len() / 2] ^= 1;
    }
    std::fs::write(&path, bytes).unwrap();
    (found.first.0, found.tip.lsn.0)
}

#[test]
fn no_tool_changes_a_byte() {
    for stop in [Server::terminate as fn(&mut Server), Server::kill9] {
        let mut server = Server::start(Options::new().with(SHARDS));
        let auctions = fill(&server, 4);
        stop(&mut server);
        let before = files(server.data());
        let elsewhere = tempfile::tempdir().unwrap();
        let (id, new) = (auctions[0].to_string(), elsewhere.path().join("new"));
        for words in [
            &["inspect"][..],
            &["verify"],
            &["replay"],
            &["replay", "--from-start"],
            &["explain", &id],
            &["export", "--secret"],
            &["salvage", new.to_str().unwrap()],
        ] {
            drop(expect(server.data(), words, 0));
        }
        assert_eq!(diff(server.data(), &new, &[]).code, 0);
        assert!(files(server.data()) == before, "the directory was changed");
    }
}

#[test]
fn replay_comes_out_as_the_server_s_own_state() {
    let mut server = Server::start(Options::new().with(SNAPSHOTS));
    fill(&server, 8);
    let first = digest(&server);
    assert_eq!(replayed(server.data(), &[]), first, "beside a running server");
    let until: Vec<String> = first.lines().map(applied).collect();
    wait_for_two_snapshots_of(&server);
    fill(&server, 8);
    let second = digest(&server);
    assert_ne!(first, second);
    assert_eq!(replayed(server.data(), &[]), second, "from snapshots");
    assert_eq!(replayed(server.data(), &["--from-start"]), second);
    server.kill9();
    assert_eq!(replayed(server.data(), &[]), second, "after a kill");
    for (shard, (line, until)) in first.lines().zip(until).enumerate() {
        let position = format!("{shard}-1-{until}");
        assert_eq!(replayed(server.data(), &["--until", &position]), line, "as it was at {position}");
    }
    server.restart();
    let third = digest(&server);
    server.terminate();
    assert_eq!(replayed(server.data(), &[]), third, "after a stop");
    let told = json(server.data(), &["replay"], 0);
    assert!(told["shards"][0]["snapshot"].as_str().unwrap().ends_with(".snap"), "{told}");
    assert_eq!(
        replayed(server.data(), &["--until", "1971-01-01T00:00:00Z"]).matches("applied=0,").count(),
        2
    );
}

/// `applied=` of a line.
fn applied(line: &str) -> String {
    line.split_once("applied=").unwrap().1.split(',').next().unwrap().to_owned()
}

/// Bids until there are two snapshots of each shard.
fn wait_for_two_snapshots_of(server: &Server) {
    let mut client = server.connect();
    let auctions = on_all_shards(&Item::new(), &mut client, 8);
    let mut amount = 10_000;
    wait::until("two snapshots of each shard", || {
        for &auction in &auctions {
            amount += 1_000;
            client.bid(auction, 5, amount);
        }
        let files = std::fs::read_dir(server.data().join("snapshots")).ok()?;
        let whole =
            files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "snap"));
        (whole.count() == 4).then_some(())
    });
}

#[test]
fn all_tools_work_beside_a_server_that_takes_bids() {
    let server = Server::start(Options::new().with(SNAPSHOTS));
    let auctions = on_all_shards(&Item::new(), &mut server.connect(), 20);
    let storm = Storm::start(&server, &auctions, 2);
    storm.wait_for_accepted(1_000);
    let id = auctions[0].to_string();
    for round in 0..3 {
        let elsewhere = tempfile::tempdir().unwrap();
        let verified = json(server.data(), &["verify"], 0);
        assert_eq!(verified["flawed"], false, "{verified}");
        drop(expect(server.data(), &["replay"], 0));
        drop(expect(server.data(), &["explain", &id], 0));
        assert!(!export(server.data(), &["--auction", &id]).is_empty());
        let inspected = json(server.data(), &["inspect"], 0);
        assert!(inspected["holder"].as_str().unwrap().starts_with(&server.id().to_string()), "{inspected}");
        let new = elsewhere.path().join("new");
        drop(expect(server.data(), &["salvage", new.to_str().unwrap()], 0));
        let compared = diff(server.data(), &new, &[]);
        assert_eq!(compared.code, 0, "{compared:?}");
        storm.wait_for_accepted(2_000 * (round + 1));
    }
    drop(storm.end());
}

#[test]
fn inspect_tells_ranges_epochs_sizes_and_the_holder() {
    let mut server = Server::start(Options::new().with(SHARDS));
    fill(&server, 4);
    server.terminate();
    server.restart();
    let durable = ["shard0", "shard1"].map(|shard| {
        let facts = server.connect().info("shards", shard);
        facts.split_once("durable=").unwrap().1.split(',').next().unwrap().parse::<u64>().unwrap()
    });
    let told = json(server.data(), &["inspect"], 0);
    for (shard, durable) in durable.into_iter().enumerate() {
        let shard = &told["shards"][shard];
        assert_eq!(
            (&shard["oldest"], &shard["last"], &shard["archived"]),
            (&json!(1), &json!(durable), &json!(0))
        );
        assert_eq!(shard["epochs"][1]["epoch"], 2, "{told}");
        assert_eq!(shard["position"], format!("{}-2-{durable}", shard["shard"]));
    }
    assert_eq!(told["mark"]["epoch"], 2, "{told}");
    assert!(told["bytes"]["log"].as_u64() > told["bytes"]["live_frames"].as_u64(), "{told}");
    assert!(told["amplification"]["log_bytes_per_record"].as_f64().unwrap() > 50.0, "{told}");
    let records: u64 =
        told["rates"].as_array().unwrap().iter().map(|row| row["records"].as_u64().unwrap()).sum();
    assert_eq!(records, durable.iter().sum::<u64>(), "{told}");
    server.terminate();
    let told = json(server.data(), &["inspect"], 0);
    assert_eq!((&told["holder"], &told["mark"]["clean"]), (&Value::Null, &json!(true)), "{told}");
    let text = expect(server.data(), &["inspect"], 0).out;
    assert!(text.contains("held by    nobody") && text.contains("in order"), "{text}");
}

#[test]
fn verify_names_what_is_damaged_and_salvage_gets_out_the_rest() {
    let mut server = Server::start(Options::new().with(SHARDS));
    fill(&server, 8);
    server.terminate();
    let whole = replayed(server.data(), &[]);
    assert_eq!(json(server.data(), &["verify"], 0)["flaws"], json!([]));
    let good = tempfile::tempdir().unwrap();
    copy(server.data(), &good.path().join("copy"));
    let (first, last) = damage(server.data(), 40);

    let verified = json(server.data(), &["verify"], 5);
    let flaw = &verified["flaws"][0];
    assert!(flaw["file"].as_str().unwrap().ends_with("log/db"), "{verified}");
    assert_eq!((&flaw["shard"], &flaw["lsn"]), (&json!(0), &json!(last)), "{verified}");
    let text = expect(server.data(), &["verify"], 5).out;
    assert_eq!(text.matches("WRONG: ").count(), verified["flaws"].as_array().unwrap().len(), "{text}");

    let before = files(server.data());
    let elsewhere = tempfile::tempdir().unwrap();
    let new = elsewhere.path().join("new");
    let told = json(server.data(), &["salvage", new.to_str().unwrap()], 5);
    assert_eq!(told["shards"][0]["missing"], json!([{"first": first, "last": last}]), "{told}");
    assert_eq!(told["shards"][1]["missing"], json!([]), "{told}");
    assert!(files(server.data()) == before, "the damaged directory was changed");
    let saved = Offline::open(&new).unwrap();
    let count = |lsn| {
        saved.read_from(gavel_core::ShardId(0), lsn).map_while(Result::ok).map(|f| f.count()).sum::<u32>()
    };
    assert_eq!(u64::from(count(Lsn(1))), first - 1, "what comes before the gap is there");
    assert!(count(Lsn(last + 1)) > 0, "and what comes behind it");
    assert!(json(&new, &["verify"], 5)["flaws"][0]["problem"].as_str().unwrap().contains("missing"));

    let (copied, new) = (good.path().join("copy"), good.path().join("new"));
    assert_eq!(json(&copied, &["salvage", new.to_str().unwrap()], 0)["missing"], false);
    assert_eq!(replayed(&new, &[]), whole, "all of it was got out");
    assert_eq!(json(&new, &["verify"], 0)["flaws"], json!([]));
    let restored = good.path().join("restored");
    restore(&new, &restored);
    assert_eq!(replayed(&restored, &[]), whole);
    assert_eq!(diff(&copied, &restored, &[]).code, 0);
    assert!(expect(&copied, &["salvage", new.to_str().unwrap()], 2).err.contains("is not empty"));
    let inside = copied.join("inside");
    assert!(
        expect(&copied, &["salvage", inside.to_str().unwrap()], 2)
            .err
            .contains("lies in the damaged directory")
    );
}

/// Rule: where something in the middle is damaged, what is before it is never told, nor copied, as if it were all.
#[test]
fn no_tool_takes_a_part_for_the_whole() {
    let mut server = Server::start(Options::new().with(SHARDS));
    let auction = fill(&server, 8).into_iter().find(|auction| auction.shard().0 == 0).unwrap().to_string();
    server.terminate();
    let folder = tempfile::tempdir().unwrap();
    let [copied, backup, new] = ["copy", "backup", "new"].map(|name| folder.path().join(name));
    copy(server.data(), &copied);
    let [copied, backup, new] = [&copied, &backup, &new].map(|path| path.to_str().unwrap());
    let backed_up = |to: &str| {
        let output = gavel(&["backup", to, "--data", server.data().to_str().unwrap()]);
        (output.status.code(), said(&output))
    };
    assert_eq!(backed_up(backup).0, Some(0));
    let gaps = [damage(server.data(), 40), damage(server.data(), 4)];

    let flaws = json(server.data(), &["verify"], 5)["flaws"].to_string();
    for (first, last) in gaps {
        assert!(flaws.contains(&format!("the records {first} to {last} are missing")), "{flaws}");
    }
    for tool in [&["replay"][..], &["export"], &["explain", &auction]] {
        let told = expect(server.data(), tool, 5).err;
        assert!(
            told.contains("is damaged or missing") && told.contains("gavel log verify"),
            "{tool:?}: {told}"
        );
    }
    assert_eq!(diff(Path::new(copied), server.data(), &[]).code, 5);
    for to in [backup, new] {
        let (code, told) = backed_up(to);
        assert!(code == Some(5) && told.contains("is damaged or missing"), "{code:?} {told}");
    }
    assert!(expect(server.data(), &["inspect"], 0).out.contains("shard 0: DAMAGED after record "));
    let unreadable = &json(server.data(), &["inspect"], 0)["shards"][0]["unreadable"];
    assert!(unreadable.as_u64() > Some(0), "{unreadable}");
}

#[test]
fn verify_compares_the_state_on_two_ways() {
    let mut server = Server::start(Options::new().with(SNAPSHOTS));
    fill(&server, 4);
    wait_for_two_snapshots_of(&server);
    server.terminate();
    let told = json(server.data(), &["verify"], 0);
    for shard in told["shards"].as_array().unwrap() {
        let digests = shard["digests"].as_array().unwrap();
        assert_eq!(digests.len(), 2, "{told}");
        assert_eq!(digests[0]["digest"], digests[1]["digest"], "{told}");
        assert_ne!(digests[0]["from"], digests[1]["from"], "{told}");
    }
    let snapshots = server.data().join("snapshots");
    let one = std::fs::read_dir(&snapshots).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&one).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&one, bytes).unwrap();
    let told = json(server.data(), &["verify"], 5);
    assert_eq!(told["flaws"][0]["file"], one.display().to_string(), "{told}");
    assert_eq!(told["flaws"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(json(server.data(), &["verify", "--quick"], 5)["shards"][0]["digests"], Value::Null);
}

#[test]
fn export_holds_every_record_and_filters() {
    let mut server = Server::start(Options::new().with(SHARDS));
    let auctions = fill(&server, 6);
    let receipt = server.connect().bid(auctions[1], 9, 900_000);
    server.terminate();
    let all = export(server.data(), &["--secret"]);
    let total: u64 = json(server.data(), &["inspect"], 0)["shards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shard| shard["last"].as_u64().unwrap())
        .sum();
    assert_eq!(all.len() as u64, total);
    let last = all.iter().find(|event| event["position"] == receipt.position.to_string()).unwrap();
    assert_eq!(
        (&last["amount"], &last["price"], &last["bidder"]),
        (&json!(900_000), &json!(receipt.price), &json!("9"))
    );

    let known = records::by_auction(server.data());
    for auction in &auctions {
        let exported = export(server.data(), &["--auction", &auction.to_string()]);
        let seqs: Vec<u64> = exported.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=known[auction].len() as u64).collect::<Vec<_>>());
        assert!(exported.iter().all(|event| event["auction"] == auction.to_string()));
    }
    let public = expect(server.data(), &["export"], 0).out;
    assert!(
        !public.contains("\"amount\"") && !public.contains("reserve_price"),
        "what is secret is not there"
    );

    let (from, until) = (all[3]["position"].as_str().unwrap(), all[7]["position"].as_str().unwrap());
    let range = export(server.data(), &["--from", from, "--until", until]);
    let positions: Vec<&Value> = range.iter().map(|event| &event["position"]).collect();
    assert_eq!(positions, all[3..=7].iter().map(|event| &event["position"]).collect::<Vec<_>>());
    let at = last["at"].as_str().unwrap();
    assert!(export(server.data(), &["--from", at]).iter().any(|event| event["position"] == last["position"]));
    assert!(export(server.data(), &["--from", "2999-01-01T00:00:00Z"]).is_empty());
    assert!(
        export(server.data(), &["--shard", "1"])
            .iter()
            .all(|event| event["position"].as_str().unwrap().starts_with("1-"))
    );
    let wrong = expect(server.data(), &["export", "--shard", "1", "--from", "0-1-1"], 2).err;
    assert!(wrong.contains("they must name the same shard"), "{wrong}");
    assert!(run(server.data(), &["export", "--from", "yesterday"]).err.contains("shard-epoch-lsn"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut server = Server::start(Options::new().with(SHARDS));
    let auctions = Item::new().open_many(&mut server.connect(), 4);
    let storm = Storm::start(&server, &auctions, 1);
    storm.wait_for_accepted(5_000);
    drop(storm.end());
    server.terminate();
    let id = auctions[0].to_string();
    for words in [&["export"][..], &["explain", &id], &["explain", &id, "--json"]] {
        let mut child = log_tool::command(server.data(), words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        drop(out);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), &*said), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn diff_tells_who_is_ahead_and_where_two_part() {
    let mut server = Server::start(Options::new().with("--shards 1"));
    let auction = fill(&server, 2)[1];
    server.terminate();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    copy(server.data(), &other);
    let same = diff(server.data(), &other, &[]);
    assert_eq!((same.code, same.out.contains("neither is ahead")), (0, true), "{same:?}");

    server.restart();
    server.connect().bid(auction, 8, 1_000_000);
    server.terminate();
    let ahead = diff(server.data(), &other, &["--json"]);
    let told: Value = serde_json::from_str(&ahead.out).unwrap();
    assert_eq!((ahead.code, &told["parted"]), (0, &json!(false)), "{told}");
    let [a, b] = [0, 1].map(|side| told["shards"][0]["ends"][side].as_u64().unwrap());
    assert_eq!(told["shards"][0]["common"], b);
    assert_eq!(a, b + 2, "the start of a generation, and a bid");
    assert!(diff(&other, server.data(), &[]).out.contains("B is ahead by 2 records"));

    let mut second = Server::start(Options::new().with("--shards 1").data(&other));
    second.connect().bid(auction, 9, 2_000_000);
    second.terminate();
    let parted = diff(server.data(), &other, &[]);
    assert_eq!(parted.code, 1, "{parted:?}");
    assert!(parted.out.contains(&format!("they part at record {}", b + 1)), "{parted:?}");
    assert!(parted.out.contains(&format!("alike up to record {b}")), "{parted:?}");
    assert_eq!(diff(server.data(), &folder.path().join("none"), &[]).code, 2);
}

#[test]
fn a_directory_without_a_log_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for words in
        [&["inspect"][..], &["verify"], &["replay"], &["export"], &["explain", "20261122-003-00000042"]]
    {
        let said = expect(folder.path(), words, 2).err;
        assert!(said.contains("no log here") && said.contains("--data"), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}
