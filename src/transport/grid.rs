use crate::unit::{Frame, SampleRate};

/// A position in musical time: beats (quarter notes) as a 32.32 fixed-point
/// number. Wraps after four billion beats. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Beats(pub u64);

impl Beats {
    /// One beat.
    pub const ONE: Beats = Beats(1 << 32);

    /// The nth of `division` equal parts of a beat, counted from beat 0. Real-time: yes.
    pub const fn part(n: u64, division: u32) -> Beats {
        let division = if division == 0 { 1 } else { division };
        Beats((((n as u128) << 32) / division as u128) as u64)
    }

    /// Beats as a double, for people. Real-time: yes.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 4_294_967_296.0
    }
}

/// A tempo outside [`Tempo::MIN`] to [`Tempo::MAX`]. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("a tempo of {0} beats a minute is outside 20 to 400")]
pub struct TempoError(pub f64);

/// Beats a minute. Real-time: yes.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Tempo(f64);

impl Default for Tempo {
    fn default() -> Tempo {
        Tempo::DEFAULT
    }
}

impl Tempo {
    /// What holds until somebody says otherwise.
    pub const DEFAULT: Tempo = Tempo(120.0);
    /// The slowest, in beats a minute.
    pub const MIN: f64 = 20.0;
    /// The fastest, in beats a minute.
    pub const MAX: f64 = 400.0;

    /// A tempo in beats a minute. Real-time: yes.
    ///
    /// # Errors
    /// [`TempoError`] outside 20 to 400.
    pub fn new(beats_per_minute: f64) -> Result<Tempo, TempoError> {
        if (Self::MIN..=Self::MAX).contains(&beats_per_minute) {
            Ok(Tempo(beats_per_minute))
        } else {
            Err(TempoError(beats_per_minute))
        }
    }

    /// Beats a minute. Real-time: yes.
    pub const fn beats_per_minute(self) -> f64 {
        self.0
    }
}

/// Which beat each frame stands at, at a steady tempo: `Copy`, and in integers, so
/// that asking frame by frame or block by block gives the same answers.
///
/// The length of a beat is a 32.32 fixed-point number of frames: at any tempo the
/// error is below a thousandth of a frame in a day. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grid {
    frame: Frame,
    beat: Beats,
    /// 32.32 fixed point.
    frames_per_beat: u64,
    /// Raised whenever the position jumps; a change of tempo is no jump.
    jumps: u32,
}

impl Grid {
    /// Beat 0 at frame 0. Real-time: yes.
    pub fn new(tempo: Tempo, rate: SampleRate) -> Grid {
        Grid { frame: 0, beat: Beats(0), frames_per_beat: length_of_beat(tempo, rate), jumps: 0 }
    }

    /// Where a frame stands; beat 0 before the grid's first beat. Real-time: yes.
    pub fn beat_at(&self, frame: Frame) -> Beats {
        let distance = |frames: u64| (u128::from(frames) << 64) / u128::from(self.frames_per_beat);
        if frame >= self.frame {
            Beats(self.beat.0.wrapping_add(distance(frame - self.frame) as u64))
        } else {
            Beats(self.beat.0.saturating_sub(distance(self.frame - frame) as u64))
        }
    }

    /// The first frame that stands at a beat or after it. Real-time: yes.
    pub fn frame_of(&self, beat: Beats) -> Frame {
        let distance = |beats: u64| u128::from(beats) * u128::from(self.frames_per_beat);
        if beat >= self.beat {
            let frames = distance(beat.0 - self.beat.0).div_ceil(1 << 64);
            self.frame.saturating_add(frames as u64)
        } else {
            let frames = distance(self.beat.0 - beat.0) >> 64;
            self.frame.saturating_sub(frames as u64)
        }
    }

    /// Frames that so many beats last, rounded to the nearest. Real-time: yes.
    pub fn frames_in(&self, beats: Beats) -> Frame {
        ((u128::from(beats.0) * u128::from(self.frames_per_beat) + (1 << 63)) >> 64) as u64
    }

    /// From this frame on at another tempo; the position goes on. Real-time: yes.
    pub fn set_tempo(&mut self, frame: Frame, tempo: Tempo, rate: SampleRate) {
        self.beat = self.beat_at(frame);
        self.frame = frame;
        self.frames_per_beat = length_of_beat(tempo, rate);
    }

