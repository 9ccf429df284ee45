use super::*;
use crate::actor::scatter;
use crate::measure::reference::Clock;
use crate::measure::report::{Better, Conditions, Figure, Paces};

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
