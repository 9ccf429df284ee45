use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Timing, TrackEvent, TrackEventKind};

use super::arrange::{Note, TICKS_PER_BEAT};
use super::lineup::{Lineup, Top};
use super::part::BAR_TICKS;
use crate::theory::{Chart, Style};

/// A player's track: its name, channel, General MIDI program, volume and place.
struct Player {
    name: &'static str,
    channel: u8,
    program: u8,
    volume: u8,
    pan: u8,
}

/// The volume at which a program of the comping is as loud as the others are.
const fn comping_volume(program: u8) -> u8 {
    match program {
        0..=3 => 100,
        16..=23 => 72,
        24..=31 => 108,
        _ => 92,
    }
}

/// That of a tune and of a pad.
const fn top_volume(program: u8) -> u8 {
    match program {
        8..=15 => 108,
        40..=55 => 84,
        88..=103 => 88,
        _ => 96,
    }
}

fn players(style: Style, lineup: Lineup) -> [Player; 4] {
    // Electric piano, guitar, organ and clavinet; then vibraphone, saxophone, strings and a warm pad.
    let comping = lineup.comping_program.unwrap_or(match style {
        Style::Swing | Style::Ballad => 4,
        Style::Bossa => 24,
        Style::Blues => 16,
        Style::Pop => 0,
        Style::Funk => 7,
    });
    let volume = comping_volume(comping);
    let is_tune = match lineup.top {
        Top::Usual => matches!(style, Style::Swing | Style::Blues),
        top => top == Top::Tune,
    };
    let top = lineup.top_program.unwrap_or(match (is_tune, style) {
        (true, Style::Blues | Style::Funk) => 66,
        (true, Style::Bossa | Style::Ballad) => 73,
        (true, _) => 11,
        (false, Style::Bossa) => 89,
        (false, _) => 48,
    });
    let (name, loud) = (if is_tune { "Tune" } else { "Pad" }, top_volume(top));
    let bass = match style {
        Style::Swing | Style::Bossa | Style::Ballad => 32,
        _ => 33,
    };
    [
        Player { name: "Comping", channel: 0, program: comping, volume, pan: 54 },
        Player { name: "Bass", channel: 1, program: bass, volume: 104, pan: 64 },
        Player { name, channel: 2, program: top, volume: loud, pan: 76 },
        Player { name: "Drums", channel: 9, program: 0, volume: 104, pan: 64 },
    ]
}

/// A track in the making: (tick, rank at one tick, event).
type Rows<'t> = Vec<(u32, u8, TrackEventKind<'t>)>;

fn track<'t>(mut rows: Rows<'t>, end_tick: u32) -> Vec<TrackEvent<'t>> {
    rows.sort_by_key(|(tick, rank, _)| (*tick, *rank));
    rows.push((end_tick, u8::MAX, TrackEventKind::Meta(MetaMessage::EndOfTrack)));
    let mut now = 0;
    let event = |(tick, _, kind): (u32, u8, TrackEventKind<'t>)| {
        let delta = u28::new(tick.saturating_sub(now));
        now = tick;
        TrackEvent { delta, kind }
    };
    rows.into_iter().map(event).collect()
}

/// An arrangement as a Standard MIDI File of format 1, which ends with its last bar.
pub(super) fn write(chart: &Chart, lineup: Lineup, bars: u32, notes: &[Note]) -> Vec<u8> {
    let end_tick = bars * BAR_TICKS;
    let markers: Vec<(u32, String)> = chart
        .placed(bars)
        .iter()
        .map(|placed| (placed.eighth * u32::from(TICKS_PER_BEAT) / 2, placed.chord.to_string()))
        .collect();
    let meta = |tick, meta| (tick, 0, TrackEventKind::Meta(meta));
    let micros = libm::round(60_000_000.0 / chart.tempo) as u32;
    let name = chart.title.as_deref().unwrap_or("Chart");
    let mut rows: Rows = vec![
        meta(0, MetaMessage::TrackName(name.as_bytes())),
        meta(0, MetaMessage::TimeSignature(4, 2, 24, 8)),
        meta(0, MetaMessage::KeySignature(chart.key.signature(), chart.key.is_minor())),
        meta(0, MetaMessage::Tempo(u24::new(micros))),
    ];
    rows.extend(markers.iter().map(|(tick, chord)| meta(*tick, MetaMessage::Marker(chord.as_bytes()))));
    let mut tracks = vec![track(rows, end_tick)];
    for player in players(chart.style, lineup) {
        let channel = u4::new(player.channel);
        let event = |tick, rank, message| (tick, rank, TrackEventKind::Midi { channel, message });
        let control = |controller, value| {
            event(0, 1, MidiMessage::Controller { controller: u7::new(controller), value: u7::new(value) })
        };
        let mut own = notes.iter().filter(|note| note.channel == player.channel).peekable();
        if own.peek().is_none() {
            continue;
        }
        let mut rows: Rows = vec![
            meta(0, MetaMessage::TrackName(player.name.as_bytes())),
            event(0, 1, MidiMessage::ProgramChange { program: u7::new(player.program) }),
            control(7, player.volume),
            control(10, player.pan),
        ];
        for note in own {
            let (key, vel) = (u7::new(note.key), u7::new(note.velocity));
            rows.push(event(note.tick, 3, MidiMessage::NoteOn { key, vel }));
            rows.push(event(note.tick + note.ticks, 2, MidiMessage::NoteOff { key, vel: u7::new(64) }));
        }
        tracks.push(track(rows, end_tick));
    }
    let header = Header::new(Format::Parallel, Timing::Metrical(u15::new(TICKS_PER_BEAT)));
    let mut file = Vec::with_capacity(10 * notes.len() + 512);
    // A few hundred bars come nowhere near the 4 GiB of a chunk, and a Vec takes every write.
    let written = midly::write_std(&header, &tracks, &mut file);
    debug_assert!(written.is_ok(), "{written:?}");
    file
}
