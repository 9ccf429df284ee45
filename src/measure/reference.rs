//! Work that never changes, done beside all that is measured: what it takes tells how the
//! machine itself was meanwhile. Other programs share caches and arithmetic units with us, and
//! the clock of a processor goes up and down; so a thread's own time is no constant either.
//!
//! It must not get faster or slower with the engine: nothing of the engine is in it.

use std::hint::black_box;
use std::time::Instant;

use super::own_time::own_time;

/// Voices of the float part, and frames that each plays.
const VOICES: usize = 16;
const FRAMES: usize = 32;
const QUANTA: usize = 12;
/// Steps of the integer part.
const STEPS: usize = 4_000;
const TABLE: usize = 1_024;
/// Lines of the cache that the memory part goes through: more than a processor's first cache
/// holds, less than its second; and how often.
const LINES: usize = 1_024;
const WALKS: usize = 4;
const LINE_WORDS: usize = 8;

/// What a piece of the reference took of its thread's own time, in nanoseconds: a part that
/// calculates with floats, one that decides by integers, and one that waits for memory.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Pace {
    /// As oscillators and filters do.
    pub float_ns: f64,
    /// As messages and events do.
    pub integer_ns: f64,
    /// As delay lines do.
    pub memory_ns: f64,
    /// The time that passed for all of it, by the clock.
    pub passed_ns: f64,
}

impl Pace {
    /// What lies between two of them.
    pub fn between(self, other: Pace) -> Pace {
        let mean = |a: f64, b: f64| 0.5 * (a + b);
        Pace {
            float_ns: mean(self.float_ns, other.float_ns),
            integer_ns: mean(self.integer_ns, other.integer_ns),
            memory_ns: mean(self.memory_ns, other.memory_ns),
            passed_ns: mean(self.passed_ns, other.passed_ns),
        }
    }
}

/// The reference, ready to be done.
pub(super) struct Reference {
    voices: [Voice; VOICES],
    table: [u32; TABLE],
    seed: u32,
    /// For each line where the next one is, all in one round.
    lines: Vec<[u64; LINE_WORDS]>,
}

#[derive(Clone, Copy, Default)]
struct Voice {
    phase: f32,
    step: f32,
    low: f32,
    band: f32,
}

impl Default for Reference {
    fn default() -> Reference {
        let voice = |index| Voice { step: 0.002 * (index + 1) as f32, ..Voice::default() };
        Reference {
            voices: std::array::from_fn(voice),
            table: std::array::from_fn(|index| (index as u32).wrapping_mul(2_654_435_761)),
            seed: 1,
            lines: round(),
        }
    }
}

/// A walk through all lines that no processor foresees: Sattolo's shuffle, which makes one round.
fn round() -> Vec<[u64; LINE_WORDS]> {
    let mut order: Vec<u64> = (0..LINES as u64).collect();
    let mut state = 88_172_645_463_325_252_u64;
    for place in (1..LINES).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(place, (state % place as u64) as usize);
    }
    order.into_iter().map(|next| [next; LINE_WORDS]).collect()
}

impl Reference {
    /// Does all of it once.
    pub(super) fn pace(&mut self) -> Pace {
        // What came before has had the caches; how cold they are is not asked.
        self.walk();
        let begun = Instant::now();
        let own = own_time();
        self.float();
        let floats = own_time();
        self.integer();
        let integers = own_time();
        (0..WALKS).for_each(|_| self.walk());
        let end = own_time();
        let nanos = |from: std::time::Duration, to: std::time::Duration| {
            // A clock that stands still must not make it infinitely fast.
            to.saturating_sub(from).as_nanos().max(1) as f64
        };
        Pace {
            float_ns: nanos(own, floats),
            integer_ns: nanos(floats, integers),
            memory_ns: nanos(integers, end),
            passed_ns: begun.elapsed().as_nanos().max(1) as f64,
        }
    }

    /// Oscillators through filters, mixed.
    fn float(&mut self) {
        for _ in 0..QUANTA {
            let mut mix = [0.0_f32; FRAMES];
            for voice in &mut self.voices {
                for sample in &mut mix {
                    voice.phase += voice.step;
                    if voice.phase >= 1.0 {
                        voice.phase -= 1.0;
                    }
                    let x = 2.0 * voice.phase - 1.0;
                    let wave = 4.0 * x * (1.0 - x.abs());
                    voice.low += 0.1 * voice.band;
                    voice.band += 0.1 * (wave - voice.low - 0.5 * voice.band);
                    *sample += voice.low;
                }
            }
            black_box(&mix);
        }
    }

