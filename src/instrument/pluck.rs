//! The plucked string, kind `pluck`.
//!
//! Extended Karplus–Strong: a pick (`pick`) sets a tuned loop (`string`) in
//! motion; all strings share a wooden body (`body`).

mod body;
mod parameters;
mod pick;
mod string;
mod voice;

use body::Body;
use parameters::{
    BEND_SEMITONES, BODY, BRIGHTNESS, DAMPING, DECAY_SECONDS, PARAMETERS, PICK_POSITION, RELEASE_SECONDS,
    Touch,
};
use voice::{PluckVoice, Strike};

use super::channel::{Channel, Request};
use super::voice_pool::{Note, VoicePool};
use super::zones::Zones;
use crate::midi::{Event, EventKind, Message};
use crate::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, RAMP_SECONDS, Role, Settings, Status,
    StreamFormat, change, segments,
};
use crate::unit::{QUANTUM_FRAMES, SampleRate};

const CHANNELS: usize = 16;

/// `kind = "pluck"`: a polyphonic plucked string. Real-time: yes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PluckKind;

impl Kind for PluckKind {
    fn name(&self) -> &'static str {
        "pluck"
    }

    fn role(&self) -> Role {
        Role::Instrument
    }

    fn summary(&self) -> &'static str {
        "plucked strings on a wooden body, exactly in tune"
    }

    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Ok(Box::new(Pluck::new(settings, format)))
    }
}

/// What a rig set, for `reset`.
#[derive(Clone, Copy)]
struct Prepared {
    touch: Touch,
    body: f32,
    bend_semitones: f32,
    mpe: usize,
}

/// The processor of a `pluck`. Real-time: yes, after `new`.
struct Pluck {
    rate: SampleRate,
    seed: u64,
    prepared: Prepared,
    touch: Touch,
    /// The touch is another since the last tick.
    changed: bool,
    channels: [Channel; CHANNELS],
    zones: Zones,
    pool: VoicePool<PluckVoice>,
    body: Body,
    struck: u64,
    /// The channels' gains of the segment, left and right.
    gains: [[[f32; QUANTUM_FRAMES]; 2]; CHANNELS],
    ramp_frames: u32,
}

impl Pluck {
    fn new(settings: &Settings, format: StreamFormat) -> Pluck {
        let number = |name| settings.number(PARAMETERS, name);
        let prepared = Prepared {
            touch: Touch::new(settings),
            body: number("body") as f32,
            bend_semitones: number("bend_semitones") as f32,
            mpe: settings.choice(PARAMETERS, "mpe"),
        };
        let mut channels = std::array::from_fn(|_| Channel::new(format.rate, prepared.bend_semitones));
        let zones = Zones::of_choice(prepared.mpe, &mut channels, format.rate);
        Pluck {
            rate: format.rate,
            seed: format.seed,
            prepared,
            touch: prepared.touch,
            changed: false,
            channels,
            zones,
            pool: VoicePool::new(number("voices") as usize, PluckVoice::idle(format.rate)),
            body: Body::new(format.rate, prepared.body),
            struck: 0,
            gains: [[[0.0; QUANTUM_FRAMES]; 2]; CHANNELS],
            ramp_frames: format.rate.frames(RAMP_SECONDS) as u32,
        }
    }

    fn tick(&mut self) {
        self.channels.iter_mut().for_each(Channel::tick);
        let changed = std::mem::take(&mut self.changed);
        let (touch, channels) = (&self.touch, &self.channels);
        self.pool.for_each(|note, voice| {
            voice.tick(touch, changed, &channels[usize::from(note.channel)]);
        });
    }

    fn handle(&mut self, event: &Event) {
        match event.kind() {
            Some(EventKind::Midi(message)) => self.play(event, message),
            Some(EventKind::Parameter { .. }) => self.turn(event),
            Some(EventKind::Reset) => self.end_source(event.source),
            Some(EventKind::Sysex { .. }) | None => {}
        }
    }

    fn play(&mut self, event: &Event, message: Message) {
        let note = |channel, key| Note { id: event.note, source: event.source, channel, key };
        match message {
            Message::NoteOn { channel, key, velocity } => {
                self.struck += 1;
                let strike = Strike { key, velocity, seed: self.seed.wrapping_add(self.struck) };
                let (touch, state) = (&self.touch, &self.channels[usize::from(channel)]);
                self.pool.start_with(note(channel, key), |voice| voice.begin(strike, touch, state));
            }
            Message::NoteOff { channel, key, .. } => {
                let pedal = self.channels[usize::from(channel)].sustain();
                self.pool.note_off(&note(channel, key), pedal);
            }
            Message::ControlChange { channel, controller, value } => {
                self.control(event.source, channel, controller, value);
            }
            Message::PitchBend { channel, value } => {
                self.channels[usize::from(channel)].bend(value);
                self.share(channel);
            }
            Message::PolyPressure { .. }
            | Message::ProgramChange { .. }
            | Message::ChannelPressure { .. }
            | Message::System { .. } => {}
        }
    }

