//! The load that voices are counted by: as many as one likes of the `synth` with
//! its own default sound, all through one reverb.
//!
//! Every voice sounds all the time. A key is let go and struck again once a second,
//! each voice at a moment of its own, so that callbacks bear strikes as evenly as
//! voices. The instruments have no voice to spare: what is let go is stolen by what
//! is struck, and the count stays the same.

use std::fmt::Write;

use crate::engine::NamedScore;
use crate::midi::file::{Body, Score, ScoreEvent};
use crate::route::NoteTable;
use crate::transport::TempoMap;

/// Voices of an instrument.
const VOICES_EACH: u32 = 64;
/// Channels of a MIDI port: an instrument each.
const CHANNELS: u32 = 16;
/// The middle of the keys that are played.
const MIDDLE_KEY: u32 = 64;
const VELOCITY: u8 = 80;

/// Ticks of a beat; at the 120 beats a minute of a file that names no tempo, a
/// tick is a frame at 48 kHz.
const BEAT_TICKS: u16 = 24_000;
const SECOND_TICKS: u64 = 2 * BEAT_TICKS as u64;
/// A voice is struck again after so long.
const PERIOD_TICKS: u64 = SECOND_TICKS;
/// In so long the first strikes come one after the other.
const ONSET_TICKS: u64 = SECOND_TICKS / 4;

/// So many voices, all of which sound from [`ONSET_SECONDS`](Load::ONSET_SECONDS) on. Real-time: no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    voices: u32,
}

impl Load {
    /// The most voices: so many notes can be held at once.
    pub const VOICES_AT_MOST: u32 = NoteTable::CAPACITY as u32;
    /// From then on all voices sound.
    pub const ONSET_SECONDS: f64 = 0.25;
    /// Stages behind the instruments: the reverb.
    pub const STAGES: u32 = 1;
    /// What plays, in words.
    pub const SOUND: &'static str = "synth (keys) through one reverb";

    /// A load of so many voices, at least one and at most what the engine can hold.
    pub fn new(voices: u32) -> Load {
        Load { voices: voices.clamp(1, Load::VOICES_AT_MOST) }
    }

    /// Voices that sound at once.
    pub fn voices(self) -> u32 {
        self.voices
    }

    /// Instruments that they are shared by.
    pub fn instruments(self) -> u32 {
        self.voices.div_ceil(VOICES_EACH)
    }

    fn voices_of(self, instrument: u32) -> u32 {
        let (each, more) = (self.voices / self.instruments(), self.voices % self.instruments());
        each + u32::from(instrument < more)
    }

    fn ports(self) -> u32 {
        self.instruments().div_ceil(CHANNELS)
    }

    /// The rig, as a musician would write it. No gear fills its MIDI inputs, and what
    /// reaches the output is 60 dB down: it is played to be measured, not to be heard.
    pub fn rig(self) -> String {
        let mut rig = String::from("name = \"Load\"\n[engine]\nblack_box_minutes = 0\n");
        for port in 0..self.ports() {
            let _ = writeln!(rig, "[midi.keys{port}]\nin = \"antiphon: the load of a measurement\"");
        }
        // So many at once are louder than one, and no gain may be lower than this.
        let gain = (-10.0 * f64::from(self.voices).log10() - 6.0).max(-60.0);
        for instrument in 0..self.instruments() {
            let voices = self.voices_of(instrument);
            let (port, channel) = (instrument / CHANNELS, instrument % CHANNELS + 1);
            let _ = writeln!(
                rig,
                "[instrument.synth{instrument}]\nkind = \"synth\"\npreset = \"keys\"\nvoices = {voices}\ngain = {gain:.1}\n\
                 [[cable]]\nfrom = \"keys{port}\"\nto = \"synth{instrument}\"\nfrom_channel = {channel}\n\
                 [[cable]]\nfrom = \"synth{instrument}\"\nto = \"room\""
            );
        }
        rig.push_str(
            "[stage.room]\nkind = \"reverb\"\n[[cable]]\nfrom = \"room\"\nto = \"out\"\ngain = -60.0\n",
        );
        rig
    }

