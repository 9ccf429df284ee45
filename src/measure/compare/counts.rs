//! What is counted, and should be zero or seldom: there are no samples of it.

use super::change::by_circumstances;
use super::{Basis, Change, Circumstances, Verdict};
use crate::measure::reference::Clock;
use crate::measure::report::{Better, Report};

/// So seldom chance alone makes such a difference that it is called one. Xruns come in bursts, so it is
/// less than elsewhere.
const CHANCE: f64 = 0.001;
/// Frames that the engine may seem to add from one run to the next: what the measurement is exact to.
const FRAMES: f64 = 0.1;

/// How a rise is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Each is one too many.
    Exact,
    /// They come by chance, so many in so long: by Poisson's law, and on a machine that is left alone.
    Chance,
    /// Not a count, but as sure: frames that the engine adds.
    Frames,
}

/// Something that is counted.
pub(super) struct Count {
    pub(super) figure: &'static str,
    kind: Kind,
    /// How many, and in how long, or of how many.
    of: fn(&Report) -> Option<(f64, f64)>,
    /// Whether it is a failure where only the older report has it.
    pub(super) must_stay: bool,
}

const fn exact(figure: &'static str, of: fn(&Report) -> Option<(f64, f64)>) -> Count {
    Count { figure, kind: Kind::Exact, of, must_stay: true }
}

const fn chance(figure: &'static str, of: fn(&Report) -> Option<(f64, f64)>) -> Count {
    Count { figure, kind: Kind::Chance, of, must_stay: false }
}

/// All of them, by path. What `actors.restarts` counts is made to fail on purpose.
pub(super) const COUNTS: &[Count] = &[
    exact("rt.violations", |report| whole(report.rt.violations)),
    exact("rt.faults", |report| whole(report.rt.faults)),
    exact("soak.violations", |report| whole(report.soak.violations)),
    exact("soak.hung_notes", |report| whole(report.soak.hung_notes)),
    // Those after which whoever failed was not back.
    exact("soak.recovered", |report| whole(Some(report.soak.faults?.saturating_sub(report.soak.recovered?)))),
    exact("actors.dropped", |report| whole(report.actors.dropped)),
    exact("midi.late", |report| whole(report.midi.late)),
    exact("midi.dropped", |report| whole(report.midi.dropped)),
    exact("latency.midi.round_trip_us.lost", |report| {
        whole(report.latency.midi.round_trip_us.as_ref().map(|trips| trips.lost))
    }),
    // Of the other paths; the first is above.
    exact("latency.midi.pairs", |report| {
        let others = report.latency.midi.pairs.get(1..).filter(|others| !others.is_empty())?;
        whole(Some(
            others.iter().filter_map(|pair| pair.round_trip_us.as_ref()).map(|trips| trips.lost).sum(),
        ))
    }),
    Count {
        figure: "latency.audio.engine_frames",
        kind: Kind::Frames,
        of: |report| Some((report.latency.audio.engine_frames?, 1.0)),
        must_stay: true,
    },
    chance("latency.audio.lost", |report| {
        let audio = &report.latency.audio;
        let all = audio.rounds + audio.lost;
        (all > 0).then_some((audio.lost as f64, all as f64))
    }),
    chance("latency.key_to_sound.lost", |report| {
        let trips = &report.latency.key_to_sound.as_ref()?.trips;
        (trips.sent > 0).then_some((trips.lost as f64, trips.sent as f64))
    }),
    Count { must_stay: true, ..chance("rt.xruns", |report| played(report, report.rt.xruns)) },
    chance("rt.page_faults.minor", |report| played(report, report.rt.page_faults.map(|faults| faults.minor))),
    chance("rt.page_faults.major", |report| played(report, report.rt.page_faults.map(|faults| faults.major))),
    chance("rt.without_pressure.xruns", |report| {
        let alone = report.rt.without_pressure.as_ref()?;
        Some((alone.xruns as f64, alone.seconds))
    }),
    Count {
        must_stay: true,
        ..chance("soak.xruns", |report| Some((report.soak.xruns? as f64, report.soak.seconds?)))
    },
];

fn whole(count: Option<u64>) -> Option<(f64, f64)> {
    count.map(|count| (count as f64, 1.0))
}

/// Of the stated load.
fn played(report: &Report, count: Option<u64>) -> Option<(f64, f64)> {
    Some((count? as f64, report.rt.load.as_ref().map_or(1.0, |load| load.seconds)))
}