    /// Decisions that cannot be foreseen, and a table that is read and written.
    fn integer(&mut self) {
        let mut state = self.seed;
        let mut sum = 0_u32;
        for _ in 0..STEPS {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = &mut self.table[(state >> 20) as usize % TABLE];
            match state >> 29 {
                0 | 1 => *place = place.rotate_left(5) ^ state,
                2 => sum = sum.wrapping_add(*place),
                3 => sum ^= place.wrapping_mul(31),
                4 => *place = place.wrapping_sub(sum),
                5 => sum = sum.rotate_right(7),
                _ => sum = sum.wrapping_add(1),
            }
        }
        // From the same place each time: the work is the same.
        black_box(sum);
    }

    /// From line to line, each known only once the one before has come.
    fn walk(&mut self) {
        let mut at = 0;
        for _ in 0..LINES {
            let line = &mut self.lines[at];
            line[1] = line[1].wrapping_add(1);
            at = line[0] as usize % LINES;
        }
        black_box(at);
    }
}

/// By what a figure was timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The thread's own time: what it was kept from its processor does not count.
    Own,
    /// The time that passed.
    Wall,
}

/// The same thing measured several times, and how the machine was beside each.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Samples {
    /// By what they were timed; `None` for what is no time.
    pub clock: Option<Clock>,
    /// In the order in which they were measured.
    pub values: Vec<f64>,
    /// As many, or none.
    pub paces: Vec<Pace>,
}

impl From<Vec<f64>> for Samples {
    fn from(values: Vec<f64>) -> Samples {
        Samples { clock: None, values, paces: Vec::new() }
    }
}

impl Samples {
    /// Timed by the clock on the wall.
    pub fn by_clock(values: Vec<f64>) -> Samples {
        Samples { clock: Some(Clock::Wall), values, paces: Vec::new() }
    }

    /// Timed by a clock, with the pace beside each.
    pub fn paced(clock: Clock, samples: impl IntoIterator<Item = (f64, Pace)>) -> Samples {
        let (values, paces) = samples.into_iter().unzip();
        Samples { clock: Some(clock), values, paces }
    }

    /// The middle one.
    pub fn median(&self) -> Option<f64> {
        super::statistics::median(&self.values)
    }

    /// The same in another unit.
    #[must_use]
    pub fn map(mut self, of: impl Fn(f64) -> f64) -> Samples {
        self.values.iter_mut().for_each(|value| *value = of(*value));
        self
    }

    /// Without what is no number.
    pub(super) fn finite(self) -> Samples {
        if self.values.iter().all(|value| value.is_finite()) {
            return self;
        }
        let Samples { clock, values, paces } = self;
        if paces.is_empty() {
            return Samples { clock, values: values.into_iter().filter(|v| v.is_finite()).collect(), paces };
        }
        let pairs = values.into_iter().zip(paces).filter(|(value, _)| value.is_finite());
        Samples { clock, ..Samples::paced(Clock::Own, pairs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_the_same_work() {
        let mut seen = vec![false; LINES];
        let (lines, mut at) = (round(), 0);
        for _ in 0..LINES {
            assert!(!std::mem::replace(&mut seen[at], true), "the walk comes back early");
            at = lines[at][0] as usize;
        }
        assert_eq!(at, 0, "it ends where it began");
        let mut reference = Reference::default();
        for _ in 0..20 {
            let pace = reference.pace();
            assert!(pace.float_ns > 0.0 && pace.integer_ns > 0.0 && pace.memory_ns > 0.0, "{pace:?}");
        }
    }

    #[test]
    fn what_is_no_number_goes_with_its_pace() {
        let pace = |float_ns| Pace { float_ns, ..Pace::default() };
        let samples =
            Samples::paced(Clock::Wall, [(1.0, pace(1.0)), (f64::NAN, pace(2.0)), (3.0, pace(3.0))]).finite();
        assert_eq!((samples.values, samples.clock), (vec![1.0, 3.0], Some(Clock::Wall)));
        assert_eq!(samples.paces, [pace(1.0), pace(3.0)]);
        assert_eq!(pace(1.0).between(pace(3.0)).float_ns, 2.0);
    }
}
