use std::collections::BTreeMap;

use super::*;
use crate::actor::scatter;
use crate::measure::reference::Clock;
use crate::measure::report::{Better, Callback, Conditions, Figure, Histogram, Paces, PageFaults, Trips};

fn figure(better: Better, samples: &[f64]) -> Figure {
    Figure { unit: "ns".to_owned(), better, samples: samples.to_vec(), ..Figure::default() }
}

fn change(better: Better, old: &[f64], new: &[f64]) -> Change {
    Change::of("a.b", &figure(better, old), &figure(better, new), None, BOUND_PERCENT).expect("samples")
}

fn noisy(seed: u64, scale: f64) -> Vec<f64> {
    (0..12).map(|place| scale * (100.0 + (scatter(seed, place) % 9) as f64)).collect()
}

#[test]
fn slower_by_a_fifth_is_a_regression_beyond_the_bound_whichever_way_is_better() {
    for seed in 0..20 {
        let (old, slower) = (noisy(seed, 1.0), noisy(seed + 100, 1.2));
        let found = change(Better::Less, &old, &slower);
        assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Regression, true), "{found:?}");
        let found = change(Better::Less, &slower, &old);
        assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Improvement, false));
        let found = change(Better::More, &old, &slower);
        assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Improvement, false));
        let found = change(Better::More, &slower, &old);
        assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Regression, true));
    }
}

#[test]
fn within_the_bound_it_is_a_regression_and_no_failure() {
    let found = change(Better::Less, &[100.0; 6], &[105.0; 6]);
    assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Regression, false));
    assert_eq!((found.ratio, found.ratio_low, found.ratio_high), (Some(1.05), Some(1.05), Some(1.05)));
}

#[test]
fn one_sample_tells_only_that_it_is_equal() {
    assert_eq!(change(Better::Less, &[256.0], &[256.0]).verdict, Verdict::Equal);
    let found = change(Better::Less, &[256.0], &[512.0]);
    assert_eq!((found.verdict, found.is_beyond_bound, found.ratio), (Verdict::Unknown, false, Some(2.0)));
    assert_eq!(change(Better::Less, &noisy(1, 1.0), &noisy(1, 1.0)).verdict, Verdict::Noise);
}

#[test]
fn what_was_zero_and_is_not_is_judged_by_the_difference() {
    let found = change(Better::Less, &[0.0; 5], &[3.0; 5]);
    assert_eq!((found.verdict, found.is_beyond_bound, found.ratio), (Verdict::Regression, true, None));
    assert_eq!(change(Better::Less, &[0.0; 5], &[0.0; 7]).verdict, Verdict::Equal);
    let found = change(Better::More, &[-60.0; 5], &[-59.0; 5]);
    assert_eq!((found.verdict, found.ratio_low), (Verdict::Improvement, None));
}

#[test]
fn another_machine_is_said_and_figures_of_one_side_are_named() {
    let mut old = Report::default();
    let mut new = Report::default();
    old.machine.processor = "Slow".to_owned();
    new.machine.processor = "Fast".to_owned();
    new.machine.unix_seconds = 7;
    new.asked.block_frames = Some(64);
    old.figures.insert("gone".to_owned(), figure(Better::Less, &[1.0]));
    new.figures.insert("fresh".to_owned(), figure(Better::Less, &[1.0]));
    let found = Comparison::of("old.json", &old, &new, BOUND_PERCENT);
    let differences: Vec<_> = found.differences.iter().map(|d| (&*d.what, &*d.old, &*d.new)).collect();
    assert_eq!(differences, [("machine.processor", "Slow", "Fast"), ("asked.block_frames", "none", "64")]);
    assert_eq!((found.only_old, found.only_new), (vec!["gone".to_owned()], vec!["fresh".to_owned()]));
}

/// From 0 to 1.
fn share(seed: u64, place: u64) -> f64 {
    (scatter(seed, place) >> 11) as f64 / (1_u64 << 53) as f64
}

