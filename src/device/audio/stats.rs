use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::scheduling::{Scheduling, ThreadId};
use super::times::CallbackTape;
use crate::unit::{HostTime, SampleRate};

/// Buckets for each doubling: their width is 1/32 of where they begin, so that
/// a value read from a bucket's middle is within 1.6 % of what was recorded.
const PER_OCTAVE: u64 = 32;
const OCTAVE_BITS: u32 = PER_OCTAVE.trailing_zeros();
/// The longest duration that is told apart: 2^36 ns, 68 s.
const LONGEST_BITS: u32 = 36;
const BUCKETS: usize = ((LONGEST_BITS - OCTAVE_BITS + 1) as usize) * PER_OCTAVE as usize;

/// How the load is smoothed: time constant, in seconds.
const LOAD_SECONDS: f32 = 0.5;

/// How long callbacks take and what they got, written by the audio thread and
/// read by any other. Real-time: yes, but for [`CallbackStats::new`] and
/// [`CallbackStats::report`].
pub struct CallbackStats {
    rate: SampleRate,
    buckets: Box<[AtomicU64]>,
    callbacks: AtomicU64,
    measured: AtomicU64,
    frames: AtomicU64,
    longest_nanos: AtomicU64,
    budget_nanos: AtomicU64,
    overruns: AtomicU64,
    absences: AtomicU64,
    panics: AtomicU64,
    load_latest: AtomicU32,
    load_smoothed: AtomicU32,
    load_peak: AtomicU32,
    scheduling: AtomicU32,
    thread: AtomicU32,
    entered_nanos: AtomicU64,
    tape: CallbackTape,
}

/// What [`CallbackStats`] held at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CallbackReport {
    /// Callbacks so far.
    pub callbacks: u64,
    /// Frames rendered or silenced so far.
    pub frames: u64,
    /// Half of the callbacks were shorter, in microseconds.
    pub median_micros: f64,
    /// 99 % of the callbacks were shorter, in microseconds.
    pub p99_micros: f64,
    /// 99.9 % of the callbacks were shorter, in microseconds.
    pub p999_micros: f64,
    /// The longest callback, in microseconds.
    pub max_micros: f64,
    /// What the newest callback could have taken, in microseconds: its frames / rate.
    pub budget_micros: f64,
    /// Callbacks that took longer than their budget.
    pub overruns: u64,
    /// Callbacks that found no Renderer and played silence.
    pub absences: u64,
    /// Callbacks in which the Renderer itself panicked.
    pub panics: u64,
    /// Share of its budget that the newest callback took.
    pub load_latest: f32,
    /// The same, smoothed over half a second.
    pub load_smoothed: f32,
    /// The largest share so far.
    pub load_peak: f32,
    /// What the callback's thread really runs as.
    pub scheduling: Scheduling,
}

impl CallbackStats {
    /// Nothing recorded, for an engine at this rate. Real-time: no (allocates).
    pub fn new(rate: SampleRate) -> CallbackStats {
        CallbackStats {
            rate,
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            callbacks: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            longest_nanos: AtomicU64::new(0),
            budget_nanos: AtomicU64::new(0),
            overruns: AtomicU64::new(0),
            absences: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            load_latest: AtomicU32::new(0),
            load_smoothed: AtomicU32::new(0),
            load_peak: AtomicU32::new(0),
            scheduling: AtomicU32::new(Scheduling::Unknown.to_bits()),
            thread: AtomicU32::new(0),
            entered_nanos: AtomicU64::new(0),
            tape: CallbackTape::new(),
        }
    }

    /// The newest callbacks one by one.
    pub(super) fn tape(&self) -> &CallbackTape {
        &self.tape
    }

    /// A callback begins to render.
    pub(super) fn enter(&self, entry: HostTime) {
        self.entered_nanos.store(entry.nanos().max(1), Relaxed);
    }

    /// Counts a callback; its duration too, where it had a deadline.
    pub(super) fn record(&self, frames: usize, duration_nanos: Option<u64>) {
        self.entered_nanos.store(0, Relaxed);
        self.callbacks.fetch_add(1, Relaxed);
        self.frames.fetch_add(frames as u64, Relaxed);
        let Some(duration_nanos) = duration_nanos else { return };
        let budget_nanos = (frames as u64 * 1_000_000_000) / u64::from(self.rate.hertz());
        self.measured.fetch_add(1, Relaxed);
        self.buckets[bucket_of(duration_nanos)].fetch_add(1, Relaxed);
        self.longest_nanos.fetch_max(duration_nanos, Relaxed);
        self.budget_nanos.store(budget_nanos, Relaxed);
        if duration_nanos > budget_nanos {
            self.overruns.fetch_add(1, Relaxed);
        }
        let load = duration_nanos as f32 / budget_nanos.max(1) as f32;
        let share = (budget_nanos as f32 * 1.0e-9 / LOAD_SECONDS).min(1.0);
        let smoothed = f32::from_bits(self.load_smoothed.load(Relaxed));
        let peak = f32::from_bits(self.load_peak.load(Relaxed));
        self.load_latest.store(load.to_bits(), Relaxed);
        self.load_smoothed.store((smoothed + share * (load - smoothed)).to_bits(), Relaxed);
        self.load_peak.store(peak.max(load).to_bits(), Relaxed);
    }

