//! Runs a program under strace and reads what it did to files. Needs strace, the Debian package of that name.
//!
//! Each operation has the line it began on and the line it was done on: threads overlap, and a sync covers only what was
//! done before it began.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const TRACED: &str = "trace=openat,lseek,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,ftruncate,rename,\
                      renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fallocate,copy_file_range,sendfile";

/// One thing that the program did.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) began: usize,
    pub(crate) done: usize,
    pub(crate) what: What,
}

/// What it did.
#[derive(Debug)]
pub(crate) enum What {
    /// Opened a file, making it where there was none.
    Create {
        path: PathBuf,
        truncate: bool,
    },
    MakeDir(PathBuf),
    Write {
        path: PathBuf,
        offset: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        length: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink(PathBuf),
    /// `fsync`, or `fdatasync` when `data_only`.
    Sync {
        path: PathBuf,
        data_only: bool,
    },
    /// Wrote to its standard output.
    Said(String),
}

/// Runs the program and gives what it did below `dir`, and what it said, in order. `lines_before` is added to all lines,
/// to put several runs one after the other.
pub(crate) fn record(dir: &Path, program: &str, arguments: &[&str], lines_before: usize) -> Vec<Op> {
    let output = dir.with_extension("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-s", "33554432", "-e", TRACED, "-o"]).arg(&output);
    let run = strace.arg(program).args(arguments).output();
    let run = run
        .unwrap_or_else(|error| panic!("strace does not run ({error}); on Debian: apt-get install strace"));
    assert!(output.exists(), "strace left no trace: {}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(&output).unwrap();
    std::fs::remove_file(output).unwrap();
    let ops = Reader::default().read(&text, lines_before);
    ops.into_iter().filter(|op| op.what.is_below(dir)).collect()
}

impl What {
    fn is_below(&self, dir: &Path) -> bool {
        match self {
            Self::Said(_) => true,
            Self::Create { path, .. }
            | Self::MakeDir(path)
            | Self::Write { path, .. }
            | Self::Truncate { path, .. }
            | Self::Rename { to: path, .. }
            | Self::Unlink(path)
            | Self::Sync { path, .. } => path.starts_with(dir),
        }
    }
}

/// Joins calls that strace shows in two parts, and follows file offsets.
#[derive(Default)]
struct Reader {
    /// By thread: the line a call began on, and its text so far.
    unfinished: HashMap<String, (usize, String)>,
    /// By descriptor: where the next `write` goes.
    offsets: HashMap<String, u64>,
}

impl Reader {
    fn read(mut self, text: &str, lines_before: usize) -> Vec<Op> {
        let lines = text.lines().enumerate();
        lines.filter_map(|(line, text)| self.line(line + lines_before, text)).collect()
    }

    fn line(&mut self, line: usize, text: &str) -> Option<Op> {
        let (thread, call) = text.split_once(' ')?;
        let call = call.trim_start();
        if let Some(part) = call.strip_suffix(" <unfinished ...>") {
            self.unfinished.insert(thread.to_owned(), (line, part.to_owned()));
            return None;
        }
        let (began, call) = match call.strip_prefix("<... ") {
            Some(rest) => {
                let (began, first) = self.unfinished.remove(thread)?;
                (began, first + rest.split_once("resumed>")?.1)
            }
            None => (line, call.to_owned()),
        };
        Some(Op { began, done: line, what: self.call(&call)? })
    }

    /// `None` for calls that failed or change nothing.
    fn call(&mut self, call: &str) -> Option<What> {
        let (name, rest) = call.split_once('(')?;
        let (arguments, result) =
            rest.rsplit_once(") ").map(|(a, r)| (a, r.trim_start().strip_prefix("= ")))?;
        let result = result?.split(['<', ' ']).next()?;
        let value: u64 = result.parse().ok()?;
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let path = |index: usize| arguments.get(index).map(|text| PathBuf::from(unhex(text)));
        match name {
            "openat" => {
                self.offsets.insert(result.to_owned(), 0);
                let flags = arguments.get(2)?;
                let truncate = flags.contains("O_TRUNC");
                let path = path(1)?;
                flags.contains("O_CREAT").then_some(What::Create { path, truncate })
            }
            "lseek" => {
                self.offsets.insert(descriptor(arguments[0])?.0.to_owned(), value);
                None
            }
            "write" => {
                let (number, path) = descriptor(arguments[0])?;
                let bytes = unhex_bytes(arguments[1]);
                if number == "1" {
                    return Some(What::Said(String::from_utf8(bytes).ok()?));
                }
                let offset = self.offsets.entry(number.to_owned()).or_default();
                *offset += value;
                Some(What::Write { path, offset: *offset - value, bytes })
            }
            "pwrite64" => {
                let (_, path) = descriptor(arguments[0])?;
                Some(What::Write {
                    path,
                    offset: arguments[3].parse().ok()?,
                    bytes: unhex_bytes(arguments[1]),
                })
            }
            "fsync" => Some(What::Sync { path: descriptor(arguments[0])?.1, data_only: false }),
            "fdatasync" => Some(What::Sync { path: descriptor(arguments[0])?.1, data_only: true }),
            "ftruncate" => {
                Some(What::Truncate { path: descriptor(arguments[0])?.1, length: arguments[1].parse().ok()? })
            }
            "rename" => Some(What::Rename { from: path(0)?, to: path(1)? }),
            "unlink" | "rmdir" => Some(What::Unlink(path(0)?)),
            "unlinkat" => Some(What::Unlink(path(1)?)),
            "mkdir" => Some(What::MakeDir(path(0)?)),
            unknown => panic!("the trace holds a call that this suite does not know: {unknown}"),
        }
    }
}

/// The number and path of `3<path>`.
fn descriptor(text: &str) -> Option<(&str, PathBuf)> {
    let (number, path) = text.split_once('<')?;
    Some((number, PathBuf::from(unhex(path))))
}

fn unhex(text: &str) -> String {
    String::from_utf8(unhex_bytes(text)).unwrap()
}

/// The bytes of every `\x..` in the text.
fn unhex_bytes(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let pairs = text.as_bytes().split(|byte| *byte == b'\\').skip(1);
    pairs.map(|pair| digit(pair[1]) << 4 | digit(pair[2])).collect()
}
