use std::collections::VecDeque;

/// MIDI clocks in a quarter note.
pub(super) const TICKS_PER_BEAT: u16 = 24;
/// A longer pause begins anew: 5 BPM.
const LONGEST_NANOS: u64 = 500_000_000;

/// The tempo of a MIDI clock, over its last beat.
#[derive(Default, Debug)]
pub(super) struct ClockTempo {
    ticks: VecDeque<u64>,
}

impl ClockTempo {
    /// Takes a tick; gives the tempo in beats a minute, once a beat is known.
    pub(super) fn tick(&mut self, nanos: u64) -> Option<f64> {
        if self.ticks.back().is_some_and(|&last| nanos.saturating_sub(last) > LONGEST_NANOS || nanos < last) {
            self.ticks.clear();
        }
        self.ticks.push_back(nanos);
        if self.ticks.len() <= usize::from(TICKS_PER_BEAT) {
            return None;
        }
        let first = self.ticks.pop_front()?;
        let beat = nanos.saturating_sub(first);
        (beat > 0).then(|| 60e9 / beat as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_gives_the_tempo_and_a_pause_forgets_it() {
        let mut tempo = ClockTempo::default();
        let mut last = None;
        for tick in 0..=24_u64 {
            assert_eq!(last, None);
            last = tempo.tick(tick * 20_833_333);
        }
        assert!((last.expect("a beat") - 120.0).abs() < 0.001);
        assert_eq!(tempo.tick(10_000_000_000), None);
        assert_eq!(tempo.tick(9_000_000_000), None);
        // Ticks at one moment have no tempo.
        assert!((0..100).all(|_| tempo.tick(11_000_000_000).is_none()));
    }
}