    pub(super) fn count_absence(&self) {
        self.absences.fetch_add(1, Relaxed);
    }

    pub(super) fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    /// The callback's thread, and how it is scheduled.
    pub(super) fn set_thread(&self, thread: Option<ThreadId>, scheduling: Scheduling) {
        self.thread.store(thread.map_or(0, |thread| thread.0), Relaxed);
        self.scheduling.store(scheduling.to_bits(), Relaxed);
    }

    /// The newest driver's callback thread, where the system numbers threads.
    pub fn thread(&self) -> Option<ThreadId> {
        Some(ThreadId(self.thread.load(Relaxed))).filter(|thread| thread.0 != 0)
    }

    /// Since when a callback has been rendering; `None` between two of them.
    pub fn inside_since(&self) -> Option<HostTime> {
        Some(HostTime(self.entered_nanos.load(Relaxed))).filter(|entered| entered.nanos() != 0)
    }

    /// Callbacks so far.
    pub fn callbacks(&self) -> u64 {
        self.callbacks.load(Relaxed)
    }

    /// What the newest callback could take: its frames / rate.
    pub fn budget_nanos(&self) -> u64 {
        self.budget_nanos.load(Relaxed)
    }

    /// What the newest driver's callback thread really runs as.
    pub fn scheduling(&self) -> Scheduling {
        Scheduling::from_bits(self.scheduling.load(Relaxed))
    }

    /// All figures. Callbacks that had no deadline (freewheeling) are counted,
    /// but not among the durations. Real-time: no.
    pub fn report(&self) -> CallbackReport {
        let micros = |nanos: u64| nanos as f64 * 1.0e-3;
        let longest = self.longest_nanos.load(Relaxed);
        let quantile = |share| micros(self.quantile_nanos(share).min(longest));
        CallbackReport {
            callbacks: self.callbacks(),
            frames: self.frames.load(Relaxed),
            median_micros: quantile(0.5),
            p99_micros: quantile(0.99),
            p999_micros: quantile(0.999),
            max_micros: micros(longest),
            budget_micros: micros(self.budget_nanos.load(Relaxed)),
            overruns: self.overruns.load(Relaxed),
            absences: self.absences.load(Relaxed),
            panics: self.panics.load(Relaxed),
            load_latest: f32::from_bits(self.load_latest.load(Relaxed)),
            load_smoothed: f32::from_bits(self.load_smoothed.load(Relaxed)),
            load_peak: f32::from_bits(self.load_peak.load(Relaxed)),
            scheduling: self.scheduling(),
        }
    }

    /// The duration that `share` of the callbacks did not exceed, from the
    /// middle of its bucket.
    fn quantile_nanos(&self, share: f64) -> u64 {
        let wanted = libm::ceil(self.measured.load(Relaxed) as f64 * share) as u64;
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Relaxed);
            if seen >= wanted && seen > 0 {
                return middle_of(index);
            }
        }
        0
    }
}

fn bucket_of(nanos: u64) -> usize {
    if nanos < PER_OCTAVE {
        return nanos as usize;
    }
    let nanos = nanos.min((1 << LONGEST_BITS) - 1);
    let shift = nanos.ilog2() - OCTAVE_BITS;
    ((u64::from(shift) + 1) * PER_OCTAVE + ((nanos >> shift) & (PER_OCTAVE - 1))) as usize
}

fn middle_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PER_OCTAVE {
        return bucket;
    }
    let shift = bucket / PER_OCTAVE - 1;
    let low = (PER_OCTAVE + bucket % PER_OCTAVE) << shift;
    low + ((1 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_read_back_within_1_6_percent() {
        let mut nanos = 1_u64;
        while nanos < 1 << LONGEST_BITS {
            let read = middle_of(bucket_of(nanos));
            assert!(read.abs_diff(nanos) as f64 <= nanos as f64 * 0.016, "{nanos} {read}");
            nanos += nanos / 7 + 1;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn it_is_known_whether_a_callback_is_inside() {
        let stats = CallbackStats::new(SampleRate::DEFAULT);
        assert_eq!(stats.inside_since(), None);
        stats.enter(HostTime(7));
        assert_eq!(stats.inside_since(), Some(HostTime(7)));
        stats.record(48, Some(1_000));
        assert_eq!(stats.inside_since(), None);
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let stats = CallbackStats::new(SampleRate::DEFAULT);
        for i in 1..=1_000_u64 {
            stats.record(48, Some(i * 1_000));
        }
        stats.record(48, None);
        let report = stats.report();
        assert!((report.median_micros - 500.0).abs() < 15.0, "{report:?}");
        assert!((report.p99_micros - 990.0).abs() < 30.0, "{report:?}");
        assert_eq!((report.callbacks, report.frames, report.overruns), (1_001, 1_001 * 48, 0));
        assert_eq!((report.max_micros, report.budget_micros), (1_000.0, 1_000.0));
        assert!((report.load_latest - 1.0).abs() < 1e-6 && report.load_peak <= 1.0);
    }
}
