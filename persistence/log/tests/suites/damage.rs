//! Damage: single bit flips, cuts and zeroed blocks, anywhere in the files of a log that was closed and of one that was
//! killed.
//!
//! Goal: every damage is harmless (everything that has to be there is, exactly), or is refused, naming the file and, for
//! the log itself, shard and position; and what was refused before sled opened is left untouched, for salvage. What has to be
//! there is all of a closed log, and of a killed one what its last mark says. Never a panic, never a word on the screen:
//! each log is opened in a process of its own.
//!
//! A third log was truncated and has snapshots. Damage to one of its archive files is told, by the file, when the log is opened or when
//! what was in it is read; damage to a snapshot is told, by the file, when it is read, and the one before it is whole. Neither passes.
//!
//! Fails without: the scan before opening (sled opens with the frames before the damage and writes over the rest), the
//! check of what sled would reach, the mark, the check of sled's small files, the catching of panics.

use crate::common::dice::Dice;
use crate::common::probe::{Ends, Outcome, read, trim, write};
use crate::common::{copy, rounds};
use gavel_log::{Offline, snapshot};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A log to damage, and what is known about it.
struct Original {
    dir: TempDir,
    /// Must be there, whatever happens.
    required: Ends,
    /// Every end the log ever had, for telling whether what is found is a part of it.
    known: HashMap<(u8, u64), String>,
}

fn original(commits: u64, how: &str) -> Original {
    let dir = TempDir::new().unwrap();
    let mut written = write(dir.path(), commits / 2, 7, "closed");
    let later = write(dir.path(), commits / 2, 7, how);
    written.durable.extend(later.durable);
    let last = written.durable.last().unwrap().clone();
    let required = if how == "closed" { last } else { later.marked };
    let ends = written.durable.iter().flatten();
    let known = ends.map(|(shard, (lsn, hash))| ((*shard, *lsn), hash.clone())).collect();
    Original { dir, required, known }
}

#[derive(Debug)]
struct Damage {
    file: PathBuf,
    at: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Flip { bit: u64 },
    Cut,
    Zero { bytes: u64 },
}

/// A random damage to one of the log's files; mostly to `db`, and there mostly where something was written.
fn roll(dice: &mut Dice, dir: &Path) -> Damage {
    let mut files: Vec<PathBuf> = ["mark", "log/conf"].map(PathBuf::from).into();
    let snapshots = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().file_name());
    let snapshots = snapshots.filter(|name| name.to_str().unwrap().starts_with("snap."));
    files.extend(snapshots.map(|name| Path::new("log").join(name)));
    files.sort();
    let file = if dice.below(8) < 7 {
        "log/db".into()
    } else {
        files[dice.below(files.len() as u64) as usize].clone()
    };
    roll_in(dice, dir, file)
}

/// A random damage to this file.
fn roll_in(dice: &mut Dice, dir: &Path, file: PathBuf) -> Damage {
    let length = fs::metadata(dir.join(&file)).unwrap().len();
    let kind = match dice.below(10) {
        0 => Kind::Cut,
        1 | 2 => Kind::Zero { bytes: if dice.coin() { 512 } else { 4_096 } },
        _ => Kind::Flip { bit: dice.below(8) },
    };
    Damage { file, at: dice.below(length), kind }
}

fn apply(damage: &Damage, dir: &Path) {
    let file = fs::File::options().read(true).write(true).open(dir.join(&damage.file)).unwrap();
    let length = file.metadata().unwrap().len();
    match damage.kind {
        Kind::Flip { bit } => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, damage.at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], damage.at).unwrap();
        }
        Kind::Cut => file.set_len(damage.at).unwrap(),
        Kind::Zero { bytes } => {
            let from = damage.at / bytes * bytes;
            let zeroes = vec![0; bytes.min(length - from) as usize];
            file.write_all_at(&zeroes, from).unwrap();
        }
    }
}

/// What is found must be all that has to be there, and nothing that never was.
fn check_ends(original: &Original, found: &Ends) -> Result<(), String> {
    for (shard, (lsn, _)) in &original.required {
        let there = found.get(shard).map_or(0, |(lsn, _)| *lsn);
        if there < *lsn {
            return Err(format!("shard {shard} ends at {there}, but {lsn} has to be there"));
        }
    }
    for (shard, (lsn, hash)) in found {
        if original.known.get(&(*shard, *lsn)) != Some(hash) {
            return Err(format!("shard {shard} ends at {lsn} with {hash}, as it never did"));
        }
    }
    Ok(())
}