/// 25 rounds of work that takes `nanos`, with the reference beside each. The machine is `slower`, and now and then
/// much more; what it does falls on the parts of the reference alike but for a few percent.
fn run(seed: u64, nanos: f64, slower: f64) -> Figure {
    let mut samples = Vec::new();
    let mut paces = Paces::default();
    let unlike = |part: u64| 1.0 + (slower - 1.0) * 0.1 * (part as f64 - 1.0);
    for place in 0..25 {
        let burst = if scatter(seed, place).is_multiple_of(5) { 1.0 + share(seed + 1, place) } else { 1.0 };
        let machine = (1.0 + (slower - 1.0) * (0.9 + 0.2 * share(seed + 2, place))) * burst;
        let own = |part: u64| 1.0 + 0.02 * share(seed + 10 + part, place);
        samples.push(nanos * machine * own(3));
        paces.float_ns.push(50_000.0 * machine * unlike(0) * own(0));
        paces.integer_ns.push(40_000.0 * machine * unlike(1) * own(1));
        paces.memory_ns.push(30_000.0 * machine * unlike(2) * own(2));
    }
    Figure { unit: "ns".to_owned(), better: Better::Less, clock: Some(Clock::Own), samples, paces }
}

/// The same as a speed.
fn as_speed(figure: Figure) -> Figure {
    let samples = figure.samples.iter().map(|nanos| 1.0e6 / nanos).collect();
    Figure { better: Better::More, samples, ..figure }
}

#[test]
fn a_busy_machine_is_no_regression_and_a_real_one_beside_it_is_found() {
    let judge =
        |old: &Figure, new: &Figure| Change::of("a.b", old, new, None, BOUND_PERCENT).expect("samples");
    for seed in (0..3).map(|seed| 100 * seed) {
        for (slower, change, found) in [
            (1.0, 1.0, &[Verdict::Noise, Verdict::Regression][..]),
            (1.05, 1.15, &[Verdict::Regression]),
            (1.15, 1.25, &[Verdict::Regression]),
            (1.7, 1.0, &[Verdict::Noise, Verdict::NotComparable]),
            (2.5, 1.0, &[Verdict::Noise, Verdict::NotComparable]),
            (1.7, 2.0, &[Verdict::Regression]),
        ] {
            let (old, new) = (run(seed, 100.0, 1.0), run(seed + 50, 100.0 * change, slower));
            let is_beyond = change > 1.0;
            let case = |changed: &Change| format!("{seed}: {slower} times slower, {change}: {changed:?}");
            let changed = judge(&old, &new);
            assert!(found.contains(&changed.verdict), "{}", case(&changed));
            assert_eq!(changed.is_beyond_bound, is_beyond, "{}", case(&changed));
            let changed = judge(&as_speed(old.clone()), &as_speed(new.clone()));
            assert_eq!(changed.is_beyond_bound, is_beyond, "{}", case(&changed));
            // The other way round nothing gets worse.
            let changed = judge(&new, &old);
            assert!(!changed.is_beyond_bound, "{}", case(&changed));
            let machine = changed.machine.expect("it was done in both");
            assert!((machine * slower - 1.0).abs() < 0.1, "{}", case(&changed));
        }
    }
    // Without the reference in both, it is judged by what was measured.
    let (old, mut new) = (run(1, 100.0, 1.0), run(2, 100.0, 1.7));
    new.paces = Paces::default();
    let changed = judge(&old, &new);
    assert_eq!(
        (changed.verdict, changed.machine, changed.is_beyond_bound),
        (Verdict::Regression, None, true)
    );
}

/// A report of one figure by the clock, on a machine in a certain state.
fn by_clock(samples: Vec<f64>, others: Option<f64>, float_ns: f64) -> Report {
    let clock = Some(Clock::Wall);
    let figure = Figure { unit: "us".to_owned(), clock, samples, ..Figure::default() };
    let conditions = Conditions {
        others_processors: others,
        float_ns: Some(float_ns),
        integer_ns: Some(float_ns),
        memory_ns: Some(float_ns),
        ..Conditions::default()
    };
    let mut report = Report::default();
    report.machine.processors = 4;
    report.figures.insert("rt.callback_us.p99".to_owned(), figure);
    report.conditions.insert("rt".to_owned(), conditions);
    report
}

