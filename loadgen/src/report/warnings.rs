//! What makes figures doubtful. It is said beside them, by stated bounds, and never left out.

use super::Report;

/// Runs that are further apart than this share of their median are noisy.
pub const SPREAD_MAX: f64 = 0.15;
/// A generator that was late on more than this share of its sends measured itself.
pub const LATE_SHARE_MAX: f64 = 0.01;
/// Percent of the processors' time that the host may have taken away.
pub const STEAL_MAX: f64 = 1.0;
/// Percent of the processors' time that may have gone to others than generator and server.
pub const OTHER_LOAD_MAX: f64 = 5.0;

impl Report {
    /// The same with its warnings computed anew.
    pub(crate) fn with_warnings(mut self) -> Self {
        let own =
            [self.late(), self.unsent_share(), self.steal(), self.other_load(), self.fates(), self.gone()];
        let of_runs = self.runs.iter().enumerate().flat_map(|(index, run)| {
            run.warnings.iter().map(move |warning| format!("run {}: {warning}", index + 1))
        });
        // The run that stands for all is among them.
        let own = own.into_iter().flatten().filter(|_| self.runs.is_empty());
        self.warnings = own.chain(of_runs).chain(self.apart()).collect();
        self
    }

    fn late(&self) -> Option<String> {
        let share = self.late_sends as f64 / self.made.max(1) as f64;
        (share > LATE_SHARE_MAX).then(|| {
            format!(
                "the generator sent {:.1} % of its bids more than 1 ms late: it had not enough processor, or its connections were full",
                100.0 * share
            )
        })
    }

    fn unsent_share(&self) -> Option<String> {
        let count = self.unsent;
        (count > 0).then(|| format!("{count} planned bids were never sent: the offered rate was not reached"))
    }

    fn steal(&self) -> Option<String> {
        let steal = self.load.steal_percent.filter(|&percent| percent > STEAL_MAX)?;
        Some(format!("the host took {steal:.1} % of the processors' time away (steal)"))
    }

    fn other_load(&self) -> Option<String> {
        let other = self.load.other_percent.filter(|&percent| percent > OTHER_LOAD_MAX)?;
        Some(format!("other programs took {other:.0} % of the processors' time"))
    }

    fn fates(&self) -> Option<String> {
        let count = self.unknown + self.abandoned;
        (count > 0)
            .then(|| format!("{count} bids were given up, or their fate is unknown: they are in no rate"))
    }

    fn gone(&self) -> Option<String> {
        self.server_gone.then(|| "the server went away and did not come back in time".to_owned())
    }

    fn apart(&self) -> impl Iterator<Item = String> {
        self.spread.iter().filter(|(_, spread)| spread.is_noisy).map(|(figure, spread)| {
            format!("{figure} differs by {:.0} % between the runs", 100.0 * spread.relative)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Load;

    #[test]
    fn each_doubt_is_told_beyond_its_bound_and_none_within_it() {
        let quiet = Report { made: 1_000, late_sends: 10, ..Report::default() };
        let load =
            |steal, other| Load { steal_percent: Some(steal), other_percent: Some(other), ..Load::default() };
        let within = Report { load: load(1.0, 5.0), ..quiet.clone() }.with_warnings();
        assert_eq!(within.warnings, [""; 0]);
        for (report, part) in [
            (Report { late_sends: 11, ..quiet.clone() }, "1.1 % of its bids"),
            (Report { unsent: 1, ..quiet.clone() }, "never sent"),
            (Report { load: load(1.1, 0.0), ..quiet.clone() }, "steal"),
            (Report { load: load(0.0, 6.0), ..quiet.clone() }, "other programs took 6 %"),
            (Report { unknown: 1, ..quiet.clone() }, "fate is unknown"),
            (Report { server_gone: true, ..quiet }, "went away"),
        ] {
            let warnings = report.with_warnings().warnings;
            assert!(warnings.len() == 1 && warnings[0].contains(part), "{part}: {warnings:?}");
        }
    }
}
