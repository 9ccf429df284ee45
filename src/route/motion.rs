use crate::transport::{Beats, Grid};
use crate::unit::{Frame, SampleRate};

/// What a cable does in time. Only the settings: what it remembers of the music
/// is in its [`CableState`](super::CableState). Real-time: yes.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Motion {
    /// Held keys become a pattern.
    pub arpeggiator: Option<Arpeggio>,
    /// Notes are repeated.
    pub delay: Option<Repeats>,
    /// At most so many strikes leave in any second.
    pub limit: Option<u16>,
}

/// A length of notes, as a fraction of a beat (a quarter note). Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoteLength {
    number: u32,
    division: u32,
}

impl NoteLength {
    /// So many parts of a beat divided in so many; both are at least 1, and their
    /// quotient stays below 64 beats. Real-time: yes.
    pub fn new(number: u32, division: u32) -> NoteLength {
        let (number, division) = (number.max(1), division.max(1));
        let (mut a, mut b) = (number, division);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        NoteLength { number: number / a, division: division / a }
    }

    /// Reads `"1/16"`, `"1/8t"` (three in the time of two) or `"1/8d"` (half as long
    /// again). Real-time: no.
    pub fn parse(text: &str) -> Option<NoteLength> {
        let (plain, number, division) = match text.strip_suffix(['t', 'd']) {
            Some(plain) if text.ends_with('t') => (plain, 2, 3),
            Some(plain) => (plain, 3, 2),
            None => (text, 1, 1),
        };
        let (over, under) = plain.split_once('/')?;
        let over: u32 = over.parse().ok().filter(|over| (1..=8).contains(over))?;
        let under: u32 = under.parse().ok().filter(|under: &u32| under.is_power_of_two() && *under <= 64)?;
        Some(NoteLength::new(4 * over * number, under * division))
    }

    /// Where the nth begins, counted from beat 0. Real-time: yes.
    pub fn nth(self, n: u64) -> Beats {
        Beats::part(n.wrapping_mul(u64::from(self.number)), self.division)
    }

    /// Which one is the first to begin at a frame or after it. Real-time: yes.
    pub fn first_from(self, grid: &Grid, frame: Frame) -> u64 {
        let beat = u128::from(grid.beat_at(frame).0) * u128::from(self.division);
        let mut n = (beat / (u128::from(self.number) << 32)) as u64;
        // The beat is rounded down: two steps at most.
        while grid.frame_of(self.nth(n)) < frame {
            n += 1;
        }
        n
    }

    /// How many frames it lasts now. Real-time: yes.
    pub fn frames(self, grid: &Grid) -> Frame {
        grid.frames_in(self.nth(1)).max(1)
    }
}

/// How an arpeggiator goes through what is held. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // As rigs call them.
pub enum ArpeggioMode {
    Up,
    Down,
    /// Up and down again, without the ends twice.
    UpDown,
    /// In the order in which the keys were pressed.
    Played,
    Random,
    /// All at once.
    Chord,
}

impl ArpeggioMode {
    /// Each, as rigs write it.
    pub const NAMED: &[(&str, ArpeggioMode)] = &[
        ("up", ArpeggioMode::Up),
        ("down", ArpeggioMode::Down),
        ("up-down", ArpeggioMode::UpDown),
        ("played", ArpeggioMode::Played),
        ("random", ArpeggioMode::Random),
        ("chord", ArpeggioMode::Chord),
    ];
}

/// `arpeggiator`. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arpeggio {
    /// In which order.
    pub mode: ArpeggioMode,
    /// A step of the grid.
    pub rate: NoteLength,
    /// How much of a step a note sounds, above 0 and up to 1.
    pub gate: f32,
    /// Over how many octaves, 1 to 4.
    pub octaves: u8,
    /// Goes on when the keys are released, until others are pressed.
    pub hold: bool,
}

/// A time between repeats. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Interval {
    /// In the tempo of the grid.
    Notes(NoteLength),
    /// Whatever the tempo.
    Seconds(f64),
}

impl Interval {
    /// How many frames it lasts now, at least 1. Real-time: yes.
    pub fn frames(self, grid: &Grid, rate: SampleRate) -> Frame {
        match self {
            Interval::Notes(length) => length.frames(grid),
            Interval::Seconds(seconds) => rate.frames(seconds).max(1),
        }
    }
}

/// `delay`. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Repeats {
    /// From a note to its repeat, and from that to the next.
    pub time: Interval,
    /// How often, 1 to 32.
    pub repeats: u8,
    /// What the velocity is multiplied by each time, above 0 and up to 1.
    pub decay: f32,
    /// Semitones added each time.
    pub transpose: i8,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Tempo;

    #[test]
    fn note_lengths_are_read_and_written_as_musicians_do() {
        for (text, number, division) in
            [("1/16", 1, 4), ("1/8t", 1, 3), ("1/8d", 3, 4), ("1/1", 4, 1), ("3/4", 3, 1), ("1/64t", 1, 24)]
        {
            assert_eq!(NoteLength::parse(text), Some(NoteLength { number, division }), "{text}");
        }
        for text in ["", "1", "1/3", "0/4", "1/128", "1/8x", "9/4", "1/8td", "-1/4", "1/"] {
            assert_eq!(NoteLength::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_step_on_its_own_frame_is_the_first_from_there() {
        for (tempo, text) in [(120.0, "1/16"), (97.3, "1/8t"), (399.9, "1/64t"), (20.0, "3/1")] {
            let mut grid = Grid::new(Tempo::new(tempo).expect("a tempo"), SampleRate::DEFAULT);
            grid.locate(977, Beats(5 << 30));
            let length = NoteLength::parse(text).expect("a length");
            let from = length.first_from(&grid, 2_000);
            for n in from..from + 200 {
                let frame = grid.frame_of(length.nth(n));
                assert_eq!(length.first_from(&grid, frame), n, "{text} at {tempo}");
                assert_eq!(length.first_from(&grid, frame + 1), n + 1, "{text} at {tempo}");
            }
        }
    }
}