#[test]
fn what_goes_by_the_clock_is_not_compared_where_the_machine_was_worse() {
    let judge = |old: &Report, new: &Report| {
        let found = Comparison::of("old", old, new, BOUND_PERCENT);
        let there = &found.circumstances[0];
        (found.changes[0].verdict, found.is_failure(false), found.is_failure(true), there.said().is_some())
    };
    let (calm, busy) = (noisy(1, 1.0), noisy(2, 1.6));
    let old = by_clock(calm.clone(), Some(0.1), 50.0);
    for (others, float_ns) in [(Some(1.5), 50.0), (Some(0.1), 62.0), (None, 80.0)] {
        let new = by_clock(busy.clone(), others, float_ns);
        assert_eq!(judge(&old, &new), (Verdict::NotComparable, false, true, true), "{others:?} {float_ns}");
        // The other way round it was better, and so was the machine.
        assert_eq!(judge(&new, &old), (Verdict::NotComparable, false, false, true), "{others:?} {float_ns}");
    }
    // The same machine, or a better one, is no excuse.
    for (others, float_ns) in [(Some(0.15), 52.0), (None, 50.0), (Some(0.1), 40.0)] {
        let new = by_clock(busy.clone(), others, float_ns);
        let (verdict, is_failure, ..) = judge(&old, &new);
        assert_eq!((verdict, is_failure), (Verdict::Regression, true), "{others:?} {float_ns}");
    }
    // Where others have half of it in both runs, a change by the clock is theirs.
    let crowded = by_clock(calm.clone(), Some(2.0), 50.0);
    assert_eq!(judge(&crowded, &by_clock(busy, Some(2.0), 50.0)).0, Verdict::NotComparable);
    // What did not change did not change.
    let (verdict, ..) = judge(&old, &by_clock(calm, Some(1.5), 80.0));
    assert_eq!(verdict, Verdict::Noise);
}

#[test]
fn three_samples_that_lie_apart_are_a_verdict_and_four_rounds_too() {
    let voices = change(Better::More, &[900.0, 940.0, 900.0], &[300.0, 310.0, 290.0]);
    assert_eq!(
        (voices.verdict, voices.is_beyond_bound, voices.basis),
        (Verdict::Regression, true, Basis::Ranges)
    );
    let rounds = change(Better::Less, &[512.0; 4], &[1_024.0; 4]);
    assert_eq!((rounds.verdict, rounds.is_beyond_bound), (Verdict::Regression, true));
    assert_eq!(change(Better::Less, &[1_024.0; 4], &[512.0; 4]).verdict, Verdict::Improvement);
    for new in [[104.0, 105.0, 106.0], [100.0, 130.0, 140.0], [98.0, 200.0, 300.0]] {
        let found = change(Better::Less, &[98.0, 99.0, 102.0], &new);
        assert_eq!((found.verdict, found.is_beyond_bound), (Verdict::Unknown, false), "{new:?}");
    }
}

/// Makes something of a report worse.
type Worsen = fn(&mut Report);

