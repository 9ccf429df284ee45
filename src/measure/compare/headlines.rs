//! The names that scripts read first. What they are is in the samples, which tell how sure it is; where a report
//! has no samples, or other ones, the value itself is compared.

use super::change::by_circumstances;
use super::{Basis, Change, Circumstances, Verdict};
use crate::measure::reference::Clock;
use crate::measure::report::{Better, Histogram, Report, Trial, Trips};
use crate::measure::statistics::quantile;

/// A median of samples may be rounded by so much.
const ROUNDED: f64 = 1.0e-3;
/// What a search found in short trials may be less by so much where it is played for the whole time.
const WHOLE_TIME: f64 = 0.875;

/// What a value is of.
#[derive(Clone, Copy)]
enum Proof {
    /// The median of the figure's samples.
    Median,
    /// A rank of all that a histogram counts.
    Rank(f64, fn(&Report) -> Option<&Histogram>),
    /// One of the trials, in which so much held, and about what the searches found.
    Trial(fn(&Trial) -> f64),
}

/// A value with a stable name.
pub(super) struct Headline {
    pub(super) path: &'static str,
    unit: &'static str,
    better: Better,
    is_by_clock: bool,
    of: fn(&Report) -> Option<f64>,
    /// Where its samples are; nothing where it has none.
    figure: Option<&'static str>,
    proof: Proof,
    /// By itself it may differ so much from run to run.
    room: f64,
}

const fn median(
    path: &'static str,
    unit: &'static str,
    is_by_clock: bool,
    of: fn(&Report) -> Option<f64>,
) -> Headline {
    let (figure, proof) = (Some(path), Proof::Median);
    Headline { path, unit, better: Better::Less, is_by_clock, of, figure, proof, room: 1.0 }
}

const fn rank(
    path: &'static str,
    figure: Option<&'static str>,
    of: fn(&Report) -> Option<f64>,
    share: f64,
    histogram: fn(&Report) -> Option<&Histogram>,
) -> Headline {
    let proof = Proof::Rank(share, histogram);
    // The few that took longest are others each time.
    let room = if figure.is_some() { 1.0 } else { 1.5 };
    Headline { path, unit: "µs", better: Better::Less, is_by_clock: true, of, figure, proof, room }
}

fn midi(report: &Report) -> Option<&Trips> {
    report.latency.midi.round_trip_us.as_ref()
}

fn midi_histogram(report: &Report) -> Option<&Histogram> {
    report.latency.midi.histogram.as_ref()
}

fn callback_histogram(report: &Report) -> Option<&Histogram> {
    report.rt.histogram.as_ref()
}

const MIDI: Option<&str> = Some("latency.midi.round_trip_us");
const CALLBACK_MEDIAN: Option<&str> = Some("rt.callback_us.median");
const CALLBACK_P99: Option<&str> = Some("rt.callback_us.p99");

/// All of them.
pub(super) const HEADLINES: &[Headline] = &[
    median("latency.audio.round_trip_frames", "frames", false, |report| {
        report.latency.audio.round_trip_frames
    }),
    rank("latency.midi.round_trip_us.min", MIDI, |report| Some(midi(report)?.min), 0.0, midi_histogram),
    rank("latency.midi.round_trip_us.median", MIDI, |report| Some(midi(report)?.median), 0.5, midi_histogram),
    rank("latency.midi.round_trip_us.p99", MIDI, |report| Some(midi(report)?.p99), 0.99, midi_histogram),
    rank("latency.midi.round_trip_us.max", None, |report| Some(midi(report)?.max), 1.0, midi_histogram),
    median("latency.key_to_sound_ms", "ms", true, |report| report.latency.key_to_sound_ms),
    rank(
        "rt.callback_us.median",
        CALLBACK_MEDIAN,
        |r| Some(r.rt.callback_us?.median),
        0.5,
        callback_histogram,
    ),
    rank("rt.callback_us.p99", CALLBACK_P99, |r| Some(r.rt.callback_us?.p99), 0.99, callback_histogram),
    rank("rt.callback_us.p999", None, |r| Some(r.rt.callback_us?.p999), 0.999, callback_histogram),
    rank("rt.callback_us.max", None, |r| Some(r.rt.callback_us?.max), 1.0, callback_histogram),
    Headline {
        better: Better::More,
        proof: Proof::Trial(|trial| f64::from(trial.voices)),
        ..median("rt.max_voices", "voices", true, |report| report.rt.max_voices.map(f64::from))
    },
    Headline {
        figure: None,
        proof: Proof::Trial(|trial| f64::from(trial.block_frames)),
        // The next block that is tried.
        room: 1.5,
        ..median("rt.min_block_frames", "frames", true, |report| report.rt.min_block_frames.map(f64::from))
    },
    Headline {
        better: Better::More,
        ..median("render.realtime_factor", "× real time", true, |report| report.render.realtime_factor)
    },
    median("rings.event_ns", "ns", true, |report| report.rings.event_ns),
    median("rings.event_across_ns", "ns", true, |report| report.rings.event_across_ns),
    median("rings.sample_ns", "ns", true, |report| report.rings.sample_ns),
    median("rings.latest_ns", "ns", true, |report| report.rings.latest_ns),
    median("rings.loan_ns", "ns", true, |report| report.rings.loan_ns),
    median("actors.tell_ns", "ns", true, |report| report.actors.tell_ns),
    median("actors.ask_ns", "ns", true, |report| report.actors.ask_ns),
    median("actors.publish_ns", "ns", true, |report| report.actors.publish_ns),
    median("actors.spawn_ns", "ns", true, |report| report.actors.spawn_ns),
    median("actors.restart_us", "us", true, |report| report.actors.restart_us),
    median("midi.decode_ns_per_byte", "ns", true, |report| report.midi.decode_ns_per_byte),
    median("midi.encode_ns", "ns", true, |report| report.midi.encode_ns),
    median("midi.event_ns", "ns", true, |report| report.midi.event_ns),
    median("midi.cable_ns", "ns", true, |report| report.midi.cable_ns),
];

