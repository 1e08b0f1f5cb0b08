//! The comparison as text.

use super::{Change, Comparison, Row, Unit};
use crate::report::{Report, SPREAD_MAX, Spread};
use std::fmt::{Display, Formatter, Result as FmtResult};

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        writeln!(f, "A          {}", heading(&self.before))?;
        writeln!(f, "B          {}", heading(&self.after))?;
        writeln!(f, "\n{:<22} {:>14} {:>14} {:>8}", "", "A", "B", "B / A")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        for (name, report) in [("A", &self.before), ("B", &self.after)] {
            report.warnings.iter().try_for_each(|warning| writeln!(f, "doubtful   {name}: {warning}"))?;
        }
        self.differences.iter().try_for_each(|difference| writeln!(f, "differs    {difference}"))?;
        writeln!(f, "\n{}", self.rule())
    }
}

impl Comparison {
    /// By which rule differences are marked.
    pub(super) fn rule(&self) -> String {
        if self.is_of_single_runs() {
            let percent = SPREAD_MAX * 100.0;
            return format!(
                "A single run does not show its spread: differences within about {percent} % are not marked."
            );
        }
        "Medians; marked is what lies wholly beside the runs of the other.".into()
    }
}

pub(super) fn heading(report: &Report) -> String {
    let settings = &report.settings;
    let runs = match report.runs.len() {
        0 => String::new(),
        runs => format!(", {runs} runs"),
    };
    format!(
        "{}, {}, {} x {}{runs}, {}",
        settings.distribution, settings.arrivals, settings.connections, settings.pipeline, settings.began_at
    )
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let ratio = self.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let [before, after] = [self.before, self.after].map(|spread| self.value(&spread));
        write!(f, "{:<22} {before:>14} {after:>14} {ratio:>8}{}", self.label(), self.mark())
    }
}

impl Row {
    pub(super) fn label(&self) -> String {
        match self.unit {
            Unit::Rate => format!("{}, bids/s", self.name.trim_end_matches("_rate")),
            Unit::Micros => format!("{}, ms", self.name),
        }
    }

    pub(super) fn value(&self, spread: &Spread) -> String {
        match self.unit {
            Unit::Rate => format!("{:.0}", spread.median),
            Unit::Micros => format!("{:.3}", spread.median / 1e3),
        }
    }

    pub(super) fn mark(&self) -> &'static str {
        match self.change {
            Change::Better => "  better",
            Change::Worse => "  worse",
            Change::Within => "",
        }
    }
}