/// A report in which nothing is null, with samples of what it says.
fn whole() -> Report {
    let mut report = crate::measure::summary::tests::full();
    let callback = Histogram::of("us", (0..1_000).map(|place| 400.0 + f64::from(place) * 0.1));
    report.rt.histogram = Some(callback);
    report.rt.callback_us =
        Some(Callback { median: 450.0, p99: 499.0, p999: 499.8, max: 499.9, budget: 1_333.0 });
    report.latency.midi.histogram = Some(Histogram::of("us", [610.0, 702.0, 702.0, 1_310.0]));
    report.latency.midi.round_trip_us =
        Some(Trips { min: 610.0, median: 702.0, p99: 1_310.0, max: 1_310.0, sent: 1_000, lost: 0 });
    report.latency.midi.pairs.clear();
    report.conditions.clear();
    report.figures.clear();
    for (path, better, samples) in [
        ("rt.callback_us.median", Better::Less, [450.0; 5]),
        ("rt.callback_us.p99", Better::Less, [499.0; 5]),
        ("rt.max_voices", Better::More, [212.0, 216.0, 212.0, 208.0, 212.0]),
        ("render.realtime_factor", Better::More, [23.4; 5]),
        ("latency.audio.round_trip_frames", Better::Less, [312.25; 5]),
        ("latency.midi.round_trip_us", Better::Less, [702.0; 5]),
        ("latency.key_to_sound_ms", Better::Less, [6.1; 5]),
    ] {
        report.figures.insert(path.to_owned(), figure(better, &samples));
    }
    report
}

fn compare(old: &Report, new: &Report) -> Comparison {
    Comparison::of("old", old, new, BOUND_PERCENT)
}

#[test]
fn the_same_report_is_no_failure_and_nothing_in_common_is_one() {
    let old = whole();
    let found = compare(&old, &old);
    assert!(!found.is_failure(true) && found.compared > 20, "{found:?}");
    assert!(found.changes.iter().all(|change| change.verdict != Verdict::Regression), "{found:?}");
    let empty = Report::default();
    assert!(compare(&empty, &empty).is_failure(false));
    let mut rings = Report::default();
    rings.figures.insert("rings.event_ns".to_owned(), figure(Better::Less, &[1.0; 5]));
    rings.not_measured.insert("latency".to_owned(), crate::measure::NOT_ASKED.to_owned());
    assert!(compare(&old, &rings).is_failure(false), "nothing was compared");
}

#[test]
fn what_is_counted_and_rises_is_a_regression_of_its_own() {
    let old = whole();
    let worse: [(&str, Worsen); 8] = [
        ("rt.violations", |report| report.rt.violations = Some(100)),
        ("rt.faults", |report| report.rt.faults = Some(1)),
        ("rt.xruns", |report| report.rt.xruns = Some(500)),
        ("rt.page_faults.minor", |report| {
            report.rt.page_faults = Some(PageFaults { minor: 900, major: 0 });
        }),
        ("latency.midi.round_trip_us.lost", |report| {
            report.latency.midi.round_trip_us.as_mut().expect("full").lost = 300;
        }),
        ("latency.audio.engine_frames", |report| report.latency.audio.engine_frames = Some(64.0)),
        ("soak.recovered", |report| report.soak.recovered = Some(14_000)),
        ("actors.dropped", |report| report.actors.dropped = Some(2)),
    ];
    for (figure, change) in worse {
        let mut new = old.clone();
        change(&mut new);
        let found = compare(&old, &new);
        let beyond: Vec<&str> = found.beyond_bound().map(|change| change.figure.as_str()).collect();
        assert_eq!(beyond, [figure], "{found:?}");
        assert!(!compare(&new, &old).is_failure(true), "{figure}: the other way round it is better");
    }
    let mut new = old.clone();
    new.rt.xruns = Some(3);
    assert!(!compare(&old, &new).is_failure(true), "chance makes three");
    // On a machine that others had much of, they are theirs.
    new.rt.xruns = Some(500);
    let crowded = Conditions { others_processors: Some(4.0), ..Conditions::default() };
    new.conditions.insert("rt".to_owned(), crowded);
    let mut busy = old.clone();
    busy.conditions.insert("rt".to_owned(), crowded);
    let found = compare(&busy, &new);
    assert!(!found.is_failure(false) && found.is_failure(true), "{found:?}");
    let there = &found.circumstances[0];
    assert!(there.is_busy_in_both && !there.differ() && there.said().is_some(), "{there:?}");
}