impl Headline {
    pub(super) fn is_in(&self, report: &Report) -> bool {
        (self.of)(report).is_some()
    }

    /// What is to be said of the value itself; `None` where its samples say all.
    pub(super) fn change(
        &self,
        old: &Report,
        new: &Report,
        there: Option<&Circumstances>,
        bound_percent: f64,
    ) -> Option<Change> {
        let (then, now) = ((self.of)(old)?, (self.of)(new)?);
        let proofs = [self.is_proven(old, then), self.is_proven(new, now)];
        let samples =
            |report: &Report| Some(report.figures.get(self.figure?)?.samples.len()).filter(|n| *n > 0);
        let is_judged = match self.figure {
            Some(_) => samples(old).is_some() && samples(new).is_some(),
            None => true,
        };
        let basis = match proofs {
            _ if proofs.contains(&Some(false)) => Basis::Unmatched,
            [Some(true), Some(true)] if is_judged => return None,
            _ => Basis::Headline,
        };
        let measured = self.verdict(then, now, bound_percent, basis);
        // No machine does it that a value is not what its samples say.
        let clock = (basis == Basis::Headline && self.is_by_clock && !is_on_jack(self.path, new))
            .then_some(Clock::Wall);
        let verdict = by_circumstances(measured, clock, there);
        Some(Change {
            figure: self.path.to_owned(),
            unit: self.unit.to_owned(),
            better: self.better,
            old_median: then,
            new_median: now,
            old_samples: samples(old).unwrap_or(1),
            new_samples: samples(new).unwrap_or(1),
            ratio: (then > 0.0 && now > 0.0).then(|| now / then),
            basis,
            verdict,
            is_beyond_bound: verdict == Verdict::Regression,
            is_beyond_bound_as_measured: measured == Verdict::Regression,
            ..Change::default()
        })
    }

    fn verdict(&self, then: f64, now: f64, bound_percent: f64, basis: Basis) -> Verdict {
        let room = if basis == Basis::Headline { self.room } else { 1.0 };
        let rise = match self.better {
            Better::Less => now - then,
            Better::More => then - now,
        };
        let bound = bound_percent / 100.0 * then.abs();
        let is_roomy = then > 0.0 && now > 0.0 && (now / then).max(then / now) > room * (1.0 + 1.0e-9);
        match () {
            () if now == then => Verdict::Equal,
            () if rise.abs() <= bound || (then > 0.0 && now > 0.0 && !is_roomy) => Verdict::Unknown,
            () if rise > 0.0 => Verdict::Regression,
            () => Verdict::Improvement,
        }
    }

    /// Whether the value is what the report has beside it; `None` where there is nothing.
    fn is_proven(&self, report: &Report, value: f64) -> Option<bool> {
        let samples =
            || Some(&report.figures.get(self.figure?)?.samples).filter(|samples| !samples.is_empty());
        match self.proof {
            Proof::Median => {
                let mut samples = samples()?.clone();
                samples.sort_by(f64::total_cmp);
                let (lower, upper) = (samples[(samples.len() - 1) / 2], samples[samples.len() / 2]);
                let rounded = ROUNDED * lower.abs().max(upper.abs());
                Some((lower - rounded..=upper + rounded).contains(&value))
            }
            Proof::Rank(share, histogram) => {
                let histogram = histogram(report).filter(|histogram| histogram.count() > 0)?;
                let mut seen = 0;
                let rank = ((histogram.count() as f64 * share).ceil() as u64).max(1);
                let bin = histogram.bins.iter().find(|bin| {
                    seen += bin.count;
                    seen >= rank
                })?;
                let rounded = ROUNDED * bin.to;
                Some(value <= bin.to + rounded && (bin.to == 0.0 || value >= bin.from - rounded))
            }
            Proof::Trial(of) => {
                let mut found = samples().cloned().unwrap_or_default();
                let ends = quantile(&mut found, 0.0).zip(quantile(&mut found, 1.0));
                if ends.is_some_and(|(least, most)| (WHOLE_TIME * least..=most).contains(&value)) {
                    return Some(true);
                }
                let trials = &report.rt.trials;
                // For the whole time less held than in short trials: so it is, and no sample says it.
                let held = trials.iter().any(|trial| trial.holds && of(trial) == value);
                (!held && (ends.is_some() || !trials.is_empty())).then_some(false)
            }
        }
    }
}

/// A server counts in its own frames: nobody's load is in them.
fn is_on_jack(path: &str, report: &Report) -> bool {
    let latency = &report.latency;
    match path {
        _ if path.starts_with("latency.midi.") => latency.midi.driver.as_deref() == Some("jack"),
        _ if path.starts_with("latency.") => latency.audio.driver.as_deref() == Some("jack"),
        _ => false,
    }
}