    /// From the beat `at` on, exactly, at another tempo, and what was `at` is called
    /// `to` from there on; where the two differ this is a jump. The frame at which
    /// this takes effect is [`frame_of`](Self::frame_of) `at`: frames before it are
    /// no longer told rightly. Real-time: yes.
    pub fn turn(&mut self, at: Beats, to: Beats, tempo: Tempo, rate: SampleRate) {
        let frame = self.frame_of(at);
        let next = length_of_beat(tempo, rate);
        // The part of a frame between the beat and the first frame after it.
        let over = if at >= self.beat {
            let distance = u128::from(at.0 - self.beat.0) * u128::from(self.frames_per_beat);
            (distance.div_ceil(1 << 64) << 64) - distance
        } else {
            0
        };
        self.frame = frame;
        self.beat = Beats(to.0.wrapping_add((over / u128::from(next)) as u64));
        self.frames_per_beat = next;
        self.jumps = self.jumps.wrapping_add(u32::from(at != to));
    }

    /// Jumps: this frame stands at this beat. Real-time: yes.
    pub fn locate(&mut self, frame: Frame, beat: Beats) {
        self.frame = frame;
        self.beat = beat;
        self.jumps = self.jumps.wrapping_add(1);
    }

    /// The tempo. Real-time: yes.
    pub fn tempo(&self, rate: SampleRate) -> Tempo {
        Tempo(rate.as_f64() * 60.0 * 4_294_967_296.0 / self.frames_per_beat as f64)
    }

    /// How often the position has jumped: who keeps a place in the grid looks
    /// whether this is as it was. Real-time: yes.
    pub fn jumps(&self) -> u32 {
        self.jumps
    }
}

fn length_of_beat(tempo: Tempo, rate: SampleRate) -> u64 {
    libm::round(rate.as_f64() * 60.0 / tempo.0 * 4_294_967_296.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(beats_per_minute: f64) -> Grid {
        Grid::new(Tempo::new(beats_per_minute).expect("a tempo"), SampleRate::DEFAULT)
    }

    #[test]
    fn a_beat_begins_at_the_first_frame_that_is_not_before_it() {
        let grid = grid(120.0);
        assert_eq!(grid.frame_of(Beats(3 << 32)), 72_000);
        for tempo in [20.0, 61.7, 120.5, 399.9] {
            let mut grid = self::grid(tempo);
            grid.locate(1_003, Beats(7 << 30));
            for n in 0..2_000 {
                let beat = Beats::part(n, 24);
                let frame = grid.frame_of(beat);
                assert!(grid.beat_at(frame) >= beat, "{tempo} {n}");
                assert!(frame == 0 || grid.beat_at(frame - 1) < beat || beat == Beats(0), "{tempo} {n}");
            }
        }
    }

    #[test]
    fn ten_minutes_drift_by_no_more_than_a_frame() {
        for tempo in [20.0, 97.3, 120.0, 133.333, 400.0] {
            let beats = (tempo * 10.0) as u64;
            let exact = beats as f64 * 48_000.0 * 60.0 / tempo;
            let frame = grid(tempo).frame_of(Beats(beats << 32)) as f64;
            assert!((frame - exact).abs() <= 1.0, "{tempo}: {frame} and not {exact}");
        }
    }

    #[test]
    fn a_change_of_tempo_goes_on_from_where_it_was() {
        let mut grid = grid(120.0);
        grid.set_tempo(24_000, Tempo::new(60.0).expect("a tempo"), SampleRate::DEFAULT);
        assert_eq!(grid.beat_at(24_000), Beats::ONE);
        assert_eq!(grid.frame_of(Beats(2 << 32)), 72_000);
        assert_eq!(grid.jumps(), 0);
        grid.locate(80_000, Beats(0));
        assert_eq!((grid.beat_at(80_000), grid.jumps()), (Beats(0), 1));
        assert!((grid.tempo(SampleRate::DEFAULT).beats_per_minute() - 60.0).abs() < 1e-6);
    }

    /// A ritardando of a thousand changes, at beats that fall between frames.
    #[test]
    fn no_number_of_turns_drifts() {
        let mut grid = grid(120.0);
        let mut exact = 0.0;
        for n in 1..=1_000 {
            let before = grid.tempo(SampleRate::DEFAULT).beats_per_minute();
            exact += 48_000.0 * 60.0 / before;
            let tempo = Tempo::new(120.0 - n as f64 * 0.05).expect("a tempo");
            grid.turn(Beats(n << 32), Beats(n << 32), tempo, SampleRate::DEFAULT);
            let frame = grid.frame_of(Beats(n << 32)) as f64;
            assert!((-0.01..1.01).contains(&(frame - exact)), "{n}: {frame} {exact}");
        }
        assert_eq!(grid.jumps(), 0);
        grid.turn(Beats(1_004 << 32), Beats(0), Tempo::DEFAULT, SampleRate::DEFAULT);
        assert_eq!(grid.jumps(), 1);
        assert!(grid.beat_at(grid.frame_of(Beats(0))).as_f64() < 1e-4);
    }

    #[test]
    fn tempi_outside_the_range_are_refused() {
        assert!(Tempo::new(19.9).is_err() && Tempo::new(400.1).is_err() && Tempo::new(f64::NAN).is_err());
    }
}
