//! What a power cut could leave of what a program did: the model of a disk that keeps its promises and nothing more.
//!
//! - What was done to a file before a sync of it began is there once that sync is done.
//! - Of everything else each write is there, not there, or torn at 512 bytes; a file has its old size or any size that a
//!   later write or truncation gave it, with zeroes where there is no data.
//! - A directory's entries are as they were when it was last synced; each later making, renaming or unlinking may be there
//!   or not. A rename is one step.

use super::trace::{Op, What};
use crate::common::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;

/// How much of what was not synced is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Luck {
    None,
    All,
    Mixed,
}

/// Rebuilds directory states from a trace.
pub(crate) struct Disk<'a> {
    root: &'a Path,
    ops: &'a [Op],
    /// Whether a sync of this path does anything.
    syncs: &'a dyn Fn(&Path, bool) -> bool,
}

/// A file or directory, whatever it is called: the line it was made on.
type Node = usize;

impl<'a> Disk<'a> {
    pub(crate) fn new(root: &'a Path, ops: &'a [Op], syncs: &'a dyn Fn(&Path, bool) -> bool) -> Self {
        Self { root, ops, syncs }
    }

    /// Writes to `target` what the root directory may hold when the power goes at the beginning of line `cut`.
    pub(crate) fn cut(&self, cut: usize, dice: &mut Dice, target: &Path) {
        let luck = [Luck::None, Luck::All, Luck::Mixed, Luck::Mixed][dice.below(4) as usize];
        let entries = self.entries(cut, luck, dice);
        fs::create_dir_all(target).unwrap();
        // Ascending: a directory comes before what is in it. What lies in a directory that is not there is not there.
        for (path, node) in &entries {
            let to = target.join(path.strip_prefix(self.root).unwrap());
            if !to.parent().unwrap().exists() {
                continue;
            }
            match node {
                Kind::Directory => fs::create_dir_all(to).unwrap(),
                Kind::File(node) => self.write_file(*node, cut, luck, dice, &to),
            }
        }
    }

    /// The names that are there, and what they name.
    fn entries(&self, cut: usize, luck: Luck, dice: &mut Dice) -> BTreeMap<PathBuf, Kind> {
        let mut seen: BTreeMap<PathBuf, Kind> = BTreeMap::new();
        let mut kept: BTreeMap<PathBuf, Kind> = BTreeMap::new();
        for op in self.ops.iter().filter(|op| op.began < cut) {
            let (from, to) = match &op.what {
                What::Create { path, .. } if !seen.contains_key(path) => {
                    seen.insert(path.clone(), Kind::File(op.began));
                    (None, path)
                }
                What::MakeDir(path) if path != self.root => {
                    seen.insert(path.clone(), Kind::Directory);
                    (None, path)
                }
                What::Rename { from, to } => (Some(from), to),
                What::Unlink(path) => (Some(path), path),
                _ => continue,
            };
            let moved = from.and_then(|from| seen.remove(from));
            if let (What::Rename { .. }, Some(node)) = (&op.what, &moved) {
                seen.insert(to.clone(), node.clone());
            }
            let certain = self.is_covered(to.parent().unwrap(), op.done, cut);
            if !(certain || luck == Luck::All || (luck == Luck::Mixed && dice.coin())) {
                continue;
            }
            if let Some(from) = from {
                kept.remove(from);
            }
            if let Some(node) = seen.get(to) {
                kept.insert(to.clone(), node.clone());
            }
        }
        kept
    }

    /// Whether a sync of the path began after this line and was done before the cut.
    fn is_covered(&self, path: &Path, done: usize, cut: usize) -> bool {
        self.ops.iter().any(|op| match &op.what {
            What::Sync { path: synced, data_only } => {
                synced == path && op.began > done && op.done < cut && (self.syncs)(path, *data_only)
            }
            _ => false,
        })
    }

    /// Everything done to the file's data, under whatever name it had then, in order.
    fn changes(&self, node: Node, cut: usize) -> Vec<(&Op, bool)> {
        let mut names: BTreeMap<&Path, Node> = BTreeMap::new();
        let (mut changes, mut all_names) = (Vec::new(), BTreeSet::new());
        for op in self.ops.iter().filter(|op| op.began < cut) {
            let path = match &op.what {
                What::Create { path, .. } => {
                    names.entry(path).or_insert(op.began);
                    path
                }
                What::Rename { from, to } => {
                    let renamed = names.remove(from.as_path());
                    names.extend(renamed.map(|node| (to.as_path(), node)));
                    continue;
                }
                What::Unlink(path) => {
                    names.remove(path.as_path());
                    continue;
                }
                What::Write { path, .. } | What::Truncate { path, .. } => path,
                _ => continue,
            };
            if names.get(path.as_path()) == Some(&node) {
                all_names.insert(path.as_path());
                changes.push(op);
            }
        }
        let covered = |op: &Op| all_names.iter().any(|name| self.is_covered(name, op.done, cut));
        changes.into_iter().map(|op| (op, covered(op))).collect()
    }

    fn write_file(&self, node: Node, cut: usize, luck: Luck, dice: &mut Dice, to: &Path) {
        let file = File::create(to).unwrap();
        let (mut certain, mut possible) = (0, vec![]);
        for (op, covered) in self.changes(node, cut) {
            let there = covered || luck == Luck::All || (luck == Luck::Mixed && dice.below(3) > 0);
            let torn = !covered && luck == Luck::Mixed && dice.coin();
            match &op.what {
                What::Create { truncate: true, .. } if there => file.set_len(0).unwrap(),
                What::Truncate { length, .. } if there => file.set_len(*length).unwrap(),
                What::Write { offset, bytes, .. } => {
                    possible.push(offset + bytes.len() as u64);
                    if there {
                        write_sectors(&file, *offset, bytes, |_| !torn || dice.coin());
                    }
                }
                _ => {}
            }
            if covered {
                certain = file.metadata().unwrap().len();
                possible.clear();
            }
        }
        if luck == Luck::Mixed && !possible.is_empty() {
            let size = possible[dice.below(possible.len() as u64) as usize].max(certain);
            file.set_len(if dice.coin() { certain } else { size }).unwrap();
        }
    }
}

/// A name's meaning.
#[derive(Clone, Debug)]
enum Kind {
    Directory,
    File(Node),
}

/// Writes the sectors that are chosen.
fn write_sectors(file: &File, offset: u64, bytes: &[u8], mut chosen: impl FnMut(usize) -> bool) {
    let mut at = 0;
    while at < bytes.len() {
        let in_sector = SECTOR - (offset as usize + at) % SECTOR;
        let end = (at + in_sector).min(bytes.len());
        if chosen(at) {
            file.write_all_at(&bytes[at..end], offset + at as u64).unwrap();
        }
        at = end;
    }
}
