//! How regularly messages come: intervals, and how far each is from their mean.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;

/// The most kinds of messages whose intervals are kept apart.
const SERIES: usize = 256;
/// The intervals of a kind that quantiles and the histogram look back on.
const KEPT: usize = 16_384;
/// What an interval is kept in.
const NANOS_PER_UNIT: u64 = 10;
/// Fewer intervals say nothing about regularity.
const FEWEST: usize = 3;
/// Upper ends of the histogram's buckets, in µs; beyond the last is one more.
const BUCKETS_MICROS: [u64; 19] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000,
];

/// Messages that are the same but for their value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct Kind {
    port: u16,
    status: u8,
    /// The controller, or the key that is pressed further.
    number: Option<u8>,
}

/// The intervals of all kinds.
#[derive(Default)]
pub(super) struct Intervals {
    series: HashMap<Kind, Series>,
    /// Messages of one kind too many.
    beyond: u64,
}

#[derive(Default)]
struct Series {
    count: u64,
    first_nanos: u64,
    last_nanos: u64,
    shortest_nanos: u64,
    longest_nanos: u64,
    kept: VecDeque<u32>,
}

/// Quantiles of one quantity.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Quantiles {
    /// Half are at most this.
    pub p50: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// One bar of a histogram.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Bucket {
    /// Deviations up to so many µs, beyond the bucket before; none for the last.
    pub up_to_us: Option<u64>,
    /// How many.
    pub count: u64,
}

/// How regularly one kind of message came.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Regularity {
    /// The port's name.
    pub port: String,
    /// As in the lines.
    pub message: &'static str,
    /// 1 to 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<u8>,
    /// The controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<u8>,
    /// Messages.
    pub count: u64,
    /// From the first to the last, by their number.
    pub mean_ms: f64,
    /// The shortest of all intervals.
    pub min_ms: f64,
    /// Of the latest 16,384; the largest is of all.
    pub interval_ms: Quantiles,
    /// How far the latest 16,384 were from their mean.
    pub deviation_us: Quantiles,
    /// The same, counted.
    pub histogram: Vec<Bucket>,
}

impl Intervals {
    /// Takes a message of a port at its time.
    pub(super) fn observe(&mut self, port: u16, nanos: u64, bytes: &[u8]) {
        let Some(&status) = bytes.first() else { return };
        let number = match status & 0xf0 {
            0xa0 | 0xb0 => bytes.get(1).copied(),
            _ => None,
        };
        let kind = Kind { port, status, number };
        let is_full = self.series.len() >= SERIES;
        match self.series.get_mut(&kind) {
            Some(series) => series.observe(nanos),
            None if is_full => self.beyond += 1,
            None => self.series.entry(kind).or_default().observe(nanos),
        }
    }

    /// Messages of kinds beyond the limit.
    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// All kinds that came often enough, the most frequent first.
    pub(super) fn regularities(&self, port_name: impl Fn(u16) -> String) -> Vec<Regularity> {
        let mut kinds: Vec<_> =
            self.series.iter().filter(|(_, series)| series.kept.len() >= FEWEST).collect();
        kinds.sort_by_key(|(kind, series)| (std::cmp::Reverse(series.count), **kind));
        kinds.into_iter().map(|(kind, series)| series.regularity(*kind, port_name(kind.port))).collect()
    }
}

impl Series {
    fn observe(&mut self, nanos: u64) {
        if self.count == 0 {
            (self.first_nanos, self.shortest_nanos) = (nanos, u64::MAX);
        } else {
            let interval = nanos.saturating_sub(self.last_nanos);
            self.shortest_nanos = self.shortest_nanos.min(interval);
            self.longest_nanos = self.longest_nanos.max(interval);
            if self.kept.len() >= KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(u32::try_from(interval / NANOS_PER_UNIT).unwrap_or(u32::MAX));
        }
        self.last_nanos = nanos;
        self.count += 1;
    }

