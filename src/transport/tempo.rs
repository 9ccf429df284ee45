use super::{Beats, Course, Tempo, TempoChange, TempoError};
use crate::unit::{Frame, SampleRate};

const MICROS_PER_SECOND: u64 = 1_000_000;
/// What a file has before its first tempo event: 120 beats a minute.
const DEFAULT_MICROS_PER_BEAT: u32 = 500_000;

/// The SMPTE frame rates a MIDI file may count its ticks in. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmpteRate {
    /// 24 frames a second (film).
    Fps24,
    /// 25 frames a second (PAL).
    Fps25,
    /// 30 drop-frame: 30000/1001 frames a second (NTSC).
    Fps2997,
    /// 30 frames a second.
    Fps30,
}

impl SmpteRate {
    /// Frames a second as an exact fraction.
    const fn fraction(self) -> (u32, u32) {
        match self {
            SmpteRate::Fps24 => (24, 1),
            SmpteRate::Fps25 => (25, 1),
            SmpteRate::Fps2997 => (30_000, 1_001),
            SmpteRate::Fps30 => (30, 1),
        }
    }
}

/// A division that measures nothing. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a division of 0 ticks gives no tick a length")]
pub struct MapError;

/// Ticks to frames, exactly.
///
/// Time is kept as a fraction of integers: the sum of ticks × weight over a
/// fixed denominator, where a tick's weight is the tempo in µs per beat (or the
/// SMPTE rate's denominator). It is rounded once, at the end, so that no tempo
/// change, however many, moves a later note by a frame. Real-time: no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TempoMap {
    /// Never empty; the first begins at tick 0.
    segments: Box<[Segment]>,
    /// Weighted ticks in a second.
    denominator: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Segment {
    tick: u64,
    /// Weighted ticks before `tick`.
    elapsed: u128,
    weight: u32,
}

impl TempoMap {
    /// Ticks that divide a beat, and the tempo changes as (tick, µs per beat) in
    /// order of ticks; of several at one tick the last counts.
    /// Real-time: no (allocates).
    ///
    /// # Errors
    /// [`MapError`] where the beat has no ticks.
    pub fn beats(ticks_per_beat: u16, changes: &[(u64, u32)]) -> Result<TempoMap, MapError> {
        if ticks_per_beat == 0 {
            return Err(MapError);
        }
        let mut segments = vec![Segment { tick: 0, elapsed: 0, weight: DEFAULT_MICROS_PER_BEAT }];
        for &(tick, weight) in changes {
            let last = segments[segments.len() - 1];
            let tick = tick.max(last.tick);
            if tick == last.tick {
                segments.pop();
            }
            segments.push(Segment { tick, elapsed: last.at(tick), weight });
        }
        let denominator = u64::from(ticks_per_beat) * MICROS_PER_SECOND;
        Ok(TempoMap { segments: segments.into(), denominator })
    }

    /// Ticks that divide a SMPTE frame; tempo has no say. Real-time: no (allocates).
    ///
    /// # Errors
    /// [`MapError`] where the frame has no ticks.
    pub fn smpte(rate: SmpteRate, ticks_per_frame: u8) -> Result<TempoMap, MapError> {
        if ticks_per_frame == 0 {
            return Err(MapError);
        }
        let (frames, seconds) = rate.fraction();
        Ok(TempoMap {
            segments: Box::new([Segment { tick: 0, elapsed: 0, weight: seconds }]),
            denominator: u64::from(frames) * u64::from(ticks_per_frame),
        })
    }

    /// The frame of a tick: round(t · rate), half up. Saturates beyond what a
    /// `u64` holds. Real-time: yes.
    pub fn frame(&self, tick: u64, rate: SampleRate) -> Frame {
        let after = self.segments.partition_point(|segment| segment.tick <= tick);
        // The first segment begins at tick 0, so there is always one before.
        let elapsed = self.segments[after.saturating_sub(1)].at(tick);
        let denominator = u128::from(self.denominator);
        let doubled = elapsed.saturating_mul(2 * u128::from(rate.hertz()));
        let frame = doubled.saturating_add(denominator) / (2 * denominator);
        frame.try_into().unwrap_or(Frame::MAX)
    }

    /// The tempi by beats, for a transport that plays along; `None` where ticks
    /// divide seconds instead. Real-time: no (allocates).
    ///
    /// # Errors
    /// [`TempoError`] for a tempo that no transport has.
    pub fn course(&self) -> Option<Result<Course, TempoError>> {
        let ticks_per_beat = self.denominator / MICROS_PER_SECOND;
        if ticks_per_beat * MICROS_PER_SECOND != self.denominator {
            return None;
        }
        let change = |segment: &Segment| {
            let beat = (u128::from(segment.tick) << 32) / u128::from(ticks_per_beat);
            let tempo = Tempo::new(60.0e6 / f64::from(segment.weight))?;
            Ok(TempoChange { beat: Beats(beat as u64), tempo })
        };
        Some(self.segments.iter().map(change).collect::<Result<Vec<_>, _>>().map(Course::new))
    }

