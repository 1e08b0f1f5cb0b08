//! Variables of the environment that look like settings and are none: most likely misspelt, and without effect.

use super::Settings;
use std::ffi::OsString;
use std::fmt::{Display, Formatter, Result as FmtResult};

/// What the variables of all settings begin with.
const PREFIX: &str = "GAVEL_";
/// Variables that mean something, but are no settings: the settings file, and the running server that commands ask.
const OTHERS: [&str; 2] = ["GAVEL_CONFIG", "GAVEL_SERVER"];
/// What the variables of the tests begin with.
const TESTS_PREFIX: &str = "GAVEL_TEST_";

/// The unknown ones, and those that there are. At least one is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownVariables {
    unknown: Vec<String>,
    known: Vec<String>,
}

impl UnknownVariables {
    /// Those among the names of all variables, if any. Names that are not UTF-8 are none of ours.
    pub(crate) fn among(settings: &Settings, names: impl Iterator<Item = OsString>) -> Option<Self> {
        let settings =
            settings.sources.iter().map(|(name, _)| format!("{PREFIX}{}", name.to_ascii_uppercase()));
        let known: Vec<String> = settings.chain(OTHERS.map(str::to_owned)).collect();
        let stranger = |name: &String| {
            name.starts_with(PREFIX) && !name.starts_with(TESTS_PREFIX) && !known.contains(name)
        };
        let mut unknown: Vec<String> =
            names.filter_map(|name| name.into_string().ok()).filter(stranger).collect();
        unknown.sort_unstable();
        if unknown.is_empty() { None } else { Some(Self { unknown, known }) }
    }
}

impl Display for UnknownVariables {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { unknown, known } = self;
        write!(
            f,
            "not a variable of Gavel, so without effect: {}; there are {}",
            unknown.join(", "),
            known.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Given;
    use super::*;
    use std::path::Path;

    #[test]
    fn a_misspelt_variable_is_told_with_the_names_that_there_are() {
        let settings = Settings::load(Given::default(), Some(Path::new("/dev/null")), |_| None).unwrap();
        let among = |names: &[&str]| UnknownVariables::among(&settings, names.iter().map(OsString::from));
        let ours =
            ["PATH", "GAVEL_SHARDS", "GAVEL_LOG_FORMAT", "GAVEL_CONFIG", "GAVEL_SERVER", "GAVEL_TEST_SEED"];
        assert_eq!(among(&ours), None);
        let said = among(&["GAVEL_SHARD", "GAVEL_SHARDS", "GAVEL_DATE"]).unwrap().to_string();
        let start = "not a variable of Gavel, so without effect: GAVEL_DATE, GAVEL_SHARD; there are GAVEL_DATA, GAVEL_RESP, GAVEL_HTTP, ";
        assert!(said.starts_with(start), "{said}");
        assert!(said.ends_with("GAVEL_LOG_FORMAT, GAVEL_CONFIG, GAVEL_SERVER"), "{said}");
    }
}