    fn control(&mut self, source: u16, channel: u8, number: u8, value: u8) {
        for hearer in self.zones.hearers_of_control(channel, number).channels() {
            self.control_one(source, hearer, number, value);
        }
        if self.zones.is_master(channel) {
            self.share(channel);
        }
    }

    /// What a master adds to its members goes to them.
    fn share(&mut self, channel: u8) {
        self.zones.share(channel, &mut self.channels);
        self.zones.hearers(channel).channels().for_each(|channel| self.settle(channel));
    }

    /// An MPE zone begins or ends: what sounds on its channels is let go.
    fn set_zone(&mut self, master: u8, members: u8) {
        let changed = self.zones.configure(master, members, &mut self.channels, self.rate);
        for channel in changed.channels() {
            self.pool.sostenuto_up(channel, false);
            self.pool.all_notes_off(channel, false);
            self.settle(channel);
        }
    }

    fn control_one(&mut self, source: u16, channel: u8, number: u8, value: u8) {
        let state = &mut self.channels[usize::from(channel)];
        let request = state.control(source, number, value);
        let pedal = state.sustain();
        match request {
            Request::None => {}
            Request::PedalUp => self.pool.pedal_up(channel),
            Request::SostenutoDown => self.pool.sostenuto_down(channel),
            Request::SostenutoUp => self.pool.sostenuto_up(channel, pedal),
            Request::AllSoundOff => self.pool.all_sound_off(channel),
            Request::AllNotesOff => self.pool.all_notes_off(channel, pedal),
            Request::Reset => self.pool.sostenuto_up(channel, false),
            Request::Zone(members) => self.set_zone(channel, members),
        }
        self.settle(channel);
    }

    /// A silent channel needs no smoothing: its next note begins as told.
    fn settle(&mut self, channel: u8) {
        if !self.pool.sounds_on(channel) {
            self.channels[usize::from(channel)].snap();
        }
    }

    fn turn(&mut self, event: &Event) {
        let Some((index, value)) = change(PARAMETERS, event) else { return };
        match index {
            DAMPING => self.touch.damping = value,
            PICK_POSITION => self.touch.pick_position = value,
            BRIGHTNESS => self.touch.brightness = value,
            DECAY_SECONDS => self.touch.decay_seconds = value,
            RELEASE_SECONDS => self.touch.release_seconds = value,
            BODY => self.body.go(value, self.ramp_frames),
            BEND_SEMITONES => {
                self.channels.iter_mut().for_each(|channel| channel.set_bend_range(value));
            }
            _ => {}
        }
        self.changed |= matches!(index, DAMPING | DECAY_SECONDS);
    }

    fn end_source(&mut self, source: u16) {
        self.pool.end_source(source);
        for channel in 0..CHANNELS as u8 {
            let state = &mut self.channels[usize::from(channel)];
            if state.end_source(source) {
                let pedal = state.sustain();
                self.pool.sostenuto_up(channel, pedal);
            }
        }
    }

    fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        let frames = left.len();
        for (channel, [left, right]) in self.channels.iter_mut().zip(&mut self.gains) {
            channel.gains(&mut left[..frames], &mut right[..frames]);
        }
        let gains = &self.gains;
        self.pool.for_each(|note, voice| {
            let [own_left, own_right] = &gains[usize::from(note.channel)];
            voice.render([&own_left[..frames], &own_right[..frames]], left, right);
        });
        self.pool.sweep();
        self.body.process(left, right);
    }
}

impl Processor for Pluck {
    fn reset(&mut self) {
        let Prepared { touch, body, bend_semitones, mpe } = self.prepared;
        let rate = self.rate;
        self.pool.clear();
        self.channels = std::array::from_fn(|_| Channel::new(rate, bend_semitones));
        self.zones = Zones::of_choice(mpe, &mut self.channels, rate);
        self.touch = touch;
        self.changed = false;
        self.body = Body::new(rate, body);
        self.struck = 0;
    }

    fn process(&mut self, context: &Context<'_>, _input: Input<'_>, output: &mut Block<'_>) -> Status {
        output.clear();
        if context.is_tick() {
            self.tick();
        }
        for segment in segments(context, output.frames()) {
            for event in segment.events {
                self.handle(event);
            }
            let range = segment.range;
            self.render(&mut output.left[range.clone()], &mut output.right[range]);
        }
        if self.pool.is_empty() && self.body.is_still() { Status::Silent } else { Status::Active }
    }

    fn voices(&self) -> u32 {
        self.pool.count() as u32
    }
}
