//! Tables and a plot of the results: for the terminal, for the README, for programs, for the eye.

mod markdown;
mod plot;
mod text;

use super::results::{Line, Results, Setting};
use super::work::Work;
use crate::aims::number;
use crate::error::{BenchError, io};
use crate::machine::Machine;
use serde_json::{Value, json};
use std::path::Path;

/// The version of the JSON form: raised whenever a field goes or changes its meaning.
const SCHEMA: &str = "gavel-compare/1";

impl Results {
    /// For the terminal.
    #[must_use]
    pub fn text(&self, machine: &Machine, settings: &[Setting]) -> String {
        text::render(&self.lines(), machine, settings)
    }

    /// For the README: a short table, and one of everything.
    #[must_use]
    pub fn markdown(&self, machine: &Machine, settings: &[Setting]) -> String {
        markdown::render(&self.lines(), machine, settings)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, machine: &Machine, settings: &[Setting]) -> Value {
        json!({ "schema": SCHEMA, "machine": machine, "settings": settings, "rows": self.lines() })
    }

    /// A bar chart with a logarithmic scale, as SVG.
    #[must_use]
    pub fn plot(&self, machine: &Machine) -> String {
        plot::render(&self.lines(), machine)
    }

    /// Writes `compare.txt`, `compare.md`, `compare.json` and `compare.svg` into a folder, which is made if need be.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, folder: &Path, machine: &Machine, settings: &[Setting]) -> Result<(), BenchError> {
        std::fs::create_dir_all(folder)
            .map_err(|source| BenchError::Dir { path: folder.to_owned(), source })?;
        let files = [
            ("compare.txt", self.text(machine, settings)),
            ("compare.md", self.markdown(machine, settings)),
            ("compare.json", format!("{:#}\n", self.json(machine, settings))),
            ("compare.svg", self.plot(machine)),
        ];
        for (name, content) in files {
            let path = folder.join(name);
            std::fs::write(&path, content).map_err(io(path.display().to_string()))?;
        }
        Ok(())
    }
}

fn of_work(lines: &[Line], work: Work) -> Vec<&Line> {
    lines.iter().filter(|line| line.work == work).collect()
}

/// The name without its work.
fn short_name(line: &Line) -> &str {
    line.name.split_once('/').map_or(line.name.as_str(), |(_, name)| name)
}

fn machine_line(machine: &Machine) -> String {
    let Machine { cpu, cores, kernel, file_system, commit, load_before } = machine;
    format!(
        "{cpu}, {cores} cores, Linux {kernel}, {file_system}; commit {commit}; load before: {load_before}"
    )
}

/// A number, or a dash where there is none.
fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), number)
}

/// How many times as much Gavel does.
fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(
        || "-".to_owned(),
        |ratio| if ratio < 10.0 { format!("{ratio:.2}") } else { number(ratio.round()) },
    )
}

fn percent(share: f64) -> String {
    number(100.0 * share)
}