    /// The time of a tick in whole seconds, rounded down. Real-time: yes.
    pub fn whole_seconds(&self, tick: u64) -> u64 {
        let after = self.segments.partition_point(|segment| segment.tick <= tick);
        let elapsed = self.segments[after.saturating_sub(1)].at(tick);
        (elapsed / u128::from(self.denominator)).try_into().unwrap_or(u64::MAX)
    }
}

impl Segment {
    fn at(&self, tick: u64) -> u128 {
        self.elapsed.saturating_add(u128::from(tick - self.tick) * u128::from(self.weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hertz: u32) -> SampleRate {
        SampleRate::new(hertz).expect("a rate of the engine")
    }

    #[test]
    fn without_a_tempo_a_beat_lasts_half_a_second() {
        let map = TempoMap::beats(480, &[]).expect("ticks");
        assert_eq!(map.frame(480, rate(48_000)), 24_000);
        assert_eq!(map.frame(480, rate(44_100)), 22_050);
        assert_eq!(map.frame(480, rate(96_000)), 48_000);
        // 1/960 s: 45.9375 and 50 frames.
        assert_eq!((map.frame(1, rate(44_100)), map.frame(1, rate(48_000))), (46, 50));
    }

    #[test]
    fn half_a_frame_is_rounded_up() {
        // One tick is 1/96000 s: half a frame at 48 kHz.
        let map = TempoMap::beats(1_000, &[(0, 10_417)]).expect("ticks");
        assert_eq!(map.frame(1, rate(48_000)), 1);
        let exact = TempoMap::beats(125, &[(0, 1_000_000)]).expect("ticks");
        // 1/125 s · 44100 = 352.8; 5/125 s = 1764 exactly.
        assert_eq!((exact.frame(1, rate(44_100)), exact.frame(5, rate(44_100))), (353, 1_764));
        let half = TempoMap::beats(2, &[(0, 125)]).expect("ticks");
        // 62.5 µs · 8 kHz = 0.5 of a frame.
        assert_eq!(half.frame(1, rate(8_000)), 1);
    }

    /// A ritardando of 10,000 changes to lengths that no binary fraction holds:
    /// the sum is that of the exact fractions.
    #[test]
    fn no_number_of_tempo_changes_drifts() {
        let changes: Vec<(u64, u32)> = (0..10_000).map(|i| (i, 333_333 + i as u32)).collect();
        let map = TempoMap::beats(7, &changes).expect("ticks");
        let micros: u128 = (0..10_000_u128).map(|i| 333_333 + i).sum();
        for hertz in [44_100, 48_000, 96_000] {
            let exact = (micros * u128::from(hertz) * 2 + 7_000_000) / 14_000_000;
            assert_eq!(u128::from(map.frame(10_000, rate(hertz))), exact);
        }
    }

    #[test]
    fn a_change_counts_from_its_tick_and_the_last_of_several_wins() {
        let map = TempoMap::beats(96, &[(96, 250_000), (192, 9), (192, 1_000_000)]).expect("ticks");
        let beats: Vec<u64> = (0..5).map(|beat| map.frame(beat * 96, rate(48_000))).collect();
        assert_eq!(beats, [0, 24_000, 36_000, 84_000, 132_000]);
    }

    #[test]
    fn a_course_has_the_tempi_at_their_beats() {
        let map = TempoMap::beats(96, &[(96, 250_000), (144, 1_000_000)]).expect("ticks");
        let course = map.course().expect("beats").expect("tempi");
        let tempo = |beat: u64| course.at(Beats(beat << 31)).map(Tempo::beats_per_minute);
        assert_eq!([tempo(0), tempo(2), tempo(3)], [Some(120.0), Some(240.0), Some(60.0)]);
        assert!(TempoMap::beats(96, &[(0, 9)]).expect("ticks").course().expect("beats").is_err());
        assert!(TempoMap::smpte(SmpteRate::Fps25, 40).expect("ticks").course().is_none());
    }

    #[test]
    fn smpte_ticks_are_fractions_of_a_second() {
        let at = |fps, tick, hertz| TempoMap::smpte(fps, 40).expect("ticks").frame(tick, rate(hertz));
        assert_eq!(at(SmpteRate::Fps25, 1_000, 44_100), 44_100);
        assert_eq!(at(SmpteRate::Fps24, 960, 96_000), 96_000);
        assert_eq!(at(SmpteRate::Fps30, 1_200, 48_000), 48_000);
        // An hour of drop-frame: 1200 ticks last 1.001 s.
        assert_eq!(at(SmpteRate::Fps2997, 1_200 * 3_600, 48_000), 48_048 * 3_600);
    }

    #[test]
    fn monstrous_ticks_saturate_and_empty_divisions_are_refused() {
        let map = TempoMap::beats(1, &[(0, 0xff_ffff)]).expect("ticks");
        assert_eq!(map.frame(u64::MAX, rate(192_000)), u64::MAX);
        assert_eq!(TempoMap::beats(0, &[]), Err(MapError));
        assert_eq!(TempoMap::smpte(SmpteRate::Fps24, 0), Err(MapError));
    }
}
