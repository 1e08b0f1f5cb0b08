//! How the auctions of a run ended that were to end during it.

use crate::latency::{Latencies, PackedLatencies, Quantiles};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter, Result as FmtResult};

/// How auctions ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// Auctions that were to end.
    pub auctions: u64,
    /// Those whose end was decided.
    pub decided: u64,
    /// Those whose end was moved by late bids.
    pub extended: u64,
    /// How long after its time each end was decided, by the server's clock.
    pub late_us: Quantiles,
    /// All of these.
    pub histogram: PackedLatencies,
    /// Why nothing is known of some, in words.
    pub problem: Option<String>,
}

impl Ending {
    pub(crate) fn new(auctions: u64, extended: u64, late: &Latencies, problem: Option<String>) -> Self {
        let (decided, late_us) = (late.count(), late.quantiles());
        Self { auctions, decided, extended, late_us, histogram: late.into(), problem }
    }

    /// Adds the auctions of another process.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), crate::latency::PackedError> {
        let mut late = self.histogram.unpack()?;
        late.merge(&other.histogram.unpack()?);
        let problem = self.problem.take().or_else(|| other.problem.clone());
        *self = Self::new(self.auctions + other.auctions, self.extended + other.extended, &late, problem);
        Ok(())
    }
}

impl Display for Ending {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let Self { auctions, decided, extended, late_us, histogram: _, problem } = self;
        writeln!(
            f,
            "ends       {decided:>12} of {auctions} auctions, {extended} of them moved by late bids"
        )?;
        let Quantiles { p50, p99, p99_9, max, .. } = late_us;
        let named = [("p50", p50), ("p99", p99), ("p99.9", p99_9), ("max", max)];
        for (name, value) in named {
            writeln!(f, "           {:>12.3} ms {name} from an end to its decision", value / 1e3)?;
        }
        problem.iter().try_for_each(|problem| writeln!(f, "           {problem}"))
    }
}
