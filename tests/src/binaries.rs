//! Where the programs are that the suites start.
//!
//! Cargo tells the tests of one package nothing about the binaries of another, so they are looked up where the workspace
//! build puts them: `target/<profile>/`, two folders above the running test.

use std::path::{Path, PathBuf};

/// The server and command line.
#[must_use]
pub fn gavel() -> PathBuf {
    built("gavel")
}

/// The load generator.
#[must_use]
pub fn loadgen() -> PathBuf {
    built("loadgen")
}

/// The Python modules that `./test` installs for the drivers in `clients/`.
#[must_use]
pub fn python_modules() -> PathBuf {
    let modules = workspace().join(".tools/python");
    assert!(
        modules.join("redis").is_dir(),
        "{} has no redis module; run ./test, which installs it",
        modules.display()
    );
    modules
}

/// The workspace's top folder.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies one folder below the workspace")
}

fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    let folder = test.ancestors().nth(2).expect("tests run from target/<profile>/deps");
    let binary = folder.join(name);
    assert!(
        binary.is_file(),
        "{} is not built; run `cargo build --workspace --bins`, or ./test",
        binary.display()
    );
    binary
}
