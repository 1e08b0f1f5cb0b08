//! Where the server spent the time of bids, by its own clocks.
//!
//! The server counts since its start, in buckets; what a run adds is the difference of two readings. The form of a line of
//! `INFO stages` is `stage_<name>:<upper_us>=<count>,…,inf=<count>;sum_us=<n>`. It is read tolerantly: what is not of
//! this form is left out, as the server may be older or newer. A server that was started anew in between has counted from 0 again: then
//! the second reading alone is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The stages a bid passes, in order. A server may tell of others.
pub(crate) const STAGES: [&str; 4] = ["queue", "decide", "commit", "reply"];
/// More buckets than any server has; what is behind them is left out.
const BUCKETS_MAX: usize = 1_000;

/// How long bids were in one stage during the run, in microseconds. A quantile is the upper bound of the bucket it lies in;
/// `null`: beyond the last bound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// How often the stage was passed.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// Half took at most this long.
    pub p50: Option<f64>,
    /// 90 in 100.
    pub p90: Option<f64>,
    /// 99 in 100.
    pub p99: Option<f64>,
    /// 999 in 1,000.
    #[serde(rename = "p99.9")]
    pub p99_9: Option<f64>,
    /// The sum of all.
    pub sum_us: u64,
    /// What was counted, by upper bounds, ascending; not cumulative.
    pub buckets: Vec<Bucket>,
}

/// So many took longer than the bucket's before and at most this long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// The upper bound in microseconds; `null`: none.
    pub upper_us: Option<u64>,
    /// How many.
    pub count: u64,
}

/// One reading of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reading {
    /// By upper bound; `u64::MAX` is none.
    buckets: BTreeMap<u64, u64>,
    sum_us: u64,
}

/// What happened between two readings of `INFO`.
pub(crate) fn stages(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeMap<String, Stage> {
    let stage = |(key, text): (&String, &String)| {
        let name = key.strip_prefix("stage_")?;
        let (then, now) = (before.get(key).and_then(|text| read(text)), read(text)?);
        let stage = Stage::from(&now.since(&then.unwrap_or_default()));
        (stage.count > 0).then(|| (name.to_owned(), stage))
    };
    after.iter().filter_map(stage).collect()
}

fn read(text: &str) -> Option<Reading> {
    let (buckets, sum) = text.split_once(';').unwrap_or((text, ""));
    let sum_us = sum.strip_prefix("sum_us=").and_then(|sum| sum.parse().ok()).unwrap_or(0);
    let bucket = |text: &str| {
        let (upper, count) = text.split_once('=')?;
        let upper = if upper == "inf" { u64::MAX } else { upper.parse().ok()? };
        Some((upper, count.parse().ok()?))
    };
    let buckets: BTreeMap<u64, u64> = buckets.split(',').take(BUCKETS_MAX).filter_map(bucket).collect();
    (!buckets.is_empty()).then_some(Reading { buckets, sum_us })
}

impl Reading {
    fn since(&self, before: &Self) -> Self {
        let was_restarted = self.buckets.iter().any(|(upper, count)| before.buckets.get(upper) > Some(count));
        if was_restarted {
            return self.clone();
        }
        let less = |(&upper, &count): (&u64, &u64)| {
            (upper, count - before.buckets.get(&upper).copied().unwrap_or_default())
        };
        let buckets = self.buckets.iter().map(less).collect();
        Self { buckets, sum_us: self.sum_us.saturating_sub(before.sum_us) }
    }
}

impl From<&Reading> for Stage {
    fn from(reading: &Reading) -> Self {
        let buckets = reading
            .buckets
            .iter()
            .map(|(&upper, &count)| Bucket { upper_us: (upper != u64::MAX).then_some(upper), count });
        Self { buckets: buckets.collect(), sum_us: reading.sum_us, ..Self::default() }.with_quantiles()
    }
}

impl Stage {
    fn with_quantiles(mut self) -> Self {
        self.count = self.buckets.iter().map(|bucket| bucket.count).sum();
        self.mean = self.sum_us as f64 / self.count.max(1) as f64;
        [self.p50, self.p90, self.p99, self.p99_9] =
            [0.5, 0.9, 0.99, 0.999].map(|share| self.quantile(share));
        self
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        let holds = |bucket: &&Bucket| {
            seen += bucket.count;
            seen >= rank
        };
        self.buckets.iter().find(holds)?.upper_us.map(|upper| upper as f64)
    }
}

/// Stages in the order in which a bid passes them, others behind.
pub(crate) fn in_order(stages: &BTreeMap<String, Stage>) -> Vec<(&str, &Stage)> {
    let mut ordered: Vec<(&str, &Stage)> =
        stages.iter().map(|(name, stage)| (name.as_str(), stage)).collect();
    ordered.sort_by_key(|(name, _)| STAGES.iter().position(|known| known == name).unwrap_or(STAGES.len()));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("stage_commit".to_owned(), text.to_owned()), ("epoch".to_owned(), "3".to_owned())])
    }

    #[test]
    fn a_run_is_the_difference_of_two_readings() {
        let before = info("100=10,200=5,inf=1;sum_us=2000");
        let after = info("100=60,200=50,400=4,inf=2;sum_us=12000");
        let stage = &stages(&before, &after)["commit"];
        assert_eq!((stage.count, stage.sum_us, stage.mean), (100, 10_000, 100.0));
        assert_eq!(
            (stage.p50, stage.p90, stage.p99, stage.p99_9),
            (Some(100.0), Some(200.0), Some(400.0), None)
        );
    }

    #[test]
    fn a_server_that_was_started_anew_is_told_from_its_start() {
        let stage = &stages(&info("100=10,inf=1;sum_us=9"), &info("100=4,inf=1;sum_us=6"))["commit"];
        assert_eq!((stage.count, stage.sum_us), (5, 6));
    }

    #[test]
    fn what_has_another_form_is_left_out_and_no_section_is_no_stage() {
        for text in ["", "fast", "a=b;sum_us=1", "100=0,inf=0;sum_us=0", "100=-1"] {
            assert!(stages(&info(text), &info(text)).is_empty(), "{text}");
        }
        assert_eq!(stages(&BTreeMap::new(), &info("100=1,what,=,200=x;sum=3"))["commit"].count, 1);
    }

    #[test]
    fn stages_stand_in_the_order_of_a_bids_way() {
        let names = ["commit", "decide", "other", "queue", "reply"];
        let stages = names.map(|name| (name.to_owned(), Stage::default())).into();
        let ordered: Vec<&str> = in_order(&stages).into_iter().map(|(name, _)| name).collect();
        assert_eq!(ordered, ["queue", "decide", "commit", "reply", "other"]);
    }
}
