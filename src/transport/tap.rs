use super::Tempo;
use crate::unit::{Frame, SampleRate};

/// Intervals that count: of more the oldest is forgotten.
const INTERVALS: u32 = 8;
/// An interval this much longer or shorter than the others begins anew.
const LEAP: f64 = 0.35;

/// Taps to a tempo: the mean of the last intervals. Real-time: yes.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tap {
    last: Option<Frame>,
    /// Frames of a beat so far, and of how many intervals.
    mean: f64,
    intervals: u32,
}

impl Tap {
    /// A tap at a frame; gives the tempo as soon as there are two. Real-time: yes.
    pub fn tap(&mut self, frame: Frame, rate: SampleRate) -> Option<Tempo> {
        let interval = self.last.map(|last| frame.saturating_sub(last) as f64);
        self.last = Some(frame);
        let interval = interval?;
        let Ok(tempo) = Tempo::new(rate.as_f64() * 60.0 / interval) else {
            // A pause: what comes after it is a new beat.
            self.intervals = 0;
            return None;
        };
        if self.intervals == 0 || (interval / self.mean - 1.0).abs() > LEAP {
            (self.mean, self.intervals) = (interval, 1);
            return Some(tempo);
        }
        self.intervals = (self.intervals + 1).min(INTERVALS);
        self.mean += (interval - self.mean) / f64::from(self.intervals);
        Tempo::new(rate.as_f64() * 60.0 / self.mean).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_make_a_tempo_and_a_pause_begins_anew() {
        let mut tap = Tap::default();
        let mut at = |frame| tap.tap(frame, SampleRate::DEFAULT).map(Tempo::beats_per_minute);
        assert_eq!(at(1_000), None);
        assert_eq!(at(25_000), Some(120.0));
        assert_eq!(at(50_000), Some(2_880_000.0 / 24_500.0));
        // Twice as fast is meant so.
        assert_eq!(at(62_000), Some(240.0));
        assert_eq!(at(900_000), None);
        assert_eq!(at(948_000), Some(60.0));
    }
}
