//! `gavel config --example`: a settings file that says what there is, made from the flags' own help and the defaults.

use super::{Given, Settings};
use clap::Args as _;
use std::fmt::Write as _;

const HEAD: &str = "\
# Settings of `gavel serve`. Each is taken from the first of these that has it: a flag (--pulse-grace-ms), the environment
# (GAVEL_PULSE_GRACE_MS), this file, the default. The lines below are the defaults; take a # away and change what follows.
# `gavel config` prints what is in force, and where each value came from.
";

impl Settings {
    /// The defaults as a commented settings file. Uncommented, it says the same.
    pub(crate) fn example(&self) -> String {
        let flags = Given::augment_args(clap::Command::new("gavel"));
        let mut text = HEAD.to_owned();
        for (name, value) in self.values() {
            let help = flags.get_arguments().find(|flag| flag.get_id() == name).and_then(clap::Arg::get_help);
            let help = help.map(ToString::to_string).unwrap_or_default();
            // Writing to a `String` can't fail.
            let _written: std::fmt::Result = write!(text, "\n# {help}\n#{name} = {value}\n");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn load(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gavel.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(Given::default(), Some(&file), |_| None).unwrap()
    }

    fn defaults() -> Settings {
        Settings::load(Given::default(), Some(Path::new("/dev/null")), |_| None).unwrap()
    }

    #[test]
    fn the_example_reads_as_the_defaults_as_it_is_and_uncommented() {
        let example = defaults().example();
        assert_eq!(load(&example), defaults());
        let uncommented: String = example
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let settings = load(&uncommented);
        assert_eq!(settings.values(), defaults().values());
        for (name, _) in settings.values() {
            assert_ne!(settings.origin(name), "default", "{name} is not in the example");
        }
    }

    #[test]
    fn every_flag_of_the_settings_is_in_it_and_says_its_default() {
        let example = defaults().example();
        let command = Given::augment_args(clap::Command::new("gavel"));
        let flags: Vec<_> = command.get_arguments().collect();
        assert_eq!(flags.len(), defaults().values().len(), "a flag for each setting");
        for flag in flags {
            let (name, help) = (flag.get_id(), flag.get_help().unwrap().to_string());
            assert!(help.contains("[default: "), "--{name} does not say its default: {help}");
            let lines = format!("\n# {help}\n#{name} = ");
            assert!(example.contains(&lines), "{name} is missing in:\n{example}");
        }
    }
}