    fn regularity(&self, kind: Kind, port: String) -> Regularity {
        let micros = |units: f64| units * NANOS_PER_UNIT as f64 / 1e3;
        let mut intervals: Vec<u32> = self.kept.iter().copied().collect();
        let mean =
            intervals.iter().map(|&interval| f64::from(interval)).sum::<f64>() / intervals.len() as f64;
        let mut deviations: Vec<f64> =
            intervals.iter().map(|&interval| micros((f64::from(interval) - mean).abs())).collect();
        intervals.sort_unstable();
        deviations.sort_unstable_by(f64::total_cmp);
        let millis = |units: u32| micros(f64::from(units)) / 1e3;
        let span = self.last_nanos.saturating_sub(self.first_nanos) as f64;
        let is_channel = kind.status < 0xf0;
        Regularity {
            port,
            message: super::words::name_of(kind.status),
            channel: is_channel.then_some((kind.status & 0x0f) + 1),
            controller: kind.number.filter(|_| kind.status & 0xf0 == 0xb0),
            count: self.count,
            mean_ms: span / 1e6 / (self.count - 1).max(1) as f64,
            min_ms: self.shortest_nanos as f64 / 1e6,
            interval_ms: Quantiles {
                p50: millis(quantile(&intervals, 0.5)),
                p99: millis(quantile(&intervals, 0.99)),
                max: self.longest_nanos as f64 / 1e6,
            },
            deviation_us: Quantiles {
                p50: quantile(&deviations, 0.5),
                p99: quantile(&deviations, 0.99),
                max: quantile(&deviations, 1.0),
            },
            histogram: histogram(&deviations),
        }
    }
}

/// Of sorted values, which are not none.
fn quantile<T: Copy>(sorted: &[T], part: f64) -> T {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn histogram(sorted_micros: &[f64]) -> Vec<Bucket> {
    let ends = BUCKETS_MICROS.iter().map(|&end| Some(end)).chain([None]);
    let mut before = 0;
    let buckets = ends.map(|up_to_us| {
        // Half of a unit: what was cut off below it must not lift a value over an end.
        let end = up_to_us.map_or(f64::INFINITY, |end| end as f64 + 0.005);
        let until = sorted_micros.partition_point(|&deviation| deviation <= end);
        let count = (until - before) as u64;
        before = until;
        Bucket { up_to_us, count }
    });
    buckets.collect()
}

/// Whether a person asks how regularly such messages come.
pub(super) fn is_steady(regularity: &Regularity) -> bool {
    regularity.count > 16 && !matches!(regularity.message, "note-off")
}

impl Regularity {
    /// Beats a minute, for a clock.
    pub fn beats_per_minute(&self) -> Option<f64> {
        (self.message == super::words::name_of(super::words::CLOCK) && self.mean_ms > 0.0)
            .then(|| 60_000.0 / (self.mean_ms * f64::from(super::clock::TICKS_PER_BEAT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regularities(intervals: &Intervals) -> Vec<Regularity> {
        intervals.regularities(|port| format!("port {port}"))
    }

    #[test]
    fn a_clock_with_known_jitter_is_measured() {
        let mut intervals = Intervals::default();
        // 20 ms, every tenth 100 µs late and the next as much short of it.
        let mut nanos = 0;
        for tick in 0..=1_000_u64 {
            let late = if tick % 10 == 5 { 100_000 } else { 0 };
            intervals.observe(2, nanos + late, &[0xf8]);
            nanos += 20_000_000;
        }
        let found = &regularities(&intervals)[0];
        assert_eq!((found.port.as_str(), found.message, found.count), ("port 2", "clock", 1_001));
        assert!((found.mean_ms - 20.0).abs() < 1e-9 && (found.min_ms - 19.9).abs() < 1e-9, "{found:?}");
        assert!((found.interval_ms.max - 20.1).abs() < 1e-9 && (found.interval_ms.p50 - 20.0).abs() < 1e-6);
        assert!(found.deviation_us.p50 < 0.01 && (found.deviation_us.p99 - 100.0).abs() < 0.1, "{found:?}");
        let bars: Vec<_> = found.histogram.iter().filter(|bucket| bucket.count > 0).collect();
        assert_eq!(
            bars,
            [&Bucket { up_to_us: Some(1), count: 800 }, &Bucket { up_to_us: Some(100), count: 200 }]
        );
        assert!((found.beats_per_minute().expect("a clock") - 125.0).abs() < 1e-9);
    }

    #[test]
    fn kinds_are_apart_and_bounded() {
        let mut intervals = Intervals::default();
        for round in 0..10 {
            for port in 0..20 {
                for controller in 0..100 {
                    intervals.observe(port, round * 1_000, &[0xb0, controller, 1]);
                }
            }
        }
        assert_eq!(regularities(&intervals).len(), SERIES);
        assert_eq!(intervals.beyond(), 10 * (2_000 - SERIES as u64));
        let mut long = Intervals::default();
        for tick in 0..100_000 {
            long.observe(0, tick, &[0xf8]);
        }
        assert_eq!(long.series.values().map(|series| series.kept.len()).max(), Some(KEPT));
        // Time that goes back, from two clocks, is no panic.
        long.observe(0, 5, &[0xf8]);
    }
}