#[test]
fn a_value_at_its_own_path_is_compared_where_its_samples_do_not_tell_it() {
    let old = whole();
    let worse: [(&str, Worsen); 8] = [
        ("render.realtime_factor", |report| report.render.realtime_factor = Some(12.0)),
        ("latency.audio.round_trip_frames", |report| report.latency.audio.round_trip_frames = Some(1_024.0)),
        ("latency.midi.round_trip_us.p99", |report| {
            report.latency.midi.round_trip_us.as_mut().expect("full").p99 = 9_000.0;
        }),
        ("latency.key_to_sound_ms", |report| report.latency.key_to_sound_ms = Some(12.0)),
        ("rt.callback_us.median", |report| report.rt.callback_us.as_mut().expect("full").median = 900.0),
        ("rt.callback_us.max", |report| report.rt.callback_us.as_mut().expect("full").max = 900.0),
        ("rt.max_voices", |report| report.rt.max_voices = Some(70)),
        ("rt.min_block_frames", |report| report.rt.min_block_frames = Some(256)),
    ];
    for (path, change) in worse {
        let mut new = old.clone();
        change(&mut new);
        let found = compare(&old, &new);
        let beyond: Vec<(&str, Basis)> =
            found.beyond_bound().map(|change| (change.figure.as_str(), change.basis)).collect();
        assert_eq!(beyond, [(path, Basis::Unmatched)], "{found:?}");
        assert!(!compare(&new, &old).is_failure(true), "{path}: the other way round it is better");
        // The same of a tool that keeps no samples.
        let bare = |report: &Report| {
            let mut bare = Report { figures: BTreeMap::new(), ..report.clone() };
            (bare.rt.histogram, bare.latency.midi.histogram) = (None, None);
            bare.rt.trials.clear();
            bare
        };
        let found = compare(&bare(&old), &bare(&new));
        let beyond: Vec<(&str, Basis)> =
            found.beyond_bound().map(|change| (change.figure.as_str(), change.basis)).collect();
        assert_eq!(beyond, [(path, Basis::Headline)], "{found:?}");
        assert!(!compare(&bare(&old), &bare(&old)).is_failure(true));
    }
}

#[test]
fn what_was_asked_for_and_is_not_there_any_more_is_a_failure() {
    let old = whole();
    let mut gone = old.clone();
    gone.rt.max_voices = None;
    gone.figures.remove("rt.max_voices");
    let judge = |why: Option<&str>, crowd: f64, stopped: bool| {
        let mut new = Report { stopped, ..gone.clone() };
        let there = Conditions { others_processors: Some(crowd), ..Conditions::default() };
        new.conditions.insert("rt".to_owned(), there);
        let mut old = old.clone();
        old.conditions.insert("rt".to_owned(), there);
        new.not_measured.extend(why.map(|why| ("rt.max_voices".to_owned(), why.to_owned())));
        let found = compare(&old, &new);
        (found.is_failure(false), found.is_failure(true))
    };
    let held = "16 voices held for 2 s at a time, but none for 10 s";
    assert_eq!(judge(Some("not even one voice holds here: only 0 voices sounded"), 0.0, false), (true, true));
    assert_eq!(judge(Some(held), 0.0, false), (true, true));
    assert_eq!(judge(None, 4.0, false), (true, true), "no reason at all");
    assert_eq!(judge(Some(held), 4.0, false), (false, true), "others had the machine");
    assert_eq!(judge(Some("not asked for: --voices fixes the load"), 0.0, false), (false, false));
    assert_eq!(judge(Some(held), 0.0, true), (false, false), "it was stopped");
    // A whole measurement, by the reason of the whole.
    let mut new = whole();
    new.latency = Default::default();
    new.not_measured.insert("latency".to_owned(), "no JACK server".to_owned());
    let found = compare(&old, &new);
    let vanished: Vec<&str> = found.vanished.iter().map(|gone| gone.figure.as_str()).collect();
    assert!(vanished.contains(&"latency.audio.round_trip_frames") && found.is_failure(false), "{vanished:?}");
    new.not_measured.insert("latency".to_owned(), "not asked for".to_owned());
    assert!(!compare(&old, &new).is_failure(true));
}
