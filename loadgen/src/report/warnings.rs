//! What makes figures doubtful. It is said beside them, by stated bounds, and never left out.

use super::Report;
use super::spread::FIGURES;

/// Runs that are further apart than this share of their median are noisy.
pub const SPREAD_MAX: f64 = 0.15;
/// A generator that was late on more than this share of its sends measured itself.
pub const LATE_SHARE_MAX: f64 = 0.01;
/// Of an open loop of which more than this share was never sent, the offered rate was not reached.
pub const UNSENT_SHARE_MAX: f64 = 0.001;
/// Percent of the processors' time that the host may have taken away.
pub const STEAL_MAX: f64 = 1.0;
/// Percent of the processors' time that may have gone to others than generator and server.
pub const OTHER_LOAD_MAX: f64 = 5.0;

/// What is looked at in each run.
const CHECKS: [fn(&Report) -> Option<String>; 6] =
    [Report::late, Report::not_sent, Report::steal, Report::other_load, Report::fates, Report::gone];

impl Report {
    /// The same with its warnings computed anew.
    pub(crate) fn with_warnings(mut self) -> Self {
        let told = CHECKS.iter().filter_map(|check| self.told_by(*check));
        self.warnings = told.chain(self.apart()).collect();
        self
    }

    /// One doubt in words: of a single run its own, of several how many of them it is of, and one of them.
    fn told_by(&self, check: fn(&Self) -> Option<String>) -> Option<String> {
        if self.runs.is_empty() {
            return check(self);
        }
        let told = |(index, run): (usize, &Self)| Some((index + 1, check(run)?));
        let all: Vec<(usize, String)> = self.runs.iter().enumerate().filter_map(told).collect();
        let (run, text) = all.first()?;
        let of_all = format!("{} of {} runs, such as run {run}", all.len(), self.runs.len());
        Some(if all.len() == 1 { format!("run {run}: {text}") } else { format!("{of_all}: {text}") })
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

    fn not_sent(&self) -> Option<String> {
        let count = self.unsent;
        let share = count as f64 / (self.made + count).max(1) as f64;
        (share > UNSENT_SHARE_MAX).then(|| {
            format!(
                "{count} planned bids ({:.1} %) were never sent: the offered rate was not reached",
                100.0 * share
            )
        })
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

    fn apart(&self) -> Option<String> {
        let noisy =
            FIGURES.iter().filter_map(|name| Some((name, self.spread.get(*name).filter(|s| s.is_noisy)?)));
        let noisy = noisy
            .map(|(name, spread)| format!("{} by {:.0} %", name.replace('_', " "), 100.0 * spread.relative));
        let all = noisy.collect::<Vec<_>>().join(", ");
        let bound = 100.0 * SPREAD_MAX;
        (!all.is_empty()).then(|| format!("the runs are more than {bound:.0} % apart: {all}"))
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
            (Report { unsent: 2, ..quiet.clone() }, "2 planned bids (0.2 %) were never sent"),
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