/// A refusal names the file; where it is about a frame, shard and position.
fn check_refusal(damage: &Damage, dir: &Path, why: &str) -> Result<(), String> {
    let names_file = why.contains(dir.to_str().unwrap());
    let about_frames = why.contains("shard") && why.contains("Lsn");
    let about_file = why.contains(damage.file.file_name().unwrap().to_str().unwrap());
    if names_file && about_file && (about_frames || damage.file != Path::new("log/db")) {
        return Ok(());
    }
    Err(format!("the refusal does not say where: {why}"))
}

/// One damage in one copy. Says whether it was refused.
fn round(original: &Original, seed: u64) -> Result<bool, String> {
    let copied = TempDir::new().unwrap();
    let dir = copied.path();
    copy(original.dir.path(), dir);
    let damage = roll(&mut Dice(seed), dir);
    apply(&damage, dir);
    let db = dir.join("log/db");
    let before = fs::read(&db).unwrap();
    let context = |error| format!("seed {seed}, {damage:?}: {error}");
    match read(dir) {
        Outcome::Ok(found) => {
            check_ends(original, &found).map_err(context)?;
            match read(dir) {
                Outcome::Ok(again) if again == found => Ok(false),
                other => Err(context(format!("opened once with {found:?}, then {other:?}"))),
            }
        }
        Outcome::Refused(why) => {
            check_refusal(&damage, dir, &why).map_err(context)?;
            if fs::read(&db).unwrap() != before {
                return Err(context(format!("refused, but not before the file was changed: {why}")));
            }
            Ok(true)
        }
    }
}

fn suite(how: &str, seed: u64) {
    let original = original(60, how);
    let (mut refused, mut failures) = (0, Vec::new());
    let all = rounds(150);
    for seed in seed..seed + all {
        match round(&original, seed) {
            Ok(was_refused) => refused += u64::from(was_refused),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{} of {all}:\n{}", failures.len(), failures.join("\n"));
    assert!(
        refused > all / 10 && refused < all,
        "the damages hit nothing, or everything: {refused} of {all} refused"
    );
}

/// One damage to an archive file or snapshot of a copy of a truncated log that was closed.
fn history_round(original: &Path, seed: u64) -> Result<(), String> {
    let copied = TempDir::new().unwrap();
    let dir = copied.path();
    copy(original, dir);
    let dice = &mut Dice(seed);
    let name = if dice.coin() { "archive" } else { "snapshots" };
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let file = files[dice.below(files.len() as u64) as usize].strip_prefix(dir).unwrap().to_owned();
    let damage = roll_in(dice, dir, file);
    let before = fs::read(dir.join(&damage.file)).unwrap();
    apply(&damage, dir);
    if fs::read(dir.join(&damage.file)).unwrap() == before {
        return Ok(());
    }
    let context = |error| format!("seed {seed}, {damage:?}: {error}");
    let flaws = Offline::open(dir).unwrap().verify(&mut |_| {});
    let told = flaws.iter().any(|flaw| flaw.to_string().contains(damage.file.to_str().unwrap()));
    if !told {
        return Err(context(format!("`verify` says {flaws:?}")));
    }
    match (name, read(dir)) {
        ("archive", Outcome::Refused(why)) => check_refusal(&damage, dir, &why).map_err(context),
        ("snapshots", Outcome::Ok(_)) => check_snapshots(dir, &damage.file).map_err(context),
        (_, other) => Err(context(format!("{other:?}"))),
    }
}

/// The damaged one, and no other, is refused.
fn check_snapshots(dir: &Path, damaged: &Path) -> Result<(), String> {
    for path in snapshot::list_all(dir).unwrap().into_values().flatten() {
        match snapshot::check(&path) {
            Ok(_) if path.ends_with(damaged) => return Err("the damaged snapshot passes".to_owned()),
            Err(error) if !path.ends_with(damaged) => return Err(error.to_string()),
            Err(error) if !error.to_string().contains(damaged.to_str().unwrap()) => {
                return Err(error.to_string());
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn damage_to_archive_and_snapshots_is_told_by_the_file() {
    let original = TempDir::new().unwrap();
    trim(original.path(), 30, 6, "closed");
    let all = rounds(120);
    let failures: Vec<String> =
        (3_000..3_000 + all).filter_map(|seed| history_round(original.path(), seed).err()).collect();
    assert!(failures.is_empty(), "{} of {all}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn damage_to_a_closed_log_is_harmless_or_refused() {
    suite("closed", 1_000);
}

#[test]
fn damage_to_a_killed_log_is_harmless_or_refused() {
    suite("killed", 2_000);
}
