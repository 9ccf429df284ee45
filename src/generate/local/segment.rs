use super::arrange::{TICKS_PER_BEAT, notes};
use super::manner::Manner;
use super::{CHART, PLAYING, Settings};
use crate::theory::Style;
use crate::theory::grammar::{self, End};
use crate::unit::Random;

/// Some bars of endless music, as timed MIDI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// How many bars of 4/4 it lasts: the same for every segment of the same settings.
    pub bars: u32,
    /// Ticks in a beat.
    pub ticks_per_beat: u16,
    /// Note-ons and note-offs with their channels (wire numbers: 0 comping, 1 bass, 2 pad, 9 drums), in
    /// order of ticks, releases first. Every note ends within the segment, at its last tick at the latest.
    pub events: Vec<(u32, [u8; 3])>,
}

/// A section of the form, and a blues's chorus.
const SECTION_BARS: u32 = 8;
const CHORUS_BARS: u32 = 12;
/// Parts of the seed.
const SECTIONS: u64 = 0x5e6e_0000;

/// The segment of a number, from 0 without an end, of what the settings and the seed (beside that of the
/// settings) come to. Pure: any segment may be asked for at any time, and is always the same.
///
/// One follows the other: each begins at home and ends with a cadence that leads there. Their chords are
/// A A B A, with another B each time; no two are played the same.
pub fn segment(settings: &Settings, seed: u64, index: u64) -> Segment {
    let bars = if settings.style == Style::Blues { CHORUS_BARS } else { SECTION_BARS };
    let seed = Random::split(settings.seed, seed).draw();
    let section = if index % 4 == 2 { 1 + index / 4 } else { 0 };
    let mut random = Random::split(seed ^ CHART, SECTIONS.wrapping_add(section));
    let chart = grammar::compose(settings.key, settings.style, settings.tempo, bars, End::Open, &mut random);
    let playing = Random::split(seed ^ PLAYING, index).draw();
    let mut events: Vec<(u32, [u8; 3])> = Vec::new();
    let manner = Manner { end: End::Open, ..settings.manner };
    for note in notes(&chart, manner, playing, bars) {
        events.push((note.tick, [0x90 | note.channel, note.key, note.velocity]));
        events.push((note.tick + note.ticks, [0x80 | note.channel, note.key, 64]));
    }
    // A release before a strike: of 0x8n and 0x9n the lower is the release.
    events.sort_by_key(|(tick, bytes)| (*tick, bytes[0] & 0xf0, bytes[0], bytes[1]));
    Segment { bars, ticks_per_beat: TICKS_PER_BEAT, events }
}