impl Count {
    pub(super) fn is_in(&self, report: &Report) -> bool {
        (self.of)(report).is_some()
    }

    /// `None` where one of them has none.
    pub(super) fn change(
        &self,
        old: &Report,
        new: &Report,
        there: Option<&Circumstances>,
        bound_percent: f64,
    ) -> Option<Change> {
        let ((then, then_in), (now, now_in)) = ((self.of)(old)?, (self.of)(new)?);
        let step = |least: f64| match now - then {
            _ if now == then => Verdict::Equal,
            rise if rise >= least => Verdict::Regression,
            rise if rise <= -least => Verdict::Improvement,
            _ => Verdict::Noise,
        };
        let measured = match self.kind {
            Kind::Exact => step(1.0),
            Kind::Frames => step(FRAMES),
            Kind::Chance => by_chance((then, then_in), (now, now_in)),
        };
        let is_worse = measured == Verdict::Regression
            && (self.kind != Kind::Chance || now / now_in > then / then_in * (1.0 + bound_percent / 100.0));
        let verdict = match self.kind {
            Kind::Chance => by_circumstances(measured, Some(Clock::Wall), there),
            _ => measured,
        };
        Some(Change {
            figure: self.figure.to_owned(),
            unit: if self.kind == Kind::Frames { "frames" } else { "" }.to_owned(),
            better: Better::Less,
            old_median: then,
            new_median: now,
            old_samples: 1,
            new_samples: 1,
            ratio: (then > 0.0 && now > 0.0).then(|| now / then),
            basis: Basis::Count,
            verdict,
            is_beyond_bound: verdict == Verdict::Regression && is_worse,
            is_beyond_bound_as_measured: is_worse,
            ..Change::default()
        })
    }
}

/// Were both as frequent, those that are now would be a binomial share of all (the conditional test of two
/// Poisson rates: Przyborowski and Wilenski, 1940).
fn by_chance((then, then_in): (f64, f64), (now, now_in): (f64, f64)) -> Verdict {
    if now == then && now_in == then_in {
        return Verdict::Equal;
    }
    if then_in <= 0.0 || now_in <= 0.0 {
        return Verdict::Unknown;
    }
    let share = now_in / (then_in + now_in);
    let (then, now) = (then.max(0.0) as u64, now.max(0.0) as u64);
    match () {
        () if at_least(now, then + now, share) < CHANCE => Verdict::Regression,
        () if at_least(then, then + now, 1.0 - share) < CHANCE => Verdict::Improvement,
        () => Verdict::Noise,
    }
}

/// How likely it is that of `all` there are `count` or more, where each is with this likelihood.
fn at_least(count: u64, all: u64, share: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    let mean = all as f64 * share;
    let choose = |of: u64| {
        libm::lgamma(all as f64 + 1.0) - libm::lgamma(of as f64 + 1.0) - libm::lgamma((all - of) as f64 + 1.0)
    };
    let mut sum = 0.0_f64;
    for of in count..=all {
        let term = (choose(of) + of as f64 * share.ln() + (all - of) as f64 * (1.0 - share).ln()).exp();
        sum += term;
        // Beyond the middle each is less than the one before: the rest adds nothing.
        if of as f64 > mean && term < 1.0e-12 {
            break;
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_explains_a_few_and_not_many() {
        // By hand: of 10 all, (1/2)^10; of 2 both or one, 3/4.
        assert!((at_least(10, 10, 0.5) - 0.5_f64.powi(10)).abs() < 1.0e-12);
        assert!((at_least(1, 2, 0.5) - 0.75).abs() < 1.0e-12);
        for (then, now, found) in [
            ((0.0, 10.0), (0.0, 10.0), Verdict::Equal),
            ((2.0, 10.0), (8.0, 10.0), Verdict::Noise),
            ((0.0, 10.0), (10.0, 10.0), Verdict::Regression),
            ((2.0, 10.0), (500.0, 10.0), Verdict::Regression),
            // Ten times as long, ten times as many.
            ((20.0, 10.0), (200.0, 100.0), Verdict::Noise),
            ((500.0, 10.0), (2.0, 10.0), Verdict::Improvement),
            ((1.0e6, 10.0), (1.1e6, 10.0), Verdict::Regression),
        ] {
            assert_eq!(by_chance(then, now), found, "{then:?} {now:?}");
        }
    }
}
