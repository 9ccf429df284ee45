use std::time::Duration;

/// Durations in classes of a factor of 2^(1/4), from 64 ns to over an hour.
#[derive(Clone, Default)]
pub(super) struct Histogram {
    /// There once something was recorded.
    classes: Option<Box<[u32; CLASSES]>>,
}

const CLASSES: usize = 144;
const LOWEST_NANOS: u64 = 64;

/// The class of a duration: four to each power of two.
fn class(nanos: u64) -> usize {
    let nanos = nanos.max(LOWEST_NANOS);
    let octave = 63 - nanos.leading_zeros();
    let quarter = (nanos >> (octave - 2)) & 3;
    ((octave as usize - 6) * 4 + quarter as usize).min(CLASSES - 1)
}

/// The longest duration of a class.
fn upper_nanos(class: usize) -> u64 {
    let octave = class / 4 + 6;
    let quarter = class as u64 % 4;
    ((5 + quarter) << (octave - 2)) - 1
}

impl Histogram {
    pub(super) fn record(&mut self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let count = &mut self.classes.get_or_insert_with(|| Box::new([0; CLASSES]))[class(nanos)];
        *count = count.saturating_add(1);
    }

    /// The duration that a share of all do not exceed, up to a class's width.
    pub(super) fn percentile(&self, share: f64) -> Option<Duration> {
        let classes = self.classes.as_ref()?;
        let total: u64 = classes.iter().map(|c| u64::from(*c)).sum();
        if total == 0 {
            return None;
        }
        let rank = ((total as f64 * share).ceil() as u64).clamp(1, total);
        let mut below = 0;
        for (index, count) in classes.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return Some(Duration::from_nanos(upper_nanos(index)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_within_a_quarter_above() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), None);
        for micros in 1..=1_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let got = histogram.percentile(share).expect("recorded").as_secs_f64() * 1.0e6;
            assert!((micros..micros * 1.26).contains(&got), "{share}: {got}");
        }
        histogram.record(Duration::MAX);
        histogram.record(Duration::ZERO);
    }
}
