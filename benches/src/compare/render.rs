//! Tables and a plot of the results: for the terminal, for the README, for programs, for the eye.

mod markdown;
mod plot;
mod text;

use super::results::{Line, Results};
use super::settings::Setting;
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
    let shared = if machine.is_shared() { " (others were at work)" } else { "" };
    format!(
        "{cpu}, {cores} cores, Linux {kernel}, {file_system}; commit {commit}; load before: {load_before}{shared}"
    )
}

/// A rate: no decimals where nobody would read them.
fn rate(value: f64) -> String {
    number(if value < 100.0 { value } else { value.round() })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            cpu: "A & B".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            file_system: "ext4".to_owned(),
            commit: "abc".to_owned(),
            load_before: 0.1,
        }
    }

    fn results() -> Results {
        Results::with_rates(&[
            ("uniform/gavel-64x1", &[90_000.0, 100_000.0, 150_000.0]),
            ("uniform/gavel-8x64", &[60_000.0]),
            ("uniform/postgres-64x1", &[5_000.0]),
            ("hot/postgres-64x1", &[1_234.0]),
        ])
    }

    fn settings() -> Vec<Setting> {
        vec![Setting { name: "Gavel", value: "gavel 9".to_owned() }]
    }

    #[test]
    fn the_text_has_a_line_for_each_entry_with_ratios_and_noise() {
        let text = results().text(&machine(), &settings());
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("gavel-64x1"), "gavel-64x1 100,000 90,000 150,000 10 2 - 1.00 1.00 noisy");
        assert_eq!(line("postgres-64x1"), "postgres-64x1 5,000 5,000 5,000 10 2 - 20 20");
        assert!(text.contains("Gavel: gavel 9") && text.contains("commit abc"), "{text}");
    }

    #[test]
    fn the_short_table_leaves_out_what_the_long_one_has() {
        let markdown = results().markdown(&machine(), &settings());
        let (short, long) = markdown.split_once("<details>").unwrap();
        assert!(!short.contains("gavel-8x64") && long.contains("gavel-8x64"), "{markdown}");
        let row = "| uniform | postgres-64x1 | 5,000 | 5,000 to 5,000 | 10 % | 2 | - | 20 x | 20 x |";
        assert!(short.contains(row) && long.contains(row), "{markdown}");
    }

    #[test]
    fn the_json_form_has_what_programs_look_for() {
        let json = results().json(&machine(), &settings());
        assert_eq!(json["schema"], SCHEMA);
        let row = &json["rows"][2];
        assert_eq!((&row["name"], &row["work"]), (&json!("uniform/postgres-64x1"), &json!("uniform")));
        assert_eq!((&row["rate"]["median"], &row["gavel_same"]), (&json!(5_000.0), &json!(20.0)));
        assert_eq!(row["load"], json!({ "connections": 64, "in_flight": 1 }));
    }

    /// The left edge and the width of each bar.
    fn bars(plot: &str) -> Vec<(f64, f64)> {
        let number = |line: &str, name: &str| -> f64 {
            line.split_once(name).unwrap().1.split('"').next().unwrap().parse().unwrap()
        };
        let bars = plot.lines().filter(|line| line.contains("rx=\"2\""));
        bars.map(|line| (number(line, " x=\""), number(line, " width=\""))).collect()
    }

    #[test]
    fn the_plot_has_a_bar_for_each_highlight_as_long_as_the_power_of_its_rate() {
        let plot = results().plot(&machine());
        let bars = bars(&plot);
        assert_eq!(bars.len(), 3, "{plot}");
        assert!(bars.iter().all(|(left, _)| *left == bars[0].0));
        // 1,000 to 1,000,000: 100,000 is two thirds of the way.
        let whole = 3.0 * bars[0].1 / 2.0;
        assert!((bars[1].1 / whole - 5_000_f64.log10() / 3.0 + 1.0).abs() < 0.01, "{bars:?}");
        assert!(plot.contains("A &amp; B"), "texts are escaped");
    }
}
