use super::{Beats, Grid, State, Tempo};
use crate::unit::{Frame, SampleRate};

/// Beats of a bar where nobody says otherwise.
pub const BEATS_PER_BAR: u32 = 4;

/// What everything that plays is told of musical time. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Time {
    /// Which beat each frame stands at. It runs on while the transport stands.
    pub grid: Grid,
    /// What the transport does.
    pub state: State,
    /// It counts in: it will roll at the end of a bar.
    pub counts_in: bool,
    /// Beats of a bar.
    pub beats_per_bar: u32,
}

impl Time {
    /// Beat 0 at frame 0, 120 beats a minute, stopped. Real-time: yes.
    pub fn at_rest(rate: SampleRate) -> Time {
        Time {
            grid: Grid::new(Tempo::DEFAULT, rate),
            state: State::Stopped,
            counts_in: false,
            beats_per_bar: BEATS_PER_BAR,
        }
    }

    /// The first beat that begins at a frame or after it: where, and which it is of
    /// its bar, counted from 0. Real-time: yes.
    pub fn next_beat(&self, frame: Frame) -> (Frame, u32) {
        let whole = self.grid.beat_at(frame).0 >> 32;
        let at = |beat: u64| self.grid.frame_of(Beats(beat << 32));
        let beat = if at(whole) >= frame { whole } else { whole + 1 };
        (at(beat), (beat % u64::from(self.beats_per_bar.max(1))) as u32)
    }

    /// The first whole beat, counted from 0, that is a multiple of so many beats and does not begin before a
    /// frame. Real-time: yes.
    pub fn multiple_at(&self, frame: Frame, beats: u32) -> u64 {
        let beats = u64::from(beats.max(1));
        let before = (self.grid.beat_at(frame).0 >> 32) / beats * beats;
        if self.frame_of_beat(before) >= frame { before } else { before + beats }
    }

    /// Where a whole beat begins. Real-time: yes.
    pub fn frame_of_beat(&self, beat: u64) -> Frame {
        self.grid.frame_of(Beats(beat << 32))
    }

    /// Whether beats count for a player: it rolls, or counts in. Real-time: yes.
    pub fn moves(&self) -> bool {
        self.state.is_rolling() || self.counts_in
    }

    /// Bar and beat of a position, both counted from 1. Real-time: yes.
    pub fn bar_and_beat(beats: Beats, beats_per_bar: u32) -> (u32, u32) {
        let whole = (beats.0 >> 32) as u32;
        let beats_per_bar = beats_per_bar.max(1);
        (whole / beats_per_bar + 1, whole % beats_per_bar + 1)
    }
}

/// From a beat on, at a tempo. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TempoChange {
    /// Where.
    pub beat: Beats,
    /// The tempo from there on.
    pub tempo: Tempo,
}

/// Tempo changes in order of beats: what a song's tempo does. Real-time: yes,
/// but for the constructor.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Course {
    changes: Box<[TempoChange]>,
}

impl Course {
    /// Of several changes at one beat the last counts. Real-time: no (allocates).
    pub fn new(mut changes: Vec<TempoChange>) -> Course {
        changes.sort_by_key(|change| change.beat);
        changes.reverse();
        changes.dedup_by_key(|change| change.beat);
        changes.reverse();
        Course { changes: changes.into() }
    }

    /// All changes, in order. Real-time: yes.
    pub fn changes(&self) -> &[TempoChange] {
        &self.changes
    }

    /// The tempo at a beat; `None` before the first change. Real-time: yes.
    pub fn at(&self, beat: Beats) -> Option<Tempo> {
        let after = self.changes.partition_point(|change| change.beat <= beat);
        self.changes[..after].last().map(|change| change.tempo)
    }

    /// The first change after a beat. Real-time: yes.
    pub fn next(&self, beat: Beats) -> Option<TempoChange> {
        let after = self.changes.partition_point(|change| change.beat <= beat);
        self.changes.get(after).copied()
    }

    /// Whether it has no say. Real-time: yes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_knows_the_tempo_and_what_comes_next() {
        let change = |beat: u64, tempo| TempoChange {
            beat: Beats(beat << 32),
            tempo: Tempo::new(tempo).expect("a tempo"),
        };
        let course = Course::new(vec![change(8, 90.0), change(4, 60.0), change(4, 70.0)]);
        let tempo = |beat: u64| course.at(Beats(beat << 32)).map(Tempo::beats_per_minute);
        assert_eq!([tempo(3), tempo(4), tempo(7), tempo(99)], [None, Some(70.0), Some(70.0), Some(90.0)]);
        assert_eq!(course.next(Beats(4 << 32)), Some(change(8, 90.0)));
        assert_eq!(course.next(Beats(8 << 32)), None);
    }

    #[test]
    fn the_next_beat_is_never_passed_and_never_skipped() {
        let mut time = Time { beats_per_bar: 3, ..Time::at_rest(SampleRate::DEFAULT) };
        time.grid.set_tempo(0, Tempo::new(133.3).expect("a tempo"), SampleRate::DEFAULT);
        let beats: Vec<Frame> = (0..9_u64).map(|beat| time.grid.frame_of(Beats(beat << 32))).collect();
        for (number, pair) in beats.windows(2).enumerate() {
            let of_bar = |number: usize| (number % 3) as u32;
            assert_eq!(time.next_beat(pair[0]), (pair[0], of_bar(number)));
            assert_eq!(time.next_beat(pair[0] + 1), (pair[1], of_bar(number + 1)));
            assert_eq!(time.next_beat(pair[1] - 1), (pair[1], of_bar(number + 1)));
        }
    }

    #[test]
    fn bars_and_beats_are_counted_from_one() {
        assert_eq!(Time::bar_and_beat(Beats(0), 4), (1, 1));
        assert_eq!(Time::bar_and_beat(Beats(7 << 32 | 9), 3), (3, 2));
    }
}
