//! The series as HdrHistogram's interval log (V2), which its standard tools read: one line for each point, latencies in
//! nanoseconds, the warm-up tagged `warmup`.

use super::{Point, PointPhase, Report};
use crate::units::parse_time;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::io;
use std::time::{Duration, UNIX_EPOCH};

/// Maxima are shown in milliseconds, as HdrHistogram's own log writer does.
const NS_PER_MS: f64 = 1e6;

impl Report {
    /// The interval log.
    ///
    /// # Errors
    /// When a histogram of the series can't be read, which is possible only in a report that came from elsewhere.
    pub fn hlog(&self) -> io::Result<String> {
        let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
        let began =
            UNIX_EPOCH + Duration::from_micros(parse_time(&self.settings.began_at).unwrap_or_default());
        let mut builder = IntervalLogWriterBuilder::new();
        builder
            .add_comment("[Histogram log format version 1.3]")
            .add_comment(&format!("[Gavel load generator {}; latencies in nanoseconds]", self.generator))
            .with_start_time(began)
            .with_base_time(began)
            .with_max_value_divisor(NS_PER_MS);
        let mut log = builder.begin_log_with(&mut out, &mut serializer)?;
        log.write_comment(
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"",
        )?;
        let began_s = self.series.first().map_or(0.0, |point| point.at_s);
        for point in &self.series {
            let histogram = point.histogram.unpack().map_err(io::Error::other)?;
            let (start, length) = (seconds(point.at_s - began_s), seconds(point.seconds));
            log.write_histogram(histogram.as_histogram(), start, length, tag(point))
                .map_err(|error| io::Error::other(format!("{error:?}")))?;
        }
        String::from_utf8(out).map_err(io::Error::other)
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

fn tag(point: &Point) -> Option<Tag<'static>> {
    if point.phase == PointPhase::Warmup { Tag::new("warmup") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latencies;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn the_log_is_read_back_with_the_same_intervals_and_counts() {
        let mut report = Report::default();
        report.settings.began_at = "2026-11-23T00:00:00Z".into();
        for (second, phase) in
            [(-1, PointPhase::Warmup), (0, PointPhase::Measured), (1, PointPhase::Draining)]
        {
            let mut latencies = Latencies::default();
            (0..10 + second).for_each(|_| latencies.record(2_000_000));
            let mut point = Point { at_s: second as f64, seconds: 1.0, phase, ..Point::default() };
            point.measure((&latencies).into());
            report.series.push(point);
        }
        let text = report.hlog().unwrap();
        let intervals: Vec<_> = IntervalLogIterator::new(text.as_bytes())
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => {
                    let tag = interval.tag().map(|tag| tag.as_str().to_owned());
                    Some((interval.start_timestamp().as_secs(), tag, interval.max().round()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(intervals, [(0, Some("warmup".into()), 2.0), (1, None, 2.0), (2, None, 2.0)], "{text}");
        assert!(text.contains("#[StartTime: 1795392000.000"), "{text}");
    }
}
