//! The polyphonic subtractive synth, kind `synth`.
//!
//! Two band-limited oscillators in unison, a sub and noise, through a
//! state-variable filter, shaped by two envelopes and an LFO (`voice`). What a
//! note sounds like is a patch; the presets are patches, and a rig's keys are
//! set over all of them.

mod gm;
mod parameters;
mod patch;
mod presets;
mod voice;

use parameters::{Id, Overrides, PARAMETERS};
use patch::Patch;
use presets::PRESETS;
use voice::{Common, Strike, SynthVoice};

use super::channel::{Channel, Request};
use super::kit::Kit;
use super::voice_pool::{Note, VoicePool};
use super::zones::Zones;
use crate::midi::{Event, EventKind, Message};
use crate::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, Role, Settings, Status, StreamFormat,
    segments,
};
use crate::unit::QUANTUM_FRAMES;

const CHANNELS: usize = 16;

/// The kind `synth`. Real-time: yes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SynthKind;

impl Kind for SynthKind {
    fn name(&self) -> &'static str {
        "synth"
    }

    fn role(&self) -> Role {
        Role::Instrument
    }

    fn summary(&self) -> &'static str {
        "polyphonic subtractive synth with presets for every General MIDI family"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn prepare(&self, settings: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Ok(Box::new(Synth::new(settings, format)))
    }
}

/// The processor of a `synth`. Real-time: yes, after `new`.
struct Synth {
    common: Common,
    seed: u64,
    /// What the rig set, and what that has become by parameter events.
    given: Overrides,
    overrides: Overrides,
    /// All presets, with the rig's keys set over them.
    patches: [Patch; PRESETS.len()],
    /// The preset's place: what channels play that no program change has reached.
    preset: usize,
    hears_programs: bool,
    bend_semitones: f32,
    channels: [Channel; CHANNELS],
    /// What `mpe` says, and the zones that go.
    mpe: usize,
    zones: Zones,
    sounds: [Sound; CHANNELS],
    last_keys: [Option<f32>; CHANNELS],
    pool: VoicePool<SynthVoice>,
    kit: Kit,
    struck: u64,
    /// The channels' gains of the segment, left and right.
    gains: [[[f32; QUANTUM_FRAMES]; 2]; CHANNELS],
}

/// What a channel plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sound {
    /// The patch of this place.
    Patch(u8),
    Kit,
}

/// What each channel plays before any program change.
fn sounds_at_rest(preset: usize) -> [Sound; CHANNELS] {
    std::array::from_fn(|channel| match preset {
        parameters::KIT => Sound::Kit,
        parameters::GM if channel == gm::DRUM_CHANNEL => Sound::Kit,
        parameters::GM => Sound::Patch(gm::preset_of_program(0) as u8),
        preset => Sound::Patch(preset as u8),
    })
}

/// The same, where members of a zone play what their master does.
fn sounds_in(zones: Zones, preset: usize) -> [Sound; CHANNELS] {
    let sounds = sounds_at_rest(preset);
    std::array::from_fn(|channel| {
        sounds[usize::from(zones.master_of(channel as u8).unwrap_or(channel as u8))]
    })
}

impl Synth {
    fn new(settings: &Settings, format: StreamFormat) -> Synth {
        let number = |id: Id| settings.number(&PARAMETERS, id.parameter().name);
        let choice = |id: Id| settings.choice(&PARAMETERS, id.parameter().name);
        let common = Common::new(format.rate);
        let overrides = Overrides::new(settings);
        let bend_semitones = number(Id::BendSemitones) as f32;
        let preset = choice(Id::Preset);
        let voices = number(Id::Voices) as usize;
        let mpe = choice(Id::Mpe);
        let mut channels = std::array::from_fn(|_| Channel::new(format.rate, bend_semitones));
        let zones = Zones::of_choice(mpe, &mut channels, format.rate);
        Synth {
            common,
            seed: format.seed,
            given: overrides,
            overrides,
            patches: PRESETS.map(|preset| overrides.apply(&preset)),
            preset,
            hears_programs: choice(Id::Programs) == 0,
            bend_semitones,
            channels,
            mpe,
            zones,
            sounds: sounds_in(zones, preset),
            last_keys: [None; CHANNELS],
            pool: VoicePool::new(voices, SynthVoice::idle(common)),
            kit: Kit::new(format.rate, voices),
            struck: 0,
            gains: [[[0.0; QUANTUM_FRAMES]; 2]; CHANNELS],
        }
    }

    fn tick(&mut self) {
        for channel in &mut self.channels {
            channel.tick();
        }
        self.kit.tick();
        let (patches, channels) = (&self.patches, &self.channels);
        self.pool.for_each(|note, voice| {
            voice.tick(&patches[usize::from(voice.patch)], &channels[usize::from(note.channel)]);
        });
    }

    fn handle(&mut self, event: &Event) {
        match event.kind() {
            Some(EventKind::Midi(message)) => self.play(event, message),
            Some(EventKind::Parameter { index, value }) => self.set(index, value),
            Some(EventKind::Reset) => self.end_source(event.source),
            Some(EventKind::Sysex { .. }) | None => {}
        }
    }

