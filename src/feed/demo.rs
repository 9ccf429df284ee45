//! "Responsory": the piece that plays until somebody else does.
//!
//! Written for this engine, as code: a groove in D minor at 96 beats a minute,
//! 36 bars that lead back to their beginning. The chords are voiced by rule,
//! each as near as possible to the one before; velocities vary by a fixed
//! formula. Real-time: no.

mod harmony;
mod melody;
mod rhythm;
mod score;

use midly::num::{u15, u24, u28};
use midly::{Format, Header, MetaMessage, Timing, TrackEvent, TrackEventKind};

use score::Part;

/// Ticks per beat of the file, and in a sixteenth.
const BEAT_TICKS: u16 = 480;
const STEP_TICKS: u32 = 120;
/// Sixteenths in a bar.
const BAR_STEPS: u32 = 16;
const BEATS_PER_MINUTE: u32 = 96;

/// Bars of each section, in order: what leads in, the theme, its variation, the
/// middle, and the theme that leads back.
const LEAD_IN: u32 = 4;
const SECTION: u32 = 8;
/// Bars of the piece.
const BARS: u32 = LEAD_IN + 4 * SECTION;

/// What a bar belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Section {
    LeadIn,
    Theme,
    Variation,
    Middle,
    Return,
}

fn section(bar: u32) -> Section {
    match bar.checked_sub(LEAD_IN).map(|bar| bar / SECTION) {
        None => Section::LeadIn,
        Some(0) => Section::Theme,
        Some(1) => Section::Variation,
        Some(2) => Section::Middle,
        Some(_) => Section::Return,
    }
}

/// Bar within its section.
fn bar_of_section(bar: u32) -> u32 {
    if bar < LEAD_IN { bar } else { (bar - LEAD_IN) % SECTION }
}

/// The piece as a Standard MIDI File of format 1, exactly 90 s long. Real-time: no.
pub fn piece() -> Vec<u8> {
    let mut tracks = vec![conductor()];
    for part in parts() {
        tracks.push(part.into_track(BARS * BAR_STEPS * STEP_TICKS));
    }
    let header = Header::new(Format::Parallel, Timing::Metrical(u15::new(BEAT_TICKS)));
    let mut file = Vec::new();
    // Nothing here comes near the 4 GiB of a chunk, and a Vec takes every write.
    let written = midly::write_std(&header, &tracks, &mut file);
    debug_assert!(written.is_ok(), "{written:?}");
    file
}

fn parts() -> Vec<Part> {
    let chords = harmony::chords();
    vec![
        rhythm::drums(),
        rhythm::bass(&chords),
        harmony::comping(&chords),
        harmony::pad(&chords),
        melody::tune(),
        melody::answer(),
    ]
}

fn conductor() -> Vec<TrackEvent<'static>> {
    let micros = 60_000_000 / BEATS_PER_MINUTE;
    [
        (0, MetaMessage::TrackName(b"Responsory")),
        (0, MetaMessage::TimeSignature(4, 2, 24, 8)),
        (0, MetaMessage::Tempo(u24::new(micros))),
        (BARS * BAR_STEPS * STEP_TICKS, MetaMessage::EndOfTrack),
    ]
    .map(|(delta, meta)| TrackEvent { delta: u28::new(delta), kind: TrackEventKind::Meta(meta) })
    .to_vec()
}

#[cfg(test)]
mod tests;
