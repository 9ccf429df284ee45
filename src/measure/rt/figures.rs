use super::take::Take;
use crate::measure::report::{Callback, Lateness, Second};
use crate::measure::statistics::quantile;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Median, p99, p99.9 and the longest.
fn quantiles(values: &[f32]) -> Option<[f64; 4]> {
    let mut values = wide(values);
    let median = quantile(&mut values, 0.5)?;
    Some([median, quantile(&mut values, 0.99)?, quantile(&mut values, 0.999)?, quantile(&mut values, 1.0)?])
}

pub(super) fn callback(take: &Take) -> Option<Callback> {
    let [median, p99, p999, max] = quantiles(&take.callback_us)?;
    Some(Callback { median, p99, p999, max, budget: take.budget_us })
}

pub(super) fn lateness(late_us: &[f32]) -> Option<Lateness> {
    let [median, p99, p999, max] = quantiles(late_us)?;
    Some(Lateness { median, p99, p999, max })
}

/// A share of the callbacks took no longer, in each whole second.
pub(super) fn of_each_second(take: &Take, share: f64) -> Vec<f64> {
    let most = take.seconds.iter().map(|second| second.callbacks.len()).max().unwrap_or(0);
    let whole = take.seconds.iter().filter(|second| 2 * second.callbacks.len() > most);
    whole
        .filter_map(|second| quantile(&mut wide(&take.callback_us[second.callbacks.clone()]), share))
        .collect()
}

pub(super) fn p99(values: &[f32]) -> Option<f64> {
    quantile(&mut wide(values), 0.99)
}

/// Each second, by the time that its callbacks stand for.
pub(super) fn timeline(take: &Take) -> Vec<Second> {
    let mut begin = 0.0_f64;
    let second = |of: &super::take::Second| {
        let second = Second {
            // Without what rounding leaves.
            second: (begin * 1.0e6).round() / 1.0e6,
            xruns: of.missed,
            max_us: of.max_us,
            load: if of.budget_us > 0.0 { of.spent_us / of.budget_us } else { 0.0 },
        };
        begin += of.budget_us * 1.0e-6;
        second
    };
    take.seconds.iter().map(second).collect()
}

#[cfg(test)]
mod tests {
    use super::super::take;
    use super::*;

    #[test]
    fn seconds_are_figures_of_their_own() {
        let second = |callbacks: std::ops::Range<usize>, missed| take::Second {
            callbacks,
            missed,
            max_us: 4.0,
            spent_us: 250_000.0,
            budget_us: 1.0e6,
        };
        let take = Take {
            callback_us: vec![1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0, 9.0, 100.0],
            budget_us: 50.0,
            seconds: vec![second(0..4, 1), second(4..8, 0), second(8..9, 1)],
            ..Take::default()
        };
        assert_eq!(of_each_second(&take, 0.5), [2.0, 8.0], "the last one is not whole");
        let figures = callback(&take).expect("there are callbacks");
        assert_eq!((figures.median, figures.max, figures.budget), (7.0, 100.0, 50.0));
        let timeline = timeline(&take);
        assert_eq!(timeline.iter().map(|second| second.second).collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
        assert_eq!((timeline[0].xruns, timeline[1].load), (1, 0.25));
        assert_eq!((callback(&Take::default()), lateness(&[])), (None, None));
    }
}
