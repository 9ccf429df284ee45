//! MIDI files made on the spot.

use std::path::Path;

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

/// Writes one key held for so many milliseconds, from 0, on channel 1.
pub fn hold_key(path: &Path, key: u8, millis: u32) {
    // 1000 ticks a beat at 60 beats a minute: a tick is a millisecond.
    let mut smf = Smf::new(Header::new(Format::SingleTrack, Timing::Metrical(u15::new(1_000))));
    let event = |delta: u32, message| TrackEvent {
        delta: u28::new(delta),
        kind: TrackEventKind::Midi { channel: u4::new(0), message },
    };
    let meta = |message| TrackEvent { delta: u28::new(0), kind: TrackEventKind::Meta(message) };
    smf.tracks.push(vec![
        meta(MetaMessage::Tempo(u24::new(1_000_000))),
        event(0, MidiMessage::NoteOn { key: u7::new(key), vel: u7::new(100) }),
        event(millis, MidiMessage::NoteOff { key: u7::new(key), vel: u7::new(64) }),
        meta(MetaMessage::EndOfTrack),
    ]);
    smf.save(path).expect("the score is written");
}
