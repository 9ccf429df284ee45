use midly::num::{u4, u7, u28};
use midly::{MetaMessage, MidiMessage, TrackEvent, TrackEventKind};

use super::{BAR_STEPS, STEP_TICKS};

/// How much later the second sixteenth of a pair comes: a light swing.
const SWING_TICKS: u32 = 12;
/// Between the end of a note and the next of its key.
const BREATH_TICKS: u32 = 10;

/// One line of the score, on a channel of its own.
pub(super) struct Part {
    name: &'static str,
    channel: u8,
    /// (tick, 0 for releases so that they come first, event).
    events: Vec<(u32, u8, MidiMessage)>,
    notes: u32,
}

impl Part {
    /// A part with a sound (a General MIDI program), a volume and a place from
    /// left (0) to right (127). Channels count from 0.
    pub fn new(name: &'static str, channel: u8, program: u8, volume: u8, pan: u8) -> Part {
        let mut part = Part { name, channel, events: Vec::new(), notes: 0 };
        part.program(0, program);
        part.controller(7, volume);
        part.controller(10, pan);
        part
    }

    fn controller(&mut self, controller: u8, value: u8) {
        let message = MidiMessage::Controller { controller: u7::new(controller), value: u7::new(value) };
        self.events.push((0, 1, message));
    }

    /// Another sound from a bar on.
    pub fn program(&mut self, bar: u32, program: u8) {
        let message = MidiMessage::ProgramChange { program: u7::new(program) };
        self.events.push((bar * BAR_STEPS * STEP_TICKS, 1, message));
    }

    /// A note that begins on a sixteenth of a bar and lasts some.
    pub fn note(&mut self, bar: u32, step: u32, steps: u32, key: u8, velocity: u8) {
        let at = |step: u32| step * STEP_TICKS + (step % 2) * SWING_TICKS;
        let begin = at(bar * BAR_STEPS + step);
        let end = at(bar * BAR_STEPS + step + steps) - BREATH_TICKS;
        // A spread of nine steps that no ear takes for a pattern.
        let human = (self.notes * 37 + step * 5) % 9;
        self.notes += 1;
        let velocity = (u32::from(velocity) + human).saturating_sub(4).clamp(1, 127) as u8;
        let key = u7::new(key);
        self.events.push((begin, 2, MidiMessage::NoteOn { key, vel: u7::new(velocity) }));
        self.events.push((end, 0, MidiMessage::NoteOff { key, vel: u7::new(64) }));
    }

    /// In the order of time, ended at a tick.
    pub fn into_track(mut self, end_tick: u32) -> Vec<TrackEvent<'static>> {
        self.events.sort_by_key(|(tick, rank, _)| (*tick, *rank));
        let mut track = Vec::with_capacity(self.events.len() + 2);
        let name = MetaMessage::TrackName(self.name.as_bytes());
        track.push(TrackEvent { delta: u28::new(0), kind: TrackEventKind::Meta(name) });
        let mut now = 0;
        for (tick, _, message) in self.events {
            let kind = TrackEventKind::Midi { channel: u4::new(self.channel), message };
            track.push(TrackEvent { delta: u28::new(tick - now), kind });
            now = tick;
        }
        let end = TrackEventKind::Meta(MetaMessage::EndOfTrack);
        track.push(TrackEvent { delta: u28::new(end_tick.saturating_sub(now)), kind: end });
        track
    }
}
