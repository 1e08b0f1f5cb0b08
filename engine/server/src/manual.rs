//! `gavel man DIR`: the help of every command as manual pages.

use crate::exit::Exit;
use crate::output;
use clap::Args;
use std::path::{Path, PathBuf};

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel man ~/.local/share/man/man1 && man gavel-bid
  gavel man /usr/local/share/man/man1                     for all users";

/// Where to.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManFlags {
    /// The folder that the pages are written to; made where it is missing. Pages that are there are replaced
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes a page for each command: gavel.1, gavel-open.1, gavel-shards-list.1, …
pub(crate) fn run(flags: &ManFlags, command: clap::Command, json: bool) -> Exit {
    match write(&flags.dir, command) {
        Ok(pages) if json => {
            output::data(&serde_json::json!({ "dir": flags.dir, "pages": pages }).to_string())
        }
        Ok(pages) => output::data(&format!("{pages} pages in {}", flags.dir.display())),
        Err(problem) => {
            let words = format_args!("the pages can't be written to {}: {problem}", flags.dir.display());
            output::failure(Exit::Failure, &words)
        }
    }
}

fn write(dir: &Path, command: clap::Command) -> std::io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let mut root = command.disable_help_subcommand(true);
    root.build();
    let mut pages = 0;
    let mut waiting = vec![root];
    while let Some(command) = waiting.pop() {
        clap_mangen::Man::new(command.clone()).generate_to(dir)?;
        pages += 1;
        waiting.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
    }
    Ok(pages)
}