    /// What is played into it for so long, a score for each MIDI input.
    pub fn scores(self, seconds: f64) -> Vec<NamedScore> {
        let end_tick = (seconds * SECOND_TICKS as f64) as u64;
        let mut events = vec![Vec::new(); self.ports() as usize];
        for voice in 0..self.voices {
            // Neighbours in time are in different instruments.
            let instrument = voice % self.instruments();
            let key = MIDDLE_KEY - self.voices_of(instrument) / 2 + voice / self.instruments();
            let channel = instrument % CHANNELS;
            let events = &mut events[(instrument / CHANNELS) as usize];
            let mut message = |tick, status: u32, velocity| {
                let bytes = [(status | channel) as u8, key as u8, velocity];
                events.push(ScoreEvent { tick, body: Body::Message { bytes, length: 3 } });
            };
            let place = |ticks: u64| ticks * u64::from(voice) / u64::from(self.voices);
            message(place(ONSET_TICKS), 0x90, VELOCITY);
            let mut tick = ONSET_TICKS + place(PERIOD_TICKS);
            while tick < end_tick {
                message(tick, 0x80, 64);
                message(tick, 0x90, VELOCITY);
                tick += PERIOD_TICKS;
            }
        }
        let named = |(port, mut events): (usize, Vec<ScoreEvent>)| {
            events.sort_by_key(|event| event.tick);
            // PANIC: a division of 24,000 without changes of tempo is one.
            let tempo = TempoMap::beats(BEAT_TICKS, &[]).expect("a constant tempo");
            let score = Score { events, sysex: Vec::new(), tempo, end_tick, name: None };
            NamedScore { port: Some(format!("keys{port}")), score }
        };
        events.into_iter().enumerate().map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Conductor, kinds};
    use crate::render::{self, Feed, Origin, RendererSettings, Silence};
    use crate::rig::parse;
    use crate::unit::SampleRate;

    #[test]
    fn as_many_voices_sound_as_are_asked_for_all_the_time() {
        for voices in [1, 64, 100, Load::VOICES_AT_MOST] {
            let load = Load::new(voices);
            let rig = parse(&load.rig(), &kinds()).expect("the rig is valid");
            let settings = RendererSettings { rate: SampleRate::DEFAULT, midi_latency_frames: 0 };
            let scores = load.scores(4.0);
            let (mut renderer, mut conductor) = Conductor::new(rig, settings, 0, |deployment, swap| {
                for (index, named) in scores.iter().enumerate() {
                    let performance = named.score.at(SampleRate::DEFAULT, 0);
                    let port =
                        deployment.port_of(named.port.as_deref().expect("it is named")).expect("it is there");
                    let score = render::Score::new(performance.events, performance.sysex);
                    swap.sources.push((
                        64 + index as u16,
                        Some(Box::new(Feed { port, origin: Origin::Score(score) })),
                    ));
                }
            })
            .expect("it can be built");
            let seconds = if voices > 100 { 0.6 } else { 2.5 };
            let mut counts = std::collections::BTreeSet::new();
            for quantum in 0..(seconds * 1_500.0) as u32 {
                renderer.render(32, &mut Silence { output_channels: 2 }, None);
                conductor.attend();
                if f64::from(quantum) / 1_500.0 > Load::ONSET_SECONDS {
                    counts.insert(conductor.snapshot().voices);
                }
            }
            assert_eq!(counts.into_iter().collect::<Vec<_>>(), [voices]);
            let summary = conductor.summary();
            assert_eq!((summary.faults.len(), summary.snapshot.dropped_events), (0, 0));
        }
    }

    #[test]
    fn it_asks_for_no_more_than_the_engine_can_hold() {
        assert_eq!(Load::new(0).voices(), 1);
        let most = Load::new(u32::MAX);
        assert_eq!((most.voices(), most.instruments()), (4_096, 64));
        assert!(parse(&most.rig(), &kinds()).is_ok());
        assert_eq!(Load::new(64).instruments(), 1);
    }
}
