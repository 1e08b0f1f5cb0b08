//! The report as one HTML page that needs nothing else: headline numbers, plots, and where they were measured.
//!
//! The plots are SVG within the page, with names at the lines and values under the pointer. **Invariants.** Nothing is loaded from
//! anywhere; every text from the report is escaped; the page stays below a megabyte, however long the run was.

mod bars;
mod chart;
mod number;
pub(crate) mod page;
pub(crate) mod plots;
mod scale;

use super::{Part, Report};
use number::{count, micros, three};
use page::{escape, figure, page, table, warnings};

/// The most processes and runs that are listed one by one.
const LISTED_MAX: usize = 100;

impl Report {
    /// The page, complete in itself.
    #[must_use]
    pub fn html(&self) -> String {
        let title = format!("Load report: {} bids/s accepted", count(self.median("accepted_rate")));
        let parts = [
            format!(
                "<header>\n<h1>Load report</h1>\n<p class=\"lead\">{}</p>\n</header>\n",
                escape(&self.sentence())
            ),
            self.headline(),
            warnings("What makes these figures doubtful", &self.warnings),
            self.plots(),
            self.tables(),
            format!(
                "<footer>Made by Gavel's load generator {}.</footer>\n",
                escape(&self.generator.to_string())
            ),
        ];
        page(&title, &parts.concat())
    }

    /// What was done, in one sentence.
    fn sentence(&self) -> String {
        let settings = &self.settings;
        let runs = if self.runs.is_empty() {
            String::new()
        } else {
            format!("; {} runs: the numbers are medians, the plots show the middle one", self.runs.len())
        };
        let processes =
            if self.parts.is_empty() { String::new() } else { format!("; {} processes", self.parts.len()) };
        format!(
            "{} over {} auctions, {}, {} connections × {} in flight, {:.1} s from {}{processes}{runs}",
            settings.distribution,
            settings.auctions,
            settings.arrivals,
            settings.connections,
            settings.pipeline,
            self.bidding_s,
            settings.began_at.split('.').next().unwrap_or_default().replace('T', " ")
        )
    }

    fn headline(&self) -> String {
        let late = 100.0 * self.late_sends as f64 / self.made.max(1) as f64;
        let [accepted, achieved] =
            ["accepted_rate", "achieved_rate"].map(|figure| count(self.median(figure)));
        let [p50, p99, p99_9, p99_99, max] =
            ["p50", "p99", "p99.9", "p99.99", "max"].map(|figure| micros(self.median(figure)));
        let numbers = [
            ("main", accepted, "bids/s accepted".to_owned()),
            ("", count(self.offered_rate), format!("bids/s offered, {achieved} answered")),
            ("", p50, "p50".to_owned()),
            ("", p99, "p99".to_owned()),
            ("", p99_9, format!("p99.9 (p99.99 {p99_99})")),
            ("", max, "longest".to_owned()),
            (
                "",
                format!("{} %", three(late)),
                format!("sent late, {} never sent", count(self.unsent as f64)),
            ),
        ];
        let cell = |(class, value, name): (&str, String, String)| {
            format!(
                "<div class=\"{class}\"><b>{}</b><small>{}</small></div>\n",
                escape(&value),
                escape(&name)
            )
        };
        format!("<div class=\"numbers\">\n{}</div>\n", numbers.map(cell).concat())
    }

    fn plots(&self) -> String {
        let series = plots::thinned(&self.series);
        let every = series.get(1).or(series.first()).map_or(0.0, |point| point.seconds);
        let loop_kind =
            if self.settings.is_open_loop() { "from the planned time" } else { "from the first sending" };
        let background: Vec<&Report> = self.runs.iter().take(LISTED_MAX).collect();
        let mut all = vec![
            figure(
                "Throughput",
                &format!("bids per second, each {}", number::seconds(every)),
                &plots::rates(&series),
                false,
            ),
            figure(
                "Latency over time",
                &format!("{loop_kind} to the answer, logarithmic"),
                &plots::latencies(&series),
                false,
            ),
            figure(
                "Latency by percentile",
                if background.is_empty() {
                    "how long one bid in so many took"
                } else {
                    "how long one bid in so many took; grey: the other runs"
                },
                &plots::percentiles(&[("all bids", "p99", self)], &background),
                true,
            ),
            figure("Answers", "by their first word", &bars::outcomes(self), false),
        ];
        all.push(if self.stages.is_empty() {
            "<section>\n<h2>Stages</h2>\n<p class=\"note\">The server does not tell where it spent the time.</p>\n</section>\n".into()
        } else {
            figure("Stages", "mean time of a bid in each stage, by the server's clocks", &bars::stages(self), false)
        });
        if !self.runs.is_empty() {
            all.push(figure("Runs", "distance of each run from the median", &bars::runs(self), false));
        }
        format!("<div class=\"grid\">\n{}</div>\n", all.concat())
    }

    fn tables(&self) -> String {
        let settings = &self.settings;
        let mut asked = settings.workload();
        asked.extend([
            ("seed", settings.seed.to_string()),
            ("run", settings.run.clone()),
            ("began", settings.began_at.clone()),
        ]);
        let machines = self.machines.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let server = self.server.as_ref().map_or("says nothing of itself".into(), ToString::to_string);
        let ledger = self.ledger.as_ref().map_or(String::new(), |ledger| {
            format!("{}: {} acknowledged, {} unknown", ledger.path, ledger.acked, ledger.unknown)
        });
        let mut seen = vec![
            ("machine", machines),
            ("processors", self.load.to_string().trim_start_matches("processors: ").to_owned()),
            ("server", format!("{server} at {}", settings.server)),
            ("loadgen", self.generator.to_string()),
            ("ledger", ledger),
            ("processes", self.parts.iter().take(LISTED_MAX).map(part).collect::<Vec<_>>().join("; ")),
        ];
        let troubles = self.troubles().into_iter().filter(|(times, _)| *times > 0);
        let troubles: Vec<String> = troubles.map(|(times, what)| format!("{times} {what}")).collect();
        seen.push(("notes", troubles.join("; ")));
        format!(
            "<div class=\"grid\" style=\"margin-top:2.4rem\">\n{}{}</div>\n",
            table("Settings", &asked),
            table("Where and beside what", &seen)
        )
    }
}

fn part(part: &Part) -> String {
    format!(
        "run {}, seed {}: {} bids/s, p99 {}",
        part.run,
        part.seed,
        count(part.accepted_rate),
        micros(part.p99_us)
    )
}

#[cfg(test)]
mod tests;
