use super::arrange::TICKS_PER_BEAT;
use super::manner::Manner;
use crate::theory::grammar::End;
use crate::theory::{Chart, Placed, Style};
use crate::unit::Random;

/// Ticks of a bar and of a sixteenth.
pub(super) const BAR_TICKS: u32 = 4 * TICKS_PER_BEAT as u32;
/// Sixteenths of a bar and of an eighth.
pub(super) const BAR_STEPS: u32 = 16;
pub(super) const EIGHTH_STEPS: u32 = 2;

/// How hard and how densely it is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Energy {
    /// Softly, with room.
    Calm,
    /// As the style is.
    Even,
    /// Hard.
    Driving,
}

impl Energy {
    /// What is added to velocities.
    pub(super) const fn push(self) -> i32 {
        match self {
            Energy::Calm => -12,
            Energy::Even => 0,
            Energy::Driving => 8,
        }
    }
}

/// What all players have before them.
pub(super) struct Score<'c> {
    pub chart: &'c Chart,
    /// The chords in their places.
    pub chords: Vec<Placed>,
    pub bars: u32,
    pub manner: Manner,
}

/// A piece of fewer bars has no room for an end: it is a loop.
pub(super) const ENDED_BARS: u32 = 3;

/// A note of a part: where, how long, which key, how hard. In ticks, not yet humanised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Struck {
    pub tick: u32,
    pub ticks: u32,
    pub key: u8,
    pub velocity: i32,
}

impl Score<'_> {
    pub(super) const fn style(&self) -> Style {
        self.chart.style
    }

    /// The chord that sounds at an eighth, and its place in the row.
    pub(super) fn at(&self, eighth: u32) -> usize {
        self.chords.partition_point(|placed| placed.eighth <= eighth).saturating_sub(1)
    }

    /// Where the last chord is struck and for how long it is held, in sixteenths, where the piece comes to an
    /// end: it is let go of in time to die away.
    pub(super) fn last(&self) -> Option<(u32, u32)> {
        let last = self.chords.last().filter(|_| self.comes_to_an_end())?;
        let steps = last.eighths * EIGHTH_STEPS;
        // What is dry is short.
        let held = if self.style() == Style::Funk { steps / 2 } else { steps * 3 / 4 };
        Some((last.eighth * EIGHTH_STEPS, held.max(1)))
    }

    /// Whether its last bar is an end.
    pub(super) fn comes_to_an_end(&self) -> bool {
        self.manner.end == End::Closed && self.bars >= ENDED_BARS
    }

    /// The chord behind a chord; behind the last comes the first.
    pub(super) fn behind(&self, index: usize) -> &Placed {
        &self.chords[(index + 1) % self.chords.len()]
    }

    /// Where a sixteenth of the piece lies, by the style's swing.
    pub(super) fn tick(&self, step: u32) -> u32 {
        let beat = step / 4 * u32::from(TICKS_PER_BEAT);
        let off = self.off_beat();
        beat + match step % 4 {
            0 => 0,
            1 => off / 2,
            2 => off,
            _ => off + (u32::from(TICKS_PER_BEAT) - off) / 2,
        }
    }

    /// A note from a sixteenth to another.
    pub(super) fn note(&self, step: u32, steps: u32, key: u8, velocity: i32) -> Struck {
        let tick = self.tick(step);
        // Notes are a little apart, as fingers leave keys.
        let ticks = (self.tick(step + steps) - tick).saturating_sub(12).max(20);
        Struck { tick, ticks, key, velocity: velocity + self.manner.energy.push() }
    }

    /// Where the eighth off the beat lies. Swing is nearly triplets when slow, and straightens as it
    /// gets fast (Friberg and Sundström, "Swing Ratios and Ensemble Timing in Jazz Performance",
    /// Music Perception 19, 2002).
    fn off_beat(&self) -> u32 {
        let half = u32::from(TICKS_PER_BEAT) / 2;
        match self.style() {
            Style::Swing => {
                let tempo = self.chart.tempo.clamp(120.0, 320.0);
                half + ((320.0 - tempo) * 0.4) as u32
            }
            Style::Blues => half + 78,
            _ => half,
        }
    }
}

/// One of equally likely things.
pub(super) fn pick<T: Copy>(things: &[T], random: &mut Random) -> T {
    things[random.below(things.len() as u64) as usize]
}

/// Whether something of so many in a hundred happens.
pub(super) fn chance(percent: u64, random: &mut Random) -> bool {
    random.below(100) < percent
}

/// The key of a pitch class nearest to another key, within a range of an octave or more.
pub(super) fn nearest(class: u8, to: u8, low: u8, high: u8) -> u8 {
    (low..=high)
        .filter(|key| key % 12 == class % 12)
        .min_by_key(|key| (key.abs_diff(to), *key))
        .unwrap_or(low)
}
