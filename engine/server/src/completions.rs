//! `gavel completions SHELL`: what a shell needs to complete Gavel's commands and flags.

use crate::exit::Exit;
use crate::output;
use clap::Args;
use clap_complete::Shell;

/// The examples in the help.
pub(crate) const HELP: &str = "\
Examples:
  gavel completions bash > ~/.local/share/bash-completion/completions/gavel
  gavel completions zsh > ~/.zfunc/_gavel                 with fpath+=~/.zfunc before compinit
  gavel completions fish > ~/.config/fish/completions/gavel.fish
  gavel completions elvish >> ~/.config/elvish/rc.elv
  gavel completions powershell >> $PROFILE
  source <(gavel completions bash)                        for this shell alone";

/// For which shell.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CompletionsFlags {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(flags: CompletionsFlags, mut command: clap::Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut command, "gavel", &mut script);
    output::data(String::from_utf8_lossy(&script).trim_end())
}