    fn play(&mut self, event: &Event, message: Message) {
        let note = |channel, key| Note { id: event.note, source: event.source, channel, key };
        match message {
            Message::NoteOn { channel, key, velocity } => self.strike(note(channel, key), velocity),
            Message::NoteOff { channel, key, .. } => {
                let pedal = self.channels[usize::from(channel)].sustain();
                self.pool.note_off(&note(channel, key), pedal);
                self.kit.pool().note_off(&note(channel, key), pedal);
            }
            Message::PolyPressure { channel, key, pressure } => {
                self.pool.for_each_meant(&note(channel, key), |voice| voice.press(pressure));
            }
            Message::ControlChange { channel, controller, value } => {
                self.control(event.source, channel, controller, value);
            }
            Message::ProgramChange { channel, program } => {
                for channel in self.zones.hearers(channel).channels() {
                    let sound = &mut self.sounds[usize::from(channel)];
                    if self.hears_programs && *sound != Sound::Kit {
                        *sound = Sound::Patch(gm::preset_of_program(program) as u8);
                    }
                }
            }
            Message::ChannelPressure { channel, pressure } => {
                self.channels[usize::from(channel)].press(pressure);
                self.share(channel);
            }
            Message::PitchBend { channel, value } => {
                self.channels[usize::from(channel)].bend(value);
                self.share(channel);
            }
            Message::System { .. } => {}
        }
    }

    fn strike(&mut self, note: Note, velocity: u8) {
        let place = usize::from(note.channel);
        self.struck += 1;
        let seed = self.seed.wrapping_add(self.struck);
        let Sound::Patch(patch) = self.sounds[place] else {
            self.kit.strike(note, velocity, seed);
            return;
        };
        let strike = Strike { key: note.key, velocity, from_key: self.last_keys[place], seed, patch };
        self.last_keys[place] = Some(f32::from(note.key));
        let patch = &self.patches[usize::from(patch)];
        let voice = SynthVoice::start(self.common, &strike, patch, &self.channels[place]);
        self.pool.start(note, voice);
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
        let rate = self.common.rate;
        let changed = self.zones.configure(master, members, &mut self.channels, rate);
        let sounds = sounds_in(self.zones, self.preset);
        for channel in changed.channels() {
            self.pool.sostenuto_up(channel, false);
            self.pool.all_notes_off(channel, false);
            let place = usize::from(channel);
            // A master keeps its program, and its members take it.
            self.sounds[place] = match self.zones.master_of(channel) {
                Some(master) => self.sounds[usize::from(master)],
                None if channel == master || self.zones.is_master(channel) => self.sounds[place],
                None => sounds[place],
            };
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
            Request::AllSoundOff => {
                self.pool.all_sound_off(channel);
                self.kit.pool().all_sound_off(channel);
            }
            Request::AllNotesOff => self.pool.all_notes_off(channel, pedal),
            Request::Reset => self.pool.sostenuto_up(channel, false),
            Request::Zone(members) => self.set_zone(channel, members),
        }
        self.settle(channel);
    }

    /// A silent channel needs no smoothing: its next note begins as told.
    fn settle(&mut self, channel: u8) {
        if !self.pool.sounds_on(channel) && !self.kit.sounds_on(channel) {
            self.channels[usize::from(channel)].snap();
        }
    }

    fn set(&mut self, index: u16, value: f32) {
        let Some(id) = Id::of(index) else { return };
        let Some(value) = self.overrides.set(id, value) else { return };
        if id == Id::BendSemitones {
            self.channels.iter_mut().for_each(|channel| channel.set_bend_range(value));
        }
        self.tune();
        let patches = &self.patches;
        self.pool.for_each(|_, voice| voice.change(&patches[usize::from(voice.patch)]));
    }

    /// Sets what is set over each preset, where the patches stand.
    fn tune(&mut self) {
        for (patch, preset) in self.patches.iter_mut().zip(&PRESETS) {
            *patch = self.overrides.apply(preset);
        }
    }

    fn end_source(&mut self, source: u16) {
        self.pool.end_source(source);
        for channel in 0..CHANNELS as u8 {
            let state = &mut self.channels[usize::from(channel)];
            if state.end_source(source) {
                if state.sostenuto() {
                    // Another source's pedal keeps what it caught.
                    self.pool.pedal_up(channel);
                } else {
                    self.pool.sostenuto_up(channel, state.sustain());
                }
            }
        }
    }

    fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        let frames = left.len();
        for (channel, [left, right]) in self.channels.iter_mut().zip(&mut self.gains) {
            channel.gains(&mut left[..frames], &mut right[..frames]);
        }
        let (patches, gains) = (&self.patches, &self.gains);
        self.pool.for_each(|note, voice| {
            let [own_left, own_right] = &gains[usize::from(note.channel)];
            let gains = [&own_left[..frames], &own_right[..frames]];
            voice.render(&patches[usize::from(voice.patch)], gains, left, right);
        });
        self.pool.sweep();
        self.kit.render(gains, left, right);
    }
}

impl Processor for Synth {
    fn reset(&mut self) {
        let (rate, bend) = (self.common.rate, self.bend_semitones);
        self.overrides = self.given;
        self.tune();
        self.pool.clear();
        self.kit.pool().clear();
        self.channels = std::array::from_fn(|_| Channel::new(rate, bend));
        self.zones = Zones::of_choice(self.mpe, &mut self.channels, rate);
        self.sounds = sounds_in(self.zones, self.preset);
        self.last_keys = [None; CHANNELS];
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
        if self.pool.is_empty() && self.kit.is_empty() { Status::Silent } else { Status::Active }
    }

    fn voices(&self) -> u32 {
        (self.pool.count() + self.kit.count()) as u32
    }
}
